/* What was decided about one request, and why: the record that `nuncio why` prints, that `nuncio explain` fills
 * by the same functions, and that each refusal leaves behind (design.md D5). A record is filled on the way and
 * copied into the worker's ring when the request's story ends. Plain values only, so copying is one memcpy. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "federation/peer.h"
#include "proxy/base/error.h"
#include "proxy/base/reason.h"

enum { DECISION_MAX_STEPS = 16, DECISION_MAX_HOPS = 8 };

/* One rule that was asked. */
struct decision_step {
	const char *step;	 /* "validate", "classify", ...: a literal */
	const char *rule;	 /* which rule of it, a literal: "certificate-names-domain" */
	char result[128];	 /* on what, and what came of it */
	const char *file;	 /* the configuration line that it stems from; the snapshot's string is copied to place */
	char place[96];		 /* "nuncio.yaml:31:20", "" if none */
};

/* One server that was tried. */
struct decision_hop {
	char to[96];	    /* "mtls 192.0.2.7:5061 (sip.partner.example)" */
	enum reason reason; /* REASON_NONE: it answered */
	int status;	    /* its final status, 0: none */
};

struct decision {
	uint64_t id;	   /* rises; unique in the process */
	uint64_t wall_us;  /* when the request came */
	uint32_t took_us;  /* until the final response went */
	unsigned worker;
	char method[24];
	char call_id[128];
	char from[128], to[128], request_uri[160]; /* URIs without parameters */
	char source[64], listener[64];
	char certificate[160]; /* names of the peer's certificate */
	const char *transport; /* literal */
	enum origin_kind origin;
	char origin_id[96];
	char destination[96]; /* "backend:berlin", "partner:partner.example", "" */
	bool is_found;	      /* the destination stands in no configuration: DNS named it */
	char evidence[160];   /* what DNS said */
	enum reason reason;   /* why it was refused; REASON_NONE */
	int status;	      /* the final status that went back; 0: none yet, or dropped */
	char peer_diagnostics[160]; /* ms-diagnostics, Warning or Reason of the partner's answer */
	unsigned ms_id;		    /* the number of its ms-diagnostics; 0: there was none */
	char ms_reason[128], ms_source[80]; /* of that: the words, and whose they are */
	unsigned n_steps, n_hops;
	struct decision_step steps[DECISION_MAX_STEPS];
	struct decision_hop hops[DECISION_MAX_HOPS];
};

/* Makes a record empty: the steps and hops, which are counted, are left as they are. */
void decision_clear(struct decision *decision);

/* A copy of what is used of from. */
void decision_copy(struct decision *to, const struct decision *from);

/* Adds a step; further ones than fit are dropped. place may be NULL. format knows of printf's conversions %s, %.80s and %u;
 * what is longer than the result's room is cut. */
void decision_add(struct decision *decision, const char *step, const char *rule, const struct place *place,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds the outcome of one hop. */
void decision_add_hop(struct decision *decision, const char *to, enum reason reason, int status);

/* The ring of one worker: refusals and the rest apart, so that traffic never washes refusals away; challenges are of the rest.
 * The worker writes, other threads read copies: a short lock. */
struct decision_ring;

enum err decision_ring_new(unsigned n_refusals, unsigned n_others, struct decision_ring **out) MUST_CHECK;
struct decision_ring *decision_ring_free(struct decision_ring *ring);
void decision_ring_put(struct decision_ring *ring, const struct decision *decision);

/* Copies the newest first records that match: call_id (NULL: any), refusals_only. Returns how many. */
size_t decision_ring_find(struct decision_ring *ring, const char *call_id, bool refusals_only,
			  struct decision *out, size_t max);
