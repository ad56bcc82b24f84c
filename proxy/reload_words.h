/* What a configuration says, thing by thing and section by section, in the words that `nuncio
 * reload` and `nuncio plan` print; two configurations are held against each other by these
 * words (proxy/reload_diff). Any thread. */
#pragma once

#include "proxy/base/buf.h"
#include "proxy/snapshot.h"

/* One kind of named things: how many there are, their names, and what is to be known of the
 * i-th. */
struct reload_kind {
	const char *what;
	size_t (*count)(const struct snapshot *snapshot);
	const char *(*name)(const struct snapshot *snapshot, size_t i);
	void (*describe)(const struct snapshot *snapshot, size_t i, struct buf *out);
};

/* The settings that have no name. */
struct reload_section {
	const char *name;
	void (*describe)(const struct snapshot *snapshot, struct buf *out);
	bool needs_restart;
};

extern const struct reload_kind reload_kinds[];
extern const size_t reload_n_kinds;
extern const struct reload_section reload_sections[];
extern const size_t reload_n_sections;
