/* What of this host and its files the configuration may name. */
#include "conf/file.h"
#include "conf/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static const struct {
	const char *bind;
	enum err err;
	const char *host; /* NULL: not looked at */
} binds[] = {
	{ "127.0.0.1", ERR_OK, "127.0.0.1" },
	{ "127.99.3.4", ERR_OK,
	  "127.99.3.4" }, /* all of 127/8 is ours, whatever the interface lists */
	{ "0.0.0.0", ERR_OK, "0.0.0.0" },
	{ "lo", ERR_OK, "127.0.0.1" },
	{ "*", ERR_OK, NULL },
	{ "192.0.2.77", ERR_ADDRESS, "192.0.2.77" },
	{ "2001:db8::77", ERR_ADDRESS, "2001:db8::77" },
	{ "nonesuch0", ERR_NOT_FOUND, NULL },
	{ "", ERR_NOT_FOUND, NULL },
	{ "192.0.2.", ERR_NOT_FOUND, NULL },
};

static void test_bind(void **state)
{
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(binds); i++) {
		struct addr addr = { 0 };

		assert_int_equal(host_bind(binds[i].bind, &addr), binds[i].err);
		assert_int_equal(addr_is_set(&addr), binds[i].err != ERR_NOT_FOUND);
		if (binds[i].host)
			assert_string_equal(addr_host(&addr, text), binds[i].host);
		assert_int_equal(addr_port(&addr), 0);
	}
}

static void test_bind_all(void **state)
{
	struct addr addr = { 0 };

	assert_int_equal(host_bind("*", &addr), ERR_OK);
	assert_true(addr_is_wildcard(&addr));
}

static void test_file(void **state)
{
	char path[] = "/tmp/nuncio-file-XXXXXX", folder[] = "/tmp/nuncio-folder-XXXXXX", *text;
	bool is_open_to_others = true;
	int fd = mkstemp(path);
	size_t len;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a\0b\n", 4), 4);
	assert_int_equal(file_read(path, 4, &text, &len), ERR_OK);
	assert_int_equal(len, 4);
	assert_memory_equal(text, "a\0b\n\0", 5);
	free(text);
	assert_int_equal(file_read(path, 3, &text, &len), ERR_TOO_LARGE);

	assert_int_equal(file_look(path, false, &is_open_to_others), ERR_OK);
	assert_false(is_open_to_others);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(file_look(path, false, &is_open_to_others), ERR_OK);
	assert_true(is_open_to_others);
	assert_int_equal(file_look(path, true, NULL), ERR_OK);

	assert_non_null(mkdtemp(folder));
	assert_int_equal(file_look(folder, true, NULL), ERR_OK);
	assert_int_equal(file_look(folder, false, NULL), ERR_INVALID);
	assert_int_equal(file_read(folder, 9, &text, &len), ERR_INVALID);
	assert_int_equal(file_look("/nonesuch", true, NULL), ERR_NOT_FOUND);
	assert_int_equal(file_read("/nonesuch", 9, &text, &len), ERR_NOT_FOUND);
	assert_int_equal(file_read("/dev/zero", 9, &text, &len), ERR_INVALID);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(unlink(path), 0);
	close(fd);
}

/* Several buffers full. */
static void test_large_file(void **state)
{
	char path[] = "/tmp/nuncio-file-XXXXXX", *text, *big = calloc(1, 300000);
	int fd = mkstemp(path);
	size_t len;

	assert_non_null(big);
	memset(big, 'x', 300000);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, big, 300000), 300000);
	assert_int_equal(file_read(path, 300000, &text, &len), ERR_OK);
	assert_int_equal(len, 300000);
	assert_memory_equal(text, big, 300000);
	free(text);
	assert_int_equal(file_read(path, 299999, &text, &len), ERR_TOO_LARGE);
	assert_int_equal(unlink(path), 0);
	close(fd);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_bind_all),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_large_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
