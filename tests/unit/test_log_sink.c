#include "proxy/base/log_sink.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char first_directory[64], second_directory[64];

static void on_tick(void)
{
}

static struct log_file *open_in(const char *directory)
{
	struct log_file *file;

	assert_int_equal(log_file_open(directory, 0, 2, false, 0, &file), ERR_OK);
	return file;
}

static char *contents(const char *directory)
{
	char path[128];
	size_t size = 4 << 20;
	char *text = malloc(size);

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/nuncio.log", directory);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t len = read(fd, text, size - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	close(fd);
	return text;
}

static int make_directories(void **state)
{
	strcpy(first_directory, "/tmp/nuncio-log-XXXXXX");
	strcpy(second_directory, "/tmp/nuncio-log-XXXXXX");
	return mkdtemp(first_directory) && mkdtemp(second_directory) ? 0 : -1;
}

static int remove_directories(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/nuncio.log", first_directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/nuncio.log", second_directory);
	unlink(path);
	return rmdir(first_directory) || rmdir(second_directory);
}

static void test_stop_writes_what_is_left(void **state)
{
	struct log_sink *sink;
	char *text;

	assert_int_equal(log_sink_start(open_in(first_directory), on_tick, &sink), ERR_OK);
	assert_true(log_sink_put(sink, "a\nb\n", 4));
	assert_true(log_sink_put(sink, "c\n", 2));
	log_sink_stop(sink);
	text = contents(first_directory);
	assert_string_equal(text, "a\nb\nc\n");
	free(text);
}

static void test_switch_between_two_lines(void **state)
{
	struct log_sink *sink;
	char *first, *second;

	assert_int_equal(log_sink_start(open_in(first_directory), on_tick, &sink), ERR_OK);
	assert_true(log_sink_put(sink, "old\n", 4));
	log_sink_switch(sink, open_in(first_directory)); /* perhaps never used */
	log_sink_switch(sink, open_in(second_directory));
	assert_true(log_sink_put(sink, "new\n", 4));
	log_sink_stop(sink);
	first = contents(first_directory);
	second = contents(second_directory);
	assert_string_equal(first, "old\n");
	assert_string_equal(second, "new\n");
	free(first);
	free(second);
}

enum { N_THREADS = 2, N_LINES = 5000 };

static void *put_many(void *user)
{
	for (unsigned i = 0; i < N_LINES; i++) {
		if (!log_sink_put(user, "0123456789\n", 11))
			abort(); /* all of them fit */
	}
	return NULL;
}

/* Also run under ThreadSanitizer. */
static void test_threads(void **state)
{
	struct log_sink *sink;
	pthread_t threads[N_THREADS];
	char *text, *at;
	unsigned n = 0;

	assert_int_equal(log_sink_start(open_in(first_directory), on_tick, &sink), ERR_OK);
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, sink), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	log_sink_stop(sink);
	text = contents(first_directory);
	for (at = text; *at; at += 11, n++)
		assert_memory_equal(at, "0123456789\n", 11);
	assert_int_equal(n, N_THREADS * N_LINES);
	free(text);
}

static void *read_all(void *user)
{
	int fd = *(int *)user;
	static char bytes[65536];
	size_t n_bytes = 0;

	for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) > 0;)
		n_bytes += (size_t)n;
	return (void *)n_bytes;
}

/* The reader of a pipe does not read: lines are dropped, and nobody waits. */
static void test_full_buffer(void **state)
{
	enum { LEN = 64 * 1024 };
	struct log_sink *sink;
	int pipe_fds[2], old_stderr = dup(STDERR_FILENO);
	char *lines = malloc(LEN);
	size_t n_put = 0;
	pthread_t reader;
	void *n_read;

	assert_non_null(lines);
	memset(lines, 'x', LEN);
	lines[LEN - 1] = '\n';
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
	close(pipe_fds[1]);
	assert_int_equal(log_sink_start(NULL, on_tick, &sink), ERR_OK);
	while (n_put < 1000 && log_sink_put(sink, lines, LEN))
		n_put++;
	assert_in_range(n_put, LOG_SINK_BYTES / LEN, 2 * LOG_SINK_BYTES / LEN);
	assert_false(log_sink_put(sink, lines, LOG_SINK_BYTES + 1));

	assert_int_equal(pthread_create(&reader, NULL, read_all, &pipe_fds[0]), 0);
	log_sink_stop(sink);
	assert_int_equal(dup2(old_stderr, STDERR_FILENO), STDERR_FILENO); /* ends the pipe */
	pthread_join(reader, &n_read);
	assert_int_equal((size_t)n_read, n_put * LEN);
	close(old_stderr);
	close(pipe_fds[0]);
	free(lines);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directories, remove_directories)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stop_writes_what_is_left),
		TEST(test_switch_between_two_lines),
		TEST(test_threads),
		cmocka_unit_test(test_full_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
