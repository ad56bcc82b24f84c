#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/schema.h"
#include "conf/schema_kind.h"
#include "conf/value.h"
#include "proxy/base/text.h"

enum { MAX_WORDS = 32, DNS_PORT = 53, MAX_TEXT = 255, MAX_PATH = 4095 };

static void *nth(void *items, size_t i, size_t size)
{
	return (char *)items + i * size;
}

static void bad_value(struct schema_reader *reader, const struct field *field,
		      const struct node *node)
{
	char expected[SCHEMA_EXPECTED_SIZE];

	if (field->flags & SECRET)
		report_error(reader->report, FAULT_BAD_VALUE, &node->place, field->key,
			     "not what was expected: %s", schema_expected(field, expected));
	else
		report_error(reader->report, FAULT_BAD_VALUE, &node->place, field->key,
			     "'%.64s', expected %s", node->text,
			     schema_expected(field, expected));
}

static void hint_nearest_word(struct schema_reader *reader, const struct field *field,
			      const char *text)
{
	const char *words[MAX_WORDS], *nearest;
	size_t n = 0;

	for (const struct word *word = field->words; word->text && n < MAX_WORDS; word++)
		words[n++] = word->text;
	nearest = text_nearest(text, words, n);
	if (nearest)
		report_hint(reader->report, "did you mean '%s'?", nearest);
}

static bool read_word(struct schema_reader *reader, const struct field *field,
		      const struct node *node, int *out)
{
	for (const struct word *word = field->words; word->text; word++) {
		if (strcmp(word->text, node->text) != 0)
			continue;
		if (word->is_not_built) {
			report_error(reader->report, FAULT_NOT_IN_VERSION, &node->place,
				     field->key, "'%s' is not in this version", node->text);
			return false;
		}
		*out = word->value;
		return true;
	}
	bad_value(reader, field, node);
	hint_nearest_word(reader, field, node->text);
	return false;
}

/* Reads a number of the row's kind; false if there was a fault, which is reported. */
static bool read_number(struct schema_reader *reader, const struct field *field,
			const struct node *node, uint64_t *out)
{
	char min[VALUE_TEXT_SIZE], max[VALUE_TEXT_SIZE];
	struct rate rate = { 0 };
	uint64_t number = 0;
	enum err err;

	if (field->kind == KIND_DURATION)
		err = value_duration(node->text, &number);
	else if (field->kind == KIND_SIZE)
		err = value_size(node->text, &number);
	else if (field->kind == KIND_RATE)
		err = value_rate(node->text, &rate);
	else
		err = value_number(node->text, &number);
	if (field->kind == KIND_RATE)
		number = rate.count;
	if (err) {
		bad_value(reader, field, node);
		return false;
	}
	if (number < field->min || number > field->max) {
		report_error(reader->report, FAULT_OUT_OF_RANGE, &node->place, field->key,
			     "'%.64s' is out of range, expected %s to %s", node->text,
			     schema_number(field->kind, field->min, min),
			     schema_number(field->kind, field->max, max));
		return false;
	}
	*out = number;
	return true;
}

static void store_number(struct schema_reader *reader, const struct field *field,
			 const struct node *node, void *at)
{
	struct rate rate;
	uint64_t number;

	if (!read_number(reader, field, node, &number))
		return;
	switch (field->kind) {
	case KIND_PORT:
	case KIND_SMALL:
		*(uint16_t *)at = (uint16_t)number;
		break;
	case KIND_DURATION:
		*(uint32_t *)at = (uint32_t)number;
		break;
	case KIND_SIZE:
		*(uint64_t *)at = number;
		break;
	case KIND_RATE:
		if (value_rate(node->text, &rate) == ERR_OK)
			*(struct rate *)at = rate;
		break;
	default:
		*(unsigned *)at = (unsigned)number;
		break;
	}
}

static size_t max_len(const struct field *field)
{
	if (field->kind == KIND_PATH || field->kind == KIND_FILE || field->kind == KIND_FILES)
		return MAX_PATH;
	return field->max && !schema_is_list(field->kind) ? field->max : MAX_TEXT;
}

/* Texts go into logs, headers and the terminal: no control characters, and a bound. */
static bool is_text(const struct field *field, const char *text)
{
	size_t len = strlen(text);

	if (len < (schema_is_list(field->kind) ? 1 : field->min) || len > max_len(field))
		return false;
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

static bool is_name(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < 64 &&
	       text[strspn(
		       text,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
		       '\0';
}

const char *schema_path(struct arena *arena, const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	size_t dir_len = slash ? (size_t)(slash - file) + 1 : 0, len;
	char cwd[4096] = "";
	char *joined;

	if (*path == '/' || !*path)
		return arena_text(arena, path);
	if (*file != '/' && !getcwd(cwd, sizeof(cwd)))
		return arena_text(arena, path); /* without a directory nothing is absolute */
	while (text_starts_with(path, "./"))
		path += 2;
	len = strlen(cwd) + 1 + dir_len + strlen(path) + 1;
	joined = arena_take(arena, len, 1);
	if (!joined)
		return "";
	snprintf(joined, len, "%s%s%.*s%s", cwd, *cwd ? "/" : "", (int)dir_len, file, path);
	return joined;
}

/* Normalises a domain name; addresses and patterns are none. */
static const char *read_domain(struct schema_reader *reader, const struct field *field,
			       const struct node *node)
{
	char domain[VALUE_HOST_SIZE];
	struct addr addr;

	if (value_host(node->text, domain, &addr) || addr_is_set(&addr)) {
		bad_value(reader, field, node);
		return NULL;
	}
	return arena_text(reader->arena, domain);
}

/* NULL after a fault. */
static const char *read_text(struct schema_reader *reader, const struct field *field,
			     const struct node *node)
{
	char host[VALUE_HOST_SIZE];

	if (!is_text(field, node->text)) {
		bad_value(reader, field, node);
		return NULL;
	}
	switch (field->kind) {
	case KIND_NAME:
	case KIND_REF:
	case KIND_REFS:
		if (*node->text && !is_name(node->text)) {
			bad_value(reader, field, node);
			return NULL;
		}
		return node->text;
	case KIND_HOST:
		if (!*node->text)
			return node->text;
		if (value_host(node->text, host, NULL)) {
			bad_value(reader, field, node);
			return NULL;
		}
		return arena_text(reader->arena, host);
	case KIND_DOMAIN:
	case KIND_DOMAINS:
		return *node->text ? read_domain(reader, field, node) : node->text;
	case KIND_PATH:
	case KIND_FILE:
	case KIND_FILES:
		return schema_path(reader->arena, node->place.file ? node->place.file : "/",
				   node->text);
	default:
		return node->text;
	}
}

static void store_address(struct schema_reader *reader, const struct field *field,
			  const struct node *node, uint16_t preset_port, struct addr *at)
{
	struct addr addr = { 0 };

	if (*node->text &&
	    (addr_parse_port(node->text, preset_port, &addr) || !addr_port(&addr))) {
		bad_value(reader, field, node);
		return;
	}
	*at = addr;
}

static void store_text(struct schema_reader *reader, const struct field *field,
		       const struct node *node, void *at)
{
	const char *text = read_text(reader, field, node);

	if (!text)
		return;
	switch (field->kind) {
	case KIND_FILE:
	case KIND_FILES:
		*(struct settings_file *)at =
			(struct settings_file){ *text ? text : NULL, node->place };
		break;
	case KIND_REF:
	case KIND_REFS:
		*(struct settings_ref *)at = (struct settings_ref){ text, node->place, -1 };
		break;
	case KIND_TEXTS:
		*(struct settings_text *)at = (struct settings_text){ text, node->place };
		break;
	case KIND_DOMAINS:
		*(struct settings_domain *)at = (struct settings_domain){ text, node->place };
		break;
	default:
		*(const char **)at = text;
		break;
	}
}

static size_t item_bytes(enum kind kind)
{
	switch (kind) {
	case KIND_TEXTS:
		return sizeof(struct settings_text);
	case KIND_DOMAINS:
		return sizeof(struct settings_domain);
	case KIND_FILES:
		return sizeof(struct settings_file);
	case KIND_REFS:
		return sizeof(struct settings_ref);
	default:
		return sizeof(struct addr);
	}
}

static void store_words(struct schema_reader *reader, const struct field *field,
			const struct node *list, unsigned *at)
{
	unsigned bits = 0;
	int bit;

	for (const struct node *child = list->first; child; child = child->next) {
		if (schema_is_scalar(reader, field, child) &&
		    read_word(reader, field, child, &bit))
			bits |= (unsigned)bit;
	}
	*at = bits;
}

static unsigned all_words(const struct field *field)
{
	unsigned bits = 0;

	for (const struct word *word = field->words; word->text; word++)
		bits |= (unsigned)word->value;
	return bits;
}

static void not_a_list(struct schema_reader *reader, const struct field *field,
		       const struct node *node, const char *otherwise)
{
	report_error(reader->report, FAULT_WRONG_KIND, &node->place, field->key,
		     "%s, expected a list: [...]%s", node_kind_text(node), otherwise);
}

/* One list for both ways, or "in" and "out" with one each. */
static void store_ways(struct schema_reader *reader, const struct field *field,
		       const struct node *node, unsigned at[2])
{
	static const char *const ways[] = { "in", "out" };

	if (node->kind == NODE_LIST) {
		store_words(reader, field, node, &at[0]);
		at[1] = at[0];
		return;
	}
	if (node->kind != NODE_MAPPING) {
		not_a_list(reader, field, node, ", or { in: [...], out: [...] }");
		return;
	}
	at[0] = at[1] = all_words(field);
	for (const struct node *child = node->first; child; child = child->next) {
		size_t way = strcmp(child->key->text, ways[0]) == 0 ? 0 : 1;

		if (strcmp(child->key->text, ways[way]) != 0)
			report_error(reader->report, FAULT_UNKNOWN_KEY, &child->key->place,
				     NULL, "unknown key '%.64s' in %s, expected in or out",
				     child->key->text, field->key);
		else if (child->kind == NODE_LIST)
			store_words(reader, field, child, &at[way]);
		else
			not_a_list(reader, field, child, "");
	}
}

static void store_list(struct schema_reader *reader, const struct field *field,
		       const struct node *list, void *at)
{
	size_t size = item_bytes(field->kind), n = 0, n_errors;
	void *items = arena_take(reader->arena, list->n_children, size);

	if (!items)
		return;
	if (field->max && list->n_children > field->max) {
		report_error(reader->report, FAULT_OUT_OF_RANGE, &list->place, field->key,
			     "%zu entries, expected at most %" PRIu64, list->n_children,
			     field->max);
		return;
	}
	for (const struct node *child = list->first; child; child = child->next) {
		if (!schema_is_scalar(reader, field, child))
			continue;
		n_errors = report_n_errors(reader->report);
		if (field->kind == KIND_ADDRESSES)
			store_address(reader, field, child, DNS_PORT, nth(items, n, size));
		else
			store_text(reader, field, child, nth(items, n, size));
		if (report_n_errors(reader->report) == n_errors)
			n++;
	}
	memcpy(at, &items, sizeof(items));
	memcpy((char *)at + sizeof(items), &n, sizeof(n));
}

bool schema_is_scalar(struct schema_reader *reader, const struct field *field,
		      const struct node *node)
{
	char expected[SCHEMA_EXPECTED_SIZE];

	if (node->kind == NODE_SCALAR)
		return true;
	report_error(reader->report, FAULT_WRONG_KIND, &node->place, field->key,
		     "%s, expected %s", node_kind_text(node), schema_expected(field, expected));
	return false;
}

void schema_read_value(struct schema_reader *reader, const struct field *field,
		       const struct node *node, void *at)
{
	union {
		uint64_t number;
		struct settings_file file;
		struct settings_ref ref;
		struct addr addr;
		struct rate rate;
		unsigned ways[2];
	} scratch;
	int word;

	if (!at)
		at = &scratch;
	if (schema_is_list(field->kind)) {
		if (node->kind != NODE_LIST) {
			not_a_list(reader, field, node, "");
			return;
		}
		if (field->kind == KIND_WORDS)
			store_words(reader, field, node, at);
		else
			store_list(reader, field, node, at);
		return;
	}
	if (field->kind == KIND_WORDS_WAYS) {
		store_ways(reader, field, node, at);
		return;
	}
	if (!schema_is_scalar(reader, field, node))
		return;
	switch (field->kind) {
	case KIND_BOOL:
		if (value_bool(node->text, at))
			bad_value(reader, field, node);
		break;
	case KIND_WORD:
		if (read_word(reader, field, node, &word))
			*(int *)at = word;
		break;
	case KIND_COUNT:
	case KIND_PORT:
	case KIND_SMALL:
	case KIND_DURATION:
	case KIND_SIZE:
	case KIND_RATE:
		store_number(reader, field, node, at);
		break;
	case KIND_ADDRESS_PORT:
		store_address(reader, field, node, 0, at);
		break;
	default:
		store_text(reader, field, node, at);
		break;
	}
}
