#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/scenario/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"

enum { FAULT_SIZE = 80000 };

struct take {
	struct play play;
	unsigned n_workers;
	char name[200];
};

static void run(void **state)
{
	const struct take *take = *state;
	char *fault = calloc(1, FAULT_SIZE);
	struct stage *stage = stage_new(&take->play, take->n_workers, fault, FAULT_SIZE);
	bool is_fine = stage && stage_play(stage, false, fault, FAULT_SIZE) &&
		       stage_settle(stage, fault, FAULT_SIZE);

	stage_free(stage);
	if (!is_fine)
		print_error("%s\n", fault);
	free(fault);
	assert_true(is_fine);
}

int scenario_main(const char *name, const struct play *plays, size_t n)
{
	struct CMUnitTest *tests = calloc(2 * n, sizeof(*tests));
	struct take *takes = calloc(2 * n, sizeof(*takes));
	const char *wanted = getenv("PLAY"); /* only those whose name holds this */
	size_t i, n_tests = 0;
	int result;

	if (!tests || !takes)
		return 1;
	for (i = 0; i < 2 * n; i++) {
		struct take *take = &takes[n_tests];

		if (wanted && !strstr(plays[i / 2].name, wanted))
			continue;
		take->play = plays[i / 2];
		if (!take->play.configs) {
			take->play.configs = house;
			take->play.users = house_users;
			take->play.cast = house_cast;
		}
		take->n_workers = 1 + (unsigned)(i % 2);
		snprintf(take->name, sizeof(take->name), "%s (%u)", take->play.name,
			 take->n_workers);
		tests[n_tests++] = (struct CMUnitTest){ take->name, run, NULL, NULL, take };
	}
	if (log_start(&(struct log_settings){ .level = getenv("VERBOSE") ? LOG_DEBUG
									 : LOG_ERROR }))
		return 1;
	result = _cmocka_run_group_tests(name, tests, n_tests, NULL, NULL);
	log_stop();
	free(tests);
	free(takes);
	return result;
}
