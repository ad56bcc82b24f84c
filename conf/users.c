#include "conf/users.h"

#include <stdlib.h>
#include <string.h>

#include "conf/arena.h"
#include "conf/file.h"
#include "conf/schema.h"
#include "proxy/base/macros.h"
#include "proxy/base/table.h"
#include "proxy/base/text.h"

#define AT(member)  offsetof(struct user_item, member)
#define HA1(member) offsetof(struct ha1_item, member)

enum { MAX_BYTES = 16 << 20, MAX_NODES = 20 * USERS_MAX + 16 };

/* One user, found by name and by auth_user. */
struct entry {
	struct user user;
	UT_hash_handle by_name, by_auth;
};

struct users {
	struct entry *by_name, *by_auth;
	struct entry **sorted; /* by name; made anew after a change */
	size_t n_sorted;
};

/* What stands in the file. */
struct ha1_item {
	const char *md5, *sha_256, *sha_512_256;
};

struct user_item {
	const char *name, *auth_user;
	struct ha1_item ha1;
	bool is_locked, is_on_internet;
	const char *class;
	unsigned max_contacts;
	struct place place;
};

struct user_list {
	const struct user_item *items;
	size_t n_items;
};

/* clang-format off */
static const struct field ha1_fields[] = {
	{ "md5", KIND_TEXT, HA1(md5), 32, 32, NULL, LIVE, "32 hexadecimal digits", NULL, NULL, SECRET },
	{ "sha-256", KIND_TEXT, HA1(sha_256), 64, 64, NULL, LIVE, "64 hexadecimal digits", NULL, NULL, SECRET },
	{ "sha-512-256", KIND_TEXT, HA1(sha_512_256), 64, 64, NULL, LIVE, "64 hexadecimal digits", NULL, NULL, SECRET },
};

static const struct table ha1_table = { "in ha1", ha1_fields, COUNT(ha1_fields) };

static const struct field user_fields[] = {
	{ "user", KIND_TEXT, AT(name), 1, USER_NAME_SIZE - 1, NULL, LIVE,
	  "the user's name, or number", NULL, NULL, REQUIRED },
	{ "auth_user", KIND_TEXT, AT(auth_user), 0, USER_NAME_SIZE - 1, NULL, LIVE,
	  "the name for digest authorization; without it the user's" },
	{ "ha1", KIND_GROUP, AT(ha1), 0, 0, NULL, LIVE,
	  "hashes of auth_user:realm:password", NULL, &ha1_table, REQUIRED },
	{ "internet", KIND_BOOL, AT(is_on_internet), 0, 0, "false", LIVE,
	  "true: its phones may register and call from the internet" },
	{ "class", KIND_NAME, AT(class), 1, 63, NULL, LIVE, "class of service, one of classes" },
	{ "max_contacts", KIND_COUNT, AT(max_contacts), 1, USER_MAX_CONTACTS, "3", LIVE,
	  "phones that may be registered at a time" },
	{ "locked", KIND_BOOL, AT(is_locked), 0, 0, "false", LIVE,
	  "true: no authorization succeeds" },
};
/* clang-format on */

static void finish_user(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct node *ha1 = node_get(node, "ha1");
	struct user_item *item = at;

	item->place = node->place;
	if (!*item->auth_user)
		item->auth_user = item->name;
	if (ha1 && ha1->kind == NODE_MAPPING && !ha1->n_children)
		report_error(reader->report, FAULT_USERS, &ha1->place, "ha1",
			     "empty, expected md5, sha-256 or sha-512-256");
}

static const struct table user_table = {
	.where = "in a user",
	.fields = user_fields,
	.n_fields = COUNT(user_fields),
	.item_bytes = sizeof(struct user_item),
	.finish = finish_user,
};

/* The file is a bare list; as a group with one key it is read like everything else. */
static const struct field list_fields[] = {
	{ "users", KIND_LIST, offsetof(struct user_list, items), 0, 0, NULL, LIVE, "users",
	  NULL, &user_table },
};

static const struct table list_table = { "in the users file", list_fields, COUNT(list_fields) };

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	free((char *)entry->user.name);
	free((char *)entry->user.auth_user);
	free((char *)entry->user.class);
	free((char *)entry->user.place.file);
	free(entry);
}

static struct entry *entry_new(const struct user *user)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->user = *user;
	entry->user.name = strdup(user->name);
	entry->user.auth_user = strdup(user->auth_user ? user->auth_user : user->name);
	entry->user.class = strdup(user->class ? user->class : "");
	entry->user.place.file = user->place.file ? strdup(user->place.file) : NULL;
	if (!entry->user.name || !entry->user.auth_user || !entry->user.class ||
	    (user->place.file && !entry->user.place.file)) {
		entry_free(entry);
		return NULL;
	}
	return entry;
}

enum err users_new(struct users **out)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return ERR_NO_MEMORY;
	*out = users;
	return ERR_OK;
}

struct users *users_free(struct users *users)
{
	struct entry *entry, *next;

	if (!users)
		return NULL;
	HASH_CLEAR(by_auth, users->by_auth);
	HASH_ITER(by_name, users->by_name, entry, next)
	{
		HASH_DELETE(by_name, users->by_name, entry);
		entry_free(entry);
	}
	free(users->sorted);
	free(users);
	return NULL;
}

static struct entry *find_name(const struct users *users, const char *name)
{
	struct entry *entry;

	HASH_FIND(by_name, users->by_name, name, strlen(name), entry);
	return entry;
}

static struct entry *find_auth(const struct users *users, const char *auth_user)
{
	struct entry *entry;

	HASH_FIND(by_auth, users->by_auth, auth_user, strlen(auth_user), entry);
	return entry;
}

const struct user *users_find(const struct users *users, const char *name)
{
	const struct entry *entry = find_name(users, name);

	return entry ? &entry->user : NULL;
}

const struct user *users_find_auth(const struct users *users, const char *auth_user)
{
	const struct entry *entry = find_auth(users, auth_user);

	return entry ? &entry->user : NULL;
}

static void drop(struct users *users, struct entry *entry)
{
	if (find_name(users, entry->user.name) == entry)
		HASH_DELETE(by_name, users->by_name, entry);
	if (find_auth(users, entry->user.auth_user) == entry)
		HASH_DELETE(by_auth, users->by_auth, entry);
	entry_free(entry);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = *(struct entry *const *)a,
			   *right = *(struct entry *const *)b;

	return strcmp(left->user.name, right->user.name);
}

/* The order for users_at, after every change: an array, since the table has none. */
static enum err sort(struct users *users)
{
	size_t n = HASH_CNT(by_name, users->by_name), i = 0;
	struct entry **sorted = malloc((n + 1) * sizeof(struct entry *)), *entry, *next;

	if (!sorted)
		return ERR_NO_MEMORY;
	HASH_ITER(by_name, users->by_name, entry, next)
	{
		sorted[i++] = entry;
	}
	qsort(sorted, n, sizeof(*sorted), compare_entries);
	free(users->sorted);
	users->sorted = sorted;
	users->n_sorted = n;
	return ERR_OK;
}

/* Adds without sorting: a whole file is sorted once. Adding to a table may silently fail when
 * memory is short (proxy/base/table.h), so it is looked up again. */
static enum err add(struct users *users, const struct user *user)
{
	struct entry *entry;

	if (HASH_CNT(by_name, users->by_name) >= USERS_MAX)
		return ERR_LIMIT;
	entry = entry_new(user);
	if (!entry)
		return ERR_NO_MEMORY;
	HASH_ADD_KEYPTR(by_name, users->by_name, entry->user.name, strlen(entry->user.name),
			entry);
	HASH_ADD_KEYPTR(by_auth, users->by_auth, entry->user.auth_user,
			strlen(entry->user.auth_user), entry);
	if (find_name(users, user->name) == entry &&
	    find_auth(users, entry->user.auth_user) == entry)
		return ERR_OK;
	drop(users, entry);
	return ERR_NO_MEMORY;
}

enum err users_put(struct users *users, const struct user *user)
{
	const char *auth_user = user->auth_user ? user->auth_user : user->name;
	struct entry *old = find_name(users, user->name), *other = find_auth(users, auth_user);
	struct entry *copy;

	if (other && other != old)
		return ERR_EXISTS;
	copy = entry_new(user); /* user may be the one that is dropped */
	if (!copy)
		return ERR_NO_MEMORY;
	if (old)
		drop(users, old);

	enum err err = add(users, &copy->user);

	entry_free(copy);
	if (sort(users))
		err = ERR_NO_MEMORY;
	return err;
}

enum err users_remove(struct users *users, const char *name)
{
	struct entry *entry = find_name(users, name);

	if (!entry)
		return ERR_NOT_FOUND;
	drop(users, entry);
	return sort(users);
}

size_t users_count(const struct users *users)
{
	return users->n_sorted;
}

const struct user *users_at(const struct users *users, size_t i)
{
	return i < users->n_sorted ? &users->sorted[i]->user : NULL;
}

static bool read_hash(const char *hash, const char *key, char *out,
		      const struct user_item *item, struct report *report)
{
	unsigned char bytes[32];

	strcpy(out, "");     /* the row's bounds gave the length */
	if (!hash || !*hash) /* NULL: ha1 is no mapping, which is reported already */
		return false;
	if (!text_unhex(hash, bytes, strlen(hash) / 2)) {
		report_error(report, FAULT_USERS, &item->place, key,
			     "user '%.64s' has something else than hexadecimal digits there",
			     item->name);
		return false;
	}
	text_hex(bytes, strlen(hash) / 2, out);
	return true;
}

static enum err add_item(struct users *users, const struct user_item *item,
			 struct report *report)
{
	struct user user = {
		.name = item->name,
		.auth_user = item->auth_user,
		.is_locked = item->is_locked,
		.is_on_internet = item->is_on_internet,
		.class = item->class ? item->class : "",
		.max_contacts = item->max_contacts,
		.place = item->place,
	};
	const struct user *other;
	enum err err;

	read_hash(item->ha1.md5, "md5", user.ha1.md5, item, report);
	read_hash(item->ha1.sha_256, "sha-256", user.ha1.sha_256, item, report);
	read_hash(item->ha1.sha_512_256, "sha-512-256", user.ha1.sha_512_256, item, report);
	if (!*item->name)
		return ERR_OK; /* reported as missing */
	other = users_find(users, item->name);
	if (!other)
		other = users_find_auth(users, item->auth_user);
	if (other) {
		report_error(report, FAULT_DUPLICATE, &item->place, NULL,
			     "user '%.64s', or its auth_user, is defined twice", item->name);
		report_hint(report, "the first one is in line %u", other->place.line);
		return ERR_OK;
	}
	err = add(users, &user);
	if (err == ERR_LIMIT) {
		report_error(report, FAULT_USERS, &item->place, NULL, "more than %d users",
			     USERS_MAX);
		return ERR_INVALID;
	}
	return err;
}

static enum err read_list(struct arena *arena, const char *name, const char *text, size_t len,
			  struct report *report, struct user_list *out)
{
	static const struct yaml_bounds bounds = { MAX_BYTES, MAX_NODES };
	struct schema_reader reader = { arena, report, out };
	struct node key = { .kind = NODE_SCALAR, .text = "users" };
	struct node root = { .kind = NODE_MAPPING, .text = "" }, *list = NULL;
	const char *file = arena_text(arena, name);
	enum err err;

	report_source(report, file, text, len, true);
	err = yaml_parse_bounded(arena, file, text, len, &bounds, report, &list);
	if (err || !list || list->kind == NODE_EMPTY)
		return err;
	list->key = &key;
	node_append(&root, list);
	schema_read(&reader, &list_table, &root, out);
	return ERR_OK;
}

static enum err load(struct users *users, struct arena *arena, const char *name,
		     const char *text, size_t len, struct report *report)
{
	struct user_list list = { 0 };
	enum err err = read_list(arena, name, text, len, report, &list);

	for (size_t i = 0; i < list.n_items && !err; i++)
		err = add_item(users, &list.items[i], report);
	if (!err)
		err = sort(users);
	if (!err && (arena->is_broken || report_is_broken(report)))
		err = ERR_NO_MEMORY;
	return err;
}

enum err users_load_text(const char *name, const char *text, size_t len, struct report *report,
			 struct users **out)
{
	size_t n_errors = report_n_errors(report);
	struct users *users;
	struct arena arena;
	enum err err = users_new(&users);

	if (err)
		return err;
	arena_init(&arena);
	err = load(users, &arena, name, text, len, report);
	arena_fini(&arena);
	if (!err && report_n_errors(report) > n_errors)
		err = ERR_INVALID;
	if (err) {
		users_free(users);
		return err;
	}
	*out = users;
	return ERR_OK;
}

enum err users_load(const char *path, bool must_exist, struct report *report,
		    struct users **out)
{
	struct place place = { .file = path };
	size_t len;
	char *text;
	enum err err = file_read(path, MAX_BYTES, &text, &len);

	if (err == ERR_NO_MEMORY || (err == ERR_NOT_FOUND && !must_exist))
		return err;
	if (err) {
		report_error(report, FAULT_FILE_UNREADABLE, &place, "users_file",
			     "the file cannot be read: %s", err_text(err));
		return err == ERR_NOT_FOUND ? err : ERR_INVALID;
	}
	err = users_load_text(path, text, len, report, out);
	free(text);
	return err;
}
