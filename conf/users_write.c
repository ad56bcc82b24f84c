#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/users.h"
#include "proxy/base/buf.h"

static const char head[] =
	"# Users for digest authorization; written by `nuncio passwd`, hashed secrets only.\n";

/* In double quotes everything is a text to YAML, also 168 and true. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_puts(out, "\\");
		buf_add(out, text, 1);
	}
	buf_puts(out, "\"");
}

static void add_hash(struct buf *out, const char *key, const char *hash, bool *is_first)
{
	if (!*hash)
		return;
	buf_printf(out, "%s %s: %s", *is_first ? "" : ",", key, hash);
	*is_first = false;
}

static void add_user(struct buf *out, const struct user *user)
{
	bool is_first = true;

	buf_puts(out, "- user: ");
	add_quoted(out, user->name);
	if (strcmp(user->auth_user, user->name) != 0) {
		buf_puts(out, "\n  auth_user: ");
		add_quoted(out, user->auth_user);
	}
	buf_puts(out, "\n  ha1: {");
	add_hash(out, "md5", user->ha1.md5, &is_first);
	add_hash(out, "sha-256", user->ha1.sha_256, &is_first);
	add_hash(out, "sha-512-256", user->ha1.sha_512_256, &is_first);
	buf_puts(out, " }\n");
	if (user->is_on_internet)
		buf_puts(out, "  internet: true\n");
	if (user->class && *user->class)
		buf_printf(out, "  class: %s\n", user->class);
	if (user->max_contacts && user->max_contacts != USER_PRESET_CONTACTS)
		buf_printf(out, "  max_contacts: %u\n", user->max_contacts);
	if (user->is_locked)
		buf_puts(out, "  locked: true\n");
}

static enum err write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? err_from_errno(errno) : ERR_OK;
}

/* The new file belongs to whom the old one did, or the daemon could not read it any more. Only
 * root can give files away; for others the file is theirs already, or renaming would not be
 * allowed. */
static enum err keep_owner(int fd, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno == ENOENT ? ERR_OK : err_from_errno(errno);
	if (fchown(fd, status.st_uid, status.st_gid) < 0 && errno != EPERM)
		return err_from_errno(errno);
	return fchmod(fd, status.st_mode & 0660) < 0 ? err_from_errno(errno) : ERR_OK;
}

/* The rename itself must survive a power failure: the folder is synced, too. */
static enum err sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	enum err err = ERR_OK;
	int fd;

	if (!folder)
		return ERR_NO_MEMORY;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		err = err_from_errno(errno);
	if (fd >= 0)
		close(fd);
	return err;
}

static enum err replace(const char *path, const struct buf *text)
{
	char *new_path;
	enum err err;
	int fd;

	if (asprintf(&new_path, "%s.XXXXXX", path) < 0)
		return ERR_NO_MEMORY;
	fd = mkostemp(new_path, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		err = err_from_errno(errno);
		free(new_path);
		return err;
	}
	err = keep_owner(fd, path);
	if (!err)
		err = write_all(fd, buf_text(text), text->len);
	if (close(fd) < 0 && !err)
		err = err_from_errno(errno);
	if (!err && rename(new_path, path) < 0)
		err = err_from_errno(errno);
	if (err)
		unlink(new_path);
	else
		err = sync_folder(path);
	free(new_path);
	return err;
}

enum err users_write(const char *path, const struct users *users)
{
	struct buf text;
	enum err err;

	buf_init(&text, 0);
	buf_puts(&text, head);
	for (size_t i = 0; i < users_count(users); i++)
		add_user(&text, users_at(users, i));
	err = text.err ? text.err : replace(path, &text);
	buf_fini(&text);
	return err;
}
