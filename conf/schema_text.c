#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/schema_kind.h"
#include "proxy/base/buf.h"

enum { MAX_PATH = 128 };

/* A walk over a table and those below it. */
struct walk {
	void (*visit)(void *user, const struct schema_row *row);
	void *user;
};

static const char *effect_text(enum effect effect)
{
	switch (effect) {
	case LIVE:
		return "live";
	case NEXT_CONNECTION:
		return "next connection";
	case RESTART:
		return "restart";
	}
	return "";
}

static bool has_range(enum kind kind)
{
	return kind == KIND_COUNT || kind == KIND_PORT || kind == KIND_SMALL ||
	       kind == KIND_DURATION || kind == KIND_SIZE || kind == KIND_RATE;
}

static const char *range_text(const struct field *field, char out[SCHEMA_EXPECTED_SIZE])
{
	char min[32], max[32];

	out[0] = '\0';
	if (field->words)
		return schema_words(field, ", ", out);
	if (has_range(field->kind))
		snprintf(out, SCHEMA_EXPECTED_SIZE, "%s to %s",
			 schema_number(field->kind, field->min, min),
			 schema_number(field->kind, field->max, max));
	return out;
}

static void walk_table(const struct walk *walk, const struct table *table, const char *prefix);

static void walk_field(const struct walk *walk, const struct field *field, const char *prefix)
{
	char path[MAX_PATH], below[MAX_PATH], range[SCHEMA_EXPECTED_SIZE];
	struct schema_row row = { .path = path,
				  .field = field,
				  .kind = schema_kind_text(field->kind),
				  .range = range_text(field, range),
				  .preset = field->preset ? field->preset : "",
				  .effect = effect_text(field->effect) };
	int len;

	snprintf(path, sizeof(path), "%s%s", prefix, field->key);
	walk->visit(walk->user, &row);
	if (!field->table)
		return;
	len = snprintf(below, sizeof(below), "%s%s.", path,
		       field->kind == KIND_NAMED ? ".NAME" : "");
	if (len > 0 && (size_t)len < sizeof(below))
		walk_table(walk, field->table, below);
}

static void walk_table(const struct walk *walk, const struct table *table, const char *prefix)
{
	for (size_t i = 0; i < table->n_fields; i++)
		walk_field(walk, &table->fields[i], prefix);
}

void schema_each(const struct table *table,
		 void (*visit)(void *user, const struct schema_row *row), void *user)
{
	walk_table(&(struct walk){ visit, user }, table, "");
}

static void print_row(void *user, const struct schema_row *row)
{
	unsigned flags = row->field->flags;
	struct buf *out = user;

	buf_printf(out, "%s\n    %s", row->path, row->kind);
	if (*row->range)
		buf_printf(out, ": %s", row->range);
	if (flags & NOT_BUILT)
		buf_puts(out, "; not in this version");
	else if (flags & REQUIRED)
		buf_puts(out, "; required");
	else if (*row->preset)
		buf_printf(out, "; default %s", row->preset);
	buf_printf(out, "; %s\n    %s\n", row->effect, row->field->about);
}

void schema_print(const struct table *table, struct buf *out)
{
	schema_each(table, print_row, out);
}

/* The texts of the tables are ours: quotes and backslashes are all that needs an escape. */
static void add_string(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_puts(out, "\\");
		buf_add(out, text, 1);
	}
	buf_puts(out, "\"");
}

/* YAML reads an unquoted false as a truth value, whatever our words say. */
static void add_word(struct buf *out, const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		buf_puts(out, text);
	else
		add_string(out, text);
}

static void add_words(struct buf *out, const struct field *field)
{
	bool is_first = true;

	buf_puts(out, "\"enum\":[");
	for (const struct word *word = field->words; word->text; word++) {
		if (word->is_not_built)
			continue;
		if (!is_first)
			buf_puts(out, ",");
		add_word(out, word->text);
		is_first = false;
	}
	buf_puts(out, "]");
}

static void add_table(struct buf *out, const struct table *table);

static void add_number(struct buf *out, const struct field *field)
{
	switch (field->kind) {
	case KIND_DURATION:
		buf_puts(out, "\"type\":[\"string\",\"integer\"],\"pattern\":\"^(0|[0-9]+(ms|s|"
			      "m|h))$\"");
		break;
	case KIND_SIZE:
		buf_puts(out, "\"type\":[\"string\",\"integer\"],\"pattern\":\"^(0|[0-9]+(B|KB|"
			      "MB|GB))$\"");
		break;
	case KIND_RATE:
		buf_puts(out, "\"type\":\"string\",\"pattern\":\"^[0-9]+/[smh]$\"");
		break;
	default:
		buf_printf(out,
			   "\"type\":\"integer\",\"minimum\":%" PRIu64 ",\"maximum\":%" PRIu64,
			   field->min, field->max);
		break;
	}
}

static void add_word_list(struct buf *out, const struct field *field)
{
	buf_puts(out, "{\"type\":\"array\",\"items\":{");
	add_words(out, field);
	buf_puts(out, "}}");
}

static void add_ways(struct buf *out, const struct field *field)
{
	buf_puts(out, "\"oneOf\":[");
	add_word_list(out, field);
	buf_puts(
		out,
		",{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"in\":");
	add_word_list(out, field);
	buf_puts(out, ",\"out\":");
	add_word_list(out, field);
	buf_puts(out, "}}]");
}

static void add_kind(struct buf *out, const struct field *field)
{
	if (schema_is_list(field->kind)) {
		buf_puts(out, "\"type\":\"array\",\"items\":{");
		if (field->words)
			add_words(out, field);
		else
			buf_puts(out, "\"type\":\"string\"");
		buf_puts(out, "}");
	} else if (field->kind == KIND_WORDS_WAYS) {
		add_ways(out, field);
	} else if (field->words) {
		add_words(out, field);
	} else if (has_range(field->kind)) {
		add_number(out, field);
	} else if (field->kind == KIND_BOOL) {
		buf_puts(out, "\"type\":\"boolean\"");
	} else if (field->kind == KIND_GROUP) {
		add_table(out, field->table);
	} else if (field->kind == KIND_LIST) {
		buf_puts(out, "\"type\":\"array\",\"items\":{");
		add_table(out, field->table);
		buf_puts(out, "}");
	} else if (field->kind == KIND_NAMED) {
		buf_puts(out, "\"type\":\"object\",\"additionalProperties\":{");
		add_table(out, field->table);
		buf_puts(out, "}");
	} else {
		buf_puts(out, "\"type\":[\"string\",\"integer\"]");
	}
}

static void add_required(struct buf *out, const struct table *table)
{
	bool is_first = true;

	for (size_t i = 0; i < table->n_fields; i++) {
		if (!(table->fields[i].flags & REQUIRED))
			continue;
		buf_puts(out, is_first ? ",\"required\":[" : ",");
		add_string(out, table->fields[i].key);
		is_first = false;
	}
	if (!is_first)
		buf_puts(out, "]");
}

static void add_table(struct buf *out, const struct table *table)
{
	bool is_first = true;

	buf_puts(out, "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct field *field = &table->fields[i];

		if (field->flags & NOT_BUILT)
			continue;
		if (!is_first)
			buf_puts(out, ",");
		is_first = false;
		add_string(out, field->key);
		buf_puts(out, ":{\"description\":");
		add_string(out, field->about);
		buf_puts(out, ",");
		add_kind(out, field);
		buf_puts(out, "}");
	}
	buf_puts(out, "}");
	add_required(out, table);
}

void schema_print_json(const struct table *table, struct buf *out)
{
	buf_puts(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		      "\"title\":\"nuncio.yaml\",");
	add_table(out, table);
	buf_puts(out, "}\n");
}
