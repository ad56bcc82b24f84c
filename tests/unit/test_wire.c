#include "proxy/base/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_copy_and_count(void **state)
{
	struct wire *wire = wire_copy("BYE\0x", 5);

	assert_non_null(wire);
	assert_int_equal(wire->len, 5);
	assert_memory_equal(wire->bytes, "BYE\0x", 5);
	assert_int_equal(wire->n_refs, 1);
	assert_ptr_equal(wire_ref(wire), wire);
	assert_null(wire_unref(wire));
	assert_memory_equal(wire->bytes, "BYE", 3); /* still there: one reference is left */
	assert_null(wire_unref(wire));
	assert_null(wire_unref(NULL));
}

static void test_new_has_room(void **state)
{
	struct wire *wire = wire_new(1000);

	assert_non_null(wire);
	assert_int_equal(wire->len, 0);
	assert_int_equal(wire->size, 1000);
	memset(wire->bytes, 'x', wire->size);
	wire_unref(wire);

	wire = wire_copy(NULL, 0);
	assert_non_null(wire);
	assert_int_equal(wire->len, 0);
	wire_unref(wire);
}

static void test_size_that_wraps(void **state)
{
	assert_null(wire_new(SIZE_MAX));
	assert_null(wire_new(SIZE_MAX - sizeof(struct wire) + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_and_count),
		cmocka_unit_test(test_new_has_room),
		cmocka_unit_test(test_size_that_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
