#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "routing/location_inside.h"

struct registered_user {
	UT_hash_handle hh;
	struct list bindings; /* in the order in which they came */
	unsigned shard;
	char key[];
};

struct kept_binding {
	struct expiry expiry;
	struct list link;
	struct registered_user *user;
	struct location_backend *backend;
	uint64_t call_id_hash, proof, told_expires_ms;
	uint32_t cseq;
	bool is_bulk;
	struct kept_phone *phone; /* NULL: a backend's */
	char contact[];
};

static struct kept_binding *binding_of(const struct list *link)
{
	return container_of(link, struct kept_binding, link);
}

static void copy(const struct kept_binding *kept, struct binding *out)
{
	memset(&out->flow, 0, sizeof(out->flow));
	out->reg_id = 0;
	out->instance[0] = '\0';
	if (kept->phone) {
		out->flow = kept->phone->flow->flow;
		out->reg_id = kept->phone->reg_id;
		text_copy(out->instance, sizeof(out->instance), kept->phone->instance);
	}
	text_copy(out->backend, sizeof(out->backend), kept->backend->name);
	text_copy(out->contact, sizeof(out->contact), kept->contact);
	out->call_id_hash = kept->call_id_hash;
	out->cseq = kept->cseq;
	out->is_bulk = kept->is_bulk;
	out->proof = kept->proof;
	out->expires_ms = kept->expiry.at_ms;
}

static void tell(const struct location *location, const struct kept_binding *kept, bool is_gone)
{
	const char *key = kept->user->key;
	struct binding binding;

	if (!location->journal.binding)
		return;
	copy(kept, &binding);
	location->journal.binding(location->journal.user, key, location_key_domain(key),
				  &binding, is_gone);
}

static struct registered_user *find_user(const struct location *location,
					 const struct location_key *key)
{
	struct registered_user *found;

	HASH_FIND_BYHASHVALUE(hh, location->users[key->shard], key->bytes, key->len, key->hash,
			      found);
	return found;
}

static struct registered_user *user_of(struct location *location,
				       const struct location_key *key)
{
	struct registered_user *user = find_user(location, key);
	if (user)
		return user;

	user = calloc(1, sizeof(*user) + key->len);
	if (!user)
		return NULL;
	list_init(&user->bindings);
	user->shard = key->shard;
	memcpy(user->key, key->bytes, key->len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, location->users[key->shard], user->key, key->len,
				    key->hash, user);
	if (!user->hh.tbl) {
		free(user);
		return NULL;
	}
	return user;
}

static void release_user(struct location *location, struct registered_user *user)
{
	if (!list_is_empty(&user->bindings))
		return;
	HASH_DEL(location->users[user->shard], user);
	free(user);
}

/* The user may be gone after that. */
static void drop(struct location *location, struct kept_binding *kept)
{
	struct registered_user *user = kept->user;
	struct location_backend *backend = kept->backend;

	tell(location, kept, true);
	location_phone_free(location, kept->phone);
	list_remove(&kept->link);
	expiry_remove(&location->expiries, &kept->expiry);
	atomic_store(&location->n_bindings, --location->counts.bindings);
	backend->counts.bindings--;
	free(kept);
	release_user(location, user);
	location_backend_release(location, backend);
}

size_t location_bindings_expire(struct location *location, uint64_t now_ms, size_t max)
{
	size_t n = 0;

	for (; n < max; n++) {
		struct expiry *first = expiry_first(&location->expiries);
		if (!first || first->at_ms > now_ms)
			break;
		drop(location, container_of(first, struct kept_binding, expiry));
	}
	return n;
}

/* Drops the bindings of a user that fit. The user may be gone after that. Returns how many
 * went. */
static size_t drop_those(struct location *location, struct registered_user *user,
			 bool (*fits)(const struct kept_binding *kept, const void *like),
			 const void *like)
{
	struct list *link = user->bindings.next, *end = &user->bindings;
	size_t n = 0;

	while (link != end) { /* an address: it is not looked into once the user is gone */
		struct kept_binding *kept = binding_of(link);
		link = link->next;
		if (fits(kept, like)) {
			drop(location, kept);
			n++;
		}
	}
	return n;
}

static bool has_expired(const struct kept_binding *kept, const void *like)
{
	const uint64_t *now_ms = like;

	return kept->expiry.at_ms <= *now_ms;
}

void location_binding_drop(struct location *location, struct kept_binding *kept)
{
	drop(location, kept);
}

const char *location_binding_key(const struct kept_binding *kept, uint64_t *out_expires_ms)
{
	*out_expires_ms = kept->expiry.at_ms;
	return kept->user->key;
}

static bool is_phone(const struct binding *binding)
{
	return binding->backend[0] == '\0';
}

/* Phones and backends do not take each other's places. */
static bool is_full(const struct registered_user *user, bool of_phones)
{
	size_t n = 0;

	for (struct list *link = user->bindings.next; link != &user->bindings;
	     link = link->next)
		n += !binding_of(link)->phone == !of_phones;
	return n >= LOCATION_MAX_BINDINGS;
}

bool location_phone_replaces(const struct binding *by, const struct binding *old)
{
	if (*by->instance && strcmp(old->instance, by->instance) == 0) {
		if (by->reg_id || old->reg_id)
			return by->reg_id == old->reg_id;
		if (old->call_id_hash != by->call_id_hash)
			return true;
	}
	return !by->reg_id && !old->reg_id && strcmp(old->contact, by->contact) == 0;
}

/* The binding of a phone in whose place that one comes. */
static bool is_replaced(const struct kept_binding *kept, const void *like)
{
	struct binding old;

	if (!kept->phone)
		return false;
	copy(kept, &old);
	return location_phone_replaces(like, &old);
}

/* It says what it said before: by the same flow, too. */
static bool is_refreshed(const struct kept_binding *kept, const struct binding *binding)
{
	return is_replaced(kept, binding) && strcmp(kept->contact, binding->contact) == 0 &&
	       strcmp(kept->phone->instance, binding->instance) == 0 &&
	       location_phone_is_by(kept->phone, &binding->flow);
}

static struct kept_binding *find(const struct registered_user *user,
				 const struct binding *binding)
{
	for (struct list *link = user->bindings.next; link != &user->bindings;
	     link = link->next)
		if (is_phone(binding)
			    ? is_refreshed(binding_of(link), binding)
			    : strcmp(binding_of(link)->contact, binding->contact) == 0 &&
				      strcmp(binding_of(link)->backend->name,
					     binding->backend) == 0)
			return binding_of(link);
	return NULL;
}

static void fill(struct kept_binding *kept, const struct binding *binding)
{
	kept->call_id_hash = binding->call_id_hash;
	kept->cseq = binding->cseq;
	kept->is_bulk = binding->is_bulk;
	kept->proof = binding->proof;
}

static void replace(struct location *location, struct kept_binding *kept,
		    const struct binding *binding, uint64_t now_ms)
{
	bool must_tell = kept->call_id_hash != binding->call_id_hash ||
			 kept->proof != binding->proof ||
			 location_has_moved(kept->told_expires_ms, binding->expires_ms, now_ms);

	fill(kept, binding);
	expiry_change(&location->expiries, &kept->expiry, binding->expires_ms);
	if (!must_tell)
		return;
	kept->told_expires_ms = binding->expires_ms;
	tell(location, kept, false);
}

static enum err add(struct location *location, struct registered_user *user,
		    struct location_backend *backend, const struct binding *binding,
		    uint64_t now_ms)
{
	size_t contact_size = strlen(binding->contact) + 1;
	struct kept_binding *kept = calloc(1, sizeof(*kept) + contact_size);
	if (!kept)
		return ERR_NO_MEMORY;
	enum err err = ERR_OK;
	if (is_phone(binding))
		err = location_phone_new(location, kept, binding, now_ms, &kept->phone);
	if (!err)
		err = expiry_add(&location->expiries, &kept->expiry, binding->expires_ms);
	if (err) {
		location_phone_free(location, kept->phone);
		free(kept);
		return err;
	}

	kept->user = user;
	kept->backend = backend;
	kept->told_expires_ms = binding->expires_ms;
	fill(kept, binding);
	memcpy(kept->contact, binding->contact, contact_size);
	list_append(&user->bindings, &kept->link);
	atomic_store(&location->n_bindings, ++location->counts.bindings);
	backend->counts.bindings++;
	tell(location, kept, false);
	return ERR_OK;
}

static enum err add_for(struct location *location, const struct location_key *key,
			const struct binding *binding, uint64_t now_ms)
{
	enum err err = ERR_NO_MEMORY;
	struct registered_user *user = user_of(location, key);
	struct location_backend *backend = location_backend_of(location, binding->backend);

	if (user && backend)
		err = add(location, user, backend, binding, now_ms);
	if (user)
		release_user(location, user);
	if (backend)
		location_backend_release(location, backend);
	return err;
}

static enum err add_or_replace(struct location *location, const struct location_key *key,
			       const struct binding *binding, uint64_t now_ms)
{
	struct registered_user *user = find_user(location, key);
	struct kept_binding *old = user ? find(user, binding) : NULL;

	if (old) {
		replace(location, old, binding, now_ms);
		return ERR_OK;
	}
	if (user && is_phone(binding) && drop_those(location, user, is_replaced, binding) > 0)
		user = find_user(location, key);
	if (user && is_full(user, is_phone(binding)) &&
	    drop_those(location, user, has_expired, &now_ms) == 0)
		return ERR_LIMIT;
	if (location->counts.bindings >= location->limits.bindings &&
	    location_bindings_expire(location, now_ms, 1) == 0)
		return ERR_LIMIT;
	return add_for(location, key, binding, now_ms);
}

enum err location_bind(struct location *location, const char *user, const char *domain,
		       const struct binding *binding, uint64_t now_ms)
{
	struct location_key key;
	enum err err = location_key_fill(&key, user, domain);

	if (err)
		return err;
	pthread_rwlock_wrlock(&location->lock);
	err = add_or_replace(location, &key, binding, now_ms);
	location_absence_end(location, &key);
	pthread_rwlock_unlock(&location->lock);
	return err;
}

struct whose {
	const char *backend, *contact; /* contact NULL: any */
};

static bool is_theirs(const struct kept_binding *kept, const void *like)
{
	const struct whose *whose = like;

	return strcmp(kept->backend->name, whose->backend) == 0 &&
	       (!whose->contact || strcmp(kept->contact, whose->contact) == 0);
}

size_t location_unbind(struct location *location, const char *user, const char *domain,
		       const char *backend, const char *contact)
{
	const struct whose whose = { backend, contact };
	struct location_key key;
	size_t n = 0;

	if (location_key_fill(&key, user, domain))
		return 0;
	pthread_rwlock_wrlock(&location->lock);
	struct registered_user *found = find_user(location, &key);
	if (found)
		n = drop_those(location, found, is_theirs, &whose);
	pthread_rwlock_unlock(&location->lock);
	return n;
}

static bool is_that_phone(const struct kept_binding *kept, const void *like)
{
	const struct binding *wanted = like;

	if (!kept->phone || kept->phone->reg_id != wanted->reg_id)
		return false;
	return wanted->reg_id ? strcmp(kept->phone->instance, wanted->instance) == 0
			      : strcmp(kept->contact, wanted->contact) == 0;
}

size_t location_unbind_phone(struct location *location, const char *user, const char *domain,
			     const struct binding *like)
{
	struct location_key key;
	size_t n = 0;

	if (location_key_fill(&key, user, domain))
		return 0;
	pthread_rwlock_wrlock(&location->lock);
	struct registered_user *found = find_user(location, &key);
	if (found)
		n = drop_those(location, found, is_that_phone, like);
	pthread_rwlock_unlock(&location->lock);
	return n;
}

size_t location_phones(struct location *location, const char *user, const char *domain,
		       uint64_t now_ms, struct binding out[LOCATION_MAX_BINDINGS])
{
	struct location_key key;
	size_t n = 0;

	if (atomic_load(&location->n_phones) == 0 || location_key_fill(&key, user, domain))
		return 0;
	pthread_rwlock_rdlock(&location->lock);
	const struct registered_user *found = find_user(location, &key);
	if (found)
		for (struct list *link = found->bindings.prev;
		     link != &found->bindings && n < LOCATION_MAX_BINDINGS; link = link->prev)
			if (binding_of(link)->phone && binding_of(link)->expiry.at_ms > now_ms)
				copy(binding_of(link), &out[n++]);
	pthread_rwlock_unlock(&location->lock);
	return n;
}

bool location_has_phone(struct location *location, const char *user, const char *domain,
			const struct phone_flow *flow, uint64_t proof, uint64_t now_ms)
{
	struct location_key key;
	bool has_one = false;

	if (atomic_load(&location->n_phones) == 0 || location_key_fill(&key, user, domain))
		return false;
	pthread_rwlock_rdlock(&location->lock);
	const struct registered_user *found = find_user(location, &key);
	if (found)
		for (struct list *link = found->bindings.next; link != &found->bindings;
		     link = link->next) {
			const struct kept_binding *kept = binding_of(link);
			has_one |= kept->phone && kept->proof == proof &&
				   kept->expiry.at_ms > now_ms &&
				   location_phone_is_by(kept->phone, flow);
		}
	pthread_rwlock_unlock(&location->lock);
	return has_one;
}

size_t location_bindings(struct location *location, const char *user, const char *domain,
			 uint64_t now_ms, struct binding out[LOCATION_MAX_BINDINGS])
{
	struct location_key key;
	size_t n = 0;

	/* Asked for every request, and in many a house nobody registers users. */
	if (atomic_load(&location->n_bindings) == 0 || location_key_fill(&key, user, domain))
		return 0;
	pthread_rwlock_rdlock(&location->lock);
	const struct registered_user *found = find_user(location, &key);
	if (found)
		for (struct list *link = found->bindings.next;
		     link != &found->bindings && n < LOCATION_MAX_BINDINGS; link = link->next)
			if (!binding_of(link)->phone && binding_of(link)->expiry.at_ms > now_ms)
				copy(binding_of(link), &out[n++]);
	pthread_rwlock_unlock(&location->lock);
	return n;
}

static bool is_unwanted(const struct kept_binding *kept, const void *like)
{
	const struct location_keeper *keeper = like;

	return !keeper->keep(keeper->user, kept->backend->name, kept->proof, true);
}

void location_bindings_keep(struct location *location, size_t shard,
			    const struct location_keeper *keeper)
{
	struct registered_user *user, *next;

	HASH_ITER(hh, location->users[shard], user, next)
	(void)drop_those(location, user, is_unwanted, keeper);
}

void location_bindings_free(struct location *location)
{
	location_bindings_expire(location, UINT64_MAX, SIZE_MAX);
	expiry_heap_fini(&location->expiries);
}
