/* The section media in words, for what a reload changed (proxy/reload_diff). */
#pragma once

#include "proxy/base/buf.h"
#include "proxy/snapshot.h"

void reload_describe_media(const struct snapshot *snapshot, struct buf *out);
