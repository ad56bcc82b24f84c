#include "conf/schema.h"

#include <string.h>

#include "proxy/base/text.h"

enum { MAX_KEYS = 64 }; /* of one table, for the nearest key */

static void *member(void *item, const struct field *field)
{
	return field->at == NOWHERE ? NULL : (char *)item + field->at;
}

static const struct field *find_field(const struct table *table, const char *key)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		if (strcmp(table->fields[i].key, key) == 0)
			return &table->fields[i];
	}
	return NULL;
}

static void hint_nearest_key(struct schema_reader *reader, const struct table *table,
			     const char *key)
{
	const char *keys[MAX_KEYS], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < table->n_fields && n < MAX_KEYS; i++)
		keys[n++] = table->fields[i].key;
	nearest = text_nearest(key, keys, n);
	if (nearest)
		report_hint(reader->report, "did you mean '%s'?", nearest);
}

static void refuse_unknown_keys(struct schema_reader *reader, const struct table *table,
				const struct node *node)
{
	for (const struct node *child = node->first; child; child = child->next) {
		const char *key = child->key->text;

		if (find_field(table, key))
			continue;
		report_error(reader->report, FAULT_UNKNOWN_KEY, &child->key->place, NULL,
			     "unknown key '%.64s' %s", key, table->where);
		hint_nearest_key(reader, table, key);
	}
}

/* The array and its count stand one after the other: see schema.h. */
static void store_list(void *at, void *items, size_t n)
{
	memcpy(at, &items, sizeof(items));
	memcpy((char *)at + sizeof(items), &n, sizeof(n));
}

static bool is_group(struct schema_reader *reader, const struct table *table,
		     const struct node *node, const char *key)
{
	if (node->kind == NODE_MAPPING)
		return true;
	report_error(reader->report, FAULT_WRONG_KIND, &node->place, key,
		     "%s %s, expected a group of keys", node_kind_text(node), table->where);
	return false;
}

/* A list of groups, or groups by name; an item with a fault is kept, so that what refers to it
 * is not reported as well. */
static void read_items(struct schema_reader *reader, const struct field *field,
		       const struct node *node, void *at)
{
	const struct table *table = field->table;
	enum node_kind wanted = field->kind == KIND_LIST ? NODE_LIST : NODE_MAPPING;
	size_t stored = table->stored_bytes ? table->stored_bytes : table->item_bytes, n = 0;
	char *items, *item;

	if (node->kind != wanted) {
		report_error(reader->report, FAULT_WRONG_KIND, &node->place, field->key,
			     "%s, expected %s", node_kind_text(node),
			     wanted == NODE_LIST ? "a list"
						 : "names, each with a group of keys");
		return;
	}
	items = arena_take(reader->arena, node->n_children, stored);
	if (!items)
		return;
	for (const struct node *child = node->first; child; child = child->next) {
		if (!is_group(reader, table, child, field->key))
			continue;
		item = arena_take(reader->arena, 1, table->item_bytes);
		if (!item)
			return;
		if (field->kind == KIND_NAMED)
			*(const char **)(void *)item = child->key->text;
		schema_read(reader, table, child, item);
		memcpy(items + n++ * stored, item, stored);
	}
	store_list(at, items, n);
}

static void read_field(struct schema_reader *reader, const struct field *field,
		       const struct node *node, void *item)
{
	void *at = member(item, field);

	switch (field->kind) {
	case KIND_GROUP:
		/* Without a group its presets: the checks read them, fault or not. */
		if (node && !is_group(reader, field->table, node, field->key))
			node = NULL;
		schema_read(reader, field->table, node, at);
		break;
	case KIND_LIST:
	case KIND_NAMED:
		if (node)
			read_items(reader, field, node, at);
		break;
	default:
		if (node)
			schema_read_value(reader, field, node, at);
		break;
	}
}

/* The preset is read like any value, so that the table holds it as one would write it. A list's
 * preset is a single word, or "" for none. */
static void read_preset(struct schema_reader *reader, const struct field *field, void *item)
{
	struct node word = { .kind = NODE_SCALAR, .text = field->preset };
	struct node list = { .kind = NODE_LIST };

	switch (field->kind) {
	case KIND_WORDS:
	case KIND_TEXTS:
	case KIND_DOMAINS:
	case KIND_FILES:
	case KIND_REFS:
	case KIND_ADDRESSES:
		if (*field->preset)
			node_append(&list, &word);
		schema_read_value(reader, field, &list, member(item, field));
		break;
	default:
		schema_read_value(reader, field, &word, member(item, field));
		break;
	}
}

/* Texts are never NULL, whatever was written. */
static void blank(const struct field *field, void *at)
{
	switch (field->kind) {
	case KIND_TEXT:
	case KIND_NAME:
	case KIND_HOST:
	case KIND_DOMAIN:
	case KIND_PATH:
		*(const char **)at = "";
		break;
	case KIND_REF:
		*(struct settings_ref *)at = (struct settings_ref){ .name = "", .index = -1 };
		break;
	default:
		break;
	}
}

void schema_read(struct schema_reader *reader, const struct table *table,
		 const struct node *node, void *item)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct field *field = &table->fields[i];
		const struct node *child = node_get(node, field->key);

		if (child && field->flags & NOT_BUILT) {
			report_error(reader->report, FAULT_NOT_IN_VERSION, &child->key->place,
				     field->key, "not in this version");
			continue;
		}
		if (!child && field->flags & REQUIRED && node)
			report_error(reader->report, FAULT_MISSING_KEY, &node->place,
				     field->key, "missing %s, expected %s", table->where,
				     field->about);
		if (field->at != NOWHERE)
			blank(field, member(item, field));
		if (field->preset)
			read_preset(reader, field, item);
		if (!(field->flags & NOT_BUILT))
			read_field(reader, field, child, item);
	}
	if (node)
		refuse_unknown_keys(reader, table, node);
	if (table->finish)
		table->finish(reader, node, item);
}
