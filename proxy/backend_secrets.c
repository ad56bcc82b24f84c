#include "proxy/backend_secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "proxy/base/random.h"
#include "proxy/base/table.h"

enum { MAX_FILE_BYTES = 4096, KEY_TEXT_SIZE = 768 };

struct entry {
	UT_hash_handle by_username, by_name;
	struct backend_secret secret;
};

struct backend_secrets {
	struct entry *entries, *by_username, *by_name; /* the storage, and two tables over it */
	size_t n;
};

struct backend_secrets *backend_secrets_free(struct backend_secrets *secrets)
{
	if (!secrets)
		return NULL;
	HASH_CLEAR(by_username, secrets->by_username);
	HASH_CLEAR(by_name, secrets->by_name);
	if (secrets->entries)
		explicit_bzero(secrets->entries, secrets->n * sizeof(*secrets->entries));
	free(secrets->entries);
	free(secrets);
	return NULL;
}

static void refuse(const struct settings_backend *backend, struct report *report,
		   const char *why)
{
	const struct settings_file *file = &backend->password_file;

	report_error(report, FAULT_BAD_VALUE, &file->place, "password_file",
		     "%.512s: %s, expected a password of 1 to %d bytes in the first line",
		     file->path, why, BACKEND_PASSWORD_MAX);
}

/* Cuts text, of len bytes, to its first line; false with a fault in report if that is no
 * password. */
static bool cut_password(const struct settings_backend *backend, char *text, size_t len,
			 struct report *report)
{
	const char *end = memchr(text, '\n', len);
	size_t n = end ? (size_t)(end - text) : len;

	if (n > 0 && text[n - 1] == '\r')
		n--;
	text[n] = '\0';
	if (n == 0)
		refuse(backend, report, "the first line is empty");
	else if (n > BACKEND_PASSWORD_MAX)
		refuse(backend, report, "the first line is too long");
	else if (strlen(text) != n)
		refuse(backend, report, "the first line holds a zero byte");
	else
		return true;
	return false;
}

/* The secret covers username, realm and password. The text cannot be mistaken for an end of a
 * dialog. */
static uint64_t proof_of(const struct backend_secret *secret, const struct settings *settings,
			 const struct record_route_keys *keys)
{
	static const struct settings_listener none = { .bind = "" };
	const int index = secret->backend->listener.index;
	const struct settings_listener *at = index >= 0 ? &settings->listeners[index] : &none;
	char text[KEY_TEXT_SIZE];
	uint64_t proof;

	(void)snprintf(text, sizeof(text), "log-on:%s:%s:%s:%.256s:%u",
		       secret->backend->username, secret->secret.ha1[DIGEST_SHA512_256],
		       conf_transport_text(at->transport), at->bind, at->port);
	proof = keys ? record_route_end(keys, text) : random_keyed_hash(text, strlen(text));
	explicit_bzero(text, sizeof(text));
	return proof;
}

static enum err add(struct backend_secrets *secrets, const struct backend_secret *secret)
{
	struct entry *entry = &secrets->entries[secrets->n++];
	const char *username = secret->backend->username, *name = secret->backend->name;

	entry->secret = *secret;
	HASH_ADD_KEYPTR(by_username, secrets->by_username, username, strlen(username), entry);
	HASH_ADD_KEYPTR(by_name, secrets->by_name, name, strlen(name), entry);
	if (backend_secrets_find(secrets, username) &&
	    backend_secrets_of_backend(secrets, name))
		return ERR_OK;
	return ERR_NO_MEMORY;
}

static enum err load_one(struct backend_secrets *secrets,
			 const struct settings_backend *backend,
			 const struct settings *settings, const struct record_route_keys *keys,
			 struct report *report)
{
	struct backend_secret secret = { .backend = backend };
	const struct settings_file *file = &backend->password_file;
	char *text;
	size_t len;
	enum err err = file_read(file->path, MAX_FILE_BYTES, &text, &len);

	if (err == ERR_NO_MEMORY)
		return err;
	if (err) {
		if (!report_has_error_at(report, &file->place))
			report_error(report, FAULT_FILE_UNREADABLE, &file->place,
				     "password_file", "%.512s cannot be read: %s", file->path,
				     err_text(err));
		return ERR_OK;
	}
	if (cut_password(backend, text, len, report)) {
		digest_make_secret(backend->username, settings->realm, text, &secret.secret);
		secret.proof = proof_of(&secret, settings, keys);
		err = add(secrets, &secret);
	}
	explicit_bzero(text, len);
	free(text);
	explicit_bzero(&secret, sizeof(secret));
	return err;
}

enum err backend_secrets_load(const struct settings *settings,
			      const struct record_route_keys *keys, struct report *report,
			      struct backend_secrets **out)
{
	struct backend_secrets *secrets = calloc(1, sizeof(*secrets));
	enum err err = ERR_OK;

	if (!secrets)
		return ERR_NO_MEMORY;
	secrets->entries = calloc(settings->n_backends + 1, sizeof(*secrets->entries));
	if (!secrets->entries)
		err = ERR_NO_MEMORY;
	for (size_t i = 0; !err && i < settings->n_backends; i++)
		if (*settings->backends[i].username && settings->backends[i].password_file.path)
			err = load_one(secrets, &settings->backends[i], settings, keys, report);
	if (err) {
		backend_secrets_free(secrets);
		return err;
	}
	*out = secrets;
	return ERR_OK;
}

size_t backend_secrets_count(const struct backend_secrets *secrets)
{
	return secrets->n;
}

const struct backend_secret *backend_secrets_find(const struct backend_secrets *secrets,
						  const char *username)
{
	const struct entry *found;

	HASH_FIND(by_username, secrets->by_username, username, strlen(username), found);
	return found ? &found->secret : NULL;
}

const struct backend_secret *backend_secrets_of_backend(const struct backend_secrets *secrets,
							const char *name)
{
	const struct entry *found;

	HASH_FIND(by_name, secrets->by_name, name, strlen(name), found);
	return found ? &found->secret : NULL;
}
