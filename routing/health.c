#include "routing/health.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/list.h"
#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum {
	N_SHARDS = 16,
	MAX_EACH_SHARD =
		512, /* a partner chooses names and addresses for requests inside dialogs */
	FIRST_RETRY_MS = 2000,
	LAST_RETRY_MS = 60 * 1000,
	TRY_MS = 32 * 1000, /* how long the one request may take that tries a dead server */
	MAX_REST_MS = 10 * 60 * 1000, /* what a Retry-After can ask for */
	UNUSED_MS = 15 * 60 * 1000,   /* by then no request holds it any more */
};

/* Hashed as it is, up to the end of peer. */
struct key {
	uint8_t host[16];
	uint32_t scope;
	uint16_t family, port;
	uint32_t transport;
	char peer[256];
};

struct health {
	UT_hash_handle hh;
	struct list link; /* shard.by_use */
	struct shard *shard;
	struct key key;
	struct health_view view;
	uint64_t retry_ms; /* how long it rests after the next failure of a try */
	uint64_t used_ms;
};

struct shard {
	pthread_mutex_t lock;
	struct health *table;
	struct list by_use; /* the one that is unused for longest first */
	uint64_t now_ms;    /* the latest time that was told */
};

struct health_table {
	struct shard shards[N_SHARDS];
};

enum err health_table_new(struct health_table **out)
{
	struct health_table *table = calloc(1, sizeof(*table));
	if (!table)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < N_SHARDS; i++) {
		pthread_mutex_init(&table->shards[i].lock, NULL);
		list_init(&table->shards[i].by_use);
	}
	*out = table;
	return ERR_OK;
}

struct health_table *health_table_free(struct health_table *table)
{
	struct health *health, *next;

	if (!table)
		return NULL;
	for (size_t i = 0; i < N_SHARDS; i++) {
		HASH_ITER(hh, table->shards[i].table, health, next)
		{
			HASH_DEL(table->shards[i].table, health);
			free(health);
		}
		pthread_mutex_destroy(&table->shards[i].lock);
	}
	free(table);
	return NULL;
}

static void fill_key(struct key *key, const char *peer, const struct addr *addr,
		     enum conf_transport transport)
{
	memset(key, 0, offsetof(struct key, peer));
	text_copy(key->peer, sizeof(key->peer), peer);
	key->family = addr->sa.sa_family;
	key->port = addr_port(addr);
	key->transport = transport;
	if (addr_is_ipv6(addr)) {
		memcpy(key->host, &addr->in6.sin6_addr, 16);
		key->scope = addr->in6.sin6_scope_id;
	} else {
		memcpy(key->host, &addr->in4.sin_addr, 4);
	}
}

static size_t key_size(const struct key *key)
{
	return offsetof(struct key, peer) + strlen(key->peer) + 1;
}

static struct health *find(const struct shard *shard, const struct key *key, unsigned hash)
{
	struct health *health;

	HASH_FIND_BYHASHVALUE(hh, shard->table, key, key_size(key), hash, health);
	return health;
}

/* Memory for one more: new, or that of the one which is unused for longest. Records are never
 * freed, as a request may hold one; whoever holds one for so long that it became another's
 * writes down one wrong outcome, no more. */
static struct health *take_record(struct shard *shard)
{
	if (HASH_COUNT(shard->table) < MAX_EACH_SHARD)
		return calloc(1, sizeof(struct health));

	struct health *oldest = container_of(shard->by_use.next, struct health, link);
	if (shard->now_ms < oldest->used_ms + UNUSED_MS)
		return NULL;
	list_remove(&oldest->link);
	HASH_DEL(shard->table, oldest);
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

static struct health *make(struct shard *shard, const struct key *key, unsigned hash,
			   const struct addr *addr)
{
	struct health *health = take_record(shard);
	if (!health)
		return NULL;

	health->shard = shard;
	memcpy(&health->key, key, key_size(key));
	health->view.addr = *addr;
	health->view.transport = (enum conf_transport)key->transport;
	text_copy(health->view.peer, sizeof(health->view.peer), key->peer);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, shard->table, &health->key, key_size(key), hash,
				    health);
	if (!find(shard, key, hash)) {
		free(health);
		return NULL;
	}
	list_append(&shard->by_use, &health->link);
	return health;
}

struct health *health_of(struct health_table *table, const char *peer, const struct addr *addr,
			 enum conf_transport transport)
{
	struct key key;

	fill_key(&key, peer, addr, transport);
	uint64_t hash = random_keyed_hash(&key, key_size(&key));
	struct shard *shard = &table->shards[hash >> 60];
	pthread_mutex_lock(&shard->lock);
	struct health *health = find(shard, &key, (unsigned)hash);
	if (!health)
		health = make(shard, &key, (unsigned)hash, addr);
	if (health) {
		health->used_ms = shard->now_ms;
		list_remove(&health->link);
		list_append(&shard->by_use, &health->link);
	}
	pthread_mutex_unlock(&shard->lock);
	return health;
}

/* Each caller that knows the time tells it: health_of does not. */
static void lock(struct health *health, uint64_t now_ms)
{
	pthread_mutex_lock(&health->shard->lock);
	if (now_ms > health->shard->now_ms)
		health->shard->now_ms = now_ms;
}

static void unlock(struct health *health)
{
	pthread_mutex_unlock(&health->shard->lock);
}

static void enter(struct health *health, enum health_state state, uint64_t now_ms)
{
	if (health->view.state == state)
		return;
	health->view.state = state;
	health->view.since_ms = now_ms;
}

/* True while DOWN or TRYING and it is not yet time for (another) one to try. */
static bool must_wait(const struct health *health, uint64_t now_ms)
{
	switch (health->view.state) {
	case HEALTH_UNKNOWN:
	case HEALTH_UP:
		return false;
	case HEALTH_DOWN:
	case HEALTH_TRYING:
		return now_ms < health->view.retry_at_ms;
	}
	return false;
}

bool health_may_try(struct health *health, uint64_t now_ms)
{
	if (!health)
		return true;
	struct health_view *view = &health->view;

	lock(health, now_ms);
	if (view->retry_at_ms > now_ms + MAX_REST_MS)
		view->retry_at_ms = now_ms + MAX_REST_MS;
	bool may_try = !must_wait(health, now_ms);
	if (may_try && (view->state == HEALTH_DOWN || view->state == HEALTH_TRYING)) {
		enter(health, HEALTH_TRYING, now_ms);
		view->retry_at_ms = now_ms + TRY_MS; /* should the one never report */
	}
	unlock(health);
	return may_try;
}

bool health_is_down(struct health *health, uint64_t now_ms)
{
	if (!health)
		return false;
	lock(health, now_ms);
	bool is_down = must_wait(health, now_ms);
	unlock(health);
	return is_down;
}

void health_succeeded(struct health *health, uint64_t now_ms)
{
	if (!health)
		return;
	lock(health, now_ms);
	enter(health, HEALTH_UP, now_ms);
	health->view.last_success_ms = now_ms;
	health->view.n_successes++;
	health->view.n_failures_in_a_row = 0;
	health->view.retry_at_ms = 0;
	health->retry_ms = FIRST_RETRY_MS;
	unlock(health);
}

void health_failed(struct health *health, enum reason reason, uint64_t now_ms)
{
	if (!health)
		return;
	struct health_view *view = &health->view;

	lock(health, now_ms);
	view->last_reason = reason;
	view->last_failure_ms = now_ms;
	view->n_failures++;
	view->n_failures_in_a_row++;
	/* A connection that stood and is gone tells of a restart, or of somebody on the way:
	 * whether the server is there the next connect finds out, and no request need wait for
	 * that. */
	if (reason == REASON_CONNECTION_LOST &&
	    (view->state == HEALTH_UP || view->state == HEALTH_UNKNOWN)) {
		unlock(health);
		return;
	}
	/* A burst that fails as one is one failure: only a try that failed makes the next rest
	 * longer. */
	if (view->state != HEALTH_DOWN) {
		if (view->state == HEALTH_TRYING)
			health->retry_ms = 2 * health->retry_ms < LAST_RETRY_MS
						   ? 2 * health->retry_ms
						   : LAST_RETRY_MS;
		else
			health->retry_ms = FIRST_RETRY_MS;
		view->retry_at_ms = now_ms + health->retry_ms;
		enter(health, HEALTH_DOWN, now_ms);
	}
	unlock(health);
}

void health_rest(struct health *health, uint64_t until_ms, enum reason reason)
{
	if (!health)
		return;
	struct health_view *view = &health->view;

	lock(health, 0);
	uint64_t now_ms = health->shard->now_ms;
	view->last_reason = reason;
	if (until_ms > now_ms) {
		if (view->state != HEALTH_DOWN)
			health->retry_ms = FIRST_RETRY_MS;
		enter(health, HEALTH_DOWN, now_ms);
		view->retry_at_ms = until_ms;
	}
	unlock(health);
}

void health_look(struct health *health, struct health_view *out)
{
	if (!health) {
		*out = (struct health_view){ .state = HEALTH_UNKNOWN };
		return;
	}
	lock(health, 0);
	*out = health->view;
	unlock(health);
}

static int compare(const void *left, const void *right)
{
	const struct health_view *a = left, *b = right;
	char a_text[ADDR_TEXT_SIZE], b_text[ADDR_TEXT_SIZE];
	int order = strcmp(a->peer, b->peer);

	if (order == 0)
		order = strcmp(addr_host(&a->addr, a_text), addr_host(&b->addr, b_text));
	if (order == 0)
		order = (int)addr_port(&a->addr) - (int)addr_port(&b->addr);
	return order ? order : (int)a->transport - (int)b->transport;
}

/* Copies the records of a shard behind the first n; how many there are then. */
static size_t copy_shard(struct shard *shard, struct health_view *views, size_t n, size_t max)
{
	struct health *health, *next;

	pthread_mutex_lock(&shard->lock);
	HASH_ITER(hh, shard->table, health, next)
	if (n < max)
		views[n++] = health->view;
	pthread_mutex_unlock(&shard->lock);
	return n;
}

void health_each(struct health_table *table,
		 void (*fn)(const struct health_view *view, void *user), void *user)
{
	size_t n = 0, max = 0;

	for (size_t i = 0; i < N_SHARDS; i++) {
		pthread_mutex_lock(&table->shards[i].lock);
		max += HASH_COUNT(table->shards[i].table);
		pthread_mutex_unlock(&table->shards[i].lock);
	}
	struct health_view *views = calloc(max + 1, sizeof(*views));
	if (!views)
		return;
	for (size_t i = 0; i < N_SHARDS; i++)
		n = copy_shard(&table->shards[i], views, n, max);
	qsort(views, n, sizeof(*views), compare);
	for (size_t i = 0; i < n; i++)
		fn(&views[i], user);
	free(views);
}
