/* The SQLite file under the store: one table of records. The only door to SQLite. For store.c
 * alone, which lets one thread in at a time; every call blocks on the disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/list.h"

struct store_file;

/* Touches no disk yet. ERR_NO_MEMORY. */
enum err store_file_new(const char *directory, struct store_file **out) MUST_CHECK;
struct store_file *store_file_free(
	struct store_file *file); /* closes; NULL is fine; returns NULL */

/* Makes it ready to be written to: opens it where it is not open, or where the last call
 * failed. What is damaged, or not ours, is renamed and begun anew. ERR_IO: store_file_fault
 * says why; what is there may yet be readable. */
enum err store_file_ready(struct store_file *file) MUST_CHECK;

/* Writes a list of struct store_change in one transaction: all, or (ERR_IO) none. Only when
 * ready. */
enum err store_file_write(struct store_file *file, const struct list *changes) MUST_CHECK;

/* Calls fn for each record of a kind, in order of key. ERR_IO if it could not be read to its
 * end. */
enum err store_file_each(struct store_file *file, const char *kind,
			 void (*fn)(void *user, const char *key, const void *value, size_t len),
			 void *user) MUST_CHECK;

const char *store_file_fault(
	const struct store_file *file); /* the last one; "" if there was none */
uint64_t store_file_n_records(const struct store_file *file);
bool store_file_was_replaced(const struct store_file *file); /* ever since store_file_new */
