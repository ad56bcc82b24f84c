/* One resolved place to send a request to, and everything that must be the same for a
 * connection to be used again (RFC 5923; field.md pitfall 11). Values and pointers into the
 * snapshot that the context holds. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "conf/settings.h"
#include "proxy/base/addr.h"
#include "proxy/sip/importance.h"
#include "proxy/transport/credentials.h"
#include "proxy/transport/listener.h"

enum { HOP_MAX_NAMES = 16 };

struct hop {
	enum conf_transport transport; /* MTLS: present our certificate */
	struct addr remote;
	struct addr bind; /* source address; unset: the system's choice */
	/* whose sent-by stands in our Via; UDP: whose socket sends */
	struct listener *listener;
	struct credentials *credentials; /* ours; NULL: none */
	struct tls_trust *trust;         /* whom we trust there */
	unsigned tls_minimum;
	bool allow_wildcard;
	unsigned n_names;
	/* so does host itself: a server that may speak for the peer */
	bool accepts_host;
	/* partner's domain or backend's name: pool key, logs */
	const char *peer;
	void *health; /* routing's record for it; transport does not look */
	/* how long a new connection may take; 0: as the limits say */
	uint64_t connect_ms;
	/* with this peer, over all workers: RFC 5923, field.md pitfall 10; 0: one of each
	 * worker */
	unsigned max_connections;
	/* of the request: what waits for the peer may be so much */
	enum importance importance;
	/* keyed hash of its Call-ID: what belongs together stays in order; 0: it is alone */
	uint64_t call;
	/* the connection by which alone it is reached, of whichever worker; 0: none */
	uint64_t flow_id;
	/* The last, as only what is used of them is copied. */
	/* any one of these must be in the peer's certificate */
	const char *names[HOP_MAX_NAMES];
	/* the name that was resolved: SNI, unless it is an address */
	char host[256];
};

/* An empty one. */
static inline void hop_clear(struct hop *hop)
{
	memset(hop, 0, offsetof(struct hop, names));
	hop->host[0] = '\0';
}

/* A copy of what is used of from. */
static inline void hop_copy(struct hop *to, const struct hop *from)
{
	memcpy(to, from, offsetof(struct hop, names));
	for (unsigned i = 0; i < from->n_names; i++)
		to->names[i] = from->names[i];
	strcpy(to->host, from->host);
}
