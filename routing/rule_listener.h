/* Which listener stands for us on the side of a rule: its name in our Via and Record-Route, and
 * with UDP its socket. For rules.c. */
#pragma once

#include "routing/rules.h"

/* What is wished of a listener, from the most to the least important. */
struct listener_wish {
	enum conf_transport transport; /* a must; tls and mtls stand for each other */
	const struct addr *bind;       /* its address; NULL or unset: whichever */
	enum conf_network network;
	bool is_ipv6;
};

/* The best of n listeners (those that are NULL are not there); NULL if none has the
 * transport. */
struct listener *rule_listener_choose(struct listener *const *listeners, size_t n,
				      const struct listener_wish *wish);

/* Fills listeners of a rule: the best for each transport and address family. */
void rule_listener_fill(struct rule *rule, const struct rules_parts *parts,
			const struct addr *bind, enum conf_network network);
