/* What connections have in common that may carry the same requests: what they were dialled for,
 * or the address they came from and the certificates on both sides (RFC 5923). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/transport/flow.h"
#include "proxy/transport/hop.h"

struct reuse {
	bool is_accepted;
	/* dialled: what the hop said */
	struct addr remote, bind;
	enum conf_transport transport;
	unsigned tls_minimum;
	char peer[256], host[256];
	/* certificates: dialled: those of the hop; accepted: what was shown and who vouched */
	char ours[FINGERPRINT_SIZE], trust[FINGERPRINT_SIZE];
};

/* What is dialled for hop. */
void reuse_of_hop(struct reuse *reuse, const struct hop *hop);

/* That of accepted connections; fingerprints as of pool_add_accepted. */
void reuse_of_accepted(struct reuse *reuse, const char *our_fingerprint,
		       const char *trust_fingerprint);

/* Keyed hashes, by which those with the same are found. Whether it fits a hop is looked at
 * again, because 64 bits of hash prove nothing. */
uint64_t reuse_dialled_key(const struct hop *hop);                               /* odd */
uint64_t reuse_accepted_key(const struct flow *flow, const struct reuse *reuse); /* even */
uint64_t reuse_accepted_key_of_hop(const struct hop *hop);

/* True if it is that of what is dialled for hop. */
bool reuse_fits(const struct reuse *reuse, const struct hop *hop);

/* True if an accepted connection with that, may carry requests to hop. */
bool reuse_accepted_fits(const struct reuse *reuse, enum conf_transport transport,
			 const struct addr *local, const struct addr *remote,
			 const struct identity *identity, const struct hop *hop);

/* True if the peer has proved one of the names that the hop allows. identity: NULL for none. */
bool reuse_has_proved_name(const struct identity *identity, const struct hop *hop);

static inline bool reuse_is_tls(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS;
}
