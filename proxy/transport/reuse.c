#include "proxy/transport/reuse.h"

#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

enum { MAX_KEY = 1024 };

struct key {
	unsigned char bytes[MAX_KEY];
	size_t len;
};

static void add_bytes(struct key *key, const void *bytes, size_t len)
{
	if (len > sizeof(key->bytes) - key->len)
		len = sizeof(key->bytes) - key->len;
	memcpy(key->bytes + key->len, bytes, len);
	key->len += len;
}

static void add_text(struct key *key, const char *text)
{
	add_bytes(key, text, strlen(text) + 1);
}

void reuse_of_hop(struct reuse *reuse, const struct hop *hop)
{
	memset(reuse, 0, sizeof(*reuse));
	reuse->remote = hop->remote;
	reuse->bind = hop->bind;
	reuse->transport = hop->transport;
	reuse->tls_minimum = hop->tls_minimum;
	text_copy(reuse->peer, sizeof(reuse->peer), hop->peer ? hop->peer : "");
	text_copy(reuse->host, sizeof(reuse->host), hop->host);
	text_copy(reuse->ours, sizeof(reuse->ours), credentials_fingerprint(hop->credentials));
	text_copy(reuse->trust, sizeof(reuse->trust), tls_trust_fingerprint(hop->trust));
}

void reuse_of_accepted(struct reuse *reuse, const char *our_fingerprint,
		       const char *trust_fingerprint)
{
	memset(reuse, 0, sizeof(*reuse));
	reuse->is_accepted = true;
	text_copy(reuse->ours, sizeof(reuse->ours), our_fingerprint);
	text_copy(reuse->trust, sizeof(reuse->trust), trust_fingerprint);
}

uint64_t reuse_dialled_key(const struct hop *hop)
{
	uint64_t numbers[] = { addr_hash(&hop->remote, true),
			       addr_is_set(&hop->bind) ? addr_hash(&hop->bind, false) : 0,
			       hop->transport };
	struct key key = { .len = 0 };

	add_bytes(&key, numbers, sizeof(numbers));
	add_text(&key, hop->peer ? hop->peer : "");
	if (reuse_is_tls(hop->transport)) {
		add_text(&key, hop->host);
		add_text(&key, credentials_fingerprint(hop->credentials));
		add_text(&key, tls_trust_fingerprint(hop->trust));
	}
	return random_keyed_hash(key.bytes, key.len) | 1;
}

/* TCP proves nothing: only the very place that we would dial. With MTLS the port may differ. */
static uint64_t accepted_key(enum conf_transport transport, const struct addr *remote,
			     const char *ours, const char *trust)
{
	uint64_t numbers[] = { addr_hash(remote, transport == TRANSPORT_TCP), transport };
	struct key key = { .len = 0 };

	add_bytes(&key, numbers, sizeof(numbers));
	if (transport != TRANSPORT_TCP) {
		add_text(&key, ours);
		add_text(&key, trust);
	}
	return random_keyed_hash(key.bytes, key.len) & ~UINT64_C(1);
}

uint64_t reuse_accepted_key(const struct flow *flow, const struct reuse *reuse)
{
	return accepted_key(flow->transport, &flow->remote, reuse->ours, reuse->trust);
}

uint64_t reuse_accepted_key_of_hop(const struct hop *hop)
{
	return accepted_key(hop->transport, &hop->remote,
			    credentials_fingerprint(hop->credentials),
			    tls_trust_fingerprint(hop->trust));
}

/* Asked for each request: names and wildcards may have changed since the connection was
 * made. */
bool reuse_has_proved_name(const struct identity *identity, const struct hop *hop)
{
	if (!identity)
		return false;
	if ((hop->n_names == 0 || hop->accepts_host) &&
	    identity_matches(identity, hop->host, hop->allow_wildcard, NULL, NULL))
		return true;
	for (unsigned i = 0; i < hop->n_names; i++) {
		if (identity_matches(identity, hop->names[i], hop->allow_wildcard, NULL, NULL))
			return true;
	}
	return false;
}

static bool same_bind(const struct addr *a, const struct addr *b)
{
	if (!addr_is_set(a) || !addr_is_set(b))
		return addr_is_set(a) == addr_is_set(b);
	return addr_same_host(a, b);
}

bool reuse_fits(const struct reuse *reuse, const struct hop *hop)
{
	if (reuse->is_accepted || reuse->transport != hop->transport ||
	    !addr_equal(&reuse->remote, &hop->remote) || !same_bind(&reuse->bind, &hop->bind) ||
	    strcmp(reuse->peer, hop->peer ? hop->peer : "") != 0)
		return false;
	return !reuse_is_tls(hop->transport) ||
	       (text_equal_nocase(reuse->host, hop->host) &&
		reuse->tls_minimum >= hop->tls_minimum &&
		strcmp(reuse->ours, credentials_fingerprint(hop->credentials)) == 0 &&
		strcmp(reuse->trust, tls_trust_fingerprint(hop->trust)) == 0);
}

bool reuse_accepted_fits(const struct reuse *reuse, enum conf_transport transport,
			 const struct addr *local, const struct addr *remote,
			 const struct identity *identity, const struct hop *hop)
{
	if (!reuse->is_accepted || transport != hop->transport ||
	    (addr_is_set(&hop->bind) && !addr_same_host(&hop->bind, local)))
		return false;
	if (hop->transport == TRANSPORT_TCP)
		return addr_equal(remote, &hop->remote);
	return hop->transport == TRANSPORT_MTLS && addr_same_host(remote, &hop->remote) &&
	       strcmp(reuse->ours, credentials_fingerprint(hop->credentials)) == 0 &&
	       strcmp(reuse->trust, tls_trust_fingerprint(hop->trust)) == 0 &&
	       reuse_has_proved_name(identity, hop);
}
