/* Keeps the table of discovered domains over a restart: puts back what the store holds, then
 * writes down what has changed, some at a time. A record is JSON, the users of a domain are one
 * of their own; what makes no sense is deleted. Changes of state are in the log. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "federation/discovered.h"
#include "proxy/base/error.h"
#include "proxy/base/store.h"

struct discovered_store;

struct discovered_restored {
	size_t domains, dropped;
	enum err err; /* ERR_IO: not all could be read; the store's state says why */
};

/* Fills the table, which nobody uses yet and which knows its bounds and its clock, and listens
 * from then on; both must live until discovered_store_detach. now_ms is the loop's clock.
 * Blocks on the disk: main thread, before the workers start. ERR_NO_MEMORY: nothing is
 * attached. */
enum err discovered_store_attach(struct discovered *table, struct store *store, uint64_t now_ms,
				 struct discovered_restored *out_restored,
				 struct discovered_store **out) MUST_CHECK;

/* Writes down what has changed, at most so many domains. Any thread; never the disk. NULL is
 * fine. */
void discovered_store_save(struct discovered_store *ds, size_t max);

/* Writes down all that has changed, and listens no more. NULL is fine; returns NULL. */
struct discovered_store *discovered_store_detach(struct discovered_store *ds);
