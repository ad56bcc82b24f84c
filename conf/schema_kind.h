/* What the schema's own files share: how a kind is called, and what it expects. */
#pragma once

#include "conf/schema.h"

enum { SCHEMA_EXPECTED_SIZE = 320 };

bool schema_is_list(enum kind kind); /* of single values */

/* "duration", "list of names"; never NULL. */
const char *schema_kind_text(enum kind kind);

/* "a duration such as 15s or 5m", "udp, tcp, tls or mtls"; returns out. */
const char *schema_expected(const struct field *field, char out[SCHEMA_EXPECTED_SIZE]);

/* A bound as one writes a value of the kind; returns out (32 bytes). */
const char *schema_number(enum kind kind, uint64_t number, char out[32]);

/* The words that are built: "udp, tcp, tls, mtls", the last two joined by last; returns out. */
const char *schema_words(const struct field *field, const char *last,
			 char out[SCHEMA_EXPECTED_SIZE]);

/* True if node is a single value; else it is reported. */
bool schema_is_scalar(struct schema_reader *reader, const struct field *field,
		      const struct node *node);
