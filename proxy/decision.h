/* What was decided about one request, and why: the record that `nuncio why` prints, that
 * `nuncio explain` fills by the same functions, and that each refusal leaves behind (design.md
 * D5). A record is filled on the way and copied into the worker's ring when the request's story
 * ends. Plain values only: it points to nothing that it could outlive. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "federation/peer.h"
#include "proxy/base/error.h"
#include "proxy/base/reason.h"

enum {
	DECISION_MAX_STEPS = 16,
	DECISION_MAX_HOPS = 8,
	/* The longest that a text can be, its end included. */
	DECISION_RESULT = 128,
	DECISION_PLACE = 96,
	DECISION_HOP = 96,
	DECISION_CERTIFICATE_NAMES = 160,
};

/* The texts of a record; what is longer than its room is cut. */
enum decision_field {
	DECISION_METHOD,      /* 24 bytes, with the end, as all of these */
	DECISION_CALL_ID,     /* 128 */
	DECISION_FROM,        /* 128; URIs without parameters */
	DECISION_TO,          /* 128 */
	DECISION_REQUEST_URI, /* 160 */
	DECISION_SOURCE,      /* 64: "192.0.2.7:5061" */
	DECISION_LISTENER,    /* 64 */
	DECISION_CERTIFICATE, /* 160: names of the peer's certificate */
	DECISION_ORIGIN_ID,   /* 96 */
	DECISION_DESTINATION, /* 96: "backend:berlin", "partner:partner.example", "" */
	DECISION_EVIDENCE,    /* 160: what DNS said */
	/* 160: ms-diagnostics, Warning or Reason of the partner's answer */
	DECISION_PEER_DIAGNOSTICS,
	DECISION_MS_REASON, /* 128: of the ms-diagnostics: the words, */
	DECISION_MS_SOURCE, /* 80: and whose they are */
	DECISION_N_TEXTS,
	DECISION_TEXTS_SIZE = 24 + 4 * 128 + 4 * 160 + 2 * 64 + 2 * 96 + 80,
};

/* One rule that was asked. */
struct decision_step {
	const char *step; /* "validate", "classify", ...: a literal */
	const char *rule; /* which rule of it, a literal: "certificate-names-domain" */
	uint16_t result;  /* on what, and what came of it: decision_step_result */
	uint16_t place;   /* the configuration line that it stems from: decision_step_place */
};

/* One server that was tried. */
struct decision_hop {
	uint16_t to;        /* decision_hop_to */
	enum reason reason; /* REASON_NONE: it answered */
	int status;         /* its final status, 0: none */
};

/* All texts lie in bytes, one behind the other: a record is written at each request, mostly to
 * memory that no cache holds, and with room for the longest of each it would be five times as
 * many lines of it. Filled with zeros it is an empty record. */
struct decision {
	uint64_t id;      /* rises; unique in the process */
	uint64_t wall_us; /* when the request came */
	uint32_t took_us; /* until the final response went */
	unsigned worker;
	const char *transport; /* literal */
	enum origin_kind origin;
	bool is_found;      /* the destination stands in no configuration: DNS named it */
	enum reason reason; /* why it was refused; REASON_NONE */
	int status;         /* the final status that went back; 0: none yet, or dropped */
	/* the number of the partner's ms-diagnostics; 0: there was none */
	unsigned ms_id;
	unsigned counted_method; /* counter_method of the method */
	unsigned n_steps, n_hops;
	uint16_t n_bytes;
	uint16_t texts[DECISION_N_TEXTS]; /* where in bytes; 0: "" */
	struct decision_step steps[DECISION_MAX_STEPS];
	struct decision_hop hops[DECISION_MAX_HOPS];
	/* The first is the end of the empty text, and the last is never taken; the room for a
	 * second destination is there, too. */
	char bytes[2 + DECISION_TEXTS_SIZE + 2 * DECISION_PLACE +
		   DECISION_MAX_STEPS * (DECISION_RESULT + DECISION_PLACE) +
		   DECISION_MAX_HOPS * DECISION_HOP];
};

/* Makes a record empty: steps, hops and bytes, which are counted, are left as they are. */
void decision_clear(struct decision *decision);

/* Sets one text; NULL: "". What was there before is forgotten. */
void decision_set(struct decision *decision, enum decision_field field, const char *text);

/* Sets one text, which was not set before, to n texts one behind the other. */
void decision_join(struct decision *decision, enum decision_field field,
		   const char *const *texts, unsigned n);

/* One text; "" if it was never set. It is the record's, until that text is set again. */
static inline const char *decision_text(const struct decision *decision,
					enum decision_field field)
{
	return decision->bytes + decision->texts[field];
}

/* "certificate says partner.example" */
static inline const char *decision_step_result(const struct decision *decision, unsigned i)
{
	return decision->bytes + decision->steps[i].result;
}

/* "nuncio.yaml:31:20", "" if none. */
static inline const char *decision_step_place(const struct decision *decision, unsigned i)
{
	return decision->bytes + decision->steps[i].place;
}

/* "mtls 192.0.2.7:5061 (sip.partner.example)" */
static inline const char *decision_hop_to(const struct decision *decision, unsigned i)
{
	return decision->bytes + decision->hops[i].to;
}

/* A copy of what is used of from. */
void decision_copy(struct decision *to, const struct decision *from);

/* Adds a step; further ones than fit are dropped. place may be NULL. format knows of printf's
 * conversions %s, %.80s and %u; what is longer than the result's room is cut. */
void decision_add(struct decision *decision, const char *step, const char *rule,
		  const struct place *place, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Adds the outcome of one hop. */
void decision_add_hop(struct decision *decision, const char *to, enum reason reason,
		      int status);

/* The ring of one worker: refusals and the rest apart, so that traffic never washes refusals
 * away; challenges are of the rest. The worker writes, other threads read copies: a short
 * lock. */
struct decision_ring;

enum err decision_ring_new(unsigned n_refusals, unsigned n_others,
			   struct decision_ring **out) MUST_CHECK;
struct decision_ring *decision_ring_free(struct decision_ring *ring);
void decision_ring_put(struct decision_ring *ring, const struct decision *decision);

/* Copies the newest first records that match: call_id (NULL: any), refusals_only. Returns how
 * many. */
size_t decision_ring_find(struct decision_ring *ring, const char *call_id, bool refusals_only,
			  struct decision *out, size_t max);
