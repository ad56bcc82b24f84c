/* Names to addresses, asynchronously, by c-ares (its only door): A, AAAA, SRV and NAPTR with
 * their TTL, a bounded cache, negative entries, and stale answers when every resolver fails.
 * One resolver for each worker. struct dns_ops is the seam of tests/world. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/loop.h"
#include "proxy/base/timer.h"

enum { DNS_MAX_RECORDS = 16 };

enum dns_type { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };

struct dns_srv {
	uint16_t priority, weight, port;
	char target[256]; /* normalised */
};

/* RFC 3263 §4.1: the services of NAPTR records that a SIP client of our transports knows. */
enum dns_sip_service { DNS_SIP_D2U, DNS_SIP_D2T, DNS_SIPS_D2T };

/* One that leads to SRV records (RFC 3403 §4.1: flag "s", no regular expression); others are
 * left out. */
struct dns_naptr {
	uint16_t order, preference;
	enum dns_sip_service service;
	char replacement[256]; /* where the SRV records are; normalised */
};

/* What was found. */
enum dns_status {
	DNS_FOUND,
	DNS_NO_NAME /* NXDOMAIN */,
	DNS_NO_RECORD,
	DNS_SERVER_FAILED,
	DNS_TIMEOUT
};

struct dns_answer {
	enum dns_status status;
	bool is_stale, is_truncated /* more records than DNS_MAX_RECORDS */, had_cname;
	uint32_t ttl_s;
	size_t n;
	union {
		struct addr addrs[DNS_MAX_RECORDS]; /* A, AAAA; port 0 */
		struct dns_srv srv[DNS_MAX_RECORDS];
		struct dns_naptr naptr[DNS_MAX_RECORDS];
	};
};

/* One question. Embedded in its owner; on_answer comes exactly once, from the loop, never
 * inside dns_ask. */
struct dns_query {
	struct list link;
	char name[256];
	enum dns_type type;
	void (*on_answer)(struct dns_query *query, const struct dns_answer *answer);
	bool is_active;
	struct loop_call call;
	struct timer deadline;
	void *dns;                 /* whoever answers */
	struct dns_answer *answer; /* held until it is told */
};

struct dns;

struct dns_ops {
	void (*ask)(void *user, struct dns_query *query, const char *name, enum dns_type type,
		    uint64_t budget_ms);
	void (*cancel)(void *user, struct dns_query *query);
};

struct dns_settings {
	char servers[8][64]; /* "address" or "address:port"; none: the system's */
	unsigned n_servers;
	uint64_t negative_ttl_ms;
};

enum err dns_new(struct loop *loop, const struct dns_settings *settings,
		 struct dns **out) MUST_CHECK;
/* A resolver that asks ops instead of the network: tests. */
enum err dns_new_with(struct loop *loop, const struct dns_ops *ops, void *user,
		      struct dns **out) MUST_CHECK;
struct dns *dns_free(struct dns *dns);
/* For whoever stands behind ops: tells the answer. From the loop only, never inside ask; keeps
 * the budget itself. query may be gone after the call. */
void dns_tell(struct dns_query *query, const struct dns_answer *answer);

/* Takes new servers without losing the cache (reload). */
enum err dns_change(struct dns *dns, const struct dns_settings *settings) MUST_CHECK;

/* Asks; the answer comes within budget_ms, if only DNS_TIMEOUT. */
void dns_ask(struct dns *dns, struct dns_query *query, const char *name, enum dns_type type,
	     uint64_t budget_ms,
	     void (*on_answer)(struct dns_query *query, const struct dns_answer *answer));
/* What is known already, without asking: true if there is a fresh answer, also one that there
 * is nothing. Resolvers of tests know nothing. */
bool dns_peek(struct dns *dns, const char *name, enum dns_type type, struct dns_answer *out);
void dns_cancel(struct dns_query *query); /* on_answer will not come; fine if not active */

const char *dns_status_text(enum dns_status status);
struct counters;
/* counters: this worker's; NULL: none. */
void dns_set_counters(struct dns *dns, struct counters *counters);
