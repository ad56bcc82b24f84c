#include "media/channels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum channels_verdict take(struct channels *channels, struct channels_claim *claim,
				  unsigned n, unsigned kbps)
{
	struct channels_claim more = { .kbps = kbps };

	more.n[CHANNEL_DEVICE] = n;
	return channels_take(channels, &more, claim);
}

static void test_bounds(void **state)
{
	struct channels_claim a = { 0 }, b = { 0 };
	struct channels_view view;
	struct channels *channels;

	(void)state;
	assert_int_equal(channels_new(&channels), ERR_OK);
	/* before its bounds are known */
	assert_int_equal(take(channels, &a, 1, 0), CHANNELS_FULL);
	channels_set_bounds(channels, 3, 250);
	assert_int_equal(take(channels, &a, 2, 200), CHANNELS_TAKEN);
	assert_int_equal(take(channels, &b, 2, 10), CHANNELS_FULL); /* all or nothing */
	assert_int_equal(take(channels, &b, 1, 100), CHANNELS_NO_BANDWIDTH);
	assert_int_equal(take(channels, &b, 1, 50), CHANNELS_TAKEN);
	/* who wants nothing more is never refused */
	assert_int_equal(take(channels, &b, 0, 0), CHANNELS_TAKEN);
	channels_look(channels, &view);
	assert_int_equal(view.n_used[CHANNEL_DEVICE], 3);
	assert_int_equal(view.kbps_used, 250);
	assert_int_equal(view.n_refused, 2);
	assert_int_equal(view.n_refused_bandwidth, 1);
	channels_set_bounds(channels, 1, 0); /* a reload ends nothing */
	assert_int_equal(take(channels, &b, 1, 0), CHANNELS_FULL);
	channels_give(channels, &a);
	assert_int_equal(take(channels, &b, 1, 0), CHANNELS_FULL);
	channels_give(channels, &b);
	assert_int_equal(b.n[CHANNEL_DEVICE], 0);
	/* no bound of bandwidth */
	assert_int_equal(take(channels, &b, 1, 1000000), CHANNELS_TAKEN);
	channels_give(channels, &b);
	channels_look(channels, &view);
	assert_int_equal(view.n_used[CHANNEL_DEVICE], 0);
	assert_int_equal(view.kbps_used, 0);
	assert_int_equal(view.n_most, 3);
	channels_free(channels);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
