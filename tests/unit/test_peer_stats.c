/* Numbers by partner: each is its own, and there is an end to them. */
#include "proxy/peer_stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_each_its_own(void **state)
{
	struct peer_stats *stats;
	struct peer_stat stat;

	assert_int_equal(peer_stats_new(&stats), ERR_OK);
	assert_false(peer_stats_look(stats, "partner:a.example", &stat));
	assert_int_equal(stat.n_sent, 0);
	peer_stats_received(stats, "partner:a.example");
	peer_stats_sent(stats, "partner:a.example");
	peer_stats_sent(stats, "partner:a.example");
	peer_stats_failed(stats, "partner:a.example", REASON_TLS_EXPIRED);
	peer_stats_certificate(stats, "partner:b.example", 1234567890);
	peer_stats_probed(stats, "partner:b.example", 0);
	peer_stats_connected(stats, "partner:b.example", false,
			     -1); /* it was opened before there was room for it */
	peer_stats_connected(stats, "partner:b.example", true, 1);
	peer_stats_connected(stats, "partner:b.example", false, 1);
	peer_stats_connected(stats, "partner:b.example", false, 1);
	peer_stats_connected(stats, "partner:b.example", true, -1);
	peer_stats_connected(stats, "partner:c.example", true, -1); /* makes no record */

	assert_true(peer_stats_look(stats, "partner:a.example", &stat));
	assert_int_equal(stat.n_received, 1);
	assert_int_equal(stat.n_sent, 2);
	assert_int_equal(stat.n_failures[REASON_TLS_EXPIRED], 1);
	assert_int_equal(stat.n_failures[REASON_NO_ANSWER], 0);
	assert_int_equal(stat.certificate_not_after, 0);
	assert_false(peer_stats_look(stats, "partner:c.example", &stat));
	assert_true(peer_stats_look(stats, "partner:b.example", &stat));
	assert_int_equal(stat.n_inbound, 0);
	assert_int_equal(stat.n_outbound, 2);
	assert_int_equal(stat.certificate_not_after, 1234567890);
	assert_int_equal(stat.probe_us, 1); /* 0 would say that it was never probed */
	assert_int_equal(stat.n_sent, 0);
	peer_stats_free(stats);
}

static void test_nobody_is_not_counted(void **state)
{
	struct peer_stats *stats;
	struct peer_stat stat;

	assert_int_equal(peer_stats_new(&stats), ERR_OK);
	peer_stats_received(stats, "");
	assert_false(peer_stats_look(stats, "", &stat));
	peer_stats_free(stats);
	assert_null(peer_stats_free(NULL));
}

/* As decision records cut them. */
static void test_long_id(void **state)
{
	char id[300], cut[PEER_STATS_ID_SIZE];
	struct peer_stats *stats;
	struct peer_stat stat;

	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	memcpy(cut, id, sizeof(cut) - 1);
	cut[sizeof(cut) - 1] = '\0';
	assert_int_equal(peer_stats_new(&stats), ERR_OK);
	peer_stats_sent(stats, id);
	peer_stats_sent(stats, cut);
	assert_true(peer_stats_look(stats, id, &stat));
	assert_int_equal(stat.n_sent, 2);
	peer_stats_free(stats);
}

static void test_bound(void **state)
{
	struct peer_stats *stats;
	struct peer_stat stat;
	unsigned n = 0;
	char id[32];

	assert_int_equal(peer_stats_new(&stats), ERR_OK);
	for (unsigned i = 0; i < 2 * PEER_STATS_MAX; i++) {
		snprintf(id, sizeof(id), "partner:%u", i);
		peer_stats_sent(stats, id);
		n += peer_stats_look(stats, id, &stat);
	}
	assert_int_equal(n, PEER_STATS_MAX);
	peer_stats_sent(stats, "partner:0"); /* who is in it is counted on */
	assert_true(peer_stats_look(stats, "partner:0", &stat));
	assert_int_equal(stat.n_sent, 2);
	peer_stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_its_own),
		cmocka_unit_test(test_nobody_is_not_counted),
		cmocka_unit_test(test_long_id),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
