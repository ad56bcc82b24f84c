#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct yaml_reader {
	struct arena *arena;
	struct report *report;
	const struct yaml_bounds *bounds;
	const char *file, *text;
	size_t len;
	size_t n_nodes;
	struct node *stack[YAML_MAX_DEPTH]; /* open lists and mappings, the outermost first */
	/* per open mapping: the key whose value comes next */
	struct node *keys[YAML_MAX_DEPTH];
	unsigned depth;
	struct node *root;
};

static struct place place_at(const struct yaml_reader *reader, const yaml_mark_t *mark)
{
	return (struct place){ .file = reader->file,
			       .line = (unsigned)mark->line + 1,
			       .column = (unsigned)mark->column + 1 };
}

const struct node *node_get(const struct node *node, const char *key)
{
	if (!node || node->kind != NODE_MAPPING)
		return NULL;
	for (const struct node *child = node->first; child; child = child->next) {
		if (strcmp(child->key->text, key) == 0)
			return child;
	}
	return NULL;
}

void node_append(struct node *parent, struct node *child)
{
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n_children++;
}

const char *node_kind_text(const struct node *node)
{
	switch (node->kind) {
	case NODE_EMPTY:
		return "nothing";
	case NODE_SCALAR:
		return "a single value";
	case NODE_LIST:
		return "a list";
	case NODE_MAPPING:
		return "a group of keys";
	}
	return "";
}

/* Orders a mapping's children by key, and equal keys as they stand in the file. */
static int compare_keys(const void *a, const void *b)
{
	const struct node *left = *(struct node *const *)a, *right = *(struct node *const *)b;
	int order = strcmp(left->key->text, right->key->text);

	if (order)
		return order;
	if (left->place.line != right->place.line)
		return left->key->place.line < right->key->place.line ? -1 : 1;
	return left->key->place.column < right->key->place.column ? -1 : 1;
}

/* Reports every key that stands twice and takes the later ones out. Sorting, because a hostile
 * file may hold 100000 keys. */
static enum err drop_duplicates(struct yaml_reader *reader, struct node *mapping)
{
	struct node **sorted, *child = mapping->first;
	size_t n = mapping->n_children;

	if (n < 2)
		return ERR_OK;
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++, child = child->next)
		sorted[i] = child;
	qsort(sorted, n, sizeof(*sorted), compare_keys);

	for (size_t i = 0, first = 0; i < n; i++) {
		if (i == first || strcmp(sorted[i]->key->text, sorted[first]->key->text) != 0) {
			first = i;
			continue;
		}
		report_error(reader->report, FAULT_DUPLICATE_KEY, &sorted[i]->key->place, NULL,
			     "duplicate key '%s', expected each key once",
			     sorted[i]->key->text);
		report_hint(reader->report, "the first one is in line %u",
			    sorted[first]->key->place.line);
		sorted[i]->kind = NODE_EMPTY;
		sorted[i]->key = NULL;
	}
	free(sorted);

	child = mapping->first;
	mapping->first = mapping->last = NULL;
	mapping->n_children = 0;
	for (struct node *next; child; child = next) {
		next = child->next;
		if (child->key)
			node_append(mapping, child);
	}
	return ERR_OK;
}

static enum err fail(struct yaml_reader *reader, enum fault fault, const yaml_mark_t *mark,
		     const char *text)
{
	struct place place = place_at(reader, mark);

	report_error(reader->report, fault, &place, NULL, "%s", text);
	return ERR_INVALID;
}

/* Puts a finished scalar, or a list or mapping that begins, where it belongs. */
static enum err put(struct yaml_reader *reader, struct node *node)
{
	struct node *parent = reader->depth ? reader->stack[reader->depth - 1] : NULL;
	struct node **key = reader->depth ? &reader->keys[reader->depth - 1] : NULL;

	if (!parent) {
		reader->root = node;
	} else if (parent->kind == NODE_LIST) {
		node_append(parent, node);
	} else if (*key) {
		node->key = *key;
		*key = NULL;
		node_append(parent, node);
	} else if (node->kind == NODE_SCALAR) {
		*key = node;
	} else {
		report_error(reader->report, FAULT_YAML, &node->place, NULL,
			     "found %s where a key belongs, expected a word",
			     node_kind_text(node));
		return ERR_INVALID;
	}
	return ERR_OK;
}

static enum err add_node(struct yaml_reader *reader, enum node_kind kind,
			 const yaml_event_t *event, struct node **out)
{
	struct node *node;

	if (reader->n_nodes++ >= reader->bounds->max_nodes)
		return fail(reader, FAULT_TOO_DEEP, &event->start_mark,
			    "the file holds too many values");
	node = arena_take(reader->arena, 1, sizeof(*node));
	if (!node)
		return ERR_NO_MEMORY;
	node->kind = kind;
	node->place = place_at(reader, &event->start_mark);
	node->text = "";
	*out = node;
	return ERR_OK;
}

/* "~" and "null" mean nothing, as does no text at all, unless they are quoted. */
static bool is_nothing(const char *text, bool is_quoted)
{
	return !is_quoted && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static enum err add_scalar(struct yaml_reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct node *node;
	enum err err;

	if (event->data.scalar.anchor || event->data.scalar.tag)
		return fail(reader, FAULT_ALIAS, &event->start_mark,
			    "an anchor or tag, expected a plain value");
	if (strlen(text) != len)
		return fail(reader, FAULT_YAML, &event->start_mark,
			    "a NUL character in a value, expected text");
	err = add_node(reader, NODE_SCALAR, event, &node);
	if (err)
		return err;
	node->text = arena_text_len(reader->arena, text, len);
	node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (is_nothing(node->text, node->is_quoted) &&
	    (!reader->depth || reader->stack[reader->depth - 1]->kind == NODE_LIST ||
	     reader->keys[reader->depth - 1]))
		node->kind = NODE_EMPTY;
	return put(reader, node);
}

static enum err begin(struct yaml_reader *reader, enum node_kind kind,
		      const yaml_event_t *event)
{
	bool is_list = kind == NODE_LIST;
	struct node *node;
	enum err err;

	if (is_list ? event->data.sequence_start.anchor || event->data.sequence_start.tag
		    : event->data.mapping_start.anchor || event->data.mapping_start.tag)
		return fail(reader, FAULT_ALIAS, &event->start_mark,
			    "an anchor or tag, expected a plain list or group of keys");
	if (reader->depth == YAML_MAX_DEPTH)
		return fail(reader, FAULT_TOO_DEEP, &event->start_mark,
			    "nested too deep, expected at most 16 levels");
	err = add_node(reader, kind, event, &node);
	if (err)
		return err;
	err = put(reader, node);
	if (err)
		return err;
	reader->stack[reader->depth] = node;
	reader->keys[reader->depth] = NULL;
	reader->depth++;
	return ERR_OK;
}

static enum err end(struct yaml_reader *reader)
{
	struct node *node = reader->stack[--reader->depth];

	return node->kind == NODE_MAPPING ? drop_duplicates(reader, node) : ERR_OK;
}

static enum err take_event(struct yaml_reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (reader->root)
			return fail(reader, FAULT_YAML, &event->start_mark,
				    "a second document, expected one for each file");
		return ERR_OK;
	case YAML_ALIAS_EVENT:
		return fail(reader, FAULT_ALIAS, &event->start_mark,
			    "an alias, expected the value itself");
	case YAML_SCALAR_EVENT:
		return add_scalar(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		return begin(reader, NODE_LIST, event);
	case YAML_MAPPING_START_EVENT:
		return begin(reader, NODE_MAPPING, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return end(reader);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return ERR_OK;
}

/* The line and column of a byte, for the reader's errors, which know no more. */
static struct place place_of_byte(const struct yaml_reader *reader, size_t at)
{
	struct place place = { .file = reader->file, .line = 1, .column = 1 };

	for (size_t i = 0; i < at && i < reader->len; i++) {
		if (reader->text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)reader->text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/* libyaml's marks count characters, not bytes. */
static bool is_tab_at(const struct yaml_reader *reader, const yaml_mark_t *mark)
{
	size_t i = 0, n = mark->index;

	while (i < reader->len && (n > 0 || ((unsigned char)reader->text[i] & 0xc0) == 0x80))
		n -= ((unsigned char)reader->text[i++] & 0xc0) != 0x80;
	return i < reader->len && reader->text[i] == '\t';
}

/* Says what libyaml did not like. ERR_NO_MEMORY if it was only that. */
static enum err report_parser(struct yaml_reader *reader, const yaml_parser_t *parser)
{
	struct place place = place_at(reader, &parser->problem_mark);
	const char *problem = parser->problem ? parser->problem : "not YAML";

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		return ERR_NO_MEMORY;
	case YAML_READER_ERROR:
		place = place_of_byte(reader, parser->problem_offset);
		report_error(reader->report, FAULT_YAML, &place, NULL,
			     "%s, expected UTF-8 text", problem);
		return ERR_INVALID;
	case YAML_NO_ERROR:
	case YAML_SCANNER_ERROR:
	case YAML_PARSER_ERROR:
	case YAML_COMPOSER_ERROR:
	case YAML_WRITER_ERROR:
	case YAML_EMITTER_ERROR:
		break;
	}
	if (is_tab_at(reader, &parser->problem_mark)) {
		report_error(reader->report, FAULT_YAML, &place, NULL,
			     "a tab, expected spaces: YAML does not indent with tabs");
		return ERR_INVALID;
	}
	/* Where the text ends libyaml notices it, and where the key stands it has to be
	 * mended. */
	if (parser->context && strstr(parser->context, "simple key")) {
		place = place_at(reader, &parser->context_mark);
		report_error(reader->report, FAULT_YAML, &place, NULL, "%s", problem);
		report_hint(reader->report, "a key has ': ' behind it, with the space");
		return ERR_INVALID;
	}
	report_error(reader->report, FAULT_YAML, &place, NULL, "%s", problem);
	if (parser->context && strstr(parser->context, "alias"))
		report_hint(reader->report,
			    "a text that begins with * stands in quotes: \"*\"");
	else if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		report_hint(reader->report, "%s that begins in line %zu", parser->context,
			    parser->context_mark.line + 1);
	else if (parser->context)
		report_hint(reader->report, "%s", parser->context);
	return ERR_INVALID;
}

static enum err parse(struct yaml_reader *reader, yaml_parser_t *parser)
{
	yaml_event_t event;
	enum err err = ERR_OK;
	bool is_end = false;

	while (!err && !is_end) {
		if (!yaml_parser_parse(parser, &event))
			return report_parser(reader, parser);
		is_end = event.type == YAML_STREAM_END_EVENT;
		err = take_event(reader, &event);
		yaml_event_delete(&event);
	}
	return err;
}

size_t yaml_mark_bytes(const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";

	return len >= sizeof(mark) - 1 && memcmp(text, mark, sizeof(mark) - 1) == 0
		       ? sizeof(mark) - 1
		       : 0;
}

enum err yaml_parse(struct arena *arena, const char *file, const char *text, size_t len,
		    struct report *report, struct node **out)
{
	static const struct yaml_bounds bounds = { YAML_MAX_BYTES, YAML_MAX_NODES };

	return yaml_parse_bounded(arena, file, text, len, &bounds, report, out);
}

enum err yaml_parse_bounded(struct arena *arena, const char *file, const char *text, size_t len,
			    const struct yaml_bounds *bounds, struct report *report,
			    struct node **out)
{
	const size_t mark = yaml_mark_bytes(text, len);
	struct yaml_reader reader = { .arena = arena,
				      .report = report,
				      .bounds = bounds,
				      .file = file,
				      .text = text + mark,
				      .len = len - mark };
	yaml_mark_t start = { 0 };
	yaml_parser_t parser;
	enum err err;

	if (len > bounds->max_bytes)
		return fail(&reader, FAULT_TOO_DEEP, &start, "the file is too large");
	if (!yaml_parser_initialize(&parser))
		return ERR_NO_MEMORY;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)reader.text, reader.len);
	err = parse(&reader, &parser);
	yaml_parser_delete(&parser);
	if (!err && arena->is_broken)
		err = ERR_NO_MEMORY;
	if (!err)
		*out = reader.root;
	return err;
}
