/* The whole status as text that is made while it is read: partners, backends and problems one
 * after the other, so that no step costs more than a few rows. */
#pragma once

#include "proxy/http.h"
#include "proxy/status_peers.h"

/* Puts the lists "partners", "backends" and "problems" behind the keys of head; problems (those
 * that are no peer's) come before the peers' own. Takes over all three, also on failure.
 * ERR_NO_MEMORY. */
enum err status_stream_new(struct status_peers *peers, json_t *head, json_t *problems,
			   struct http_source *out) MUST_CHECK;
