#include "proxy/base/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/store_file.h"
#include "proxy/base/store_queue.h"

enum {
	MAX_WAITING = 200000,
	MAX_WAITING_BYTES = 64 * 1024 * 1024,
	MANY = 1000, /* so many that wait are written at once */
	/* changes in one transaction: in a burst the same pages are written once */
	BATCH = 20000,
	GATHER_MS = 1000, /* how long fewer may wait for company */
	FIRST_REST_MS = 1000,
	LAST_REST_MS = 60 * 1000,
	LAST_WRITES_MS = 4000, /* at the end */
	STOP_MS = 5000,
};

/* Two locks: `lock` is held shortly, for the queue and the state; `file_lock` while the file is
 * used. The second is never taken under the first. */
struct store {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;    /* the writer: there is something to do */
	pthread_cond_t written; /* whoever flushes: a transaction has ended */
	struct store_queue queue;
	struct store_state state;
	uint64_t gathering_since_ms;         /* while something waits */
	uint64_t retry_at_ms, rest_ms;       /* while it does not work */
	uint64_t n_attempts, failed_attempt; /* transactions begun; the last one that failed */
	uint64_t writing_first; /* the first change of the one in progress; UINT64_MAX: none */
	uint64_t flush_up_to,
		flush_attempts; /* these changes at once, unless a later attempt failed */
	uint64_t stop_at_ms;    /* 0: not stopping */

	pthread_mutex_t file_lock;
	struct store_file *file;

	void (*told)(void *user, const struct store_state *state);
	void *user;
};

static uint64_t clock_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

static struct timespec timespec_of(uint64_t at_ms)
{
	return (struct timespec){ .tv_sec = (time_t)(at_ms / 1000),
				  .tv_nsec = (long)(at_ms % 1000) * 1000000 };
}

/* The longest waiting change, written just now or not. */
static uint64_t first_waiting(const struct store *store)
{
	uint64_t queued = store_queue_first(&store->queue);

	return store->writing_first < queued ? store->writing_first : queued;
}

static bool is_flushing(const struct store *store)
{
	return first_waiting(store) <= store->flush_up_to &&
	       store->failed_attempt <= store->flush_attempts;
}

/* When the next transaction is due; UINT64_MAX: there is nothing to write. */
static uint64_t due_ms(const struct store *store)
{
	if (is_flushing(store))
		return 0;
	if (!store->state.is_working)
		return store->retry_at_ms; /* also if nothing waits: does it work again? */
	if (store->queue.n == 0)
		return UINT64_MAX;
	return store->queue.n >= MANY ? 0 : store->gathering_since_ms + GATHER_MS;
}

static bool must_end(const struct store *store)
{
	return store->stop_at_ms && (!is_flushing(store) || now_ms() >= store->stop_at_ms);
}

/* Takes over what the file says of itself; the file lock is held. */
static void look_at_file(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->state.was_replaced = store_file_was_replaced(store->file);
	store->state.n_records = store_file_n_records(store->file);
	snprintf(store->state.fault, sizeof(store->state.fault), "%s",
		 store_file_fault(store->file));
	pthread_mutex_unlock(&store->lock);
}

static enum err write_changes(struct store *store, const struct list *changes)
{
	pthread_mutex_lock(&store->file_lock);
	enum err err = store_file_ready(store->file);
	if (!err && !list_is_empty(changes))
		err = store_file_write(store->file, changes);
	look_at_file(store);
	pthread_mutex_unlock(&store->file_lock);
	return err;
}

static void enter_working(struct store *store, bool is_working)
{
	store->state.is_working = is_working;
	store->state.since_wall_us = clock_us(CLOCK_REALTIME);
}

static void note_success(struct store *store, const struct store_batch *batch)
{
	store_queue_done(&store->queue, batch);
	store->state.n_written += batch->n;
	store->rest_ms = 0;
	enter_working(store, true);
}

static void note_failure(struct store *store, struct store_batch *batch, uint64_t attempt)
{
	store->state.n_dropped += store_queue_put_back(&store->queue, batch);
	store->state.n_failures++;
	store->failed_attempt = attempt;
	store->rest_ms = store->rest_ms ? 2 * store->rest_ms : FIRST_REST_MS;
	if (store->rest_ms > LAST_REST_MS)
		store->rest_ms = LAST_REST_MS;
	store->retry_at_ms = now_ms() + store->rest_ms;
	enter_working(store, false);
}

static void tell(struct store *store)
{
	struct store_state state = store->state;

	if (!store->told)
		return;
	state.n_waiting = store->queue.n;
	pthread_mutex_unlock(&store->lock);
	store->told(store->user, &state);
	pthread_mutex_lock(&store->lock);
}

/* One transaction. The lock is held before and after, not meanwhile. */
static void write_batch(struct store *store)
{
	struct store_batch batch;
	bool was_working = store->state.is_working;
	uint64_t since = store->state.since_wall_us, attempt = ++store->n_attempts;

	store->writing_first = store_queue_first(&store->queue);
	store_queue_take(&store->queue, &batch, BATCH);
	pthread_mutex_unlock(&store->lock);
	enum err err = write_changes(store, &batch.changes);
	pthread_mutex_lock(&store->lock);

	if (err)
		note_failure(store, &batch, attempt);
	else
		note_success(store, &batch);
	store->writing_first = UINT64_MAX;
	store->gathering_since_ms = now_ms(); /* what came meanwhile */
	if (store->state.is_working == was_working)
		store->state.since_wall_us = since;
	else
		tell(store);
	pthread_cond_broadcast(&store->written);
	pthread_mutex_unlock(&store->lock);
	store_batch_free(&batch);
	pthread_mutex_lock(&store->lock);
}

static void *run(void *user)
{
	struct store *store = user;

	pthread_mutex_lock(&store->lock);
	while (!must_end(store)) {
		uint64_t at_ms = due_ms(store);
		if (at_ms == UINT64_MAX) {
			pthread_cond_wait(&store->wake, &store->lock);
		} else if (at_ms > now_ms()) {
			struct timespec at = timespec_of(at_ms);
			pthread_cond_timedwait(&store->wake, &store->lock, &at);
		} else {
			write_batch(store);
		}
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

static struct store *store_free(struct store *store)
{
	store_queue_fini(&store->queue);
	store_file_free(store->file);
	pthread_cond_destroy(&store->written);
	pthread_cond_destroy(&store->wake);
	pthread_mutex_destroy(&store->file_lock);
	pthread_mutex_destroy(&store->lock);
	free(store);
	return NULL;
}

/* Signals are for the main thread. */
static int create_thread(struct store *store)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int number = pthread_create(&store->thread, NULL, run, store);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return number;
}

static void init_locks(struct store *store)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&store->lock, NULL);
	pthread_mutex_init(&store->file_lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &attributes);
	pthread_cond_init(&store->written, &attributes);
	pthread_condattr_destroy(&attributes);
}

enum err store_open(const char *directory,
		    void (*told)(void *user, const struct store_state *state), void *user,
		    struct store **out)
{
	struct store_batch nothing = { 0 };
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return ERR_NO_MEMORY;

	init_locks(store);
	store_queue_init(&store->queue, MAX_WAITING, MAX_WAITING_BYTES);
	store->writing_first = UINT64_MAX;
	store->told = told;
	store->user = user;
	enum err err = store_file_new(directory, &store->file);
	if (err) {
		store_free(store);
		return err;
	}
	list_init(&nothing.changes);
	if (write_changes(store, &nothing.changes))
		note_failure(store, &nothing, ++store->n_attempts);
	else
		enter_working(store, true);

	int number = create_thread(store);
	if (number) {
		store_free(store);
		return err_from_errno(number);
	}
	*out = store;
	return ERR_OK;
}

/* The lock is held. */
static void begin_flush(struct store *store)
{
	store->flush_up_to = store->queue.last_number;
	store->flush_attempts = store->n_attempts;
	pthread_cond_signal(&store->wake);
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	pthread_mutex_lock(&store->lock);
	begin_flush(store);
	store->stop_at_ms = now_ms() + LAST_WRITES_MS;
	pthread_mutex_unlock(&store->lock);

	/* A thread that hangs in the disk keeps what it uses; the process is about to end. */
	struct timespec deadline = timespec_of(clock_us(CLOCK_REALTIME) / 1000 + STOP_MS);
	if (pthread_timedjoin_np(store->thread, NULL, &deadline) == 0)
		return store_free(store);
	pthread_detach(store->thread);
	return NULL;
}

void store_flush(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	begin_flush(store);
	uint64_t up_to = store->flush_up_to, n_attempts = store->flush_attempts;
	while (first_waiting(store) <= up_to && store->failed_attempt <= n_attempts)
		pthread_cond_wait(&store->written, &store->lock);
	pthread_mutex_unlock(&store->lock);
}

struct walk {
	struct store *store;
	const char *kind;
	bool (*fn)(void *user, const char *key, const void *value, size_t len);
	void *user;
};

static void on_record(void *user, const char *key, const void *value, size_t len)
{
	struct walk *walk = user;

	if (!walk->fn(walk->user, key, value, len))
		store_delete(walk->store, walk->kind, key);
}

enum err store_each(struct store *store, const char *kind,
		    bool (*fn)(void *user, const char *key, const void *value, size_t len),
		    void *user)
{
	struct walk walk = { store, kind, fn, user };

	store_flush(store);
	pthread_mutex_lock(&store->file_lock);
	enum err err = store_file_each(store->file, kind, on_record, &walk);
	look_at_file(store);
	pthread_mutex_unlock(&store->file_lock);
	return err;
}

static bool fits(const char *kind, const char *key, size_t len)
{
	return strlen(kind) < STORE_KIND_SIZE && strlen(key) < STORE_KEY_SIZE &&
	       len <= STORE_VALUE_SIZE;
}

static void change_record(struct store *store, const char *kind, const char *key,
			  const void *value, size_t len)
{
	struct store_change *change = NULL;

	if (fits(kind, key, len))
		change = store_change_new(kind, key, value, len);

	pthread_mutex_lock(&store->lock);
	size_t n_before = store->queue.n;
	if (!change || !store_queue_put(&store->queue, change))
		store->state.n_dropped++;
	if (n_before == 0)
		store->gathering_since_ms = now_ms();
	if (n_before == 0 || store->queue.n == MANY)
		pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
}

void store_put(struct store *store, const char *kind, const char *key, const void *value,
	       size_t len)
{
	change_record(store, kind, key, len > 0 ? value : "", len);
}

void store_delete(struct store *store, const char *kind, const char *key)
{
	change_record(store, kind, key, NULL, 0);
}

void store_look(struct store *store, struct store_state *out)
{
	pthread_mutex_lock(&store->lock);
	*out = store->state;
	out->n_waiting = store->queue.n;
	pthread_mutex_unlock(&store->lock);
}
