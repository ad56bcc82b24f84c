#include "federation/trust_backends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

struct backend {
	const struct settings_backend *settings;
	struct backend *next_moving;
	bool has_names; /* of servers whose addresses are looked up */
	char id[PEER_ADDRESSES_ID_SIZE];
	char servers_id[PEER_ADDRESSES_ID_SIZE]; /* of those addresses, in peer_addresses */
};

/* One address of a backend. Different addresses with the same hash share a list. */
struct backend_place {
	const struct backend *backend;
	const struct settings_server *server;
	struct backend_place *next;
};

struct place_of_backends {
	UT_hash_handle hh;
	uint64_t key;
	struct backend_place *first, *last;
};

struct trust_backends {
	const struct settings *settings;
	struct peer_addresses *addresses;
	struct backend *backends;     /* like settings->backends */
	struct backend_place *places; /* the storage, n_places are in use */
	size_t n_places;
	struct place_of_backends *by_address;
	/* Those with addresses that come and go: they log on, or are configured by name. */
	struct backend *first_moving, *last_moving;
};

struct trust_backends *trust_backends_free(struct trust_backends *backends)
{
	struct place_of_backends *place, *next;

	if (!backends)
		return NULL;
	HASH_ITER(hh, backends->by_address, place, next)
	{
		HASH_DEL(backends->by_address, place);
		free(place);
	}
	free(backends->backends);
	free(backends->places);
	free(backends);
	return NULL;
}

static struct place_of_backends *find_place(const struct trust_backends *backends,
					    const struct addr *addr)
{
	uint64_t key = addr_hash(addr, false);
	struct place_of_backends *place;

	HASH_FIND(hh, backends->by_address, &key, sizeof(key), place);
	return place;
}

/* The place of an address, made if there is none yet; NULL: no memory. */
static struct place_of_backends *make_place(struct trust_backends *backends,
					    const struct addr *addr)
{
	struct place_of_backends *place = find_place(backends, addr);
	if (place)
		return place;

	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->key = addr_hash(addr, false);
	HASH_ADD(hh, backends->by_address, key, sizeof(place->key), place);
	if (find_place(backends, addr))
		return place;
	free(place);
	return NULL;
}

static enum err add_place(struct trust_backends *backends, const struct backend *backend,
			  const struct settings_server *server)
{
	struct place_of_backends *list = make_place(backends, &server->addr);
	if (!list)
		return ERR_NO_MEMORY;

	struct backend_place *place = &backends->places[backends->n_places++];
	place->backend = backend;
	place->server = server;
	if (list->last)
		list->last->next = place;
	else
		list->first = place;
	list->last = place;
	return ERR_OK;
}

static void add_moving(struct trust_backends *backends, struct backend *backend)
{
	if (backends->last_moving)
		backends->last_moving->next_moving = backend;
	else
		backends->first_moving = backend;
	backends->last_moving = backend;
}

static enum err add_backend(struct trust_backends *backends, struct backend *backend)
{
	const struct settings_backend *settings = backend->settings;
	enum err err = ERR_OK;

	(void)snprintf(backend->id, sizeof(backend->id), "backend:%s", settings->name);
	peer_addresses_servers_id(settings->name, backend->servers_id);
	for (size_t i = 0; i < settings->n_servers && err == ERR_OK; i++) {
		if (addr_is_set(&settings->servers[i].addr))
			err = add_place(backends, backend, &settings->servers[i]);
		else
			backend->has_names = true;
	}
	if (backend->has_names || *settings->username)
		add_moving(backends, backend);
	return err;
}

static size_t count_servers(const struct settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_backends; i++)
		n += settings->backends[i].n_servers;
	return n;
}

enum err trust_backends_new(const struct settings *settings, struct peer_addresses *addresses,
			    struct trust_backends **out)
{
	struct trust_backends *backends = calloc(1, sizeof(*backends));
	if (!backends)
		return ERR_NO_MEMORY;

	backends->settings = settings;
	backends->addresses = addresses;
	backends->backends = calloc(settings->n_backends + 1, sizeof(*backends->backends));
	backends->places = calloc(count_servers(settings) + 1, sizeof(*backends->places));
	enum err err = backends->backends && backends->places ? ERR_OK : ERR_NO_MEMORY;
	for (size_t i = 0; i < settings->n_backends && err == ERR_OK; i++) {
		backends->backends[i].settings = &settings->backends[i];
		err = add_backend(backends, &backends->backends[i]);
	}
	if (err != ERR_OK) {
		trust_backends_free(backends);
		return err;
	}
	*out = backends;
	return ERR_OK;
}

/* The backends that a source may be. Several may share an address; the one for which most
 * speaks is taken: that it logged on by this flow, that it serves the From domain, that we
 * dialled the flow for it, that the port is its own. A log-on says more than all the rest: it
 * was proved by digest. */
struct candidates {
	const struct trust_question *question;
	const char *domain;
	const struct backend *best;
	unsigned best_points;
	enum backend_sign sign;
};

static bool has_port(const struct trust_backends *backends, const struct backend *backend,
		     const struct addr *source)
{
	const struct settings_backend *settings = backend->settings;

	for (size_t i = 0; i < settings->n_servers; i++)
		if (settings->servers[i].port == addr_port(source))
			return true;
	return *settings->username &&
	       peer_addresses_has_port(backends->addresses, backend->id, source);
}

static void consider(const struct trust_backends *backends, struct candidates *candidates,
		     const struct backend *backend, enum backend_sign sign)
{
	unsigned points = 1;

	if (sign == BACKEND_BY_LOG_ON)
		points += 8;
	if (settings_backend_serves(backend->settings, candidates->domain))
		points += 4;
	if (sign == BACKEND_BY_CONNECTION)
		points += 2;
	if (has_port(backends, backend, &candidates->question->source))
		points += 1;
	if (points > candidates->best_points) {
		candidates->best = backend;
		candidates->best_points = points;
		candidates->sign = sign;
	}
}

/* True if the backend is at that address now: it logged on from there, or DNS says so of a name
 * of its servers. */
static bool has_moved_to(const struct trust_backends *backends, const struct backend *backend,
			 const struct addr *source)
{
	if (*backend->settings->username &&
	    peer_addresses_has(backends->addresses, backend->id, source))
		return true;
	return backend->has_names &&
	       peer_addresses_has(backends->addresses, backend->servers_id, source);
}

static void consider_address(const struct trust_backends *backends,
			     struct candidates *candidates)
{
	const struct addr *source = &candidates->question->source;
	const struct place_of_backends *list = find_place(backends, source);

	for (const struct backend_place *p = list ? list->first : NULL; p; p = p->next)
		if (addr_same_host(&p->server->addr, source))
			consider(backends, candidates, p->backend, BACKEND_BY_ADDRESS);
	for (const struct backend *b = backends->first_moving; b; b = b->next_moving)
		if (has_moved_to(backends, b, source))
			consider(backends, candidates, b, BACKEND_BY_ADDRESS);
}

/* The backend whose flow this is: it logged on by it, or we dialled it. */
static void consider_flow(const struct trust_backends *backends, struct candidates *candidates)
{
	const struct trust_question *question = candidates->question;
	const char *id = question->dialled_for;

	if (!id || !text_starts_with(id, "backend:"))
		return;
	for (size_t i = 0; i < backends->settings->n_backends; i++) {
		const struct backend *backend = &backends->backends[i];

		if (strcmp(backend->id, id) != 0)
			continue;
		if (!question->has_logged_on)
			consider(backends, candidates, backend, BACKEND_BY_CONNECTION);
		else if (*backend->settings->username)
			consider(backends, candidates, backend, BACKEND_BY_LOG_ON);
	}
}

/* Whoever writes a datagram writes its source too: on UDP a flow proves nothing but what the
 * address does, which on the lan is enough. Logging on is for the lan alone. */
static bool is_flow_a_proof(const struct trust_question *question)
{
	if (question->transport == TRANSPORT_UDP)
		return question->network == NETWORK_LAN && !question->has_logged_on;
	return question->network == NETWORK_LAN || !question->has_logged_on;
}

static bool tell_best(const struct candidates *candidates, struct backend_found *out)
{
	const struct backend *best = candidates->best;

	if (!best)
		return false;
	*out = (struct backend_found){ .backend = best->settings,
				       .id = best->id,
				       .sign = candidates->sign,
				       .serves_domain = settings_backend_serves(
					       best->settings, candidates->domain) };
	return true;
}

bool trust_backends_find(const struct trust_backends *backends,
			 const struct trust_question *question, const char *domain,
			 struct backend_found *out)
{
	struct candidates candidates = { .question = question, .domain = domain };

	if (question->network == NETWORK_LAN)
		consider_address(backends, &candidates);
	if (is_flow_a_proof(question))
		consider_flow(backends, &candidates);
	return tell_best(&candidates, out);
}

bool trust_backends_find_address(const struct trust_backends *backends,
				 const struct trust_question *question, const char *domain,
				 struct backend_found *out)
{
	struct candidates candidates = { .question = question, .domain = domain };

	consider_address(backends, &candidates);
	return tell_best(&candidates, out);
}
