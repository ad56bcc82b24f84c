/* classify: who sent this? For every request, in-dialog ones too (field.md pitfall 2, G1, G6). The same function serves
 * the traffic and `nuncio explain`. */
#pragma once

#include <stdbool.h>

#include "conf/settings.h"
#include "federation/peer.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/transport/identity.h"

struct trust; /* compiled from the settings; part of the snapshot; immutable */

/* Addresses of a route's or backend's servers that are configured by name: resolved by the roof, shared by the workers,
 * bounded. trust asks for them where an address is the proof. */
struct peer_addresses;
enum err peer_addresses_new(struct peer_addresses **out) MUST_CHECK;
struct peer_addresses *peer_addresses_free(struct peer_addresses *addresses);
/* Replaces the addresses known for a peer id. Any thread. */
void peer_addresses_set(struct peer_addresses *addresses, const char *id, const struct addr *addrs, size_t n);
bool peer_addresses_has(struct peer_addresses *addresses, const char *id, const struct addr *addr);

enum err trust_new(const struct settings *settings, struct peer_addresses *addresses, struct trust **out) MUST_CHECK;
struct trust *trust_free(struct trust *trust);

/* What classify looks at. */
struct trust_question {
	enum conf_network network;	 /* of the listener it came by */
	enum conf_transport transport;
	const struct identity *identity; /* of the flow; NULL: none */
	struct addr source;
	const char *from_domain;	 /* normalised; "" if the From URI has none */
	/* The flow was dialled by us for this rule id ("partner:...", verified there), or "" */
	const char *dialled_for;
};

void trust_classify(const struct trust *trust, const struct trust_question *question, struct origin *out);
