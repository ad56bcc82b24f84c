#include "proxy/transport/pool.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum { MAX_ACCEPTED_LOOKED_AT = 64, MAX_KEY = 1024, N_CALLS = 1024, BUSY_BYTES = 64 * 1024 };

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

/* All that was dialled for one peer, wherever it is. */
struct pool_peer {
	uint64_t key;
	struct list flows; /* flow.peer_link */
	unsigned n_flows;
	UT_hash_handle hh;
};

/* By which flow the last request of a call went. Two calls that share a place take turns in being remembered. */
struct call {
	uint64_t call, flow_id;
};

struct pool {
	struct pool_place *places;
	struct pool_peer *peers;
	struct call calls[N_CALLS];
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

/* Another connection helps where bytes are stuck in front of ours: not while one is still connecting, nor when the kernel
 * was not asked yet. */
static bool is_busy(const struct flow *flow)
{
	return flow->is_slow && load_of(flow) >= BUSY_BYTES;
}

/* Those that may carry a request. */
struct choice {
	uint64_t wanted_id; /* by which its call went before; 0: none */
	struct flow *best, *same;
	unsigned n_accepted;
	bool is_any_free;
};

static void consider(struct choice *choice, struct flow *flow)
{
	choice->n_accepted += flow->is_inbound;
	choice->is_any_free |= !is_busy(flow);
	if (flow->id == choice->wanted_id)
		choice->same = flow;
	if (!choice->best || load_of(flow) < load_of(choice->best))
		choice->best = flow;
}

static void consider_dialled(struct pool *pool, const struct hop *hop, struct choice *choice)
{
	struct pool_place *place = find_place(pool, dialled_key(hop));
	struct list *link, *following;

	if (!place || !place_fits(place, hop))
		return;
	list_for_each(link, following, &place->flows) {
		struct flow *flow = container_of(link, struct flow, pool_link);
		if (!flow->is_open || !is_tls(hop->transport) || has_proved_name(flow, hop))
			consider(choice, flow);
	}
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

/* RFC 5923: what the peer opened serves our requests, too. */
static void consider_accepted(struct pool *pool, const struct hop *hop, struct choice *choice)
{
	struct pool_place *place =
		find_place(pool, accepted_key(hop->transport, &hop->remote,
					      credentials_fingerprint(hop->credentials),
					      tls_trust_fingerprint(hop->trust)));
	struct list *link, *following;
	unsigned n = 0;

	if (!place || !place->is_accepted)
		return;
	list_for_each(link, following, &place->flows) {
		struct flow *flow = container_of(link, struct flow, pool_link);
		if (accepted_fits(place, flow, hop))
			consider(choice, flow);
		if (++n >= MAX_ACCEPTED_LOOKED_AT)
			break;
	}
}

static uint64_t peer_key(const char *id)
{
	return random_keyed_hash(id, strlen(id));
}

static struct pool_peer *find_peer(struct pool *pool, const struct hop *hop)
{
	struct pool_peer *peer = NULL;
	uint64_t key;

	if (!hop->peer || !*hop->peer)
		return NULL;
	key = peer_key(hop->peer);
	HASH_FIND(hh, pool->peers, &key, sizeof(key), peer);
	return peer;
}

static struct call *call_at(struct pool *pool, uint64_t call)
{
	return &pool->calls[call % N_CALLS];
}

static uint64_t remembered_flow(struct pool *pool, uint64_t call)
{
	const struct call *at = call_at(pool, call);

	return call && at->call == call ? at->flow_id : 0;
}

void pool_remember(struct pool *pool, const struct hop *hop, const struct flow *flow)
{
	if (hop->call)
		*call_at(pool, hop->call) = (struct call){ hop->call, flow->id };
}

/* How many there are for the peer: what was dialled, to whichever place, and what it opened itself. */
static unsigned n_of_peer(struct pool *pool, const struct hop *hop, const struct choice *choice)
{
	const struct pool_peer *peer = find_peer(pool, hop);
	const struct pool_place *place = peer ? NULL : find_place(pool, dialled_key(hop));
	const unsigned n_dialled = peer ? peer->n_flows : place ? place->n_flows : 0;

	return n_dialled + choice->n_accepted;
}

struct flow *pool_find(struct pool *pool, const struct hop *hop, unsigned max_flows)
{
	struct choice choice = { .wanted_id = remembered_flow(pool, hop->call) };

	consider_dialled(pool, hop, &choice);
	if (!choice.best || !choice.is_any_free || (choice.wanted_id && !choice.same))
		consider_accepted(pool, hop, &choice);
	if (choice.same)
		return choice.same; /* what belongs together stays in order */
	if (choice.best && !choice.is_any_free && n_of_peer(pool, hop, &choice) < max_flows)
		return NULL;
	return choice.best;
}

size_t pool_unsent_bytes(struct pool *pool, const struct hop *hop, const struct flow *flow)
{
	const struct pool_peer *peer = find_peer(pool, hop);
	size_t n_bytes = flow && (!peer || flow->pool_peer != peer) ? load_of(flow) : 0;
	const struct list *link;

	for (link = peer ? peer->flows.next : NULL; link && link != &peer->flows; link = link->next)
		n_bytes += load_of(container_of(link, struct flow, peer_link));
	return n_bytes;
}

bool pool_is_alone(const struct flow *flow)
{
	return !flow->pool_place || flow->pool_place->n_flows <= 1;
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

/* Where memory is short it is not counted among the peer's. */
static enum err add_to_peer(struct pool *pool, struct flow *flow, const struct hop *hop)
{
	struct pool_peer *peer = find_peer(pool, hop);

	if (!hop->peer || !*hop->peer)
		return ERR_OK;
	if (!peer) {
		struct pool_peer *made = calloc(1, sizeof(*made));

		if (!made)
			return ERR_NO_MEMORY;
		made->key = peer_key(hop->peer);
		list_init(&made->flows);
		HASH_ADD(hh, pool->peers, key, sizeof(made->key), made);
		peer = find_peer(pool, hop);
		if (peer != made) {
			free(made);
			return ERR_NO_MEMORY;
		}
	}
	list_append(&peer->flows, &flow->peer_link);
	peer->n_flows++;
	flow->pool_peer = peer;
	return ERR_OK;
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
	return add_to_peer(pool, flow, hop);
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

static void remove_from_peer(struct pool *pool, struct flow *flow)
{
	struct pool_peer *peer = flow->pool_peer;

	if (!peer)
		return;
	list_remove(&flow->peer_link);
	flow->pool_peer = NULL;
	if (--peer->n_flows == 0) {
		HASH_DELETE(hh, pool->peers, peer);
		free(peer);
	}
}

void pool_remove(struct pool *pool, struct flow *flow)
{
	struct pool_place *place = flow->pool_place;

	remove_from_peer(pool, flow);
	if (!place)
		return;
	list_remove(&flow->pool_link);
	flow->pool_place = NULL;
	if (--place->n_flows == 0) {
		HASH_DELETE(hh, pool->places, place);
		free(place);
	}
}
