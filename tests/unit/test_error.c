#include "proxy/base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_each_has_a_text_of_its_own(void **state)
{
	for (int i = ERR_OK; i <= ERR_UNSUPPORTED; i++) {
		const char *text = err_text((enum err)i);

		assert_string_not_equal(text, "unknown error");
		assert_int_not_equal(text[strlen(text) - 1], '.');
		for (int j = ERR_OK; j < i; j++)
			assert_string_not_equal(text, err_text((enum err)j));
	}
	assert_string_equal(err_text((enum err)(ERR_UNSUPPORTED + 1)), "unknown error");
}

static void test_errno(void **state)
{
	static const struct {
		int number;
		enum err want;
	} rows[] = {
		{ 0, ERR_OK },
		{ ENOMEM, ERR_NO_MEMORY },
		{ EPIPE, ERR_CLOSED },
		{ EMFILE, ERR_LIMIT },
		{ EMSGSIZE, ERR_TOO_LARGE },
		{ ETIMEDOUT, ERR_TIMEOUT },
		{ ENOENT, ERR_NOT_FOUND },
		{ EACCES, ERR_ACCESS },
		{ EAGAIN, ERR_AGAIN },
		{ EINPROGRESS, ERR_AGAIN },
		{ EADDRINUSE, ERR_ADDRESS },
		{ ECONNREFUSED, ERR_REFUSED },
		{ EHOSTUNREACH, ERR_UNREACHABLE },
		{ ECONNRESET, ERR_RESET },
		{ EAFNOSUPPORT, ERR_UNSUPPORTED },
		{ EIO, ERR_IO },
		{ 123456, ERR_IO },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(err_from_errno(rows[i].number), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_has_a_text_of_its_own),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
