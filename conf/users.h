/* The users file: who may be asked for digest authorization, with hashed secrets only. Read
 * with the configuration, written by `nuncio passwd`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/error.h"

enum {
	USERS_MAX = 20000,
	USER_NAME_SIZE = 256,
	USER_MAX_CONTACTS = 8,
	USER_PRESET_CONTACTS = 3
};

/* H(auth_user:realm:password) for each algorithm, in lower-case hex; "" where there is none. */
struct user_ha1 {
	char md5[33];
	char sha_256[65];
	char sha_512_256[65];
};

struct user {
	const char *name;
	const char *auth_user; /* default: name */
	struct user_ha1 ha1;
	bool is_locked;
	bool is_on_internet;   /* its phones may come in by remote listeners */
	const char *class;     /* of service; NULL or "": none */
	unsigned max_contacts; /* phones at a time; 0: USER_PRESET_CONTACTS */
	struct place place;
};

struct users; /* all of them; immutable once loaded, unless users_put is used */

/* Reads the file; every fault goes to report. ERR_INVALID if there was an error in it,
 * ERR_NOT_FOUND if there is no such file (reported only if must_exist). */
enum err users_load(const char *path, bool must_exist, struct report *report,
		    struct users **out) MUST_CHECK;
enum err users_load_text(const char *name, const char *text, size_t len, struct report *report,
			 struct users **out) MUST_CHECK;
enum err users_new(struct users **out) MUST_CHECK;
struct users *users_free(struct users *users); /* NULL is fine; returns NULL */

size_t users_count(const struct users *users);
const struct user *users_at(const struct users *users, size_t i); /* sorted by name */

/* The user with that name, or with that auth_user; NULL if there is none. Constant time:
 * strangers ask. Any thread. */
const struct user *users_find(const struct users *users, const char *name);
const struct user *users_find_auth(const struct users *users, const char *auth_user);

/* Adds the user, or replaces the one of that name; copies it. ERR_EXISTS if another user has
 * that auth_user, ERR_LIMIT, ERR_NO_MEMORY. */
enum err users_put(struct users *users, const struct user *user) MUST_CHECK;
enum err users_remove(struct users *users, const char *name) MUST_CHECK; /* ERR_NOT_FOUND */

/* Writes all users to path, mode 0600 (an existing file's owner, group and mode stay): a new
 * file is written beside it, synced and renamed over it, so a reader sees the old or the new,
 * never half. ERR_ACCESS, ERR_IO, ERR_NO_MEMORY. Comments in the old file are lost. */
enum err users_write(const char *path, const struct users *users) MUST_CHECK;
