/* Where the users of the house are: which backends have logged on and how they are reached,
 * which users they registered, and at which backend a user was seen. State, not configuration:
 * it survives a reload and, through the journal, a restart. Shared by the workers: a read-write
 * lock inside; every function may be called from any thread and holds it shortly. Everything is
 * bounded; what is learned gives way to what was used later. Backends go by their names,
 * because positions in the settings change with a reload. Times are those of the loop clock, in
 * milliseconds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"

enum {
	LOCATION_BACKEND_SIZE = 64,   /* a backend's name */
	LOCATION_USER_SIZE = 512,     /* user and domain together: longer ones are nowhere */
	LOCATION_CONTACT_SIZE = 256,  /* a Contact URI, without brackets */
	LOCATION_INSTANCE_SIZE = 128, /* a +sip.instance (RFC 5626 §4.1), without quotes */
	LOCATION_LISTENER_SIZE = 64,  /* a listener's name */
	LOCATION_MAX_LOGONS = 8,      /* of one backend at a time */
	/* of one user at a time: by backends, and as many phones */
	LOCATION_MAX_BINDINGS = 8,
	LOCATION_ABSENT_MS = 5000, /* how long it is remembered that nobody has a user */
};

struct location;

struct location_limits {
	size_t bindings; /* contacts of all users */
	size_t homes;    /* learned ones */
};

/* One way in which a backend has logged on (RFC 3261 §10): a connection, or an address that
 * datagrams go to. */
struct logon {
	char backend[LOCATION_BACKEND_SIZE];
	/* its connection; 0: it came by datagram, or the connection has gone */
	uint64_t flow_id;
	enum conf_transport transport;
	struct addr source; /* where its REGISTER came from */
	/* where it can be dialled, or sent datagrams; unset: by its connection alone */
	struct addr reach;
	enum conf_transport reach_transport;
	/* its RFC 6140 contact, without bnc: "sip:10.0.1.5:5060"; "" for none */
	char bulk[LOCATION_CONTACT_SIZE];
	/* of the credentials that it showed: location_keep drops what was proved otherwise */
	uint64_t proof;
	uint64_t since_ms; /* 0: since now */
	uint64_t expires_ms;
};

/* A backend has logged on, or did so again: the logon with the same backend and connection (by
 * datagram: the same source) is replaced, its since_ms kept; so is one that has no connection
 * and the same reach. With LOCATION_MAX_LOGONS others alive one of them gives way: one without
 * a connection before one with, then the one that expires first. ERR_NO_MEMORY. */
enum err location_log_on(struct location *location, const struct logon *logon,
			 uint64_t now_ms) MUST_CHECK;

/* It logged off by that connection, or (flow_id 0) from that source. Logons of the same host
 * whose connection has gone end with that of a connection. */
void location_log_off(struct location *location, const char *backend, uint64_t flow_id,
		      const struct addr *source);

/* The connection has ended. A logon that can be dialled stays, without it, unless another of
 * its backend has the same reach; any other ends. True if there was one. */
bool location_flow_gone(struct location *location, uint64_t flow_id);

/* Copies the logons of a backend that have not expired, those with a connection first, then the
 * newest. Returns how many. */
size_t location_logons(struct location *location, const char *backend, uint64_t now_ms,
		       struct logon out[LOCATION_MAX_LOGONS]);

/* By which flow a phone is reached (RFC 5626 §3.1): the connection that it made, or the pair of
 * addresses that its datagrams come by. Nobody could dial it. */
struct phone_flow {
	uint64_t id; /* the connection's; 0: datagrams */
	enum conf_transport transport;
	struct addr remote, local;
	char listener[LOCATION_LISTENER_SIZE];
};

/* One contact of one user, as a backend or the user's phone registered it. */
struct binding {
	char backend[LOCATION_BACKEND_SIZE]; /* "": a phone, by its flow */
	char contact[LOCATION_CONTACT_SIZE]; /* what the Request-URI becomes */
	uint64_t call_id_hash;               /* RFC 3261 §10.3 item 7 */
	uint32_t cseq;
	uint64_t proof;
	uint64_t expires_ms;
	/* RFC 6140: it was registered with bnc, which the contact here is without */
	bool is_bulk;
	/* Of a phone. */
	struct phone_flow flow;
	uint32_t reg_id; /* RFC 5626 §4.2: which of the instance's flows; 0: it has but one */
	char instance[LOCATION_INSTANCE_SIZE]; /* "": it did not say */
};

/* Adds a contact of user@domain, or replaces the one with the same backend and contact, in its
 * place. A phone's replaces the one with the same instance and reg-id (RFC 5626 §6), or, where
 * it has no reg-id, the same contact, and those without one that the instance registered in an
 * earlier life, under another Call-ID. ERR_LIMIT if the user has too many, or the table is
 * full; ERR_TOO_LARGE; ERR_NO_MEMORY: what was there stays then. */
enum err location_bind(struct location *location, const char *user, const char *domain,
		       const struct binding *binding, uint64_t now_ms) MUST_CHECK;

/* Takes one contact away, or with contact NULL all that this backend registered for the user.
 * Returns how many went. */
size_t location_unbind(struct location *location, const char *user, const char *domain,
		       const char *backend, const char *contact);

/* True if a phone's binding takes the place of one with that instance, reg-id, Call-ID and
 * contact. */
bool location_phone_replaces(const struct binding *by, const struct binding *old);

/* Takes that contact of a phone away: by its instance and reg-id, or without a reg-id by the
 * URI. Returns how many went. */
size_t location_unbind_phone(struct location *location, const char *user, const char *domain,
			     const struct binding *like);

/* Copies the contacts of user@domain by backends that have not expired, in the order in which
 * they came. Returns how many. */
size_t location_bindings(struct location *location, const char *user, const char *domain,
			 uint64_t now_ms, struct binding out[LOCATION_MAX_BINDINGS]);

/* The same of its phones, those that were registered last first. */
size_t location_phones(struct location *location, const char *user, const char *domain,
		       uint64_t now_ms, struct binding out[LOCATION_MAX_BINDINGS]);

/* True if the phone of that user has registered by that flow, under that proof. */
bool location_has_phone(struct location *location, const char *user, const char *domain,
			const struct phone_flow *flow, uint64_t proof, uint64_t now_ms);

struct location_name {
	char user[256], domain[256];
};

/* Whose phones have registered by that flow: at most max. */
size_t location_phone_users(struct location *location, const struct phone_flow *flow,
			    uint64_t now_ms, struct location_name *out, size_t max);

/* The flow has failed: what was registered by it ends at once (RFC 5626 §5.3). Returns how
 * much. */
size_t location_phone_flow_gone(struct location *location, const struct phone_flow *flow);

/* A phone was heard on that flow, which had been asked; and whether one ever was. */
void location_phone_answered(struct location *location, const struct phone_flow *flow);
bool location_phone_has_answered(struct location *location, const struct phone_flow *flow);

/* To be called each second: copies the flows of datagrams whose turn it is, each once in
 * interval_ms, those that waited longest first. Where many wait, no more of them than spread
 * over the interval. They count as asked. Returns how many. */
size_t location_phones_due(struct location *location, uint64_t now_ms, uint64_t interval_ms,
			   struct phone_flow *out, size_t max);

/* How many phones are registered by each of n listeners. A look at all of them. */
void location_phones_count(struct location *location, const char *const *listeners, size_t n,
			   size_t *out);

/* The user was seen at that backend: its home from now on. Nothing happens, but for the time of
 * last use, if it is its home already. Where memory or room is short the one unused for longest
 * gives way: of 16 that are looked at, in turns. Where there is no memory even so, the user has
 * no learned home. */
void location_learn(struct location *location, const char *user, const char *domain,
		    const char *backend, uint64_t now_ms);

/* The home turned out to be wrong. Only if it is still that backend. */
void location_forget(struct location *location, const char *user, const char *domain,
		     const char *backend);

/* The learned home; false if there is none. Counts as a use. */
bool location_home(struct location *location, const char *user, const char *domain,
		   uint64_t now_ms, char out_backend[LOCATION_BACKEND_SIZE]);

/* While backends are asked one after the other for a user: the backend is being asked now.
 * Counted: two searches at once need two ends. ERR_LIMIT, ERR_NO_MEMORY. */
enum err location_search_begin(struct location *location, const char *user, const char *domain,
			       const char *backend) MUST_CHECK;
void location_search_end(struct location *location, const char *user, const char *domain,
			 const char *backend);
/* True if that backend is being asked for the user right now: if it asks us in turn, it does
 * not have the user. */
bool location_is_searched(struct location *location, const char *user, const char *domain,
			  const char *backend);

/* Every backend was asked with that method, and none has the user: known for
 * LOCATION_ABSENT_MS, unless the user is bound or seen meanwhile, or a reload comes. Bounded:
 * another user's may take its place. Short, because backends do not tell of new users; by
 * method, because one that knows nobody's phone may know everybody's presence. */
void location_note_absent(struct location *location, const char *user, const char *domain,
			  const char *method, uint64_t now_ms);
bool location_is_absent(struct location *location, const char *user, const char *domain,
			const char *method, uint64_t now_ms);

/* Drops the logons, bindings and homes of backends for which keep says no (a reload: the
 * backend is gone, or its credentials are others now). has_proof is false for homes, which were
 * not proved. keep is called under the lock: it must be short, and not call back. The lock is
 * let go in between, so that others wait shortly only. */
void location_keep(struct location *location,
		   bool (*keep)(void *user, const char *backend, uint64_t proof,
				bool has_proof),
		   void *user);

/* Ends what has expired by now; once a second is enough. */
void location_expire(struct location *location, uint64_t now_ms);

struct location_counts {
	size_t logons, bindings, homes;
	size_t phones; /* of the bindings */
};

/* Of one backend, or with NULL of all. Bindings that have expired count until
 * location_expire. */
void location_count(struct location *location, const char *backend, uint64_t now_ms,
		    struct location_counts *out);

/* What has to survive a restart is told here as it changes: is_gone says that it is there no
 * more. Called under the lock: it must be short, and not call back. Of bindings and logons that
 * are only refreshed, an expiry that moved by less than a minute since it was told last, and a
 * CSeq, are not told. Logons by connection alone are not told: they end with the process; those
 * that can be dialled are, known by backend, transport and reach. */
struct location_journal {
	void (*binding)(void *user, const char *user_name, const char *domain,
			const struct binding *binding, bool is_gone);
	void (*home)(void *user, const char *user_name, const char *domain, const char *backend,
		     bool is_gone);
	void (*logon)(void *user, const struct logon *logon, bool is_gone);
	void *user;
};

enum err location_new(const struct location_limits *limits, struct location **out) MUST_CHECK;
struct location *location_free(struct location *location); /* NULL is fine; returns NULL */

/* From now on; NULL: nobody. Copied. While what was kept is put back in, nobody should
 * listen. */
void location_set_journal(struct location *location, const struct location_journal *journal);
