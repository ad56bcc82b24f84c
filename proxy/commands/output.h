/* What a verb prints with --json: one row a key, from which `nuncio schema --output VERB` is
 * made. tests/cli holds real outputs against it. Within version 1 keys are only added. */
#pragma once

#include <stdbool.h>

#include "proxy/base/buf.h"

enum output_kind {
	OUTPUT_OBJECT,
	OUTPUT_LIST, /* of objects; its path ends with "[]" */
	OUTPUT_TEXT,
	OUTPUT_TEXTS,  /* a list of texts */
	OUTPUT_TIME,   /* RFC 3339 */
	OUTPUT_NUMBER, /* an integer */
	OUTPUT_BOOL,
	OUTPUT_ONE,    /* the version of the form */
	OUTPUT_WORD,   /* one of words */
	OUTPUT_WORDS,  /* a list of them */
	OUTPUT_COUNTS, /* numbers by codes that are not listed here */
};

struct output_row {
	const char *path; /* "partners[].tried[].address" */
	enum output_kind kind;
	bool is_optional;
	const char *about;
	const char *words; /* separated by blanks */
};

/* Each ended by a row without a path. */
extern const struct output_row output_check[], output_reload[], output_confirm[],
	output_status[], output_explain[], output_why[], output_trace[], output_version[],
	output_selfcheck[], output_partner[], output_nat[];

/* JSON Schema (2020-12) of what `nuncio VERB --json` prints. */
void output_print_schema(const char *verb, const struct output_row *rows, struct buf *out);
