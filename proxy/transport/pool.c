#include "proxy/transport/pool.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum { MAX_ACCEPTED_LOOKED_AT = 64, MAX_KEY = 1024 };

/* Flows that share a key: what they were dialled for, or the address they came from and the
 * certificates on both sides. Whether they fit a hop is looked at again each time, because 64
 * bits of hash prove nothing. */
struct pool_place {
	uint64_t key;
	struct list flows; /* flow.pool_link */
	unsigned n_flows;
	bool is_accepted;
	/* dialled: what the hop said */
	struct addr remote, bind;
	enum conf_transport transport;
	unsigned tls_minimum;
	char peer[256], host[256];
	/* certificates: dialled: those of the hop; accepted: what was shown and who vouched */
	char ours[FINGERPRINT_SIZE], trust[FINGERPRINT_SIZE];
	UT_hash_handle hh;
};

struct pool {
	struct pool_place *places;
};

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

static bool is_tls(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS;
}

static uint64_t dialled_key(const struct hop *hop)
{
	uint64_t numbers[] = { addr_hash(&hop->remote, true),
			       addr_is_set(&hop->bind) ? addr_hash(&hop->bind, false) : 0,
			       hop->transport };
	struct key key = { .len = 0 };

	add_bytes(&key, numbers, sizeof(numbers));
	add_text(&key, hop->peer ? hop->peer : "");
	if (is_tls(hop->transport)) {
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

static struct pool_place *find_place(struct pool *pool, uint64_t key)
{
	struct pool_place *place = NULL;

	HASH_FIND(hh, pool->places, &key, sizeof(key), place);
	return place;
}

enum err pool_new(struct pool **out)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return ERR_NO_MEMORY;
	*out = pool;
	return ERR_OK;
}

struct pool *pool_free(struct pool *pool)
{
	free(pool);
	return NULL;
}

/* True if the peer has proved one of the names that the hop allows. Asked for each request:
 * names and wildcards may have changed since the connection was made. */
static bool has_proved_name(const struct flow *flow, const struct hop *hop)
{
	if (!flow->identity)
		return false;
	if ((hop->n_names == 0 || hop->accepts_host) &&
	    identity_matches(flow->identity, hop->host, hop->allow_wildcard, NULL, NULL))
		return true;
	for (unsigned i = 0; i < hop->n_names; i++) {
		if (identity_matches(flow->identity, hop->names[i], hop->allow_wildcard, NULL,
				     NULL))
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

static bool place_fits(const struct pool_place *place, const struct hop *hop)
{
	if (place->is_accepted || place->transport != hop->transport ||
	    !addr_equal(&place->remote, &hop->remote) || !same_bind(&place->bind, &hop->bind) ||
	    strcmp(place->peer, hop->peer ? hop->peer : "") != 0)
		return false;
	return !is_tls(hop->transport) ||
	       (text_equal_nocase(place->host, hop->host) &&
		place->tls_minimum >= hop->tls_minimum &&
		strcmp(place->ours, credentials_fingerprint(hop->credentials)) == 0 &&
		strcmp(place->trust, tls_trust_fingerprint(hop->trust)) == 0);
}

static size_t load_of(const struct flow *flow)
{
	return flow->n_waiting_bytes + flow->n_queued_bytes;
}

static struct flow *find_dialled(struct pool *pool, const struct hop *hop, unsigned max_flows)
{
	struct pool_place *place = find_place(pool, dialled_key(hop));
	struct list *link, *following;
	struct flow *best = NULL;

	if (!place || !place_fits(place, hop))
		return NULL;
	list_for_each(link, following, &place->flows) {
		struct flow *flow = container_of(link, struct flow, pool_link);
		if (flow->is_open && is_tls(hop->transport) && !has_proved_name(flow, hop))
			continue;
		if (!best || load_of(flow) < load_of(best))
			best = flow;
	}
	/* Another one helps when bytes are stuck in front of us, not while the first is still
	 * connecting. */
	if (best && best->is_open && load_of(best) > 0 && place->n_flows < max_flows)
		return NULL;
	return best;
}

static bool accepted_fits(const struct pool_place *place, const struct flow *flow,
			  const struct hop *hop)
{
	if (!flow->is_open || flow->transport != hop->transport ||
	    (addr_is_set(&hop->bind) && !addr_same_host(&hop->bind, &flow->local)))
		return false;
	if (hop->transport == TRANSPORT_TCP)
		return addr_equal(&flow->remote, &hop->remote);
	return hop->transport == TRANSPORT_MTLS &&
	       addr_same_host(&flow->remote, &hop->remote) &&
	       strcmp(place->ours, credentials_fingerprint(hop->credentials)) == 0 &&
	       strcmp(place->trust, tls_trust_fingerprint(hop->trust)) == 0 &&
	       has_proved_name(flow, hop);
}

static struct flow *find_accepted(struct pool *pool, const struct hop *hop)
{
	struct pool_place *place =
		find_place(pool, accepted_key(hop->transport, &hop->remote,
					      credentials_fingerprint(hop->credentials),
					      tls_trust_fingerprint(hop->trust)));
	struct list *link, *following;
	unsigned n = 0;

	if (!place || !place->is_accepted)
		return NULL;
	list_for_each(link, following, &place->flows) {
		struct flow *flow = container_of(link, struct flow, pool_link);
		if (accepted_fits(place, flow, hop))
			return flow;
		if (++n >= MAX_ACCEPTED_LOOKED_AT)
			break;
	}
	return NULL;
}

struct flow *pool_find(struct pool *pool, const struct hop *hop, unsigned max_flows)
{
	struct flow *flow = find_dialled(pool, hop, max_flows);

	return flow ? flow : find_accepted(pool, hop);
}

/* The place with that key, made if it is not there; NULL when memory is short. */
static struct pool_place *make_place(struct pool *pool, uint64_t key, bool is_accepted)
{
	struct pool_place *place = find_place(pool, key);
	if (place)
		return place;

	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->key = key;
	place->is_accepted = is_accepted;
	list_init(&place->flows);
	HASH_ADD(hh, pool->places, key, sizeof(place->key), place);
	if (find_place(pool, key) != place) {
		free(place);
		return NULL;
	}
	return place;
}

static void put(struct pool_place *place, struct flow *flow)
{
	list_append(&place->flows, &flow->pool_link);
	place->n_flows++;
	flow->pool_place = place;
}

enum err pool_add_dialled(struct pool *pool, struct flow *flow, const struct hop *hop)
{
	struct pool_place *place = make_place(pool, dialled_key(hop), false);
	if (!place)
		return ERR_NO_MEMORY;
	if (place->n_flows > 0 && !place_fits(place, hop))
		return ERR_OK; /* two keys, one hash: this one is not used again */

	place->remote = hop->remote;
	place->bind = hop->bind;
	place->transport = hop->transport;
	place->tls_minimum = hop->tls_minimum;
	text_copy(place->peer, sizeof(place->peer), hop->peer ? hop->peer : "");
	text_copy(place->host, sizeof(place->host), hop->host);
	text_copy(place->ours, sizeof(place->ours), credentials_fingerprint(hop->credentials));
	text_copy(place->trust, sizeof(place->trust), tls_trust_fingerprint(hop->trust));
	put(place, flow);
	return ERR_OK;
}

enum err pool_add_accepted(struct pool *pool, struct flow *flow, const char *our_fingerprint,
			   const char *trust_fingerprint)
{
	if (flow->transport != TRANSPORT_TCP &&
	    !(flow->transport == TRANSPORT_MTLS && flow->identity))
		return ERR_OK;

	struct pool_place *place = make_place(pool,
					      accepted_key(flow->transport, &flow->remote,
							   our_fingerprint, trust_fingerprint),
					      true);
	if (!place)
		return ERR_NO_MEMORY;
	if (!place->is_accepted)
		return ERR_OK;
	text_copy(place->ours, sizeof(place->ours), our_fingerprint);
	text_copy(place->trust, sizeof(place->trust), trust_fingerprint);
	put(place, flow);
	return ERR_OK;
}

void pool_remove(struct pool *pool, struct flow *flow)
{
	struct pool_place *place = flow->pool_place;

	if (!place)
		return;
	list_remove(&flow->pool_link);
	flow->pool_place = NULL;
	if (--place->n_flows == 0) {
		HASH_DELETE(hh, pool->places, place);
		free(place);
	}
}
