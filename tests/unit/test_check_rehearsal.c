/* A handshake with a listener of ours in memory: what it sees is what a dialled one would. */
#include "proxy/check_rehearsal.h"

#include "tests/unit/tls_world.h"

static struct check_prober prober;
static struct check_probe probe;
static struct check_result seen;
static unsigned n_told;
static char names[200];

static void on_end(struct check_probe *ended, const struct check_result *result)
{
	assert_ptr_equal(ended, &probe);
	n_told++;
	seen = *result;
	names[0] = '\0';
	if (result->identity)
		identity_text(result->identity, names, sizeof(names));
}

static void start(const struct hop *hop, enum conf_tls_version only)
{
	const struct check_question question = { .hop = hop,
						 .only = only,
						 .asks_anyway = true,
						 .from = "corp.example",
						 .to = "corp.example",
						 .stage_ms = 3000 };

	n_told = 0;
	prober = (struct check_prober){ .loop = loop, .ops = &check_rehearsal_ops };
	check_probe_start(&prober, &probe, &question, on_end);
	assert_int_equal(n_told, 0);
}

/* clang-format off: rows are laid out by hand */
static const struct rehearsal_row {
	const char *name;
	struct row world;
	enum conf_tls_version only;
	enum check_stage stage;
	bool has_chain;
	enum reason verdict;
} rows[] = {
	{ "a good one", { .transport = TRANSPORT_MTLS }, 0, CHECK_ASK, true, REASON_NONE },
	{ "TLS 1.2 alone",
	  { .transport = TRANSPORT_MTLS },
	  CONF_TLS_1_2,
	  CHECK_ASK,
	  true,
	  REASON_NONE },
	{ "TLS 1.3 alone",
	  { .transport = TRANSPORT_MTLS },
	  CONF_TLS_1_3,
	  CHECK_ASK,
	  true,
	  REASON_NONE },
	{ "TLS 1.1 alone",
	  { .transport = TRANSPORT_MTLS },
	  CONF_TLS_1_1,
	  CHECK_HANDSHAKE,
	  false,
	  REASON_NONE },
	{ "1.2, where 1.3 is wanted",
	  { .transport = TRANSPORT_MTLS, .server_minimum = CONF_TLS_1_3 },
	  CONF_TLS_1_2,
	  CHECK_HANDSHAKE,
	  false,
	  REASON_NONE },
	{ "another name",
	  { .transport = TRANSPORT_MTLS, .want_name = "else.example" },
	  0,
	  CHECK_ASK,
	  true,
	  REASON_TLS_NAME_MISMATCH },
	{ "our listener does not take our certificate, TLS 1.2",
	  { .transport = TRANSPORT_MTLS, .server_trusts = { .anchor = "other.pem" } },
	  CONF_TLS_1_2,
	  CHECK_HANDSHAKE,
	  true,
	  REASON_NONE },
	{ "a listener that asks for none",
	  { .transport = TRANSPORT_TLS },
	  0,
	  CHECK_ASK,
	  true,
	  REASON_NONE },
	{ "a listener without TLS",
	  { .transport = TRANSPORT_TCP },
	  0,
	  CHECK_CONNECT,
	  false,
	  REASON_NONE },
};
/* clang-format on */

static void test_rehearse(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct rehearsal_row *row = &rows[i];
		struct world world = make(&row->world);

		world.hop.transport = TRANSPORT_MTLS;
		world.hop.listener = world.listener;
		start(&world.hop, row->only);
		loop_turn(loop, 0);
		if (n_told != 1 || seen.stage != row->stage ||
		    seen.look.has_chain != row->has_chain || seen.look.verdict != row->verdict)
			fail_msg("%s: told %u times, stage %d, chain %d, verdict %s, reason %s",
				 row->name, n_told, (int)seen.stage, seen.look.has_chain,
				 reason_code(seen.look.verdict), reason_code(seen.reason));
		assert_true(seen.is_rehearsal);
		assert_int_equal(seen.has_tls, row->stage != CHECK_CONNECT);
		if (row->has_chain)
			assert_string_equal(names, "sip.partner.example");
		drop(&world);
	}
}

/* Whoever asked has gone. */
static void test_cancel(void **state)
{
	const struct row good = { .transport = TRANSPORT_MTLS };
	struct world world = make(&good);

	world.hop.listener = world.listener;
	start(&world.hop, 0);
	check_probe_cancel(&prober, &probe);
	loop_turn(loop, 0);
	assert_int_equal(n_told, 0);
	check_probe_cancel(&prober, &probe);
	drop(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rehearse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
