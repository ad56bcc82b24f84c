#include "conf/settings.h"

#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/file.h"
#include "conf/settings_include.h"
#include "conf/settings_tables.h"
#include "proxy/base/macros.h"

/* What settings_load gives out, with the memory that holds all of it. */
struct owned_settings {
	struct settings settings;
	struct arena arena;
};

/* One text on its way to become settings. */
struct text {
	const char *name;
	const char *bytes;
	size_t len;
	bool is_file; /* only a file's include: is followed */
	bool is_kept; /* what could be read is given out, with errors too */
};

struct settings *settings_free(struct settings *settings)
{
	struct owned_settings *owned;

	if (!settings)
		return NULL;
	owned = container_of(settings, struct owned_settings, settings);
	arena_fini(&owned->arena);
	free(owned);
	return NULL;
}

static enum err parse_main(struct owned_settings *owned, const struct text *text,
			   struct report *report, struct node **out)
{
	const char *name = arena_text(&owned->arena, text->name);
	struct node *root = NULL;
	enum err err;

	report_source(report, name, text->bytes, text->len, false);
	err = yaml_parse(&owned->arena, name, text->bytes, text->len, report, &root);
	if (err)
		return err;
	if (!root) {
		root = arena_take(&owned->arena, 1, sizeof(*root));
		if (!root)
			return ERR_NO_MEMORY;
		root->kind = NODE_MAPPING;
		root->text = "";
		root->place = (struct place){ name, 1, 1 };
	}
	if (root->kind != NODE_MAPPING) {
		report_error(report, FAULT_WRONG_KIND, &root->place, NULL,
			     "%s, expected a group of keys", node_kind_text(root));
		return ERR_INVALID;
	}
	*out = root;
	return ERR_OK;
}

static enum err read_includes(struct include *include, const struct text *text)
{
	struct report *report = include->reader->report;
	const struct node *key = node_get(include->root, "include");

	include->files = arena_take(include->reader->arena, INCLUDE_MAX_FILES + 1,
				    sizeof(*include->files));
	if (!include->files)
		return ERR_NO_MEMORY;
	include->files[include->n_files++] = arena_text(include->reader->arena, text->name);
	if (text->is_file)
		return include_read(include);
	if (key && key->n_children) {
		report_error(report, FAULT_INCLUDE, &key->place, "include",
			     "cannot be followed: this text is not a file");
		include->is_incomplete = true;
	}
	return ERR_OK;
}

/* What is missing because a file could not be read must not be reported as undefined. */
static enum err check(struct settings *settings, bool is_complete, struct report *report)
{
	enum err err = check_duplicates(settings, report);

	if (err)
		return err;
	if (is_complete) {
		check_references(settings, report);
		check_listeners(settings, report);
		check_backends(settings, report);
		check_federation(settings, report);
		check_nat(settings, report);
		check_media(settings, report);
		check_reach(settings, report);
	}
	check_routes(settings, report);
	check_files(settings, report);
	return ERR_OK;
}

static enum err load(struct owned_settings *owned, const struct text *text,
		     struct report *report)
{
	struct settings *settings = &owned->settings;
	struct schema_reader reader = { &owned->arena, report, settings };
	struct include include = { .reader = &reader };
	enum err err = parse_main(owned, text, report, &include.root);

	if (err)
		return err;
	err = read_includes(&include, text);
	if (err)
		return err;
	settings->files = include.files;
	settings->n_files = include.n_files;
	settings->path = schema_path(&owned->arena, "", text->name);
	schema_read(&reader, &settings_table, include.root, settings);
	if (owned->arena.is_broken)
		return ERR_NO_MEMORY;
	return check(settings, !include.is_incomplete, report);
}

static enum err load_text(const struct text *text, struct report *report, struct settings **out)
{
	struct owned_settings *owned = calloc(1, sizeof(*owned));
	size_t n_errors = report_n_errors(report);
	enum err err;

	if (!owned)
		return ERR_NO_MEMORY;
	arena_init(&owned->arena);
	err = load(owned, text, report);
	if (!err && (owned->arena.is_broken || report_is_broken(report)))
		err = ERR_NO_MEMORY;
	if (!err && report_n_errors(report) > n_errors)
		err = ERR_INVALID;
	if (err && !(err == ERR_INVALID && text->is_kept && owned->settings.path)) {
		settings_free(&owned->settings);
		return err;
	}
	*out = &owned->settings;
	return err;
}

static enum err load_file(const char *path, bool is_kept, struct report *report,
			  struct settings **out)
{
	struct text text = { .name = path, .is_file = true, .is_kept = is_kept };
	struct place place = { .file = path };
	char remedy[FILE_REMEDY_SIZE], *bytes;
	enum err err = file_read(path, YAML_MAX_BYTES, &bytes, &text.len);

	if (err == ERR_NO_MEMORY)
		return err;
	if (err) {
		report_error(report, FAULT_FILE, &place, NULL, "the file cannot be read: %s",
			     err == ERR_INVALID ? "not a file" : err_text(err));
		if (err == ERR_ACCESS && *file_access_remedy(path, remedy))
			report_hint(report, "%s", remedy);
		return ERR_INVALID;
	}
	text.bytes = bytes;
	err = load_text(&text, report, out);
	free(bytes);
	return err;
}

enum err settings_load(const char *path, struct report *report, struct settings **out)
{
	return load_file(path, false, report, out);
}

enum err settings_load_faulty(const char *path, struct report *report, struct settings **out)
{
	*out = NULL;
	return load_file(path, true, report, out);
}

enum err settings_load_text(const char *name, const char *text, size_t len,
			    struct report *report, struct settings **out)
{
	return load_text(&(struct text){ .name = name, .bytes = text, .len = len }, report,
			 out);
}
