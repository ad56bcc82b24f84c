#include "proxy/base/log_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static const uint64_t noon_us = 1795262400000000; /* 2026-11-21T12:00:00Z */
static const uint64_t hour_us = 3600000000;

static char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* want NULL: there is no such file. */
static void assert_file(const char *name, const char *want)
{
	char got[256] = "";
	int fd = open(path_of(name), O_RDONLY);

	if (!want) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd >= 0);
	ssize_t len = read(fd, got, sizeof(got) - 1);
	assert_true(len >= 0);
	close(fd);
	assert_string_equal(got, want);
}

static void add(struct log_file *file, const char *lines)
{
	assert_int_equal(log_file_write(file, noon_us, lines, strlen(lines)), ERR_OK);
}

static int make_directory(void **state)
{
	strcpy(directory, "/tmp/nuncio-log-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "nuncio.log", "nuncio.log.1", "nuncio.log.2",
					     "nuncio.log.3", "nuncio.log.4" };

	for (size_t i = 0; i < 5; i++)
		unlink(path_of(names[i]));
	return rmdir(directory);
}

static void test_rotation_by_size(void **state)
{
	struct log_file *file;

	assert_int_equal(log_file_open(directory, 10, 3, false, noon_us, &file), ERR_OK);
	add(file, "aaaa\nbbbb\n"); /* just fits */
	assert_file("nuncio.log", "aaaa\nbbbb\n");
	add(file, "cccc\ndddd\neeee\n"); /* in one piece: cut between lines */
	assert_file("nuncio.log.1", "cccc\ndddd\n");
	assert_file("nuncio.log.2", "aaaa\nbbbb\n");
	assert_file("nuncio.log", "eeee\n");
	add(file, "a line that is too long\n"); /* whole, in a file of its own */
	assert_file("nuncio.log", "a line that is too long\n");
	assert_file("nuncio.log.1", "eeee\n");
	assert_file("nuncio.log.2", "cccc\ndddd\n");
	assert_file("nuncio.log.3", NULL);
	add(file, "f\n");
	assert_file("nuncio.log", "f\n");
	log_file_close(file);

	assert_int_equal(log_file_open(directory, 10, 2, false, noon_us, &file), ERR_OK);
	assert_file("nuncio.log.2", NULL); /* fewer are kept now */
	add(file, "ggggggg\n");            /* goes on after what was there */
	assert_file("nuncio.log", "f\nggggggg\n");
	add(file, "h\n");
	assert_file("nuncio.log", "h\n");
	assert_file("nuncio.log.1", "f\nggggggg\n");
	log_file_close(file);

	struct stat status;
	assert_int_equal(stat(path_of("nuncio.log"), &status), 0);
	assert_int_equal(status.st_mode & 0777 & ~0640, 0);
}

static void test_one_file(void **state)
{
	struct log_file *file;

	assert_int_equal(log_file_open(directory, 4, 1, false, noon_us, &file), ERR_OK);
	add(file, "aaa\n");
	add(file, "bbb\n");
	assert_file("nuncio.log", "bbb\n");
	assert_file("nuncio.log.1", NULL);
	log_file_close(file);

	assert_int_equal(log_file_open(directory, 0, 0, false, noon_us, &file), ERR_OK);
	add(file, "no bound\n");
	assert_file("nuncio.log", "bbb\nno bound\n");
	log_file_close(file);
}

static void test_daily_deletion(void **state)
{
	struct log_file *file;

	assert_int_equal(log_file_open(directory, 4, 3, true, noon_us, &file), ERR_OK);
	add(file, "aaa\n");
	add(file, "bbb\n");
	log_file_tick(file, noon_us + 11 * hour_us);
	assert_file("nuncio.log", "bbb\n");
	assert_file("nuncio.log.1", "aaa\n");
	log_file_tick(file, noon_us + 12 * hour_us); /* midnight */
	assert_file("nuncio.log", "");
	assert_file("nuncio.log.1", NULL);
	assert_int_equal(log_file_write(file, noon_us + 13 * hour_us, "ccc\n", 4), ERR_OK);
	assert_int_equal(log_file_write(file, noon_us + 37 * hour_us, "ddd\n", 4), ERR_OK);
	assert_file("nuncio.log", "ddd\n");
	assert_file("nuncio.log.1", NULL);
	log_file_close(file);
}

static void test_file_of_an_earlier_day(void **state)
{
	struct timespec yesterday[2] = { { .tv_sec = 1795262400 - 86400 },
					 { .tv_sec = 1795262400 - 86400 } };
	struct log_file *file;

	assert_int_equal(log_file_open(directory, 0, 3, false, noon_us, &file), ERR_OK);
	add(file, "old\n");
	log_file_close(file);
	assert_int_equal(utimensat(AT_FDCWD, path_of("nuncio.log"), yesterday, 0), 0);
	assert_int_equal(log_file_open(directory, 0, 3, false, noon_us, &file), ERR_OK);
	assert_file("nuncio.log", "old\n");
	log_file_close(file);
	assert_int_equal(log_file_open(directory, 0, 3, true, noon_us, &file), ERR_OK);
	assert_file("nuncio.log", "");
	log_file_close(file);
}

static void test_failures(void **state)
{
	struct log_file *file = NULL;

	assert_int_equal(log_file_open("/no/such/directory", 0, 3, false, noon_us, &file),
			 ERR_NOT_FOUND);
	assert_int_equal(symlink("/etc/passwd", path_of("nuncio.log")), 0);
	assert_int_not_equal(log_file_open(directory, 0, 3, false, noon_us, &file), ERR_OK);
	assert_null(file);
	assert_null(log_file_close(NULL));
}

/* Nothing can be renamed while a directory stands in the way: the log goes on, too long. */
static void test_rotation_that_fails(void **state)
{
	struct log_file *file;

	assert_int_equal(mkdir(path_of("nuncio.log.1"), 0700), 0);
	assert_int_equal(log_file_open(directory, 4, 2, false, noon_us, &file), ERR_OK);
	add(file, "aaa\n");
	add(file, "bbb\nccc\n");
	assert_file("nuncio.log", "aaa\nbbb\nccc\n");
	log_file_close(file);
	assert_int_equal(rmdir(path_of("nuncio.log.1")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rotation_by_size), TEST(test_one_file),
		TEST(test_daily_deletion),   TEST(test_file_of_an_earlier_day),
		TEST(test_failures),         TEST(test_rotation_that_fails),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
