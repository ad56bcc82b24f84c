/* What DNS says of a domain that federates: its SRV record from every resolver, and the
 * addresses of the hosts that it names; each fact a row. Ours and a partner's domain are looked
 * at alike; whether an address leads anywhere is for others to say. */
#pragma once

#include "proxy/check_rows.h"
#include "routing/dns_look.h"

enum { CHECK_MAX_RESOLVERS = 8, CHECK_MAX_TARGETS = 4, CHECK_MAX_ADDRESSES = 4 };

/* A host that the record names, and where it is. */
struct check_target {
	char host[256];
	uint16_t port;
	bool is_outside;                        /* of the domain */
	struct addr addrs[CHECK_MAX_ADDRESSES]; /* with the port */
	size_t n_addrs;
};

struct check_dns_settings {
	const struct dns_looker *looker;
	struct addr servers[CHECK_MAX_RESOLVERS];
	size_t n_servers;
	uint64_t budget_ms;         /* of each question */
	const char *suggested_host; /* of a record to publish, with port; "": sip.DOMAIN */
	const char *suggested_addr; /* of an address to publish; "": none is known */
	uint16_t suggested_port;
};

/* One search. Embedded in its owner; zeroed memory is none. */
struct check_dns {
	struct check_dns_settings settings;
	char domain[256];
	struct check_rows *rows; /* the owner's */
	void (*on_end)(struct check_dns *dns);

	/* What was found, best first; once it has ended. */
	struct check_target targets[CHECK_MAX_TARGETS];
	size_t n_targets;

	/* check_dns.c's own. */
	struct asked {
		struct dns_look look;
		struct check_dns *dns;
		struct dns_look_answer *answer; /* NULL: none yet */
	} srv[CHECK_MAX_RESOLVERS], a[CHECK_MAX_TARGETS], aaaa[CHECK_MAX_TARGETS];
	size_t best; /* the resolver whose answer counts */
	unsigned n_left;
	struct loop_call call;
};

/* on_end comes exactly once, from the loop, never inside. rows->is_unknown is set if no
 * resolver told anything. */
void check_dns_start(struct check_dns *dns, const struct check_dns_settings *settings,
		     const char *domain, struct check_rows *rows,
		     void (*on_end)(struct check_dns *dns));
/* on_end will not come; what was found is forgotten. Fine at any time, and owed at the end. */
void check_dns_cancel(struct check_dns *dns);
