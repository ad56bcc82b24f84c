/* Which kind of NAT is between us and the internet, told from what STUN servers answered: the
 * eight names of RFC 3489 that administrators know, the behaviour of mapping and filtering by
 * RFC 5780, how sure that is, and why. A pure function of observations; nat_detect makes them.
 * What was not proved is inconclusive: silence counts as a filter only where the silent address
 * answers when it is asked directly. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/stun_client.h"
#include "nat/stun_tcp.h"

enum { NAT_MAX_SERVERS = 4, NAT_NAME_SIZE = 256 };

enum nat_type {
	NAT_UNKNOWN,
	NAT_OPEN_INTERNET,
	NAT_FULL_CONE,
	NAT_RESTRICTED_CONE,
	NAT_PORT_RESTRICTED_CONE,
	NAT_SYMMETRIC,
	NAT_UDP_BLOCKED,
	NAT_SYMMETRIC_FIREWALL,
};

/* Of mapping and of filtering (RFC 5780 §2; RFC 4787 §4.1, §5). */
enum nat_behaviour {
	NAT_BEHAVIOUR_UNKNOWN,
	NAT_ENDPOINT_INDEPENDENT, /* without a NAT, of mapping: none */
	NAT_ADDRESS_DEPENDENT,
	NAT_ADDRESS_AND_PORT_DEPENDENT,
};

enum nat_confidence { NAT_NO_CONFIDENCE, NAT_LOW, NAT_MEDIUM, NAT_HIGH };

/* What one server answered. IP1:P1 is the server, IP2:P2 its other address. */
struct nat_observation {
	char name[NAT_NAME_SIZE];  /* as configured */
	struct addr server, local; /* local: from where we asked it, before any NAT */
	struct stun_answer first;  /* from IP1:P1 */
	/* Asked of IP1:P1 before anything was sent elsewhere. */
	struct stun_answer change_both, change_port; /* to come from IP2:P2, from IP1:P2 */
	/* Asked directly, from another socket: some routers keep a port from being used for an
	 * address that has sent to it. */
	/* IP1:P1, IP2:P1, IP2:P2, IP1:P2 */
	struct stun_answer again, at_other_ip, at_other_both, at_other_port;
	/* this server, asked from a socket by which the first one that answered was asked
	 * before */
	struct stun_answer across;
	enum stun_tcp_outcome tcp;
	struct addr tcp_mapped;
};

struct nat_verdict {
	enum nat_type type;
	enum nat_behaviour mapping, filtering;
	enum nat_confidence confidence;
	bool is_inconclusive; /* something was seen, but not enough, or servers disagree */
	bool is_behind_nat;   /* only if the address is known */
	/* ours, as seen from outside; by TCP, the port is 0. Unset: not known */
	struct addr address;
	char reason[256]; /* always, of an Unknown; else what the verdict rests on */
};

void nat_judge(const struct nat_observation *observations, size_t n, struct nat_verdict *out);

/* "Port Restricted Cone"; "endpoint-independent"; "high". Never NULL. */
const char *nat_type_text(enum nat_type type);
const char *nat_behaviour_text(enum nat_behaviour behaviour);
const char *nat_confidence_text(enum nat_confidence confidence);
