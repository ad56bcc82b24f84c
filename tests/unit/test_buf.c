#include "proxy/base/buf.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_grow(void **state)
{
	struct buf buf;
	char want[3001];

	buf_init(&buf, 0);
	assert_string_equal(buf_text(&buf), "");
	for (unsigned i = 0; i < 1000; i++) {
		buf_puts(&buf, "a");
		buf_add(&buf, "bx", 1);
		buf_printf(&buf, "%c", 'c');
		memcpy(want + 3 * i, "abc", 4);
	}
	assert_int_equal(buf.err, ERR_OK);
	assert_int_equal(buf.len, 3000);
	assert_string_equal(buf_text(&buf), want);
	buf_fini(&buf);
	buf_fini(&buf);
}

static void test_printf_longer_than_room(void **state)
{
	struct buf buf;
	char *text;

	buf_init(&buf, 0);
	buf_puts(&buf, "x");
	buf_printf(&buf, "%0500d", 7);
	assert_int_equal(buf.len, 501);
	text = buf_take(&buf);
	assert_int_equal(strlen(text), 501);
	assert_int_equal(text[500], '7');
	free(text);
	assert_int_equal(buf.len, 0);
	assert_null(buf.bytes);
}

static void test_bytes_with_zeros(void **state)
{
	struct buf buf;

	buf_init(&buf, 0);
	buf_add(&buf, "a\0b", 3);
	buf_add(&buf, NULL, 0);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.bytes, "a\0b", 4);
	buf_fini(&buf);
}

static void test_first_error_stays(void **state)
{
	struct buf buf;

	buf_init(&buf, 5);
	buf_puts(&buf, "12345");
	assert_int_equal(buf.err, ERR_OK);
	buf_puts(&buf, "6");
	assert_int_equal(buf.err, ERR_TOO_LARGE);
	buf_puts(&buf, "");
	assert_string_equal(buf_text(&buf), "12345");
	assert_null(buf_take(&buf));

	buf_clear(&buf);
	assert_int_equal(buf.err, ERR_OK);
	buf_printf(&buf, "%s", "123456");
	assert_int_equal(buf.err, ERR_TOO_LARGE);
	assert_string_equal(buf_text(&buf), ""); /* nothing in part */
	buf_clear(&buf);
	buf_printf(&buf, "%s", "12345");
	assert_int_equal(buf.err, ERR_OK);
	assert_string_equal(buf_text(&buf), "12345");
	buf_clear(&buf);
	assert_string_equal(buf_text(&buf), "");
	buf_add(&buf, "x", SIZE_MAX - 1);
	assert_int_equal(buf.err, ERR_TOO_LARGE);
	buf_fini(&buf);
}

static void test_unbounded_size_that_wraps(void **state)
{
	struct buf buf;

	buf_init(&buf, 0);
	buf_puts(&buf, "x");
	buf_add(&buf, "x", SIZE_MAX - 1);
	assert_int_equal(buf.err, ERR_TOO_LARGE);
	buf_fini(&buf);
}

static void test_take_of_nothing(void **state)
{
	struct buf buf;
	char *text;

	buf_init(&buf, 0);
	text = buf_take(&buf);
	assert_string_equal(text, "");
	free(text);
	buf_puts(&buf, "again");
	text = buf_take(&buf);
	assert_string_equal(text, "again");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_printf_longer_than_room),
		cmocka_unit_test(test_bytes_with_zeros),
		cmocka_unit_test(test_first_error_stays),
		cmocka_unit_test(test_unbounded_size_that_wraps),
		cmocka_unit_test(test_take_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
