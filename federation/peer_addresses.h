/* Addresses by which peers are known and that no configuration holds: those of servers that are
 * configured by name, resolved by the roof, and those from where a backend logged on. Shared by
 * the workers, bounded. trust asks for them where an address is the proof. Any thread (a short
 * lock). A partner goes by its rule id, a backend's log-on by that ("backend:berlin"), and what
 * the names of a backend's servers stand for by peer_addresses_servers_id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

enum {
	PEER_ADDRESSES_MAX_PEERS = 4096,
	PEER_ADDRESSES_MAX_EACH = 64,
	PEER_ADDRESSES_ID_SIZE = 272
};

struct peer_addresses;

enum err peer_addresses_new(struct peer_addresses **out) MUST_CHECK;
struct peer_addresses *peer_addresses_free(struct peer_addresses *addresses);

/* A backend may log on from elsewhere than where its servers' names lead: two sets of
 * addresses, of which neither replaces the other. */
void peer_addresses_servers_id(const char *backend, char out[PEER_ADDRESSES_ID_SIZE]);

/* Replaces the addresses known for a peer id; n 0 forgets the peer. What is over the bounds
 * above, or cannot be kept for want of memory, is not known then: who is not known is not
 * trusted. */
void peer_addresses_set(struct peer_addresses *addresses, const char *id,
			const struct addr *addrs, size_t n);

/* True if addr, whatever its port, is one of the peer's. NULL knows nobody. */
bool peer_addresses_has(struct peer_addresses *addresses, const char *id,
			const struct addr *addr);
/* True if the port is one of the peer's as well: of several peers at one host, this one. */
bool peer_addresses_has_port(struct peer_addresses *addresses, const char *id,
			     const struct addr *addr);
