#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "routing/location_inside.h"

static uint64_t key_of(const struct phone_flow *flow)
{
	const uint64_t parts[] = { addr_hash(&flow->remote, true),
				   random_keyed_hash(flow->listener, strlen(flow->listener)) };

	return flow->id ? flow->id : random_keyed_hash(parts, sizeof(parts));
}

static bool is_same(const struct phone_flow *a, const struct phone_flow *b)
{
	if (a->id || b->id)
		return a->id == b->id;
	return addr_equal(&a->remote, &b->remote) && strcmp(a->listener, b->listener) == 0;
}

static struct known_flow *find(const struct location *location, const struct phone_flow *flow)
{
	uint64_t key = key_of(flow);
	struct known_flow *known;

	HASH_FIND(hh, location->flows, &key, sizeof(key), known);
	return known && is_same(&known->flow, flow) ? known : NULL;
}

/* Two flows with one key would be a hash of 64 bits met by chance; the second one waits for its
 * next REGISTER. */
static struct known_flow *find_or_make(struct location *location, const struct phone_flow *flow,
				       uint64_t now_ms)
{
	uint64_t key = key_of(flow);
	struct known_flow *known;

	HASH_FIND(hh, location->flows, &key, sizeof(key), known);
	if (known)
		return is_same(&known->flow, flow) ? known : NULL;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->key = key;
	known->flow = *flow;
	known->asked_ms = now_ms;
	list_init(&known->phones);
	HASH_ADD(hh, location->flows, key, sizeof(known->key), known);
	if (!known->hh.tbl) {
		free(known);
		return NULL;
	}
	if (!flow->id) {
		list_append(&location->datagram_flows, &known->link);
		location->n_datagram_flows++;
	}
	return known;
}

static void release(struct location *location, struct known_flow *known)
{
	if (!list_is_empty(&known->phones))
		return;
	if (!known->flow.id) {
		list_remove(&known->link);
		location->n_datagram_flows--;
	}
	HASH_DEL(location->flows, known);
	free(known);
}

enum err location_phone_new(struct location *location, struct kept_binding *kept,
			    const struct binding *binding, uint64_t now_ms,
			    struct kept_phone **out)
{
	size_t size = strlen(binding->instance) + 1;
	struct kept_phone *phone = calloc(1, sizeof(*phone) + size);
	struct known_flow *known =
		phone ? find_or_make(location, &binding->flow, now_ms) : NULL;

	if (!known) {
		free(phone);
		return ERR_NO_MEMORY;
	}
	phone->flow = known;
	phone->binding = kept;
	phone->reg_id = binding->reg_id;
	memcpy(phone->instance, binding->instance, size);
	list_append(&known->phones, &phone->link);
	atomic_store(&location->n_phones, ++location->counts.phones);
	*out = phone;
	return ERR_OK;
}

void location_phone_free(struct location *location, struct kept_phone *phone)
{
	if (!phone)
		return;
	list_remove(&phone->link);
	release(location, phone->flow);
	atomic_store(&location->n_phones, --location->counts.phones);
	free(phone);
}

bool location_phone_is_by(const struct kept_phone *phone, const struct phone_flow *flow)
{
	return is_same(&phone->flow->flow, flow);
}

size_t location_phone_users(struct location *location, const struct phone_flow *flow,
			    uint64_t now_ms, struct location_name *out, size_t max)
{
	size_t n = 0;

	if (atomic_load(&location->n_phones) == 0)
		return 0;
	pthread_rwlock_rdlock(&location->lock);
	const struct known_flow *known = find(location, flow);
	for (struct list *link = known ? known->phones.next : NULL;
	     link && link != &known->phones && n < max; link = link->next) {
		uint64_t expires_ms;
		const char *key = location_binding_key(
			container_of(link, struct kept_phone, link)->binding, &expires_ms);
		if (expires_ms > now_ms && text_copy(out[n].user, sizeof(out[n].user), key) &&
		    text_copy(out[n].domain, sizeof(out[n].domain), location_key_domain(key)))
			n++;
	}
	pthread_rwlock_unlock(&location->lock);
	return n;
}

size_t location_phone_flow_gone(struct location *location, const struct phone_flow *flow)
{
	size_t n = 0;

	/* Most connections that end are no phone's. */
	if (atomic_load(&location->n_phones) == 0)
		return 0;
	pthread_rwlock_rdlock(&location->lock);
	bool is_one = find(location, flow) != NULL;
	pthread_rwlock_unlock(&location->lock);
	if (!is_one)
		return 0;

	struct known_flow *known;
	pthread_rwlock_wrlock(&location->lock);
	while ((known = find(location, flow))) { /* it goes with the last of them */
		location_binding_drop(
			location,
			container_of(known->phones.next, struct kept_phone, link)->binding);
		n++;
	}
	pthread_rwlock_unlock(&location->lock);
	return n;
}

size_t location_phones_due(struct location *location, uint64_t now_ms, uint64_t interval_ms,
			   struct phone_flow *out, size_t max)
{
	size_t n = 0;

	if (atomic_load(&location->n_phones) == 0)
		return 0;
	pthread_rwlock_wrlock(&location->lock);
	size_t share = 2 * location->n_datagram_flows * 1000 / interval_ms + 1;
	while (n < max && n < share && !list_is_empty(&location->datagram_flows)) {
		struct known_flow *known =
			container_of(location->datagram_flows.next, struct known_flow, link);
		if (now_ms - known->asked_ms < interval_ms)
			break;
		out[n++] = known->flow;
		known->asked_ms = now_ms;
		list_remove(&known->link);
		list_append(&location->datagram_flows, &known->link);
	}
	pthread_rwlock_unlock(&location->lock);
	return n;
}

void location_phone_answered(struct location *location, const struct phone_flow *flow)
{
	pthread_rwlock_rdlock(&location->lock);
	struct known_flow *known = find(location, flow);
	if (known)
		atomic_store(&known->has_answered, true);
	pthread_rwlock_unlock(&location->lock);
}

bool location_phone_has_answered(struct location *location, const struct phone_flow *flow)
{
	pthread_rwlock_rdlock(&location->lock);
	const struct known_flow *known = find(location, flow);
	bool has_answered = known && atomic_load(&known->has_answered);
	pthread_rwlock_unlock(&location->lock);
	return has_answered;
}

void location_phones_count(struct location *location, const char *const *listeners, size_t n,
			   size_t *out)
{
	struct known_flow *known, *next;

	memset(out, 0, n * sizeof(*out));
	if (atomic_load(&location->n_phones) == 0)
		return;
	pthread_rwlock_rdlock(&location->lock);
	HASH_ITER(hh, location->flows, known, next)
	{
		for (size_t i = 0; i < n; i++) {
			if (strcmp(listeners[i], known->flow.listener) != 0)
				continue;
			for (struct list *link = known->phones.next; link != &known->phones;
			     link = link->next)
				out[i]++;
			break;
		}
	}
	pthread_rwlock_unlock(&location->lock);
}
