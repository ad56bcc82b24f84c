/* Partner domains that no route names: what we know of each, what it may ask until somebody
 * approved it, and who was approved or blocked (field.md G8). One table for all workers, by
 * short locks of its parts; bounded, whoever knocks. Who a domain is was proved before it comes
 * here: that is trust's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "federation/user_sketch.h"
#include "proxy/base/error.h"
#include "proxy/base/reason.h"
#include "proxy/transport/identity.h"

struct discovered;

enum { DISCOVERED_MAX = 10000, DISCOVERED_DOMAIN_SIZE = 256, DISCOVERED_NOTE_SIZE = 256 };

/* Of NEW ones the longest unused gives way to a new domain, then that of WATCHED and LIMITED
 * ones; what an administrator said is never forgotten. */
enum discovered_state {
	DISCOVERED_NEW,
	DISCOVERED_WATCHED, /* was limited once, or addressed half as many users as it may */
	/* most of what it asks for fails, or it addressed as many users as it may */
	DISCOVERED_LIMITED,
	DISCOVERED_BLOCKED,
	DISCOVERED_APPROVED,
	N_DISCOVERED_STATES
};

/* What it showed last. */
struct discovered_facts {
	char names[512]; /* of its certificate: "a, b" */
	char sha256[65], issuer[256];
	int64_t not_after;    /* seconds of the epoch; 0: it showed none yet */
	char srv_target[264]; /* its server by _sipfederationtls._tcp */
	char rule[48];        /* by which the certificate speaks for the domain */
};

struct discovered_view {
	char domain[DISCOVERED_DOMAIN_SIZE];
	enum discovered_state state;
	enum reason why; /* WATCHED, LIMITED: of the last limit; else REASON_NONE */
	int64_t until_s; /* APPROVED: until then; 0: without an end */
	int64_t said_s;  /* when it was approved or blocked; 0: it was not */
	char note[DISCOVERED_NOTE_SIZE]; /* what was said then */
	int64_t first_seen_s,
		last_seen_s; /* seconds of the epoch; 0: never (approved in advance) */
	uint64_t n_received, n_refused; /* requests from it; of these refused by its limits */
	uint64_t n_succeeded,
		n_failed; /* final answers to the others; see discovered_answered */
	uint64_t n_sent,
		n_sent_failed; /* requests to it; of these without an answer from there */
	unsigned n_users;      /* distinct users of ours that it addressed */
	struct discovered_facts facts;
};

enum err discovered_new(unsigned max_domains, struct discovered **out) MUST_CHECK;
struct discovered *discovered_free(struct discovered *table); /* NULL is fine; returns NULL */

/* Takes the bounds of a new snapshot; what is known stays. Any thread. */
void discovered_set_bounds(struct discovered *table,
			   const struct settings_federation *federation);

/* One moment on the clock of now_ms below and on the wall clock, which may be set while we run:
 * to be told now and then. Any thread. */
void discovered_set_clock(struct discovered *table, uint64_t now_ms, uint64_t wall_us);

/* Lets end what ends by itself: approvals, limits. Without it that shows when the domain is
 * heard of again. Any thread, now and then. */
void discovered_tick(struct discovered *table, uint64_t now_ms);

/* ---- the path of a request ---- */

/* Whether open federation is for a (normalised) domain. */
enum discovered_listing { DISCOVERED_ALLOWED, DISCOVERED_NOT_LISTED, DISCOVERED_DENIED };
enum discovered_listing discovered_is_allowed(const struct settings_federation *federation,
					      const char *domain);

struct discovered_question {
	const char *domain; /* normalised, of the From header, and proved */
	/* whom it addresses; "" or NULL within a dialog, and where it addresses nobody: then no
	 * user is counted */
	const char *user, *local_domain;
	uint64_t now_ms;
};

enum discovered_verdict {
	DISCOVERED_WELCOME,
	DISCOVERED_RATE_LIMITED, /* 503 with Retry-After, as the next two */
	DISCOVERED_SUSPICIOUS,
	DISCOVERED_TOO_MANY_USERS,
	DISCOVERED_IS_BLOCKED, /* 403 */
};

/* One request from a discovered domain, before it is known whether the user exists: so the
 * verdict cannot tell. Not for ACK and CANCEL. out_retry_after_s is written for the three
 * limits. Of a domain that has addressed as many users as it may, requests for those still go
 * through while they are known (max_users up to USER_SKETCH_EXACT). When there is no room, all
 * new domains share one account. Any thread. */
enum discovered_verdict discovered_request(struct discovered *table,
					   const struct discovered_question *question,
					   unsigned *out_retry_after_s);

/* True if anything is known of it. Unlike discovered_look it costs no copy and looks at no
 * clock. */
bool discovered_knows(struct discovered *table, const char *domain);
/* True if an administrator blocked it: before a request of ours goes to it, or a connection. */
bool discovered_is_blocked(struct discovered *table, const char *domain);

/* The reason of a verdict, REASON_NONE for WELCOME. */
enum reason discovered_reason(enum discovered_verdict verdict);

/* The final status of a request of its that was welcome, before or after
 * discovered_hidden_status: both count the same, as the bounds are seen from outside. A failure
 * is a 4xx or 6xx that tells of a user who does not exist or is away, or of a request that
 * makes no sense; a challenge, silence, a cancelled call and our own faults (5xx) count neither
 * way, busy, declined and 3xx are successes. Any thread. */
void discovered_answered(struct discovered *table, const char *domain, int status,
			 uint64_t now_ms);

/* A request of ours went to it, and how it ended: REASON_NONE if any answer came from there. To
 * be told only of domains that were found by DNS. Any thread. */
void discovered_sent(struct discovered *table, const char *domain, uint64_t now_ms);
void discovered_sent_ended(struct discovered *table, const char *domain, enum reason reason,
			   uint64_t now_ms);

/* What it showed: what is NULL stays as it was. Cheap if nothing changed. Makes no entry. */
void discovered_note(struct discovered *table, const char *domain,
		     const struct identity *identity, const char *srv_target, const char *rule);

/* True if the domain must not learn who exists here: nobody approved it. Then every status for
 * which discovered_hidden_status is another one goes out as that one, made anew by us with the
 * headers of our own refusals and nothing of what the backend said. */
bool discovered_hides(struct discovered *table, const char *domain, uint64_t now_ms);
/* 480 for 404, 410, 480, 484, 485 and 604; else status. */
int discovered_hidden_status(int status);

/* ---- what administrators say ---- */

/* until_s: seconds of the epoch, 0: without an end. note: why, for people; cut at its size. An
 * unknown domain is approved or blocked in advance. out_before gets what was known before
 * (domain "" if nothing was). Approving or blocking it again is fine. ERR_LIMIT: no room,
 * because everything in it was said by administrators; ERR_NO_MEMORY. Any thread. */
enum err discovered_approve(struct discovered *table, const char *domain, int64_t until_s,
			    const char *note, uint64_t now_ms,
			    struct discovered_view *out_before) MUST_CHECK;
enum err discovered_block(struct discovered *table, const char *domain, const char *note,
			  uint64_t now_ms, struct discovered_view *out_before) MUST_CHECK;
/* Everything, also that it was approved or blocked. ERR_NOT_FOUND. */
enum err discovered_forget(struct discovered *table, const char *domain, uint64_t now_ms,
			   struct discovered_view *out_before) MUST_CHECK;

/* ---- questions ---- */

/* A copy; false if nothing is known of it. */
bool discovered_look(struct discovered *table, const char *domain, uint64_t now_ms,
		     struct discovered_view *out);
void discovered_count(struct discovered *table, uint64_t now_ms,
		      unsigned out[N_DISCOVERED_STATES]);

/* The domains, sorted, and only those in one of the states (bits, 1 << state); to be freed. */
struct discovered_name {
	char text[DISCOVERED_DOMAIN_SIZE];
};
enum err discovered_domains(struct discovered *table, unsigned states, uint64_t now_ms,
			    struct discovered_name **out, size_t *out_n) MUST_CHECK;

/* What one of them did since it was first seen, for metrics. */
struct discovered_traffic {
	char domain[DISCOVERED_DOMAIN_SIZE];
	uint64_t n_received, n_refused, n_failed; /* as in discovered_view */
	uint64_t n_sent, n_sent_failed;
	int64_t not_after;
	bool is_approved;
};

/* Writes max of them at most, those that an administrator approved first, then the busiest,
 * sorted by domain; returns how many. out_rest gets the sums of all others. */
size_t discovered_busiest(struct discovered *table, uint64_t now_ms, size_t max,
			  struct discovered_traffic *out, struct discovered_traffic *out_rest);
/* Adds the numbers of one to those of sum. */
void discovered_traffic_add(struct discovered_traffic *sum,
			    const struct discovered_traffic *one);

const char *discovered_state_text(enum discovered_state state); /* "watched" */

/* ---- what survives a restart: for proxy/discovered_store ---- */

/* Told with a lock held: do not call the table. changed: another state than before; gone: gave
 * way, or was forgotten. */
struct discovered_journal {
	void (*changed)(void *user, const struct discovered_view *view,
			enum discovered_state before);
	void (*gone)(void *user, const char *domain);
	void *user;
};

/* NULL: nobody listens; when it returns, nobody is inside the old one. */
void discovered_set_journal(struct discovered *table, const struct discovered_journal *journal);

/* The key of the users' hashes, which must stay the same for as long as users that were written
 * down count: before the first request. */
void discovered_set_key(struct discovered *table, const uint64_t key[2]);

/* One domain that changed since it was taken last; false if there is none. out_users_bytes: of
 * users, 0 if these did not change. */
bool discovered_take_changed(struct discovered *table, struct discovered_view *out,
			     unsigned char users[USER_SKETCH_BYTES], size_t *out_users_bytes);

/* Puts back what view says, before the first request; its users by discovered_restore_users.
 * ERR_LIMIT, ERR_EXISTS, ERR_NO_MEMORY, ERR_NOT_FOUND, ERR_SYNTAX. */
enum err discovered_restore(struct discovered *table, const struct discovered_view *view,
			    uint64_t now_ms) MUST_CHECK;
enum err discovered_restore_users(struct discovered *table, const char *domain,
				  const void *bytes, size_t len) MUST_CHECK;
