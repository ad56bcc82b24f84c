#include "federation/account.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/random.h"

/* A table of fixed size: strangers can fill it, but not make it grow. The shard and the set of an account follow from a
 * keyed hash of its name, and in a full set the account that was idle longest gives way. An account that has something
 * open (connections, transactions) stays. */
enum { N_SHARDS = 16, N_SETS = 256, N_WAYS = 16 };

enum {
	REFUSALS_BEFORE_SILENCE = 20, /* in REFUSAL_WINDOW_MS: enough for an honest peer to learn of it */
	REFUSAL_WINDOW_MS = 10000,
};

/* A rate with its burst, as the time at which the bucket will be full again. */
struct bucket {
	uint64_t full_at_us;
};

struct account {
	uint64_t key; /* 0: free */
	uint64_t used_ms;
	struct bucket requests, handshakes, auth_failures;
	uint64_t banned_until_ms;
	uint64_t refusals_since_ms;
	uint32_t n_refusals, n_connections, n_transactions;
};

struct shard {
	pthread_mutex_t lock;
	struct account sets[N_SETS][N_WAYS];
};

struct accounts {
	struct shard shards[N_SHARDS];
	pthread_mutex_t limits_lock;
	struct settings_limits limits;
	unsigned n_connections, n_transactions; /* atomic */
};

enum err accounts_new(struct accounts **out)
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));
	size_t i;

	if (!accounts)
		return ERR_NO_MEMORY;
	for (i = 0; i < N_SHARDS; i++)
		pthread_mutex_init(&accounts->shards[i].lock, NULL);
	pthread_mutex_init(&accounts->limits_lock, NULL);
	*out = accounts;
	return ERR_OK;
}

struct accounts *accounts_free(struct accounts *accounts)
{
	size_t i;

	if (!accounts)
		return NULL;
	for (i = 0; i < N_SHARDS; i++)
		pthread_mutex_destroy(&accounts->shards[i].lock);
	pthread_mutex_destroy(&accounts->limits_lock);
	free(accounts);
	return NULL;
}

void accounts_set_limits(struct accounts *accounts, const struct settings_limits *limits)
{
	pthread_mutex_lock(&accounts->limits_lock);
	accounts->limits = *limits;
	pthread_mutex_unlock(&accounts->limits_lock);
}

static struct settings_limits limits_of(struct accounts *accounts)
{
	struct settings_limits limits;

	pthread_mutex_lock(&accounts->limits_lock);
	limits = accounts->limits;
	pthread_mutex_unlock(&accounts->limits_lock);
	return limits;
}

/* ---- finding ---- */

/* One customer of a provider has a whole /64 of IPv6: it is one source. */
static uint64_t source_key(const struct addr *source)
{
	if (addr_is_ipv6(source))
		return random_keyed_hash(&source->in6.sin6_addr, 8) | 1;
	return random_keyed_hash(&source->in4.sin_addr, sizeof(source->in4.sin_addr)) | 1;
}

static uint64_t key_of(const struct addr *source, const char *peer_id)
{
	return *peer_id ? random_keyed_hash(peer_id, strlen(peer_id)) | 1 : source_key(source);
}

static struct shard *lock_shard(struct accounts *accounts, uint64_t key)
{
	struct shard *shard = &accounts->shards[(key >> 8) % N_SHARDS];

	pthread_mutex_lock(&shard->lock);
	return shard;
}

static bool is_held(const struct account *account, uint64_t now_ms)
{
	return account->n_connections || account->n_transactions || account->banned_until_ms > now_ms;
}

/* The account in the locked shard, made if need be. NULL if every place of its set is held. */
static struct account *find(struct shard *shard, uint64_t key, uint64_t now_ms)
{
	struct account *set = shard->sets[(key >> 16) % N_SETS];
	struct account *victim = NULL;
	size_t i;

	for (i = 0; i < N_WAYS; i++) {
		if (set[i].key == key) {
			set[i].used_ms = now_ms;
			return &set[i];
		}
		if (is_held(&set[i], now_ms))
			continue;
		if (!victim || !set[i].key || (victim->key && set[i].used_ms < victim->used_ms))
			victim = &set[i];
	}
	if (!victim)
		return NULL;
	*victim = (struct account){ .key = key, .used_ms = now_ms };
	return victim;
}

/* The account if there is one. */
static struct account *look(struct shard *shard, uint64_t key)
{
	struct account *set = shard->sets[(key >> 16) % N_SETS];
	size_t i;

	for (i = 0; i < N_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

/* ---- rates ---- */

/* Takes one from the bucket; false, with the time until there is one again, if it is empty. A rate of 0 allows nothing. */
static bool take(struct bucket *bucket, struct rate rate, uint64_t now_ms, uint64_t *out_wait_us)
{
	const uint64_t now_us = now_ms * 1000, window_us = rate.per_ms * 1000ULL;
	const uint64_t one_us = rate.count ? window_us / rate.count : window_us;
	uint64_t full_at_us = bucket->full_at_us > now_us ? bucket->full_at_us : now_us;

	if (!rate.count || full_at_us + one_us > now_us + window_us) {
		*out_wait_us = full_at_us + one_us - now_us - window_us;
		return false;
	}
	bucket->full_at_us = full_at_us + one_us;
	return true;
}

static enum account_verdict refuse(struct account *account, uint64_t wait_us, uint64_t now_ms,
				   unsigned *out_retry_after_s)
{
	if (now_ms - account->refusals_since_ms > REFUSAL_WINDOW_MS) {
		account->refusals_since_ms = now_ms;
		account->n_refusals = 0;
	}
	if (++account->n_refusals > REFUSALS_BEFORE_SILENCE)
		return ACCOUNT_SILENT;
	*out_retry_after_s = (unsigned)(wait_us / 1000000) + 1;
	return ACCOUNT_REFUSED;
}

enum account_verdict account_request(struct accounts *accounts, const struct addr *source, const char *peer_id,
				     uint64_t now_ms, unsigned *out_retry_after_s)
{
	const struct settings_limits limits = limits_of(accounts);
	const uint64_t key = key_of(source, peer_id);
	struct shard *shard = lock_shard(accounts, key);
	struct account *account = find(shard, key, now_ms);
	enum account_verdict verdict = ACCOUNT_WELCOME;
	uint64_t wait_us = 0;

	if (!account)
		verdict = ACCOUNT_SILENT; /* the table is full of those who hold something: a flood */
	else if (!take(&account->requests, limits.requests, now_ms, &wait_us))
		verdict = refuse(account, wait_us, now_ms, out_retry_after_s);
	pthread_mutex_unlock(&shard->lock);
	return verdict;
}

/* ---- connections ---- */

static enum reason check_connection(struct account *account, const struct settings_limits *limits, bool is_tls,
				    uint64_t now_ms)
{
	uint64_t ignored;

	if (!account)
		return REASON_TOO_MANY_CONNECTIONS;
	if (account->banned_until_ms > now_ms)
		return REASON_BANNED;
	if (account->n_connections >= limits->connections_per_source)
		return REASON_TOO_MANY_CONNECTIONS;
	if (is_tls && !take(&account->handshakes, limits->handshakes, now_ms, &ignored))
		return REASON_TOO_MANY_HANDSHAKES;
	account->n_connections++;
	return REASON_NONE;
}

enum reason account_connection(struct accounts *accounts, const struct addr *source, bool is_tls, uint64_t now_ms)
{
	const struct settings_limits limits = limits_of(accounts);
	const uint64_t key = source_key(source);
	struct shard *shard;
	enum reason reason;

	if (__atomic_add_fetch(&accounts->n_connections, 1, __ATOMIC_RELAXED) > limits.connections) {
		__atomic_sub_fetch(&accounts->n_connections, 1, __ATOMIC_RELAXED);
		return REASON_TOO_MANY_CONNECTIONS;
	}
	shard = lock_shard(accounts, key);
	reason = check_connection(find(shard, key, now_ms), &limits, is_tls, now_ms);
	pthread_mutex_unlock(&shard->lock);
	if (reason)
		__atomic_sub_fetch(&accounts->n_connections, 1, __ATOMIC_RELAXED);
	return reason;
}

void account_connection_ended(struct accounts *accounts, const struct addr *source)
{
	const uint64_t key = source_key(source);
	struct shard *shard = lock_shard(accounts, key);
	struct account *account = look(shard, key);

	if (account && account->n_connections) {
		account->n_connections--;
		__atomic_sub_fetch(&accounts->n_connections, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&shard->lock);
}

/* ---- transactions ---- */

/* One partner may have half of all, so that another still gets through; our own servers are bound by the total alone. */
static unsigned transactions_for(const struct settings_limits *limits, const char *peer_id)
{
	if (!strncmp(peer_id, "backend:", 8))
		return limits->transactions;
	return *peer_id ? limits->transactions / 2 + 1 : limits->transactions / 10 + 1;
}

enum reason account_transaction(struct accounts *accounts, const struct addr *source, const char *peer_id)
{
	const struct settings_limits limits = limits_of(accounts);
	const uint64_t key = key_of(source, peer_id);
	enum reason reason = REASON_TOO_MANY_TRANSACTIONS;
	struct account *account;
	struct shard *shard;

	if (__atomic_add_fetch(&accounts->n_transactions, 1, __ATOMIC_RELAXED) > limits.transactions) {
		__atomic_sub_fetch(&accounts->n_transactions, 1, __ATOMIC_RELAXED);
		return reason;
	}
	shard = lock_shard(accounts, key);
	account = look(shard, key);
	if (!account)
		account = find(shard, key, 0);
	if (account && account->n_transactions < transactions_for(&limits, peer_id)) {
		account->n_transactions++;
		reason = REASON_NONE;
	}
	pthread_mutex_unlock(&shard->lock);
	if (reason)
		__atomic_sub_fetch(&accounts->n_transactions, 1, __ATOMIC_RELAXED);
	return reason;
}

void account_transaction_ended(struct accounts *accounts, const struct addr *source, const char *peer_id)
{
	const uint64_t key = key_of(source, peer_id);
	struct shard *shard = lock_shard(accounts, key);
	struct account *account = look(shard, key);

	if (account && account->n_transactions) {
		account->n_transactions--;
		__atomic_sub_fetch(&accounts->n_transactions, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&shard->lock);
}

/* ---- bans ---- */

bool account_auth_failure(struct accounts *accounts, const struct addr *source, uint64_t now_ms)
{
	const struct settings_limits limits = limits_of(accounts);
	const uint64_t key = source_key(source);
	struct shard *shard = lock_shard(accounts, key);
	struct account *account = find(shard, key, now_ms);
	uint64_t ignored;

	if (account && !take(&account->auth_failures, limits.auth_failures, now_ms, &ignored))
		account->banned_until_ms = now_ms + limits.ban_ms;
	bool is_banned = account && account->banned_until_ms > now_ms;
	pthread_mutex_unlock(&shard->lock);
	return is_banned;
}

bool account_is_banned(struct accounts *accounts, const struct addr *source, uint64_t now_ms)
{
	const uint64_t key = source_key(source);
	struct shard *shard = lock_shard(accounts, key);
	const struct account *account = look(shard, key);
	bool is_banned = account && account->banned_until_ms > now_ms;

	pthread_mutex_unlock(&shard->lock);
	return is_banned;
}

unsigned accounts_n_banned(struct accounts *accounts, uint64_t now_ms)
{
	unsigned n = 0;
	size_t i, set, way;

	for (i = 0; i < N_SHARDS; i++) {
		struct shard *shard = &accounts->shards[i];

		pthread_mutex_lock(&shard->lock);
		for (set = 0; set < N_SETS; set++)
			for (way = 0; way < N_WAYS; way++)
				n += shard->sets[set][way].banned_until_ms > now_ms;
		pthread_mutex_unlock(&shard->lock);
	}
	return n;
}
