#include "routing/record_route_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

/* The file is text:
 *   nuncio record-route keys 1
 *   ends HEX
 *   current NUMBER HEX
 *   previous NUMBER HEX      (only after a replacement) */
#define HEAD "nuncio record-route keys 1\n"

enum { PATH_BYTES = 4096, FILE_BYTES = 1024 };

const struct record_route_key *record_route_keys_find(const struct record_route_keys *keys,
						      uint8_t number)
{
	if (keys->current.number == number)
		return &keys->current;
	return keys->has_previous && keys->previous.number == number ? &keys->previous : NULL;
}

struct record_route_keys *record_route_keys_free(struct record_route_keys *keys)
{
	if (keys)
		explicit_bzero(keys, sizeof(*keys));
	free(keys);
	return NULL;
}

static void make(struct record_route_keys *keys)
{
	random_bytes(keys->ends, sizeof(keys->ends));
	keys->current.number = 1;
	random_bytes(keys->current.bytes, sizeof(keys->current.bytes));
}

static void print(const struct record_route_keys *keys, char text[FILE_BYTES])
{
	char ends[2 * sizeof(keys->ends) + 1], current[2 * sizeof(keys->current.bytes) + 1];
	char previous[2 * sizeof(keys->previous.bytes) + 1];

	text_hex(keys->ends, sizeof(keys->ends), ends);
	text_hex(keys->current.bytes, sizeof(keys->current.bytes), current);
	int len = snprintf(text, FILE_BYTES, HEAD "ends %s\ncurrent %u %s\n", ends,
			   keys->current.number, current);
	if (keys->has_previous) {
		text_hex(keys->previous.bytes, sizeof(keys->previous.bytes), previous);
		(void)snprintf(text + len, FILE_BYTES - (size_t)len, "previous %u %s\n",
			       keys->previous.number, previous);
	}
}

/* Takes "WORD " off the start of *text. */
static bool take_word(const char **text, const char *word)
{
	if (!text_starts_with(*text, word))
		return false;
	*text += strlen(word);
	return true;
}

/* Takes the hex of len bytes and the line's end off the start of *text. */
static bool take_hex(const char **text, void *out, size_t len)
{
	char hex[2 * 32 + 1];

	if (strcspn(*text, "\n") != 2 * len || (*text)[2 * len] != '\n')
		return false;
	text_copy_len(hex, sizeof(hex), *text, 2 * len);
	*text += 2 * len + 1;
	return text_unhex(hex, out, len);
}

static bool take_key(const char **text, struct record_route_key *key)
{
	char *end;
	unsigned long number = strtoul(*text, &end, 10);

	if (end == *text || number > UINT8_MAX || *end != ' ')
		return false;
	key->number = (uint8_t)number;
	*text = end + 1;
	return take_hex(text, key->bytes, sizeof(key->bytes));
}

static bool parse(const char *text, struct record_route_keys *keys)
{
	if (!take_word(&text, HEAD) || !take_word(&text, "ends ") ||
	    !take_hex(&text, keys->ends, sizeof(keys->ends)) || !take_word(&text, "current ") ||
	    !take_key(&text, &keys->current))
		return false;
	keys->has_previous = take_word(&text, "previous ");
	if (keys->has_previous && !take_key(&text, &keys->previous))
		return false;
	return *text == '\0';
}

/* Reads what fits; a file that is longer is none of ours. */
static enum err read_text(int fd, char text[FILE_BYTES])
{
	size_t len = 0;

	while (len < FILE_BYTES - 1) {
		ssize_t got = read(fd, text + len, FILE_BYTES - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_from_errno(errno);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	text[len] = '\0';
	return ERR_OK;
}

static enum err read_file(const char *path, struct record_route_keys *keys)
{
	char text[FILE_BYTES];
	struct stat status;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	enum err err = fstat(fd, &status) < 0 ? err_from_errno(errno) : ERR_OK;
	/* Whoever reads these keys can forge a dialog's route. */
	if (err == ERR_OK && (status.st_mode & 077) != 0)
		err = ERR_ACCESS;
	if (err == ERR_OK)
		err = read_text(fd, text);
	close(fd);
	if (err == ERR_OK && !parse(text, keys))
		err = ERR_SYNTAX;
	explicit_bzero(text, sizeof(text));
	return err;
}

static enum err write_text(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t done = write(fd, text, left);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_from_errno(errno);
		text += done;
		left -= (size_t)done;
	}
	return fsync(fd) < 0 ? err_from_errno(errno) : ERR_OK;
}

/* Writes a new file beside path; its name goes to temporary. */
static enum err write_beside(const char *path, const struct record_route_keys *keys,
			     char temporary[PATH_BYTES])
{
	char token[9], text[FILE_BYTES];

	random_token(token, sizeof(token) - 1);
	if (snprintf(temporary, PATH_BYTES, "%s.%s", path, token) >= PATH_BYTES)
		return ERR_TOO_LARGE;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_from_errno(errno);
	print(keys, text);
	enum err err = write_text(fd, text);
	explicit_bzero(text, sizeof(text));
	close(fd);
	if (err != ERR_OK)
		unlink(temporary);
	return err;
}

/* Makes the file unless somebody else does so in this moment (ERR_EXISTS): then his keys are
 * the ones. */
static enum err create_file(const char *path, const struct record_route_keys *keys)
{
	char temporary[PATH_BYTES];

	enum err err = write_beside(path, keys, temporary);
	if (err != ERR_OK)
		return err;
	if (link(temporary, path) < 0)
		err = err_from_errno(errno);
	unlink(temporary);
	return err;
}

static enum err load(const char *path, struct record_route_keys *keys)
{
	enum err err = read_file(path, keys);
	if (err != ERR_NOT_FOUND)
		return err;
	make(keys);
	err = create_file(path, keys);
	if (err != ERR_EXISTS)
		return err;
	memset(keys, 0, sizeof(*keys));
	return read_file(path, keys);
}

static enum err file_of(const char *directory, char path[PATH_BYTES])
{
	return snprintf(path, PATH_BYTES, "%s/record_route.key", directory) < PATH_BYTES
		       ? ERR_OK
		       : ERR_TOO_LARGE;
}

enum err record_route_keys_load(const char *directory, struct record_route_keys **out)
{
	char path[PATH_BYTES];
	enum err err = ERR_OK;

	struct record_route_keys *keys = calloc(1, sizeof(*keys));
	if (!keys)
		return ERR_NO_MEMORY;
	if (!directory) {
		make(keys);
	} else {
		err = file_of(directory, path);
		if (err == ERR_OK)
			err = load(path, keys);
	}
	if (err != ERR_OK) {
		record_route_keys_free(keys);
		return err;
	}
	mac_key_set(&keys->current.mac, keys->current.bytes, sizeof(keys->current.bytes));
	mac_key_set(&keys->previous.mac, keys->previous.bytes, sizeof(keys->previous.bytes));
	*out = keys;
	return ERR_OK;
}

enum err record_route_keys_replace(const char *directory)
{
	char path[PATH_BYTES], temporary[PATH_BYTES];
	struct record_route_keys keys = { 0 };

	enum err err = file_of(directory, path);
	if (err == ERR_OK)
		err = load(path, &keys);
	if (err != ERR_OK)
		return err;

	keys.previous = keys.current;
	keys.has_previous = true;
	keys.current.number++;
	random_bytes(keys.current.bytes, sizeof(keys.current.bytes));
	err = write_beside(path, &keys, temporary);
	explicit_bzero(&keys, sizeof(keys));
	if (err != ERR_OK)
		return err;
	if (rename(temporary, path) == 0)
		return ERR_OK;
	err = err_from_errno(errno);
	unlink(temporary);
	return err;
}
