#include "proxy/commands/output.h"

#include <string.h>

#include "proxy/base/text.h"

/* The part of a path behind prefix if it names a key right below it, else NULL. */
static const char *child(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(path, prefix, len) != 0 || strchr(path + len, '.'))
		return NULL;
	return path + len;
}

static int name_len(const char *name)
{
	return (int)strcspn(name, "[");
}

static void add_words(struct buf *out, const char *words)
{
	const char *sign = "";

	buf_puts(out, "\"enum\":[");
	for (; *words; words += strspn(words, " ")) {
		size_t len = strcspn(words, " ");

		buf_printf(out, "%s\"%.*s\"", sign, (int)len, words);
		words += len;
		sign = ",";
	}
	buf_puts(out, "]");
}

static void add_object(struct buf *out, const struct output_row *rows, const char *prefix);

static void add_below(struct buf *out, const struct output_row *rows, const char *path)
{
	char prefix[128];

	text_append(prefix, sizeof(prefix), text_append(prefix, sizeof(prefix), 0, path), ".");
	add_object(out, rows, prefix);
}

static void add_kind(struct buf *out, const struct output_row *rows,
		     const struct output_row *row)
{
	switch (row->kind) {
	case OUTPUT_OBJECT:
		add_below(out, rows, row->path);
		break;
	case OUTPUT_LIST:
		buf_puts(out, "\"type\":\"array\",\"items\":{");
		add_below(out, rows, row->path);
		buf_puts(out, "}");
		break;
	case OUTPUT_TEXT:
		buf_puts(out, "\"type\":\"string\"");
		break;
	case OUTPUT_TEXTS:
		buf_puts(out, "\"type\":\"array\",\"items\":{\"type\":\"string\"}");
		break;
	case OUTPUT_TIME:
		buf_puts(out, "\"type\":\"string\",\"format\":\"date-time\"");
		break;
	case OUTPUT_NUMBER:
		buf_puts(out, "\"type\":\"integer\"");
		break;
	case OUTPUT_BOOL:
		buf_puts(out, "\"type\":\"boolean\"");
		break;
	case OUTPUT_ONE:
		buf_puts(out, "\"const\":1");
		break;
	case OUTPUT_WORD:
		add_words(out, row->words);
		break;
	case OUTPUT_WORDS:
		buf_puts(out, "\"type\":\"array\",\"items\":{");
		add_words(out, row->words);
		buf_puts(out, "}");
		break;
	case OUTPUT_COUNTS:
		buf_puts(out,
			 "\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}");
		break;
	}
}

static void add_required(struct buf *out, const struct output_row *rows, const char *prefix)
{
	const char *sign = "", *name;

	buf_puts(out, ",\"required\":[");
	for (const struct output_row *row = rows; row->path; row++) {
		name = child(row->path, prefix);
		if (!name || row->is_optional)
			continue;
		buf_printf(out, "%s\"%.*s\"", sign, name_len(name), name);
		sign = ",";
	}
	buf_puts(out, "]");
}

/* The texts of the tables are ours, and hold nothing that needs an escape:
 * tests/unit/test_output. */
static void add_object(struct buf *out, const struct output_row *rows, const char *prefix)
{
	const char *sign = "", *name;

	buf_puts(out, "\"type\":\"object\",\"properties\":{");
	for (const struct output_row *row = rows; row->path; row++) {
		name = child(row->path, prefix);
		if (!name)
			continue;
		buf_printf(out, "%s\n\"%.*s\":{\"description\":\"%s\",", sign, name_len(name),
			   name, row->about);
		add_kind(out, rows, row);
		buf_puts(out, "}");
		sign = ",";
	}
	buf_puts(out, "}");
	add_required(out, rows, prefix);
}

void output_print_schema(const char *verb, const struct output_row *rows, struct buf *out)
{
	buf_printf(out,
		   "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		   "\"title\":\"nuncio %s --json\",",
		   verb);
	add_object(out, rows, "");
	buf_puts(out, "}\n");
}
