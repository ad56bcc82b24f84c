/* classify: who sent this? For every request, in-dialog ones too (field.md pitfall 2, G1, G6).
 * The same function serves the traffic and `nuncio explain`. */
#pragma once

#include <stdbool.h>

#include "conf/settings.h"
#include "federation/peer.h"
#include "federation/peer_addresses.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/transport/identity.h"

struct trust; /* compiled from the settings; part of the snapshot; immutable */

/* Routes, backends and own domains are looked up in what settings holds, so that must live as
 * long. addresses may be NULL: then no server that is configured by name is known by its
 * address. */
enum err trust_new(const struct settings *settings, struct peer_addresses *addresses,
		   struct trust **out) MUST_CHECK;
struct trust *trust_free(struct trust *trust);

enum { TRUST_MAX_SRV = 16 };

/* _sipfederationtls._tcp of a domain: which hosts it names. */
struct trust_srv {
	enum { TRUST_SRV_FOUND, TRUST_SRV_NONE, TRUST_SRV_FAILED, TRUST_SRV_TIMEOUT } state;
	size_t n;
	char targets[TRUST_MAX_SRV][256]; /* normalised */
};

/* What classify looks at. */
struct trust_question {
	enum conf_network network; /* of the listener it came by */
	enum conf_transport transport;
	const struct identity *identity; /* of the flow; NULL: none */
	struct addr source;
	const char *from_domain; /* normalised; "" if the From URI has none */
	/* The flow was dialled by us for this rule id ("partner:...", verified there); or, if
	 * has_logged_on, a backend logged on by it ("backend:berlin"); or "". */
	const char *dialled_for;
	bool has_logged_on;
	/* what DNS says of the From domain; NULL: nobody asked yet */
	const struct trust_srv *srv;
};

/* Open federation: may that domain, which has no route, federate at all? Own domains may not,
 * nor what `deny` names, nor, if `allow` names any, others than these. */
bool trust_may_federate(const struct settings *settings, const char *domain);

void trust_classify(const struct trust *trust, const struct trust_question *question,
		    struct origin *out);
