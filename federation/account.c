#include "federation/account.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "federation/bucket.h"
#include "proxy/base/list.h"
#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum {
	N_SHARDS = 16,
	MAX_EACH_SHARD = 4096,
	MAX_LOOKED_AT = 16,  /* when one must give way */
	STRANGER_SHARE = 10, /* of limits.transactions a stranger gets a tenth, */
	PARTNER_SHARE = 2,   /* and a partner a half */
};

/* How often somebody over his limit is told so, before we fall silent. */
static const struct rate refusals_rate = { .count = 20, .per_ms = 10000 };

struct key {
	unsigned char bytes[16]; /* an address's prefix, or hashes of an id */
	uint64_t kind;           /* AF_INET, AF_INET6, 0: an id */
	uint64_t hash;           /* keyed, of the above; of an id: its own */
};

struct account {
	UT_hash_handle hh;
	struct list link; /* shard.by_use */
	struct key key;
	struct bucket requests, refusals, handshakes, auth_failures;
	uint64_t banned_until_ms;
	unsigned n_connections, n_transactions;
	uint64_t second; /* of now_ms: that of its last request, */
	/* how many there were in it, and in the one before */
	unsigned n_requests, n_requests_before;
};

enum { N_SECONDS = 4, MAX_FULLNESS = 4, MIN_MEASURED = 32 };

/* What came in one second. */
struct second {
	_Atomic uint64_t number;
	_Atomic unsigned n_requests, n_senders;
};

struct shard {
	pthread_mutex_t lock;
	struct account *table;
	struct list by_use; /* the one unused for longest first */
	struct settings_limits limits;
	struct account overflow; /* shared by all for whom there is no room */
};

struct accounts {
	struct shard shards[N_SHARDS];
	_Atomic uint64_t last_ban_ends_ms; /* spares the lock while nobody is banned */
	_Atomic unsigned n_connections, n_transactions, max_transactions;
	struct second seconds[N_SECONDS]; /* by number */
};

enum err accounts_new(struct accounts **out)
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));
	if (!accounts)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < N_SHARDS; i++) {
		pthread_mutex_init(&accounts->shards[i].lock, NULL);
		list_init(&accounts->shards[i].by_use);
	}
	*out = accounts;
	return ERR_OK;
}

struct accounts *accounts_free(struct accounts *accounts)
{
	struct account *account, *next;

	if (!accounts)
		return NULL;
	for (size_t i = 0; i < N_SHARDS; i++) {
		HASH_ITER(hh, accounts->shards[i].table, account, next)
		{
			HASH_DEL(accounts->shards[i].table, account);
			free(account);
		}
		pthread_mutex_destroy(&accounts->shards[i].lock);
	}
	free(accounts);
	return NULL;
}

void accounts_set_limits(struct accounts *accounts, const struct settings_limits *limits)
{
	atomic_store_explicit(&accounts->max_transactions, limits->transactions,
			      memory_order_relaxed);
	for (size_t i = 0; i < N_SHARDS; i++) {
		pthread_mutex_lock(&accounts->shards[i].lock);
		accounts->shards[i].limits = *limits;
		pthread_mutex_unlock(&accounts->shards[i].lock);
	}
}

/* A house behind IPv6 has a /64, so its host parts are all the same source. */
static void key_of_source(const struct addr *source, struct key *key)
{
	memset(key, 0, sizeof(*key));
	key->kind = source->sa.sa_family;
	if (addr_is_ipv6(source))
		memcpy(key->bytes, &source->in6.sin6_addr, 8);
	else
		memcpy(key->bytes, &source->in4.sin_addr, 4);
	key->hash = random_keyed_hash(key, offsetof(struct key, hash));
}

static void key_of(const struct addr *source, const char *peer_id, struct key *key)
{
	size_t len = strlen(peer_id);

	if (len == 0) {
		key_of_source(source, key);
		return;
	}
	/* The key of the hash is secret, so nobody can choose a name that falls on
	 * another's. */
	const uint64_t words[] = { random_keyed_hash(peer_id, len), len };

	memcpy(key->bytes, words, sizeof(words));
	key->kind = 0;
	key->hash = words[0];
}

static struct account *find(const struct shard *shard, const struct key *key)
{
	struct account *account;

	HASH_FIND_BYHASHVALUE(hh, shard->table, key, sizeof(*key), (unsigned)key->hash,
			      account);
	return account;
}

/* One that is unused for long and owes nothing; NULL if none is near. */
static struct account *find_idle(struct shard *shard, uint64_t now_ms)
{
	unsigned n = 0;

	for (struct list *link = shard->by_use.next;
	     link != &shard->by_use && n < MAX_LOOKED_AT; link = link->next, n++) {
		struct account *account = container_of(link, struct account, link);
		if (account->n_connections == 0 && account->n_transactions == 0 &&
		    account->banned_until_ms <= now_ms)
			return account;
	}
	return NULL;
}

static struct account *make(struct shard *shard, const struct key *key, uint64_t now_ms)
{
	struct account *account;

	if (HASH_COUNT(shard->table) < MAX_EACH_SHARD) {
		account = malloc(sizeof(*account));
	} else {
		account = find_idle(shard, now_ms);
		if (account) {
			list_remove(&account->link);
			HASH_DEL(shard->table, account);
		}
	}
	if (!account)
		return NULL;
	memset(account, 0, sizeof(*account));
	account->key = *key;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, shard->table, &account->key, sizeof(account->key),
				    (unsigned)key->hash, account);
	if (!find(shard, key)) {
		free(account);
		return NULL;
	}
	list_init(&account->link);
	return account;
}

static struct shard *shard_of(struct accounts *accounts, const struct key *key)
{
	return &accounts->shards[key->hash >> 60];
}

/* The account to charge, with its shard locked; there always is one. */
static struct account *take_account(struct shard *shard, const struct key *key, uint64_t now_ms)
{
	pthread_mutex_lock(&shard->lock);
	struct account *account = find(shard, key);
	if (!account)
		account = make(shard, key, now_ms);
	if (!account)
		return &shard->overflow;
	list_remove(&account->link);
	list_append(&shard->by_use, &account->link);
	return account;
}

static void give_back(struct shard *shard)
{
	pthread_mutex_unlock(&shard->lock);
}

/* ---- who sends how much ---- */

/* Whoever comes first in a second clears what stood there four seconds ago; a request that is
 * counted meanwhile may get lost, which is no matter. */
static struct second *second_at(struct accounts *accounts, uint64_t number)
{
	struct second *second = &accounts->seconds[number % N_SECONDS];
	uint64_t found = atomic_load_explicit(&second->number, memory_order_relaxed);

	if (found < number && atomic_compare_exchange_strong(&second->number, &found, number)) {
		atomic_store_explicit(&second->n_requests, 0, memory_order_relaxed);
		atomic_store_explicit(&second->n_senders, 0, memory_order_relaxed);
	}
	return second;
}

/* Its own numbers, as of that second. */
static void turn_second(struct account *account, uint64_t number)
{
	if (account->second == number)
		return;
	account->n_requests_before = account->second + 1 == number ? account->n_requests : 0;
	account->n_requests = 0;
	account->second = number;
}

static void count_request(struct accounts *accounts, struct account *account, uint64_t now_ms)
{
	struct second *second = second_at(accounts, now_ms / 1000);

	turn_second(account, now_ms / 1000);
	if (account->n_requests++ == 0)
		atomic_fetch_add_explicit(&second->n_senders, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&second->n_requests, 1, memory_order_relaxed);
}

bool account_is_heavy(struct accounts *accounts, const struct addr *source, const char *peer_id,
		      uint64_t now_ms)
{
	const uint64_t number = now_ms / 1000;
	uint64_t n_own = 0, n_all, n_senders;
	struct key key;

	if (number == 0)
		return false;
	key_of(source, peer_id, &key);
	struct shard *shard = shard_of(accounts, &key);
	pthread_mutex_lock(&shard->lock);
	struct account *account = find(shard, &key);
	if (account) {
		turn_second(account, number);
		n_own = account->n_requests_before;
	}
	pthread_mutex_unlock(&shard->lock);

	const struct second *before = second_at(accounts, number - 1);
	n_all = atomic_load_explicit(&before->n_requests, memory_order_relaxed);
	n_senders = atomic_load_explicit(&before->n_senders, memory_order_relaxed);
	return 2 * n_own > n_all || n_own * n_senders > 2 * n_all;
}

unsigned accounts_fullness(const struct accounts *accounts)
{
	const uint64_t max = atomic_load_explicit(&accounts->max_transactions,
						  memory_order_relaxed),
		       n = atomic_load_explicit(&accounts->n_transactions,
						memory_order_relaxed);
	unsigned step = 0;

	/* 3/4, 7/8, 15/16, 31/32; in a handful nothing is held back. */
	while (max >= MIN_MEASURED && step < MAX_FULLNESS &&
	       (max - (n < max ? n : max)) << (step + 2) <= max)
		step++;
	return step;
}

enum account_verdict account_request(struct accounts *accounts, const struct addr *source,
				     const char *peer_id, uint64_t now_ms,
				     unsigned *out_retry_after_s)
{
	enum account_verdict verdict = ACCOUNT_WELCOME;
	struct key key;

	if (account_is_banned(accounts, source, now_ms))
		return ACCOUNT_SILENT;
	key_of(source, peer_id, &key);
	struct shard *shard = shard_of(accounts, &key);
	struct account *account = take_account(shard, &key, now_ms);
	count_request(accounts, account, now_ms);
	if (!bucket_take(&account->requests, &shard->limits.requests, now_ms)) {
		*out_retry_after_s = bucket_wait_s(&account->requests, &shard->limits.requests);
		verdict = bucket_take(&account->refusals, &refusals_rate, now_ms)
				  ? ACCOUNT_REFUSED
				  : ACCOUNT_SILENT;
	}
	give_back(shard);
	return verdict;
}

/* Counts one more, up to limit (0: no bound). */
static bool count_up(_Atomic unsigned *counter, unsigned limit)
{
	unsigned n = atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);

	if (limit == 0 || n < limit)
		return true;
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
	return false;
}

static void count_down(_Atomic unsigned *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

static bool is_at(unsigned n, unsigned limit)
{
	return limit > 0 && n >= limit;
}

enum reason account_connection(struct accounts *accounts, const struct addr *source,
			       bool is_tls, uint64_t now_ms)
{
	enum reason reason = REASON_NONE;
	struct key key;

	if (account_is_banned(accounts, source, now_ms))
		return REASON_BANNED;
	key_of_source(source, &key);
	struct shard *shard = shard_of(accounts, &key);
	struct account *account = take_account(shard, &key, now_ms);
	if (is_at(account->n_connections, shard->limits.connections_per_source))
		reason = REASON_TOO_MANY_CONNECTIONS;
	else if (is_tls &&
		 !bucket_take(&account->handshakes, &shard->limits.handshakes, now_ms))
		reason = REASON_TOO_MANY_HANDSHAKES;
	else if (!count_up(&accounts->n_connections, shard->limits.connections))
		reason = REASON_TOO_MANY_CONNECTIONS;
	else
		account->n_connections++;
	give_back(shard);
	return reason;
}

/* One thing less on the account that it was charged to: its own, which stays while it has any,
 * else the shared one. */
static void end_one(struct accounts *accounts, const struct key *key, size_t member,
		    _Atomic unsigned *total)
{
	struct shard *shard = shard_of(accounts, key);
	bool has_ended = false;

	pthread_mutex_lock(&shard->lock);
	struct account *charged[] = { find(shard, key), &shard->overflow };
	for (size_t i = 0; i < COUNT(charged) && !has_ended; i++) {
		unsigned *n =
			charged[i] ? (unsigned *)(void *)((char *)charged[i] + member) : NULL;
		has_ended = n && *n > 0;
		if (has_ended)
			--*n;
	}
	pthread_mutex_unlock(&shard->lock);
	if (has_ended)
		count_down(total);
}

void account_connection_ended(struct accounts *accounts, const struct addr *source)
{
	struct key key;

	key_of_source(source, &key);
	end_one(accounts, &key, offsetof(struct account, n_connections),
		&accounts->n_connections);
}

/* How many of all transactions one may hold; 0: as many as there are. */
static unsigned transaction_share(const char *peer_id, unsigned limit)
{
	unsigned share = limit;

	if (peer_id[0] == '\0')
		share = limit / STRANGER_SHARE;
	else if (text_starts_with(peer_id, "partner:"))
		share = limit / PARTNER_SHARE;
	return limit > 0 && share == 0 ? 1 : share;
}

enum reason account_transaction(struct accounts *accounts, const struct addr *source,
				const char *peer_id)
{
	enum reason reason = REASON_NONE;
	struct key key;

	key_of(source, peer_id, &key);
	struct shard *shard = shard_of(accounts, &key);
	/* Without the time nobody banned gives way, which errs on the safe side. */
	struct account *account = take_account(shard, &key, 0);
	if (is_at(account->n_transactions,
		  transaction_share(peer_id, shard->limits.transactions)) ||
	    !count_up(&accounts->n_transactions, shard->limits.transactions))
		reason = REASON_TOO_MANY_TRANSACTIONS;
	else
		account->n_transactions++;
	give_back(shard);
	return reason;
}

void account_transaction_ended(struct accounts *accounts, const struct addr *source,
			       const char *peer_id)
{
	struct key key;

	key_of(source, peer_id, &key);
	end_one(accounts, &key, offsetof(struct account, n_transactions),
		&accounts->n_transactions);
}

static void remember_ban(struct accounts *accounts, uint64_t until_ms)
{
	uint64_t last_ms =
		atomic_load_explicit(&accounts->last_ban_ends_ms, memory_order_relaxed);

	while (last_ms < until_ms &&
	       !atomic_compare_exchange_weak(&accounts->last_ban_ends_ms, &last_ms, until_ms))
		;
}

bool account_auth_failure(struct accounts *accounts, const struct addr *source, uint64_t now_ms)
{
	struct key key;

	key_of_source(source, &key);
	struct shard *shard = shard_of(accounts, &key);
	struct account *account = take_account(shard, &key, now_ms);
	bool has_own = account != &shard->overflow; /* nobody is banned for what others did */
	if (has_own && account->banned_until_ms <= now_ms &&
	    !bucket_take(&account->auth_failures, &shard->limits.auth_failures, now_ms)) {
		account->banned_until_ms = now_ms + shard->limits.ban_ms;
		remember_ban(accounts, account->banned_until_ms);
	}
	bool is_banned = has_own && account->banned_until_ms > now_ms;
	give_back(shard);
	return is_banned;
}

bool account_is_banned(struct accounts *accounts, const struct addr *source, uint64_t now_ms)
{
	struct key key;

	if (now_ms >= atomic_load_explicit(&accounts->last_ban_ends_ms, memory_order_relaxed))
		return false;
	key_of_source(source, &key);
	struct shard *shard = shard_of(accounts, &key);
	pthread_mutex_lock(&shard->lock);
	const struct account *account = find(shard, &key);
	bool is_banned = account && account->banned_until_ms > now_ms;
	pthread_mutex_unlock(&shard->lock);
	return is_banned;
}

unsigned accounts_n_banned(struct accounts *accounts, uint64_t now_ms)
{
	unsigned n = 0;

	if (now_ms >= atomic_load_explicit(&accounts->last_ban_ends_ms, memory_order_relaxed))
		return 0;
	for (size_t i = 0; i < N_SHARDS; i++) {
		struct shard *shard = &accounts->shards[i];
		pthread_mutex_lock(&shard->lock);
		for (struct list *link = shard->by_use.next; link != &shard->by_use;
		     link = link->next)
			n += container_of(link, struct account, link)->banned_until_ms > now_ms;
		pthread_mutex_unlock(&shard->lock);
	}
	return n;
}
