#include "proxy/reload_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/table.h"
#include "proxy/json_text.h"
#include "proxy/reload_words.h"

enum { MAX_TEXT = 400 }; /* of what is printed of one thing; what is compared has no bound */

static void add(json_t *changes, const char *sign, const char *what, const char *name,
		const char *text)
{
	json_array_append_new(changes,
			      json_pack("{s:s, s:s, s:o, s:o}", "sign", sign, "what", what,
					"name", json_text(name), "text", json_text(text)));
}

/* The next phrase of a description, without the comma behind it; false: there is none. */
static bool next_phrase(const char **at, const char **out, size_t *len)
{
	const char *comma = strstr(*at, ", ");

	if (!**at)
		return false;
	*out = *at;
	*len = comma ? (size_t)(comma - *at) : strlen(*at);
	*at += *len + (comma ? strlen(", ") : 0);
	return true;
}

static bool has_phrase(const char *text, const char *phrase, size_t len)
{
	const char *found;
	size_t found_len;

	while (next_phrase(&text, &found, &found_len))
		if (found_len == len && memcmp(found, phrase, len) == 0)
			return true;
	return false;
}

/* Of one description what the other does not say. */
static void put_difference(const char *text, const char *other, struct buf *out)
{
	const char *phrase;
	size_t len;

	while (next_phrase(&text, &phrase, &len))
		if (!has_phrase(other, phrase, len))
			buf_printf(out, "%s%.*s", out->len ? ", " : "", (int)len, phrase);
}

static void put_change(const struct buf *before, const struct buf *after, struct buf *out)
{
	struct buf is, was;

	buf_init(&is, 0);
	buf_init(&was, 0);
	put_difference(buf_text(after), buf_text(before), &is);
	put_difference(buf_text(before), buf_text(after), &was);
	if (is.len && was.len)
		buf_printf(out, "%.*s (was: %.*s)", MAX_TEXT, buf_text(&is), MAX_TEXT,
			   buf_text(&was));
	else if (is.len)
		buf_printf(out, "new: %.*s", MAX_TEXT, buf_text(&is));
	else if (was.len)
		buf_printf(out, "no more: %.*s", MAX_TEXT, buf_text(&was));
	else /* the same phrases in another order, or one of them in another number */
		buf_printf(out, "%.*s (was: %.*s)", MAX_TEXT, buf_text(after), MAX_TEXT,
			   buf_text(before));
	buf_fini(&is);
	buf_fini(&was);
}

static void add_change(json_t *changes, const char *what, const char *name,
		       const struct buf *before, const struct buf *after, bool needs_restart)
{
	struct buf text;

	if (!strcmp(buf_text(before), buf_text(after)))
		return;
	buf_init(&text, 0);
	if (needs_restart)
		buf_puts(&text, "takes effect at the next restart: ");
	put_change(before, after, &text);
	add(changes, "~", what, name, buf_text(&text));
	buf_fini(&text);
}

/* Where one name stands on both sides: ten thousand partners are compared by table, not each
 * with each. */
struct pair {
	UT_hash_handle hh;
	const char *name;
	size_t i_from, i_to; /* SIZE_MAX: it is not there */
};

static void add_pair(json_t *changes, const struct reload_kind *kind,
		     const struct snapshot *from, const struct snapshot *to,
		     const struct pair *pair)
{
	struct buf before, after;
	char text[MAX_TEXT + 1];

	buf_init(&before, 0);
	buf_init(&after, 0);
	if (pair->i_from != SIZE_MAX)
		kind->describe(from, pair->i_from, &before);
	if (pair->i_to != SIZE_MAX)
		kind->describe(to, pair->i_to, &after);
	if (pair->i_from != SIZE_MAX && pair->i_to != SIZE_MAX) {
		add_change(changes, kind->what, pair->name, &before, &after, false);
	} else {
		bool is_new = pair->i_from == SIZE_MAX;

		snprintf(text, sizeof(text), "%s", buf_text(is_new ? &after : &before));
		add(changes, is_new ? "+" : "-", kind->what, pair->name, text);
	}
	buf_fini(&before);
	buf_fini(&after);
}

/* Fills pairs, which has room for both sides: those of to in their order, then those that only
 * from has. Returns how many, or SIZE_MAX if memory is short. */
static size_t pair_up(const struct reload_kind *kind, const struct snapshot *from,
		      const struct snapshot *to, struct pair *pairs)
{
	struct pair *table = NULL, *found;
	size_t n = 0, n_to = kind->count(to), n_from = kind->count(from), i;

	for (i = 0; i < n_to; i++) {
		struct pair *pair = &pairs[n++];

		*pair = (struct pair){ .name = kind->name(to, i),
				       .i_from = SIZE_MAX,
				       .i_to = i };
		HASH_ADD_KEYPTR(hh, table, pair->name, strlen(pair->name), pair);
		HASH_FIND(hh, table, pair->name, strlen(pair->name), found);
		if (!found) {
			HASH_CLEAR(hh, table);
			return SIZE_MAX;
		}
	}
	for (i = 0; i < n_from; i++) {
		const char *name = kind->name(from, i);

		HASH_FIND(hh, table, name, strlen(name), found);
		if (found)
			found->i_from = i;
		else
			pairs[n++] =
				(struct pair){ .name = name, .i_from = i, .i_to = SIZE_MAX };
	}
	HASH_CLEAR(hh, table);
	return n;
}

static bool diff_kind(json_t *changes, const struct reload_kind *kind,
		      const struct snapshot *from, const struct snapshot *to)
{
	struct pair *pairs = calloc(kind->count(from) + kind->count(to) + 1, sizeof(*pairs));
	size_t n = pairs ? pair_up(kind, from, to, pairs) : SIZE_MAX, i;

	for (i = 0; n != SIZE_MAX && i < n; i++)
		add_pair(changes, kind, from, to, &pairs[i]);
	free(pairs);
	return n != SIZE_MAX;
}

static void diff_section(json_t *changes, const struct reload_section *section,
			 const struct snapshot *from, const struct snapshot *to)
{
	struct buf before, after;

	buf_init(&before, 0);
	buf_init(&after, 0);
	section->describe(from, &before);
	section->describe(to, &after);
	add_change(changes, "settings", section->name, &before, &after, section->needs_restart);
	buf_fini(&before);
	buf_fini(&after);
}

static bool is_same_user(const struct user *a, const struct user *b)
{
	return a->is_locked == b->is_locked && a->is_on_internet == b->is_on_internet &&
	       a->max_contacts == b->max_contacts && !strcmp(a->class, b->class) &&
	       !strcmp(a->auth_user, b->auth_user) && !strcmp(a->ha1.md5, b->ha1.md5) &&
	       !strcmp(a->ha1.sha_256, b->ha1.sha_256) &&
	       !strcmp(a->ha1.sha_512_256, b->ha1.sha_512_256);
}

/* Another password in the same file is a change that no text shows. A new username or realm is
 * told elsewhere. */
static void diff_passwords(json_t *changes, const struct snapshot *from,
			   const struct snapshot *to)
{
	char name[128];

	if (strcmp(from->settings->realm, to->settings->realm) != 0)
		return;
	for (size_t i = 0; i < to->settings->n_backends; i++) {
		const struct settings_backend *backend = &to->settings->backends[i];
		const struct backend_secret *is = backend_secrets_of_backend(
						    to->backend_secrets, backend->name),
					    *was = backend_secrets_of_backend(
						    from->backend_secrets, backend->name);

		if (!is || !was || is->proof == was->proof ||
		    strcmp(is->backend->username, was->backend->username) != 0)
			continue;
		snprintf(name, sizeof(name), "backend.%s.password", backend->name);
		add(changes, "~", "settings", name, "changed");
	}
}

/* The users file by numbers: it may be long, and who has a new password is nobody's
 * business. */
static void diff_users(json_t *changes, const struct users *from, const struct users *to)
{
	size_t n_to = to ? users_count(to) : 0, n_from = from ? users_count(from) : 0, i;
	size_t n_new = 0, n_changed = 0, n_gone;
	char text[128];

	for (i = 0; i < n_to; i++) {
		const struct user *user = users_at(to, i);
		const struct user *old = from ? users_find(from, user->name) : NULL;

		n_new += !old;
		n_changed += old && !is_same_user(user, old);
	}
	n_gone = n_from - (n_to - n_new);
	if (!n_new && !n_changed && !n_gone)
		return;
	snprintf(text, sizeof(text), "%zu users: %zu new, %zu changed, %zu gone", n_to, n_new,
		 n_changed, n_gone);
	add(changes, "~", "settings", "users_file", text);
}

json_t *reload_diff(const struct snapshot *from, const struct snapshot *to)
{
	json_t *changes = json_array();
	size_t i;

	for (i = 0; changes && i < reload_n_kinds; i++)
		if (!diff_kind(changes, &reload_kinds[i], from, to)) {
			json_decref(changes);
			return NULL;
		}
	for (i = 0; changes && i < reload_n_sections; i++)
		diff_section(changes, &reload_sections[i], from, to);
	if (changes) {
		diff_passwords(changes, from, to);
		diff_users(changes, from->users, to->users);
	}
	return changes;
}
