#include "proxy/transport/pool.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/transport/reuse.h"
#include "proxy/transport/roll.h"
#include "proxy/transport/stand_in.h"

enum { MAX_ACCEPTED_LOOKED_AT = 64, N_CALLS = 1024, BUSY_BYTES = 64 * 1024 };

/* Flows that share a key. Whether they fit a hop is looked at again each time. */
struct pool_place {
	uint64_t key;
	struct list flows; /* flow.pool_link */
	unsigned n_flows;
	struct reuse reuse;
	UT_hash_handle hh;
};

/* All that was dialled for one peer, wherever it is. */
struct pool_peer {
	uint64_t key;
	struct list flows; /* flow.peer_link */
	unsigned n_flows;
	UT_hash_handle hh;
};

/* By which flow the last request of a call went. Two calls that share a place take turns in
 * being remembered. */
struct call {
	uint64_t call, flow_id;
};

struct pool {
	struct pool_place *places;
	struct pool_peer *peers;
	struct call calls[N_CALLS];
};

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

/* What waits in it: for a stand-in there as well as here. */
static size_t load_of(const struct flow *flow)
{
	const size_t n_here = flow->n_waiting_bytes + flow->n_queued_bytes;

	if (!flow->shared)
		return n_here;
	return n_here + (flow_is_stand_in(flow) ? roll_load(flow->shared)
						: roll_under_way_bytes(flow->shared));
}

/* Its worker may have taken the connection back. */
static bool takes_requests(const struct flow *flow)
{
	return !flow->shared || roll_takes_requests(flow->shared);
}

/* Another connection helps where bytes are stuck in front of ours: not while one is still
 * connecting, nor when the kernel was not asked yet. */
static bool is_busy(const struct flow *flow)
{
	return flow_reads_slowly(flow) && load_of(flow) >= BUSY_BYTES;
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
	struct pool_place *place = find_place(pool, reuse_dialled_key(hop));
	struct list *link, *following;

	if (!place || !reuse_fits(&place->reuse, hop))
		return;
	list_for_each(link, following, &place->flows) {
		struct flow *flow = container_of(link, struct flow, pool_link);
		if (takes_requests(flow) && (!flow->is_open || !reuse_is_tls(hop->transport) ||
					     reuse_has_proved_name(flow->identity, hop)))
			consider(choice, flow);
	}
}

static bool accepted_fits(const struct pool_place *place, const struct flow *flow,
			  const struct hop *hop)
{
	return flow->is_open &&
	       reuse_accepted_fits(&place->reuse, flow->transport, &flow->local, &flow->remote,
				   flow->identity, hop);
}

/* RFC 5923: what the peer opened serves our requests, too. */
static void consider_accepted(struct pool *pool, const struct hop *hop, struct choice *choice)
{
	struct pool_place *place = find_place(pool, reuse_accepted_key_of_hop(hop));
	struct list *link, *following;
	unsigned n = 0;

	if (!place || !place->reuse.is_accepted)
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

/* How many there are for the peer: what was dialled, to whichever place, and what it opened
 * itself. */
static unsigned n_of_peer(struct pool *pool, const struct hop *hop, const struct choice *choice)
{
	const struct pool_peer *peer = find_peer(pool, hop);
	const struct pool_place *place = peer ? NULL : find_place(pool, reuse_dialled_key(hop));
	const unsigned n_dialled = peer ? peer->n_flows : place ? place->n_flows : 0;

	return n_dialled + choice->n_accepted;
}

void pool_find(struct pool *pool, const struct hop *hop, struct pool_choice *out)
{
	struct choice choice = { .wanted_id = remembered_flow(pool, hop->call) };

	consider_dialled(pool, hop, &choice);
	if (!choice.best || !choice.is_any_free || (choice.wanted_id && !choice.same))
		consider_accepted(pool, hop, &choice);
	*out = (struct pool_choice){ .best = choice.same ? choice.same : choice.best };
	/* what belongs together stays in order */
	if (!out->best || (!choice.same && !choice.is_any_free)) {
		out->wants_another = true;
		out->n_of_peer = n_of_peer(pool, hop, &choice);
	}
	out->load = out->best ? load_of(out->best) : 0;
}

size_t pool_unsent_bytes(struct pool *pool, const struct hop *hop, const struct flow *flow)
{
	const struct pool_peer *peer = find_peer(pool, hop);
	size_t n_bytes = flow && (!peer || flow->pool_peer != peer) ? load_of(flow) : 0;
	const struct list *link;

	for (link = peer ? peer->flows.next : NULL; link && link != &peer->flows;
	     link = link->next)
		n_bytes += load_of(container_of(link, struct flow, peer_link));
	return n_bytes;
}

bool pool_is_alone(const struct flow *flow)
{
	return !flow->pool_place || flow->pool_place->n_flows <= 1;
}

/* The place with that key, made if it is not there; NULL when memory is short. */
static struct pool_place *make_place(struct pool *pool, uint64_t key, const struct reuse *from)
{
	struct pool_place *place = find_place(pool, key);
	if (place)
		return place;

	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->key = key;
	place->reuse = *from;
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
	struct pool_place *place;
	struct reuse wanted;

	reuse_of_hop(&wanted, hop);
	place = make_place(pool, reuse_dialled_key(hop), &wanted);
	if (!place)
		return ERR_NO_MEMORY;
	if (place->n_flows > 0 && !reuse_fits(&place->reuse, hop))
		return ERR_OK; /* two keys, one hash: this one is not used again */
	place->reuse = wanted;
	put(place, flow);
	return add_to_peer(pool, flow, hop);
}

enum err pool_add_accepted(struct pool *pool, struct flow *flow, const char *our_fingerprint,
			   const char *trust_fingerprint)
{
	struct pool_place *place;
	struct reuse wanted;

	if (flow->transport != TRANSPORT_TCP &&
	    !(flow->transport == TRANSPORT_MTLS && flow->identity))
		return ERR_OK;
	reuse_of_accepted(&wanted, our_fingerprint, trust_fingerprint);
	place = make_place(pool, reuse_accepted_key(flow, &wanted), &wanted);
	if (!place)
		return ERR_NO_MEMORY;
	if (!place->reuse.is_accepted)
		return ERR_OK;
	place->reuse = wanted;
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
