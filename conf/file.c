#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err read_all(int fd, size_t max, char **out, size_t *out_len)
{
	size_t len = 0, size = 64 * 1024;
	char *bytes = NULL, *more;
	ssize_t n;

	for (;;) {
		more = realloc(bytes, size + 1);
		if (!more) {
			free(bytes);
			return ERR_NO_MEMORY;
		}
		bytes = more;
		n = read(fd, bytes + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			enum err err = err_from_errno(errno);

			explicit_bzero(bytes, len); /* it may hold a secret */
			free(bytes);
			return err;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max) {
			explicit_bzero(bytes, len);
			free(bytes);
			return ERR_TOO_LARGE;
		}
		if (len == size)
			size *= 2;
	}
	bytes[len] = '\0';
	*out = bytes;
	*out_len = len;
	return ERR_OK;
}

/* Without waiting: opening a named pipe must not hang the program. */
enum err file_read(const char *path, size_t max, char **out, size_t *out_len)
{
	struct stat status;
	enum err err;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_from_errno(errno);
	if (fstat(fd, &status) < 0)
		err = err_from_errno(errno);
	else if (!S_ISREG(status.st_mode))
		err = ERR_INVALID;
	else
		err = read_all(fd, max, out, out_len);
	close(fd);
	return err;
}

enum err file_look(const char *path, bool may_be_folder, bool *is_open_to_others)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return err_from_errno(errno);
	if (!S_ISREG(status.st_mode) && !(may_be_folder && S_ISDIR(status.st_mode)))
		return ERR_INVALID;
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
		return err_from_errno(errno);
	if (is_open_to_others)
		*is_open_to_others = status.st_mode & S_IROTH;
	return ERR_OK;
}

enum { MAX_SHOWN_PATH = 256 };

/* The first folder on the way to path that this process may not pass; path itself if all let it
 * in. */
static const char *find_barrier(const char *path, char folder[MAX_SHOWN_PATH + 1])
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, MAX_SHOWN_PATH + 1, "%.*s", (int)(slash - path), path);
		if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) < 0 && errno == EACCES)
			return folder;
	}
	return path;
}

const char *file_access_remedy(const char *path, char out[FILE_REMEDY_SIZE])
{
	char folder[MAX_SHOWN_PATH + 1], text[1024];
	struct group entry, *group = NULL;
	const char *barrier;

	*out = '\0';
	if (geteuid() == 0 || *path != '/' || strlen(path) > MAX_SHOWN_PATH ||
	    getgrgid_r(getegid(), &entry, text, sizeof(text), &group) != 0 || !group)
		return out;
	barrier = find_barrier(path, folder);
	snprintf(out, FILE_REMEDY_SIZE, "chgrp %s %s && chmod g+%s %s", group->gr_name, barrier,
		 barrier == path ? "r" : "x", barrier);
	return out;
}
