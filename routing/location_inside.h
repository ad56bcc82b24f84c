/* What the files of the location table share. Nobody else includes it. Everything here is
 * called with the lock held, for writing where it changes something. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/base/list.h"
#include "proxy/base/table.h"
#include "routing/location.h"
#include "routing/location_expiry.h"

enum {
	/* a table that grows moves all that is in it: many small ones grow in turns */
	LOCATION_SHARDS = 64,
	LOCATION_TELL_MS = 60 * 1000, /* an expiry that moved by so much is told again */
};

struct home;
struct registered_user;
struct search;
struct absence;
struct kept_binding;
struct kept_phone;
struct known_flow;

/* A backend of which anything is known; ends with the last of it. Homes and bindings point
 * here, not to keep its name a hundred thousand times. */
struct location_backend {
	UT_hash_handle hh;
	struct list logons; /* in the order in which they came */
	struct location_counts counts;
	bool is_kept; /* location_keep: what it was told */
	char name[LOCATION_BACKEND_SIZE];
};

struct location {
	pthread_rwlock_t lock;
	struct location_limits limits;
	struct location_journal journal; /* zeros: nobody listens */
	struct location_counts counts;
	struct location_backend *backends;

	struct registered_user *users[LOCATION_SHARDS];
	_Atomic size_t n_bindings;   /* counts.bindings, to be read without the lock */
	struct expiry_heap expiries; /* of the bindings */

	struct known_flow *flows;   /* of phones */
	struct list datagram_flows; /* the one that was asked longest ago first */
	size_t n_datagram_flows;
	_Atomic size_t n_phones; /* read without the lock */

	struct home *homes[LOCATION_SHARDS];
	size_t hand_shard, hand_bucket; /* where the next one is looked for that gives way */

	struct absence *absences;

	struct search *searches;
	_Atomic size_t n_searches; /* read without the lock */
};

/* A user as the key of a table: user, NUL, domain, NUL. */
struct location_key {
	char bytes[LOCATION_USER_SIZE];
	size_t len;
	uint64_t whole_hash;
	unsigned hash, shard; /* parts of it */
};

/* ERR_TOO_LARGE. Needs no lock. */
enum err location_key_fill(struct location_key *key, const char *user,
			   const char *domain) MUST_CHECK;
static inline const char *location_key_domain(const char *bytes)
{
	return bytes + strlen(bytes) + 1;
}

/* The record of a backend; NULL if there is none. */
struct location_backend *location_backend_find(const struct location *location,
					       const char *name);
/* Makes it where there is none. NULL when memory is short, or the name too long. What is then
 * not counted in it must be released. */
struct location_backend *location_backend_of(struct location *location, const char *name);
/* Frees it if nothing counts in it. */
void location_backend_release(struct location *location, struct location_backend *backend);

/* True if a refresh must be told: its expiry moved far since then, or by half of what is left
 * of it. Who registers for a minute moves it by less than that each time, and would be
 * forgotten over a restart. */
static inline bool location_has_moved(uint64_t told_ms, uint64_t expires_ms, uint64_t now_ms)
{
	uint64_t moved_ms = expires_ms > told_ms ? expires_ms - told_ms : told_ms - expires_ms;
	uint64_t left_ms = expires_ms > now_ms ? expires_ms - now_ms : 0;

	return moved_ms >= LOCATION_TELL_MS || moved_ms > left_ms / 2;
}

/* One file's part of location_expire, at most max of them, and how many there were; of
 * location_keep; and of location_free. */
void location_logons_expire(struct location *location, uint64_t now_ms);
size_t location_bindings_expire(struct location *location, uint64_t now_ms, size_t max);

/* What a binding has besides, if it is a phone's. */
struct kept_phone {
	struct list link; /* known_flow.phones */
	struct known_flow *flow;
	struct kept_binding *binding;
	uint32_t reg_id;
	char instance[];
};

/* A flow, known while there is a phone that registered by it. */
struct known_flow {
	UT_hash_handle hh;
	uint64_t key;
	struct list phones;
	struct list link; /* location.datagram_flows */
	uint64_t asked_ms;
	_Atomic bool has_answered; /* written under the lock for reading */
	struct phone_flow flow;
};

/* The phone's part of a new binding; ERR_NO_MEMORY. */
enum err location_phone_new(struct location *location, struct kept_binding *kept,
			    const struct binding *binding, uint64_t now_ms,
			    struct kept_phone **out) MUST_CHECK;
/* NULL is fine. */
void location_phone_free(struct location *location, struct kept_phone *phone);
bool location_phone_is_by(const struct kept_phone *phone, const struct phone_flow *flow);

/* The binding goes; its user may be gone after that. For location_phones.c. */
void location_binding_drop(struct location *location, struct kept_binding *kept);
/* Its key: user, NUL, domain, NUL; and when it expires. */
const char *location_binding_key(const struct kept_binding *kept, uint64_t *out_expires_ms);

struct location_keeper {
	bool (*keep)(void *user, const char *backend, uint64_t proof, bool has_proof);
	void *user;
};
void location_logons_keep(struct location *location, const struct location_keeper *keeper);
void location_bindings_keep(struct location *location, size_t shard,
			    const struct location_keeper *keeper);
void location_homes_keep(struct location *location, size_t shard); /* by is_kept */

/* The user was seen, or registered. */
void location_absence_end(struct location *location, const struct location_key *key);
void location_absences_clear(struct location *location);
enum err location_absences_new(struct location *location) MUST_CHECK;
void location_absences_free(struct location *location);

void location_logons_free(struct location *location);
void location_bindings_free(struct location *location);
void location_homes_free(struct location *location);
void location_searches_free(struct location *location);
