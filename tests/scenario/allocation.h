/* The n-th allocation fails, for every n until the play gets through without one: no crash,
 * nothing that stays, and the proxy serves afterwards as before, which is why a play must be
 * able to follow itself. --wrap catches the calls of our own code; what Sofia and GnuTLS
 * allocate for themselves inside of their libraries never fails here. */
#pragma once

#include <stddef.h>

#include "tests/world/script.h"

int allocation_main(const char *name, const struct play *plays, size_t n);
