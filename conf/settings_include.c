#include "conf/settings_include.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/file.h"
#include "conf/settings_tables.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

/* path as the people wrote it: beside file, the file that names it. */
static const char *beside(struct arena *arena, const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	size_t dir_len = slash ? (size_t)(slash - file) + 1 : 0;
	char *joined;

	if (*path == '/' || !dir_len)
		return arena_text(arena, path);
	joined = arena_take(arena, dir_len + strlen(path) + 1, 1);
	if (!joined)
		return "";
	memcpy(joined, file, dir_len);
	memcpy(joined + dir_len, path, strlen(path) + 1);
	return joined;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat left, right;

	return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

/* A pattern may match the main file, and two patterns the same file. */
static bool is_known(const struct include *include, const char *path)
{
	for (size_t i = 0; i < include->n_files; i++) {
		if (strcmp(include->files[i], path) == 0)
			return true;
	}
	return is_same_file(include->files[0], path);
}

static enum err parse_file(struct include *include, const char *path,
			   const struct node *pattern, struct node **out)
{
	struct report *report = include->reader->report;
	size_t len;
	char *text;
	enum err err = file_read(path, YAML_MAX_BYTES, &text, &len);

	if (err == ERR_NO_MEMORY)
		return err;
	if (err) {
		report_error(report, FAULT_FILE, &pattern->place, "include",
			     "%.200s cannot be read: %s", path,
			     err == ERR_INVALID ? "not a file" : err_text(err));
		if (err == ERR_INVALID)
			report_hint(report, "of a folder's files: FOLDER/*.yaml");
		return ERR_INVALID;
	}
	report_source(report, path, text, len, false);
	err = yaml_parse(include->reader->arena, path, text, len, report, out);
	free(text);
	return err;
}

static enum err read_file(struct include *include, const char *match,
			  const struct node *pattern)
{
	struct arena *arena = include->reader->arena;
	const char *path = arena_text(arena, match);
	struct node *root = NULL;
	enum err err;

	if (is_known(include, path))
		return ERR_OK;
	if (include->n_files > INCLUDE_MAX_FILES) {
		report_error(include->reader->report, FAULT_INCLUDE, &pattern->place, "include",
			     "more than %d files", INCLUDE_MAX_FILES);
		return ERR_INVALID;
	}
	include->files[include->n_files++] = path;
	err = parse_file(include, path, pattern, &root);
	if (err == ERR_INVALID) {
		include->is_incomplete = true;
		return ERR_OK; /* the other files are checked all the same */
	}
	if (err)
		return err;
	return root ? include_merge(include, root) : ERR_OK;
}

static enum err read_pattern(struct include *include, const struct node *pattern)
{
	const char *path = beside(include->reader->arena, pattern->place.file, pattern->text);
	bool is_pattern = strpbrk(pattern->text, "*?[");
	glob_t found = { 0 };
	enum err err = ERR_OK;

	if (!is_pattern)
		return read_file(include, path, pattern);
	switch (glob(path, 0, NULL, &found)) {
	case 0:
		for (size_t i = 0; i < found.gl_pathc && !err; i++)
			err = read_file(include, found.gl_pathv[i], pattern);
		break;
	case GLOB_NOSPACE:
		err = ERR_NO_MEMORY;
		break;
	default: /* no match is fine: partners.d may be empty */
		break;
	}
	globfree(&found);
	return err == ERR_INVALID ? ERR_OK : err;
}

enum err include_read(struct include *include)
{
	const struct node *patterns = node_get(include->root, "include");
	enum err err = ERR_OK;

	if (!patterns || patterns->kind != NODE_LIST)
		return ERR_OK; /* the schema will say so */
	for (const struct node *child = patterns->first; child && !err; child = child->next) {
		if (child->kind == NODE_SCALAR)
			err = read_pattern(include, child);
	}
	return err;
}

static struct node *find(struct node *mapping, const char *key)
{
	for (struct node *child = mapping->first; child; child = child->next) {
		if (strcmp(child->key->text, key) == 0)
			return child;
	}
	return NULL;
}

static void append_all(struct node *to, const struct node *from)
{
	struct node *next;

	for (struct node *child = from->first; child; child = next) {
		next = child->next;
		node_append(to, child);
	}
}

/* Moves a list (or named groups) into the one of the main file, or makes it the main file's. */
static void merge_list(struct include *include, struct node *to, struct node *from,
		       enum node_kind kind)
{
	struct node *existing = find(to, from->key->text);

	if (from->kind != kind)
		report_error(include->reader->report, FAULT_WRONG_KIND, &from->place,
			     from->key->text, "%s, expected %s", node_kind_text(from),
			     kind == NODE_LIST ? "a list" : "names, each with a group of keys");
	else if (!existing)
		node_append(to, from);
	else if (existing->kind == kind)
		append_all(existing, from);
}

static bool is_known_key(const struct table *table, const char *key)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		if (strcmp(table->fields[i].key, key) == 0)
			return true;
	}
	return false;
}

/* A key that no included file may hold. */
static void refuse(struct include *include, const struct table *table, const struct node *child)
{
	static const char *const allowed[] = { "domains",  "listeners", "certificates",
					       "backends", "partners",  "routes" };
	struct report *report = include->reader->report;
	const char *key = child->key->text, *nearest;

	if (is_known_key(table, key)) {
		report_error(report, FAULT_INCLUDE, &child->key->place, key,
			     "stands in an included file, expected it in the main file");
		return;
	}
	report_error(report, FAULT_UNKNOWN_KEY, &child->key->place, NULL,
		     "unknown key '%.64s' in an included file", key);
	nearest = text_nearest(key, allowed, COUNT(allowed));
	if (nearest)
		report_hint(report, "did you mean '%s'?", nearest);
}

static enum err merge_partners(struct include *include, struct node *from)
{
	struct node *to = find(include->root, "partners"), *next;

	if (from->kind != NODE_MAPPING) {
		report_error(include->reader->report, FAULT_WRONG_KIND, &from->place,
			     "partners", "%s, expected a group of keys", node_kind_text(from));
		return ERR_OK;
	}
	if (!to) {
		to = arena_take(include->reader->arena, 1, sizeof(*to));
		if (!to)
			return ERR_NO_MEMORY;
		to->kind = NODE_MAPPING;
		to->place = from->place;
		to->text = "";
		to->key = from->key;
		node_append(include->root, to);
	}
	for (struct node *child = from->first; child; child = next) {
		next = child->next;
		if (strcmp(child->key->text, "routes") != 0)
			refuse(include, &settings_partners_table, child);
		else if (to->kind == NODE_MAPPING)
			merge_list(include, to, child, NODE_LIST);
	}
	return ERR_OK;
}

enum err include_merge(struct include *include, struct node *from)
{
	struct node *next;
	enum err err = ERR_OK;

	if (from->kind != NODE_MAPPING) {
		report_error(include->reader->report, FAULT_WRONG_KIND, &from->place, NULL,
			     "%s, expected a group of keys", node_kind_text(from));
		return ERR_OK;
	}
	for (struct node *child = from->first; child && !err; child = next) {
		const char *key = child->key->text;

		next = child->next;
		if (strcmp(key, "partners") == 0)
			err = merge_partners(include, child);
		else if (strcmp(key, "certificates") == 0)
			merge_list(include, include->root, child, NODE_MAPPING);
		else if (strcmp(key, "domains") == 0 || strcmp(key, "listeners") == 0 ||
			 strcmp(key, "backends") == 0)
			merge_list(include, include->root, child, NODE_LIST);
		else if (strcmp(key, "version") != 0 || strcmp(child->text, "1") != 0)
			refuse(include, &settings_table, child);
	}
	return err;
}
