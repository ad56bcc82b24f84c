#include "proxy/transport/roll.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/transport/reuse.h"

enum { MAX_ACCEPTED_LOOKED_AT = 64 };

/* Entries with one key: all that was dialled for a peer, or what came from one address with one
 * pair of certificates. */
struct shelf {
	uint64_t key;
	struct list entries;
	unsigned n;
	UT_hash_handle hh;
};

struct roll {
	pthread_mutex_t lock;
	struct shelf *shelves;
};

struct roll_entry {
	/* Set once. */
	struct roll *roll;
	uint64_t flow_id;
	struct reuse reuse;
	struct addr local, remote; /* accepted */
	enum conf_transport transport;
	unsigned max_connections;

	unsigned n_refs; /* atomic */

	/* Under the lock. */
	struct list link;
	struct shelf *shelf; /* NULL: withdrawn */
	struct identity *identity;
	bool is_open;
	unsigned n_users; /* workers beside the owner */

	/* Atomic: the owner writes, others read; what is under way both write. */
	bool takes_requests, is_slow, has_ended;
	size_t n_unsent, n_under_way, room;
	enum err end_err; /* before has_ended */
	enum reason end_reason;
};

enum err roll_new(struct roll **out)
{
	struct roll *roll = calloc(1, sizeof(*roll));

	if (!roll)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&roll->lock, NULL); /* cannot fail with these attributes on Linux */
	*out = roll;
	return ERR_OK;
}

struct roll *roll_free(struct roll *roll)
{
	if (!roll)
		return NULL;
	pthread_mutex_destroy(&roll->lock);
	free(roll);
	return NULL;
}

/* ---- the table; under the lock ---- */

static struct shelf *find_shelf(struct roll *roll, uint64_t key)
{
	struct shelf *shelf = NULL;

	HASH_FIND(hh, roll->shelves, &key, sizeof(key), shelf);
	return shelf;
}

static struct shelf *make_shelf(struct roll *roll, uint64_t key)
{
	struct shelf *shelf = find_shelf(roll, key);

	if (shelf)
		return shelf;
	shelf = calloc(1, sizeof(*shelf));
	if (!shelf)
		return NULL;
	shelf->key = key;
	list_init(&shelf->entries);
	HASH_ADD(hh, roll->shelves, key, sizeof(shelf->key), shelf);
	if (find_shelf(roll, key) != shelf) {
		free(shelf);
		return NULL;
	}
	return shelf;
}

static void take_off(struct roll_entry *entry)
{
	struct shelf *shelf = entry->shelf;

	__atomic_store_n(&entry->takes_requests, false, __ATOMIC_RELEASE);
	if (!shelf)
		return;
	list_remove(&entry->link);
	entry->shelf = NULL;
	if (--shelf->n == 0) {
		HASH_DELETE(hh, entry->roll->shelves, shelf);
		free(shelf);
	}
}

static enum err put(struct roll *roll, uint64_t key, struct roll_entry *entry)
{
	struct shelf *shelf = make_shelf(roll, key);

	if (!shelf)
		return ERR_NO_MEMORY;
	entry->roll = roll;
	entry->n_refs = 1;
	entry->takes_requests = true;
	entry->room = SIZE_MAX;
	entry->shelf = shelf;
	list_append(&shelf->entries, &entry->link);
	shelf->n++;
	return ERR_OK;
}

/* Odd, as keys of accepted ones are even. */
static uint64_t peer_key(const char *peer)
{
	return random_keyed_hash(peer, strlen(peer)) | 1;
}

/* How many were dialled for the same peer. */
static unsigned n_of_peer(const struct roll_entry *entry)
{
	struct list *link, *following;
	unsigned n = 0;

	list_for_each(link, following, &entry->shelf->entries)
		n += strcmp(container_of(link, struct roll_entry, link)->reuse.peer,
			    entry->reuse.peer) == 0;
	return n;
}

/* ---- which one ---- */

/* What there is for a hop. */
struct found {
	unsigned n; /* that count */
	struct roll_entry *best;
};

/* Workers that may dial none are spread over those that may. */
static bool is_better(const struct roll_entry *a, const struct roll_entry *b)
{
	const size_t load_a = roll_load(a), load_b = roll_load(b);

	return load_a < load_b || (load_a == load_b && a->n_users < b->n_users);
}

static void consider(struct found *found, struct roll_entry *entry)
{
	if (!found->best || is_better(entry, found->best))
		found->best = entry;
}

static void look_at_dialled(struct roll *roll, const struct hop *hop, struct found *found)
{
	const struct shelf *shelf = find_shelf(roll, peer_key(hop->peer));
	struct list *link, *following;

	if (!shelf)
		return;
	list_for_each(link, following, &shelf->entries) {
		struct roll_entry *entry = container_of(link, struct roll_entry, link);

		if (strcmp(entry->reuse.peer, hop->peer) != 0)
			continue;
		found->n++;
		if (reuse_fits(&entry->reuse, hop) &&
		    (!entry->is_open || !reuse_is_tls(hop->transport) ||
		     reuse_has_proved_name(entry->identity, hop)))
			consider(found, entry);
	}
}

static void look_at_accepted(struct roll *roll, const struct hop *hop, struct found *found)
{
	const struct shelf *shelf = find_shelf(roll, reuse_accepted_key_of_hop(hop));
	struct list *link, *following;
	unsigned n = 0;

	if (!shelf)
		return;
	list_for_each(link, following, &shelf->entries) {
		struct roll_entry *entry = container_of(link, struct roll_entry, link);

		if (++n > MAX_ACCEPTED_LOOKED_AT)
			break;
		if (!reuse_accepted_fits(&entry->reuse, entry->transport, &entry->local,
					 &entry->remote, entry->identity, hop))
			continue;
		found->n++;
		consider(found, entry);
	}
}

static enum roll_way choose(const struct roll_question *question, const struct found *found)
{
	if (found->n < question->hop->max_connections && question->may_dial)
		return ROLL_DIAL;
	if (found->best && (!question->has_own || roll_load(found->best) < question->own_load))
		return ROLL_JOIN;
	if (question->has_own)
		return ROLL_STAY;
	return question->may_dial ? ROLL_DIAL : ROLL_NONE;
}

static enum err add_dialled(struct roll *roll, const struct roll_question *question,
			    struct roll_entry **out)
{
	struct roll_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return ERR_NO_MEMORY;
	reuse_of_hop(&entry->reuse, question->hop);
	entry->flow_id = question->flow_id;
	entry->transport = question->hop->transport;
	entry->max_connections = question->hop->max_connections;
	if (put(roll, peer_key(question->hop->peer), entry)) {
		free(entry);
		return ERR_NO_MEMORY;
	}
	*out = entry;
	return ERR_OK;
}

static struct roll_entry *join(struct roll_entry *entry)
{
	__atomic_add_fetch(&entry->n_refs, 1, __ATOMIC_RELAXED);
	entry->n_users++;
	return entry;
}

enum err roll_ask(struct roll *roll, const struct roll_question *question,
		  struct roll_entry **out, enum roll_way *out_way)
{
	struct found found = { 0 };
	enum err err = ERR_OK;

	pthread_mutex_lock(&roll->lock);
	look_at_dialled(roll, question->hop, &found);
	look_at_accepted(roll, question->hop, &found);
	*out = NULL;
	*out_way = choose(question, &found);
	if (*out_way == ROLL_DIAL)
		err = add_dialled(roll, question, out);
	else if (*out_way == ROLL_JOIN)
		*out = join(found.best);
	pthread_mutex_unlock(&roll->lock);
	return err;
}

/* ---- the owner's ---- */

enum err roll_add_accepted(struct roll *roll, const struct flow *flow,
			   const char *our_fingerprint, const char *trust_fingerprint,
			   struct roll_entry **out)
{
	struct roll_entry *entry = calloc(1, sizeof(*entry));
	enum err err;

	if (!entry)
		return ERR_NO_MEMORY;
	reuse_of_accepted(&entry->reuse, our_fingerprint, trust_fingerprint);
	entry->flow_id = flow->id;
	entry->transport = flow->transport;
	entry->local = flow->local;
	entry->remote = flow->remote;
	entry->is_open = true;
	entry->identity = flow->identity ? identity_ref(flow->identity) : NULL;
	pthread_mutex_lock(&roll->lock);
	err = put(roll, reuse_accepted_key(flow, &entry->reuse), entry);
	pthread_mutex_unlock(&roll->lock);
	if (err) {
		identity_unref(entry->identity);
		free(entry);
		return err;
	}
	*out = entry;
	return ERR_OK;
}

void roll_opened(struct roll_entry *entry, struct identity *identity)
{
	pthread_mutex_lock(&entry->roll->lock);
	if (!entry->is_open)
		entry->identity = identity ? identity_ref(identity) : NULL;
	entry->is_open = true;
	pthread_mutex_unlock(&entry->roll->lock);
}

void roll_withdraw(struct roll_entry *entry)
{
	pthread_mutex_lock(&entry->roll->lock);
	take_off(entry);
	pthread_mutex_unlock(&entry->roll->lock);
}

bool roll_withdraw_unused(struct roll_entry *entry)
{
	bool is_unused;

	pthread_mutex_lock(&entry->roll->lock);
	is_unused = entry->n_users == 0;
	if (is_unused)
		take_off(entry);
	pthread_mutex_unlock(&entry->roll->lock);
	return is_unused;
}

bool roll_withdraw_surplus(struct roll_entry *entry, unsigned max)
{
	bool is_withdrawn;

	pthread_mutex_lock(&entry->roll->lock);
	if (entry->shelf && !entry->reuse.is_accepted && n_of_peer(entry) > max)
		take_off(entry);
	is_withdrawn = !entry->shelf;
	pthread_mutex_unlock(&entry->roll->lock);
	return is_withdrawn;
}

bool roll_is_beyond(struct roll_entry *entry)
{
	bool is_beyond;

	pthread_mutex_lock(&entry->roll->lock);
	is_beyond = entry->shelf && n_of_peer(entry) > entry->max_connections;
	pthread_mutex_unlock(&entry->roll->lock);
	return is_beyond;
}

static void unref(struct roll_entry *entry)
{
	if (__atomic_sub_fetch(&entry->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	identity_unref(entry->identity);
	free(entry);
}

struct roll_entry *roll_end(struct roll_entry *entry, enum err err, enum reason reason)
{
	if (!entry)
		return NULL;
	entry->end_err = err;
	entry->end_reason = reason;
	__atomic_store_n(&entry->has_ended, true, __ATOMIC_RELEASE);
	roll_withdraw(entry);
	unref(entry);
	return NULL;
}

void roll_note_load(struct roll_entry *entry, size_t n_unsent, bool is_slow, size_t room)
{
	__atomic_store_n(&entry->n_unsent, n_unsent, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->is_slow, is_slow, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->room, room, __ATOMIC_RELAXED);
}

/* ---- whoever uses it ---- */

uint64_t roll_flow_id(const struct roll_entry *entry)
{
	return entry->flow_id;
}

bool roll_takes_requests(const struct roll_entry *entry)
{
	return __atomic_load_n(&entry->takes_requests, __ATOMIC_ACQUIRE);
}

bool roll_is_open(struct roll_entry *entry, struct identity **out_identity)
{
	bool is_open;

	pthread_mutex_lock(&entry->roll->lock);
	is_open = entry->is_open;
	if (is_open && out_identity)
		*out_identity = entry->identity ? identity_ref(entry->identity) : NULL;
	pthread_mutex_unlock(&entry->roll->lock);
	return is_open;
}

bool roll_how_it_ended(const struct roll_entry *entry, enum err *out_err,
		       enum reason *out_reason)
{
	if (!__atomic_load_n(&entry->has_ended, __ATOMIC_ACQUIRE))
		return false;
	*out_err = entry->end_err;
	*out_reason = entry->end_reason;
	return true;
}

void roll_under_way(struct roll_entry *entry, ptrdiff_t n)
{
	__atomic_add_fetch(&entry->n_under_way, (size_t)n, __ATOMIC_RELAXED);
}

size_t roll_under_way_bytes(const struct roll_entry *entry)
{
	return __atomic_load_n(&entry->n_under_way, __ATOMIC_RELAXED);
}

size_t roll_load(const struct roll_entry *entry)
{
	return __atomic_load_n(&entry->n_unsent, __ATOMIC_RELAXED) +
	       roll_under_way_bytes(entry);
}

bool roll_is_slow(const struct roll_entry *entry)
{
	return __atomic_load_n(&entry->is_slow, __ATOMIC_RELAXED);
}

size_t roll_room(const struct roll_entry *entry)
{
	return __atomic_load_n(&entry->room, __ATOMIC_RELAXED);
}

struct roll_entry *roll_left(struct roll_entry *entry)
{
	if (!entry)
		return NULL;
	pthread_mutex_lock(&entry->roll->lock);
	entry->n_users--;
	pthread_mutex_unlock(&entry->roll->lock);
	unref(entry);
	return NULL;
}
