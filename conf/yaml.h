/* A YAML file as a tree whose every node knows its file, line and column; the only door to
 * libyaml. What makes YAML dangerous or surprising is refused: anchors, aliases, tags, further
 * documents, depth and size beyond a bound. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/arena.h"
#include "conf/report.h"
#include "conf/settings.h"

enum node_kind { NODE_EMPTY, NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct node {
	enum node_kind kind;
	struct place place;
	const char *text;       /* scalars: terminated, without a NUL inside; others: "" */
	bool is_quoted;         /* scalars: written in quotes */
	const struct node *key; /* of a mapping's child: the scalar before the colon */
	struct node *first, *last, *next;
	size_t n_children;
};

struct yaml_bounds {
	size_t max_bytes, max_nodes;
};

enum { YAML_MAX_DEPTH = 16, YAML_MAX_BYTES = 4 << 20, YAML_MAX_NODES = 200000 };

/* How many bytes of the text are the mark with which some editors begin UTF-8: 0 or 3. It is no
 * part of what is read, nor of what is shown. */
size_t yaml_mark_bytes(const char *text, size_t len);

/* Reads one document from text. Nodes and strings live in the arena, place.file is file itself.
 * Faults go to report: ERR_INVALID if the text is not wholly read; a duplicate key is reported,
 * left out and reading goes on. out is NULL for an empty text. ERR_NO_MEMORY. */
enum err yaml_parse(struct arena *arena, const char *file, const char *text, size_t len,
		    struct report *report, struct node **out) MUST_CHECK;
enum err yaml_parse_bounded(struct arena *arena, const char *file, const char *text, size_t len,
			    const struct yaml_bounds *bounds, struct report *report,
			    struct node **out) MUST_CHECK;

/* The value of key in a mapping; NULL if there is none, or if node is NULL or no mapping. */
const struct node *node_get(const struct node *node, const char *key);

/* Appends child to a list or mapping. */
void node_append(struct node *parent, struct node *child);

/* "a list", "nothing": for "expected ..., found ...". */
const char *node_kind_text(const struct node *node);
