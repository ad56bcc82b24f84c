/* One question to one resolver, and all that its response says: for the checks of an
 * administrator, who asks what partners see. No cache, no hosts file, no other resolver.
 * Traffic asks dns.h. struct dns_look_ops is the seam of tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/loop.h"
#include "routing/dns.h"

enum { DNS_LOOK_MAX_RECORDS = 32 };

struct dns_look_answer {
	/* DNS_FOUND also where the only record is the SRV target "." (RFC 2782: no such
	 * service). */
	enum dns_status status;
	bool is_refused;     /* DNS_SERVER_FAILED: it will not tell us (RCODE REFUSED) */
	bool is_unreachable; /* DNS_SERVER_FAILED: nobody answers at that address */
	bool was_cut;        /* by UDP: asked again by TCP (RFC 7766) */
	bool tcp_failed;     /* and there was no answer: the records are those that fitted */
	bool is_none;        /* SRV: the target is "." */
	char alias[256]; /* A, AAAA: the name is a CNAME, of this one in the end; "" for none */
	uint32_t ttl_s;
	uint64_t took_ms;
	unsigned n_records; /* how many there are */
	size_t n;           /* how many are kept */
	union {
		struct addr addrs[DNS_LOOK_MAX_RECORDS]; /* port 0 */
		struct dns_srv
			srv[DNS_LOOK_MAX_RECORDS]; /* targets normalised, as they are listed */
	};
};

/* One question under way. Embedded in its owner; zeroed memory is none. on_answer comes exactly
 * once, from the loop, never inside dns_look_start. */
struct dns_look {
	struct addr server;
	char name[256];
	enum dns_type type;
	void (*on_answer)(struct dns_look *look, const struct dns_look_answer *answer);
	bool is_active;

	/* dns_look.c's own. */
	const struct dns_looker *looker;
	struct dns_channel *channel;
	struct timer deadline;
	struct loop_call call;
	uint64_t began_ms;
	struct dns_look_answer *answer; /* held until it is told */
	bool is_by_tcp;
};

struct dns_look_ops {
	void (*ask)(void *user, struct dns_look *look, uint64_t budget_ms);
	void (*cancel)(void *user, struct dns_look *look);
};

/* Who asks; lives as long as its looks. */
struct dns_looker {
	struct loop *loop;
	const struct dns_look_ops *ops; /* NULL: the network */
	void *user;
};

/* Asks server (its port too) for an absolute name; the answer comes within budget_ms. */
void dns_look_start(const struct dns_looker *looker, struct dns_look *look,
		    const struct addr *server, const char *name, enum dns_type type,
		    uint64_t budget_ms,
		    void (*on_answer)(struct dns_look *look,
				      const struct dns_look_answer *answer));
/* on_answer will not come; fine if it is not active. */
void dns_look_cancel(struct dns_look *look);
/* For whoever stands behind ops: tells the answer, from the loop. look may be gone
 * afterwards. */
void dns_look_tell(struct dns_look *look, const struct dns_look_answer *answer);

/* The resolvers of this host (resolv.conf), those of whom an address is known; returns how
 * many. */
size_t dns_look_system(struct loop *loop, struct addr *out, size_t max);
