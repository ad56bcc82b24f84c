/* What must survive a restart: small records under a kind and a key, in an SQLite file. Workers
 * put and delete without waiting; a thread of its own writes, many changes in one transaction.
 * A full or broken disk costs persistence, never service: what could not be written is tried
 * again (after 1 s, doubled to 60 s), bounded, and reported. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum { STORE_KIND_SIZE = 32, STORE_KEY_SIZE = 640, STORE_VALUE_SIZE = 4096 };

struct store;

/* How it is: for status, log and metrics. */
struct store_state {
	bool is_working;        /* the last write succeeded, or none was needed */
	bool was_replaced;      /* the file was damaged: put aside, and begun anew */
	char fault[256];        /* the last fault, "" if there was none */
	uint64_t since_wall_us; /* of is_working */
	uint64_t n_records;     /* in the file, as far as known */
	uint64_t n_waiting;     /* changes not yet written */
	uint64_t n_written;     /* changes */
	uint64_t n_failures;    /* transactions, or attempts to open the file */
	/* changes: too much waited, memory was short, or the record was too large */
	uint64_t n_dropped;
};

/* Opens DIRECTORY/nuncio.db, made with 0600 if it is not there, and starts the writer's thread;
 * blocks on the disk: main thread, before the workers start, and after privileges were dropped.
 * A damaged file, or one of another layout, is renamed to nuncio.db.damaged and a new one
 * begun. While the store is open nobody else can open the file. Fails for want of memory or
 * threads alone: a folder that cannot be written to gives a store that keeps nothing, says so
 * in its state, and tries again. told: called from the writer's thread, without a lock,
 * whenever is_working changes (not by store_open itself); may be NULL. */
enum err store_open(const char *directory,
		    void (*told)(void *user, const struct store_state *state), void *user,
		    struct store **out) MUST_CHECK;

/* Writes what waits, ends the thread. Where that takes longer than 5 s (the disk hangs) it
 * returns without. Nobody may use the store any more. NULL is fine; returns NULL. */
struct store *store_close(struct store *store);

/* Calls fn for each record of a kind, in order of key, with what waited already written.
 * Blocks: main thread, at the start. fn returns false to have it deleted (it makes no sense any
 * more); it may put and delete, but not flush or walk. ERR_IO: the file could not be read, or
 * not to its end; the state says why. */
enum err store_each(struct store *store, const char *kind,
		    bool (*fn)(void *user, const char *key, const void *value, size_t len),
		    void *user) MUST_CHECK;

/* The record will be there after a restart, if the machine lives for another second or two. Any
 * thread; a short lock, never the disk. Where too much waits already (200,000 changes, or 64
 * MB), or a text is longer than above, the change is dropped and counted. */
void store_put(struct store *store, const char *kind, const char *key, const void *value,
	       size_t len);
void store_delete(struct store *store, const char *kind, const char *key);

/* Has all that waits now written at once, whatever failed before, and returns when it is, or
 * could not be: tests, and the end. Blocks. */
void store_flush(struct store *store);

void store_look(struct store *store, struct store_state *out);
