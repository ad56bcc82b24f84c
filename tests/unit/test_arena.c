#include "conf/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_take(void **state)
{
	struct arena arena;
	char *taken[300];

	arena_init(&arena);
	for (size_t i = 0; i < 300;
	     i++) { /* crosses blocks, and one piece is larger than a block */
		size_t size = i == 150 ? 100000 : i + 1;

		taken[i] = arena_take(&arena, size, 1);
		assert_non_null(taken[i]);
		assert_int_equal((uintptr_t)taken[i] % 16, 0);
		for (size_t j = 0; j < size; j++)
			assert_int_equal(taken[i][j], 0);
		memset(taken[i], (int)i, size);
	}
	for (size_t i = 0; i < 300; i++) /* nobody wrote over anybody */
		assert_int_equal((unsigned char)taken[i][i == 150 ? 99999 : i],
				 (unsigned char)i);
	assert_non_null(arena_take(&arena, 0, 8));
	assert_false(arena.is_broken);
	arena_fini(&arena);
	arena_fini(&arena);
}

static void test_text(void **state)
{
	struct arena arena;

	arena_init(&arena);
	assert_string_equal(arena_text(&arena, "abc"), "abc");
	assert_string_equal(arena_text_len(&arena, "abc", 2), "ab");
	assert_string_equal(arena_text(&arena, ""), "");
	arena_fini(&arena);
}

/* What cannot be had is remembered, and texts are never NULL. */
static void test_too_much(void **state)
{
	struct arena arena;

	arena_init(&arena);
	assert_null(arena_take(&arena, SIZE_MAX, 2));
	assert_true(arena.is_broken);
	arena.is_broken = false;
	assert_null(arena_take(&arena, SIZE_MAX - 3, 1));
	assert_true(arena.is_broken);
	assert_string_equal(arena_text(&arena, "still works"), "still works");
	assert_true(arena.is_broken);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
