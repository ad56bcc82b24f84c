/* What the world sees of our listeners that advertise by STUN, as it was heard last. Written by
 * who watches, read by whoever builds listeners, fills in SDP or tells people: any thread,
 * short locks. Survives reloads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

enum {
	PUBLIC_NAME_SIZE = 64,    /* of a listener */
	PUBLIC_SERVER_SIZE = 256, /* of a STUN server, as configured */
	PUBLIC_MAX_FORMER = 8,    /* addresses that are remembered */
	PUBLIC_MAX_KNOWN_SERVERS = 8,
};

enum public_state {
	PUBLIC_UNKNOWN, /* nobody answered yet */
	PUBLIC_KNOWN,
	PUBLIC_LOST, /* known, but no server answers any more: what was known stands */
};

const char *public_state_text(enum public_state state);

/* One listener. */
struct public_view {
	char listener[PUBLIC_NAME_SIZE];
	int network; /* enum conf_network */
	enum public_state state;
	struct addr addr;                       /* unset while unknown */
	char server[PUBLIC_SERVER_SIZE];        /* who said so */
	uint64_t heard_us, changed_us, lost_us; /* wall clock; 0: never */
	unsigned n_changes;                     /* after the first */
	/* What it was before, newest first: dialogs that began then still name us so. */
	struct addr former[PUBLIC_MAX_FORMER];
	unsigned n_former;
};

struct public_addresses;

enum err public_addresses_new(struct public_addresses **out) MUST_CHECK;
struct public_addresses *public_addresses_free(struct public_addresses *addresses);

enum public_news {
	PUBLIC_SAME,
	PUBLIC_FIRST, /* it was unknown */
	PUBLIC_CHANGED,
	PUBLIC_BACK,     /* the same as before it was lost */
	PUBLIC_NOT_KEPT, /* no memory */
};

/* A server said how it sees the listener. */
enum public_news public_addresses_heard(struct public_addresses *addresses,
					const char *listener, int network,
					const struct addr *addr, const char *server,
					uint64_t wall_us);
/* No server answers. True if that is news. */
bool public_addresses_silent(struct public_addresses *addresses, const char *listener,
			     int network, uint64_t wall_us);

/* Forgets the listeners that keep does not want: they advertise by STUN no more. */
void public_addresses_prune(struct public_addresses *addresses,
			    bool (*keep)(void *user, const char *listener), void *user);

/* False: nothing is known of it, not even that nobody answers. */
bool public_addresses_look(struct public_addresses *addresses, const char *listener,
			   struct public_view *out);

/* How the world sees a network (enum conf_network): the host of the address of its first
 * listener that has one; the port is 0. For SDP, where the relay of that network stands behind
 * the same router. False: no listener of it knows. */
bool public_addresses_of_network(struct public_addresses *addresses, int network, bool is_ipv6,
				 struct addr *out);

/* Where the STUN servers are that the listeners are watched by; at most
 * PUBLIC_MAX_KNOWN_SERVERS are kept. */
void public_addresses_set_servers(struct public_addresses *addresses,
				  const struct addr *servers, size_t n);
/* Those of one family, at most max; returns how many. */
size_t public_addresses_servers(struct public_addresses *addresses, bool is_ipv6,
				struct addr *out, size_t max);

/* Copies at most max, in the order in which they came; returns how many. */
size_t public_addresses_list(struct public_addresses *addresses, struct public_view *out,
			     size_t max);
