#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/scenario/allocation.h"

#include <stdlib.h>

#include "proxy/base/macros.h"
#include "tests/world/faults.h"

enum { MAX_ALLOCATIONS = 5000, FAULT_SIZE = 80000 };

/* The next play begins as if this one had come to its end. */
static void failed(const struct play *play, const char *when, unsigned n, const char *fault)
{
	faults_resume();
	fail_msg("%s, %s %u: %s", play->name, when, n, fault);
}

/* True if an allocation failed on the way. */
static bool play_with_fault(const struct play *play, unsigned n, bool is_lasting)
{
	static char fault[FAULT_SIZE];
	struct stage *stage = stage_new(play, 2, fault, sizeof(fault));
	bool has_failed;

	if (!stage)
		fail_msg("%s: %s", play->name, fault);
	faults_pause();
	faults_begin(n, is_lasting);
	stage_play(stage, true, fault, sizeof(fault));
	has_failed = faults_end();
	/* Whoever was down is tried again by now, and no ban or limit is left. */
	if (!stage_settle(stage, fault, sizeof(fault)))
		failed(play, "allocation", n, fault);
	stage_reset(stage);
	if (!stage_play(stage, false, fault, sizeof(fault)))
		failed(play, "after failed allocation", n, fault);
	if (!stage_settle(stage, fault, sizeof(fault)))
		failed(play, "again after failed allocation", n, fault);
	faults_resume();
	stage_free(stage);
	return has_failed;
}

static void test_play(void **state)
{
	const struct play *play = *state;
	unsigned n = 1;

	while (n < MAX_ALLOCATIONS && play_with_fault(play, n, false))
		n++;
	assert_in_range(n, 20, MAX_ALLOCATIONS - 1); /* it did allocate, and came to its end */
	print_message("%u allocations\n", n - 1);
}

/* From the n-th on all of them fail. */
static void test_lasting(void **state)
{
	const struct play *play = *state;
	unsigned n = 1;

	while (n < MAX_ALLOCATIONS && play_with_fault(play, n, true))
		n++;
	assert_in_range(n, 20, MAX_ALLOCATIONS - 1);
}

int allocation_main(const char *name, const struct play *plays, size_t n)
{
	struct CMUnitTest *tests = calloc(2 * n, sizeof(*tests));
	size_t i;
	int result;

	if (!tests)
		return 1;
	for (i = 0; i < n; i++) {
		tests[2 * i] = (struct CMUnitTest){ plays[i].name, test_play, NULL, NULL,
						    (void *)&plays[i] };
		tests[2 * i + 1] = (struct CMUnitTest){ plays[i].name, test_lasting, NULL, NULL,
							(void *)&plays[i] };
	}
	result = _cmocka_run_group_tests(name, tests, 2 * n, NULL, NULL);
	free(tests);
	return result;
}
