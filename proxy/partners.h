/* The partners as the control interface tells of them and changes them: those with a route, and
 * the domains that open federation knows. Main thread. */
#pragma once

#include <jansson.h>

#include "proxy/http.h"
#include "proxy/server.h"

/* {"routes":[..],"discovered":[..]} made while it is read. ERR_NO_MEMORY. */
enum err partners_list(struct server *server, struct http_source *out) MUST_CHECK;

/* The same with the rows of one (normalised) domain alone: its route, the route with a pattern
 * that fits, or what is known of it. NULL if there is neither, or memory is short. */
json_t *partners_show(struct server *server, const char *domain);

/* What an administrator says of a domain. */
enum partners_word { PARTNERS_APPROVE, PARTNERS_BLOCK, PARTNERS_FORGET };

/* How that ended; what is not DONE has a text. */
enum partners_outcome {
	PARTNERS_DONE,
	PARTNERS_QUESTION,  /* cannot be understood */
	PARTNERS_UNKNOWN,   /* nothing to forget */
	PARTNERS_HAS_ROUTE, /* the route decides */
	PARTNERS_OWN,       /* our own domain */
	PARTNERS_FAILED,
};

/* body: {"domain":"a.example"}, with "until": "2026-12-31" or an RFC 3339 time for APPROVE, and
 * "reason" for APPROVE and BLOCK. out_json: of DONE, what the domain is and was. out_text, of
 * 256 bytes. */
enum partners_outcome partners_say(struct server *server, enum partners_word word,
				   const char *body, size_t len, json_t **out_json,
				   char out_text[256]);
