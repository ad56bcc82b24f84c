/* From a target to hops that can be dialled (RFC 3263): the servers of a rule in RFC 2782 order
 * with their names resolved, or a SIP URI. The one wait on the way of a request, with one
 * budget. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "proxy/base/error.h"
#include "proxy/base/reason.h"
#include "proxy/sip/message.h"
#include "proxy/transport/hop.h"
#include "routing/dns.h"
#include "routing/health.h"
#include "routing/location.h"
#include "routing/rules.h"

enum { LOCATE_MAX_HOPS = 16, TARGET_MAX_FLOWS = 4 };

/* A flow of a phone (RFC 5626 §3.1). */
struct target_flow {
	uint64_t id;               /* the connection's; 0: datagrams */
	struct listener *listener; /* where it came in; the snapshot's */
	struct addr remote, local;
};

/* What is to be located. */
struct target {
	/* whose settings the hops get (credentials, names, listener) */
	const struct rule *rule;
	/* false: the rule's servers; true: host, port, transport of uri, with the rule's
	 * settings */
	bool by_uri;
	uint16_t port;      /* 0: SRV, then the transport's own */
	bool has_transport; /* the URI names one */
	enum conf_transport transport;
	/* the URI is sips, and names none: NAPTR may say where TLS is spoken */
	bool is_sips;
	/* by_uri: names and addresses are a stranger's: none of a private network is dialled */
	bool is_public_only;
	uint64_t end; /* of a phone, in tokens of our Record-Route; 0: it is the rule's */
	/* a phone's, in the order to try: it is reached by these and nowhere else */
	unsigned n_flows;
	char host[256]; /* by_uri */
	struct target_flow flows[TARGET_MAX_FLOWS];
};

/* What stands for it in a token of our Record-Route. */
static inline uint64_t target_end(const struct target *target)
{
	return target->end ? target->end : target->rule->id_hash;
}

/* The servers of a rule. */
static inline void target_set_rule(struct target *target, const struct rule *rule)
{
	memset(target, 0, offsetof(struct target, host));
	target->host[0] = '\0';
	target->rule = rule;
}

/* A copy of what is used of from. */
static inline void target_copy(struct target *to, const struct target *from)
{
	memcpy(to, from, offsetof(struct target, host));
	strcpy(to->host, from->host);
	for (unsigned i = 0; i < from->n_flows; i++)
		to->flows[i] = from->flows[i];
}

/* A search under way. It ends by itself when done returns, or by locate_cancel. */
struct locate;

typedef void locate_done(void *user, enum reason reason, struct hop *hops, size_t n_hops,
			 const char *evidence);

/* A backend is found by the ways in which it has logged on (location; NULL: nobody has), its
 * connection first, and then by its servers. Starts; done comes exactly once, from the loop,
 * never inside. hops are in the order to try: those known to be dead last; they are the
 * callee's to copy. evidence: one line of what DNS said, for the decision record. NULL: no
 * memory. */
struct locate *locate_start(struct loop *loop, struct dns *dns, struct health_table *health,
			    struct location *location, const struct target *target,
			    uint64_t budget_ms, locate_done *done, void *user);

/* done will not come. NULL is fine. */
void locate_cancel(struct locate *locate);

/* Fills target from a SIP URI (a Route or a Request-URI); false if it is none that we can
 * reach. */
bool locate_target_from_uri(const url_t *url, const struct rule *rule, struct target *out);
