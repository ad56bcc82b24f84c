/* The shape of the configuration: one table for each group of keys, one row for each key. The
 * tables drive reading, the refusal of unknown keys, `nuncio schema` and the documentation.
 * What a row cannot say is said by the table's finish function. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/arena.h"
#include "conf/report.h"
#include "conf/yaml.h"
#include "proxy/base/buf.h"

enum kind {
	KIND_BOOL,         /* bool */
	KIND_COUNT,        /* unsigned */
	KIND_PORT,         /* uint16_t */
	KIND_SMALL,        /* uint16_t, that is no port */
	KIND_DURATION,     /* uint32_t, milliseconds */
	KIND_SIZE,         /* uint64_t, bytes */
	KIND_RATE,         /* struct rate */
	KIND_WORD,         /* int or enum: one of words */
	KIND_TEXT,         /* const char * */
	KIND_NAME,         /* const char *: letters, digits, - _ . */
	KIND_HOST,         /* const char *: a normalised name or an address */
	KIND_DOMAIN,       /* const char *: a normalised domain name */
	KIND_PATH,         /* const char *: absolute, "" stays */
	KIND_FILE,         /* struct settings_file; "" is none */
	KIND_REF,          /* struct settings_ref */
	KIND_ADDRESS_PORT, /* struct addr; "" leaves it unset */
	KIND_WORDS,        /* unsigned: a list of words whose values are bits */
	/* the same for what comes in, and after it for what goes out: a list for both, or a
	 * group of in: and out:, of which a missing one is all */
	KIND_WORDS_WAYS,
	KIND_TEXTS, /* struct settings_text *, then size_t: the count follows the pointer */
	/* struct settings_domain * (or settings_text *, which is alike), size_t */
	KIND_DOMAINS,
	KIND_FILES,     /* struct settings_file *, size_t */
	KIND_REFS,      /* struct settings_ref *, size_t */
	KIND_ADDRESSES, /* struct addr *, size_t: port 53 unless written */
	KIND_GROUP,     /* the table's struct, in place */
	KIND_LIST,      /* array of the table's items, size_t */
	KIND_NAMED, /* the same, written as NAME: group; the name is the item's first member */
};

/* When a change takes effect. */
enum effect { LIVE, NEXT_CONNECTION, RESTART };

enum { /* flags of a row */
       REQUIRED = 1 << 0,
       NOT_BUILT = 1 << 1, /* known, but refused as "not in this version" */
       SECRET = 1 << 2,    /* never repeat the value in a fault */
};

enum { NOWHERE = -1 }; /* a value that is checked and then left */

struct word {
	const char *text;
	int value;
	bool is_not_built;
};

struct table;

struct field {
	const char *key;
	enum kind kind;
	int at;             /* offset in the table's struct, or NOWHERE */
	uint64_t min, max;  /* numbers, in their unit; texts and lists: length, max 0 for 255 */
	const char *preset; /* as one would write it; NULL: none */
	enum effect effect;
	const char *about;
	const struct word *words; /* ends with a NULL text */
	const struct table *table;
	unsigned flags;
};

struct schema_reader {
	struct arena *arena;
	struct report *report;
	void *root; /* the struct of the outermost table */
};

struct table {
	const char *where; /* "in a route", for faults */
	const struct field *fields;
	size_t n_fields;
	size_t item_bytes;   /* the struct that the rows fill */
	size_t stored_bytes; /* how much of its beginning is kept in a list; 0: all */
	/* Checks what the rows cannot, and completes the item; node is NULL if nothing was
	 * written. */
	void (*finish)(struct schema_reader *reader, const struct node *node, void *item);
};

/* Fills item (zeroed) from node, which may be NULL: presets alone. Faults go to the report;
 * what they concern keeps its preset. Memory comes from the arena, which remembers when it ran
 * out. */
void schema_read(struct schema_reader *reader, const struct table *table,
		 const struct node *node, void *item);

/* One value of a row, with the checks of its kind. is_preset: it comes from the table
 * itself. */
void schema_read_value(struct schema_reader *reader, const struct field *field,
		       const struct node *node, void *at);

/* path made absolute: relative ones stand beside file, the file that names them. */
const char *schema_path(struct arena *arena, const char *file, const char *path);

/* One row for people and programs. */
struct schema_row {
	const char *path; /* "partners.routes.domain"; names that the user chooses are NAME */
	const struct field *field;
	const char *kind;   /* "duration", "list of domains" */
	const char *range;  /* "1 to 65535", "udp, tcp, tls, mtls"; "" if there is none */
	const char *preset; /* "" if there is none */
	const char *effect; /* "live", "next connection", "restart" */
};

/* Visits every row, groups before what is in them, in the order of the tables. */
void schema_each(const struct table *table,
		 void (*visit)(void *user, const struct schema_row *row), void *user);

/* A text table of all keys, and a JSON Schema (2020-12) for editors. */
void schema_print(const struct table *table, struct buf *out);
void schema_print_json(const struct table *table, struct buf *out);
