#include "proxy/base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME "nuncio.log"
enum { NAME_SIZE = 32 };

struct log_file {
	int dir_fd, fd;
	uint64_t size_bytes, max_bytes;
	unsigned n_files;
	bool delete_daily;
	int day; /* the local day of the last look */
};

/* The n-th file; 0 is the one that is written. */
static const char *file_name(unsigned n, char name[NAME_SIZE])
{
	if (n == 0)
		snprintf(name, NAME_SIZE, NAME);
	else
		snprintf(name, NAME_SIZE, NAME ".%u", n);
	return name;
}

static int day_of(time_t seconds)
{
	struct tm tm;

	return localtime_r(&seconds, &tm) ? tm.tm_year * 366 + tm.tm_yday : 0;
}

static enum err open_current(struct log_file *file)
{
	struct stat status;
	int fd = openat(file->dir_fd, NAME,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return err_from_errno(errno);
	if (fstat(fd, &status) < 0) {
		enum err err = err_from_errno(errno);
		close(fd);
		return err;
	}
	if (file->fd >= 0)
		close(file->fd);
	file->fd = fd;
	file->size_bytes = (uint64_t)status.st_size;
	return ERR_OK;
}

/* Deletes the n-th file and those after it, up to the first that is not there. */
static void delete_from(struct log_file *file, unsigned n)
{
	char name[NAME_SIZE];

	while (unlinkat(file->dir_fd, file_name(n, name), 0) == 0)
		n++;
}

static enum err delete_all(struct log_file *file)
{
	char name[NAME_SIZE];

	for (unsigned n = 0; n < file->n_files; n++)
		unlinkat(file->dir_fd, file_name(n, name), 0);
	return open_current(file);
}

static enum err rotate(struct log_file *file)
{
	char from[NAME_SIZE], to[NAME_SIZE];

	if (file->n_files == 1)
		return delete_all(file);
	for (unsigned n = file->n_files - 1; n > 0;
	     n--) /* those that are not there yet do no harm */
		renameat(file->dir_fd, file_name(n - 1, from), file->dir_fd, file_name(n, to));
	return open_current(file);
}

enum err log_file_open(const char *directory, uint64_t max_bytes, unsigned n_files,
		       bool delete_daily, uint64_t wall_us, struct log_file **out)
{
	struct log_file *file = calloc(1, sizeof(*file));
	if (!file)
		return ERR_NO_MEMORY;

	file->max_bytes = max_bytes;
	file->n_files = n_files ? n_files : 1;
	file->delete_daily = delete_daily;
	file->day = day_of((time_t)(wall_us / 1000000));
	file->fd = -1;
	file->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = file->dir_fd < 0 ? err_from_errno(errno) : open_current(file);
	if (err) {
		log_file_close(file);
		return err;
	}

	struct stat status;
	if (delete_daily && fstat(file->fd, &status) == 0 && status.st_size > 0 &&
	    day_of(status.st_mtime) != file->day)
		err = delete_all(file);
	if (err) {
		log_file_close(file);
		return err;
	}
	delete_from(file, file->n_files); /* of the time when more were kept */
	*out = file;
	return ERR_OK;
}

struct log_file *log_file_close(struct log_file *file)
{
	if (!file)
		return NULL;
	if (file->fd >= 0)
		close(file->fd);
	if (file->dir_fd >= 0)
		close(file->dir_fd);
	free(file);
	return NULL;
}

static enum err write_all(struct log_file *file, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(file->fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		file->size_bytes += (uint64_t)n;
		bytes += n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

/* How much of lines the file still takes: whole lines, and at least one into an empty file. */
static size_t that_fits(const struct log_file *file, const char *lines, size_t len)
{
	uint64_t room =
		file->size_bytes < file->max_bytes ? file->max_bytes - file->size_bytes : 0;
	const char *feed;

	if (file->max_bytes == 0 || len <= room)
		return len;
	feed = room ? memrchr(lines, '\n', room) : NULL;
	if (!feed && file->size_bytes == 0)
		feed = memchr(lines, '\n', len);
	if (feed)
		return (size_t)(feed - lines) + 1;
	return file->size_bytes == 0 ? len : 0;
}

enum err log_file_write(struct log_file *file, uint64_t wall_us, const char *lines, size_t len)
{
	log_file_tick(file, wall_us);
	while (len > 0) {
		size_t n = that_fits(file, lines, len);
		enum err err = n ? ERR_OK : rotate(file);
		if (err)
			return err;
		if (n == 0 && file->size_bytes > 0)
			/* the files cannot be renamed: a log that is too long is better than
			 * none */
			n = len;
		err = write_all(file, lines, n);
		if (err)
			return err;
		lines += n;
		len -= n;
	}
	return ERR_OK;
}

void log_file_tick(struct log_file *file, uint64_t wall_us)
{
	int day = day_of((time_t)(wall_us / 1000000));

	if (!file->delete_daily || day == file->day)
		return;
	if (delete_all(file) == ERR_OK) /* else it is tried again at the next tick */
		file->day = day;
}
