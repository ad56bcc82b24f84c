/* What `nuncio why` is told: the records of requests and of TLS handshakes that failed, of all
 * workers together. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

/* How many are told at most. */
enum { RECORDS_MAX = 32 };

/* An array, newest first, for the caller. Each may be NULL if memory is short. Main thread. */

/* The newest refusal, a request's or a handshake's; empty if there is none. If both ended at
 * once, the request's, which says more. */
json_t *records_last_refusal(struct server *server);
/* Those of requests with this Call-ID, and of their media. */
json_t *records_of_call(struct server *server, const char *call_id);
/* The newest of all. */
json_t *records_newest(struct server *server);
/* About a word that somebody has at hand: a Call-ID; else "tls" (all handshakes that failed);
 * else what was refused by or to an address, a partner's domain, a backend's name. */
json_t *records_about(struct server *server, const char *word);
