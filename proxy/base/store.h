/* What must survive a restart: small records under a kind and a key, in an SQLite file. Workers put and delete without waiting;
 * a thread of its own writes, many changes in one transaction. A full or broken disk costs persistence, never service: what
 * could not be written is tried again, bounded, and reported. Only here SQLite is included. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum { STORE_KIND_SIZE = 32, STORE_KEY_SIZE = 640, STORE_VALUE_SIZE = 4096 };

struct store;

/* How it is: for status, log and metrics. */
struct store_state {
	bool is_working;	  /* the last write succeeded, or none was needed */
	bool was_replaced;	  /* the file was damaged at the start: put aside, and begun anew */
	char fault[256];	  /* the last fault, "" if there was none */
	uint64_t since_wall_us;	  /* of is_working */
	uint64_t n_records;	  /* in the file, as far as known */
	uint64_t n_waiting;	  /* changes not yet written */
	uint64_t n_written, n_failures, n_dropped;
};

/* Opens DIRECTORY/nuncio.db, made with 0600 if it is not there; blocks on the disk: main thread, before the workers start. A damaged
 * file is renamed to nuncio.db.damaged and a new one begun. Fails only for want of memory: a folder that cannot be written to gives a
 * store that keeps nothing, and says so in its state. told: called from the writer's thread whenever is_working changes; may be NULL. */
enum err store_open(const char *directory, void (*told)(void *user, const struct store_state *state), void *user,
		    struct store **out) MUST_CHECK;

/* Writes what waits (bounded by 5 s), ends the thread. NULL is fine; returns NULL. */
struct store *store_close(struct store *store);

/* Calls fn for each record of a kind, in order of key. Blocks: main thread, at the start. fn returns false to have it deleted (it makes
 * no sense any more). */
enum err store_each(struct store *store, const char *kind,
		    bool (*fn)(void *user, const char *key, const void *value, size_t len), void *user) MUST_CHECK;

/* The record will be there after a restart, if the machine lives for another second. Any thread; a short lock, never the disk. Where too
 * much waits already, the change is dropped and counted. */
void store_put(struct store *store, const char *kind, const char *key, const void *value, size_t len);
void store_delete(struct store *store, const char *kind, const char *key);

/* Waits until all that waited when it was called is written, or could not be: tests, and the end. */
void store_flush(struct store *store);

void store_look(struct store *store, struct store_state *out);
