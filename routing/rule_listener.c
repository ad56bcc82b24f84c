#include "routing/rule_listener.h"

static bool is_tls(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS;
}

/* On Linux "[::]" serves both families. */
static bool serves_family(const struct listener *listener, bool is_ipv6)
{
	if (addr_is_ipv6(&listener->addr) == is_ipv6)
		return true;
	return addr_is_ipv6(&listener->addr) && addr_is_wildcard(&listener->addr);
}

/* 0: not at all. */
static unsigned points(const struct listener *listener, const struct listener_wish *wish)
{
	bool is_exact = listener->transport == wish->transport;
	unsigned sum = 1;

	/* Where phones come in, nobody else is spoken to: whoever came by it would be a
	 * stranger. */
	if ((listener->network == NETWORK_REMOTE) != (wish->network == NETWORK_REMOTE))
		return 0;
	if (!is_exact && !(is_tls(listener->transport) && is_tls(wish->transport)))
		return 0;
	if (wish->bind && addr_is_set(wish->bind)) {
		if (addr_same_host(&listener->addr, wish->bind))
			sum += 32;
		else if (addr_is_wildcard(&listener->addr))
			sum += 16;
	}
	if (listener->network == wish->network)
		sum += 8;
	if (serves_family(listener, wish->is_ipv6))
		sum += 4;
	if (is_exact)
		sum += 2;
	return sum;
}

struct listener *rule_listener_choose(struct listener *const *listeners, size_t n,
				      const struct listener_wish *wish)
{
	struct listener *best = NULL;
	unsigned best_points = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned sum = listeners[i] ? points(listeners[i], wish) : 0;
		if (sum > best_points) {
			best = listeners[i];
			best_points = sum;
		}
	}
	return best;
}

void rule_listener_fill(struct rule *rule, const struct rules_parts *parts,
			const struct addr *bind, enum conf_network network)
{
	for (unsigned transport = 0; transport < RULES_N_TRANSPORTS; transport++) {
		for (unsigned is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
			struct listener_wish wish = { .transport =
							      (enum conf_transport)transport,
						      .bind = bind,
						      .network = network,
						      .is_ipv6 = is_ipv6 };
			rule->listeners[transport][is_ipv6] = rule_listener_choose(
				parts->listeners, parts->settings->n_listeners, &wish);
		}
	}
}

struct listener *rules_listener(const struct rule *rule, enum conf_transport transport,
				const struct addr *remote)
{
	struct listener *listener = rule->listeners[transport][addr_is_ipv6(remote)];

	/* With UDP its socket sends, and a socket for IPv4 reaches no IPv6 address. */
	if (listener && transport == TRANSPORT_UDP &&
	    !serves_family(listener, addr_is_ipv6(remote)))
		return NULL;
	return listener;
}
