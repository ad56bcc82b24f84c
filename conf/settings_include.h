/* include: further files whose lists are appended to those of the main file. For settings.c
 * alone. */
#pragma once

#include "conf/schema.h"
#include "conf/yaml.h"

enum { INCLUDE_MAX_FILES = 1000 };

struct include {
	struct schema_reader *reader;
	struct node *root; /* of the main file: gets what the others hold */
	/* what was read, the main file first; room for INCLUDE_MAX_FILES + 1 */
	const char **files;
	size_t n_files;
	bool is_incomplete; /* a file could not be read or understood */
};

/* Follows root's include:. Every fault goes to the report; ERR_NO_MEMORY. */
enum err include_read(struct include *include) MUST_CHECK;

/* Appends what one file holds to the main file's tree. */
enum err include_merge(struct include *include, struct node *from) MUST_CHECK;
