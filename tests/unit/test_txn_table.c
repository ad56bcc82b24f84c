/* The matching of messages to transactions: RFC 3261 17.1.3, 17.2.3, 8.2.2.2, 9.2, and the way
 * of RFC 2543. */
#include "proxy/transaction/txn_table.h"

#include "proxy/base/counter.h"
#include "txn_bench.h"

struct request {
	const char *method, *uri, *via, *to, *cseq;
};

static const struct request first = { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKa",
				      "<sip:b@b>", "7" };
static const struct request old = { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=1", "<sip:b@b>",
				    "7" };

static msg_t *build(const struct request *request)
{
	char text[1024];

	(void)snprintf(
		text, sizeof(text),
		"%s %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=1\r\nTo: %s\r\n"
		"Call-ID: 1@a\r\nCSeq: %s %s\r\nContent-Length: 0\r\n\r\n",
		request->method, request->uri, request->via, request->to, request->cseq,
		request->method);
	return bench_parse(text, strlen(text));
}

static struct server_txn *begin(struct bench *bench, struct flow *flow,
				const struct request *request)
{
	msg_t *msg = build(request);
	struct arrival arrival = { .flow = flow, .msg = msg, .sip = message_sip(msg) };
	struct server_txn *txn = NULL;

	assert_int_equal(server_txn_new(bench->table, &arrival, NULL, &txn), ERR_OK);
	message_unref(msg);
	return txn;
}

static void finish(struct server_txn *txn, const struct request *request, int status)
{
	msg_t *msg = build(request);
	msg_t *reply = reply_new(msg, status, NULL, "x");

	assert_int_equal(server_txn_respond(txn, reply), ERR_OK);
	message_unref(reply);
	message_unref(msg);
}

static void test_requests(void **state)
{
	static const struct {
		const char *name;
		const struct request *first;
		struct request request;
		enum txn_match want;
		bool finds_invite;
	} rows[] = {
		{ "a repeat",
		  &first,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKa", "<sip:b@b>", "7" },
		  TXN_ABSORBED,
		  false },
		{ "another branch",
		  &first,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKb", "<sip:b@b>", "7" },
		  TXN_NEW,
		  false },
		{ "another sent-by host",
		  &first,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKa", "<sip:b@b>", "7" },
		  TXN_NEW,
		  false },
		{ "another sent-by port",
		  &first,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h:5061;branch=z9hG4bKa", "<sip:b@b>",
		    "7" },
		  TXN_NEW,
		  false },
		{ "another method",
		  &first,
		  { "INFO", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKa", "<sip:b@b>", "7" },
		  TXN_NEW,
		  false },
		{ "its ACK",
		  &first,
		  { "ACK", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKa", "<sip:b@b>;tag=x", "7" },
		  TXN_ABSORBED,
		  false },
		{ "an ACK end to end",
		  &first,
		  { "ACK", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKc", "<sip:b@b>;tag=x", "7" },
		  TXN_NEW,
		  false },
		{ "its CANCEL, RFC 3261 9.2",
		  &first,
		  { "CANCEL", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKa", "<sip:b@b>", "7" },
		  TXN_NEW,
		  true },
		{ "a CANCEL of something else",
		  &first,
		  { "CANCEL", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKd", "<sip:b@b>", "7" },
		  TXN_NEW,
		  false },
		{ "without cookie: a repeat",
		  &old,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=1", "<sip:b@b>", "7" },
		  TXN_ABSORBED,
		  false },
		{ "without cookie: another Request-URI",
		  &old,
		  { "INVITE", "sip:c@b", "SIP/2.0/UDP h;branch=1", "<sip:b@b>", "7" },
		  TXN_NEW,
		  false },
		{ "without cookie: another CSeq",
		  &old,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=1", "<sip:b@b>", "8" },
		  TXN_NEW,
		  false },
		{ "without cookie: another Via",
		  &old,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h", "<sip:b@b>", "7" },
		  TXN_NEW,
		  false },
		{ "without cookie: its ACK",
		  &old,
		  { "ACK", "sip:b@b", "SIP/2.0/UDP h;branch=1", "<sip:b@b>;tag=x", "7" },
		  TXN_ABSORBED,
		  false },
		{ "without cookie: its CANCEL",
		  &old,
		  { "CANCEL", "sip:b@b", "SIP/2.0/UDP h;branch=1", "<sip:b@b>", "7" },
		  TXN_NEW,
		  true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bench *bench = bench_new();
		struct flow *flow = bench_flow(bench, TRANSPORT_UDP, "192.0.2.9:5060");
		struct server_txn *found = NULL, *txn = begin(bench, flow, rows[i].first);
		finish(txn, rows[i].first, 486);
		enum txn_match match =
			bench_match(bench, flow, build(&rows[i].request), &found, NULL);
		if (match != rows[i].want || (found == txn) != rows[i].finds_invite)
			fail_msg("%s: %d", rows[i].name, match);
		bench_free(bench);
	}
}

static void test_merged(void **state)
{
	static const struct {
		const char *name;
		int status; /* that the first got before */
		struct request request;
		bool want;
	} rows[] = {
		{ "by another way, RFC 3261 8.2.2.2",
		  0,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKb", "<sip:b@b>", "7" },
		  true },
		{ "after a 2xx",
		  200,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKb", "<sip:b@b>", "7" },
		  true },
		{ "after a refusal: tried again by another way",
		  503,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKb", "<sip:b@b>", "7" },
		  false },
		{ "the very same",
		  0,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP h;branch=z9hG4bKa", "<sip:b@b>", "7" },
		  false },
		{ "another CSeq",
		  0,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKb", "<sip:b@b>", "8" },
		  false },
		{ "another method",
		  0,
		  { "INFO", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKb", "<sip:b@b>", "7" },
		  false },
		{ "inside a dialog",
		  0,
		  { "INVITE", "sip:b@b", "SIP/2.0/UDP i;branch=z9hG4bKb", "<sip:b@b>;tag=2",
		    "7" },
		  false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bench *bench = bench_new();
		struct flow *flow = bench_flow(bench, TRANSPORT_UDP, "192.0.2.9:5060");
		struct server_txn *txn = begin(bench, flow, &first);
		if (rows[i].status)
			finish(txn, &first, rows[i].status);
		msg_t *msg = build(&rows[i].request);
		if (txn_table_is_merged(bench->table, message_sip(msg)) != rows[i].want)
			fail_msg("%s", rows[i].name);
		message_unref(msg);
		bench_free(bench);
	}
}

static void test_responses(void **state)
{
	static const struct {
		const char *name, *branch; /* NULL: one of the table's, "" none */
		enum txn_match want;
	} rows[] = {
		{ "ours, nobody waits", NULL, TXN_STRAY },
		{ "another worker's", "z9hG4bKn02.abcdefghijabcdefghij.", TXN_ELSEWHERE },
		{ "somebody's", "z9hG4bK776asdhds", TXN_NOT_OURS },
		{ "like ours, too short", "z9hG4bKn01.abc.", TXN_NOT_OURS },
		{ "like ours, no worker", "z9hG4bKnxx.abcdefghijabcdefghij.", TXN_NOT_OURS },
		{ "like ours, no dot", "z9hG4bKn01.abcdefghijabcdefghijk", TXN_NOT_OURS },
		{ "no branch", "", TXN_NOT_OURS },
	};
	struct bench *bench = bench_new();

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[1024], branch[TXN_BRANCH_SIZE];
		unsigned worker = 99;
		txn_table_branch(bench->table, "", branch);
		const char *ours = rows[i].branch ? rows[i].branch : branch;
		(void)snprintf(
			text, sizeof(text),
			"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP us%s%s\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n"
			"Call-ID: 1@a\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n",
			ours[0] ? ";branch=" : "", ours);
		enum txn_match match = bench_match(bench, NULL, bench_parse(text, strlen(text)),
						   NULL, &worker);
		if (match != rows[i].want)
			fail_msg("%s: %d", rows[i].name, match);
		assert_int_equal(worker, match == TXN_ELSEWHERE ? 2 : 99);
	}
	bench_free(bench);
}

static void count_response(void *user, struct client_txn *txn, struct arrival *response)
{
	++*(unsigned *)user;
}

/* The branch alone decides: the CSeq method tells an INVITE from its CANCEL (RFC 3261
 * 17.1.3). */
static void test_many_clients(void **state)
{
	enum { N = 300 };
	struct bench *bench = bench_new();
	struct hop hop = { .transport = TRANSPORT_UDP, .listener = bench->listener };
	struct client_txn *txns[N];
	unsigned n_responses[N] = { 0 };
	msg_t *answers[N];

	assert_int_equal(addr_parse_port("192.0.2.9:5060", 0, &hop.remote), ERR_OK);
	for (unsigned i = 0; i < N; i++) {
		struct client_txn_user user = { &n_responses[i], count_response, NULL, NULL };
		char branch[TXN_BRANCH_SIZE];
		struct wire *wire;
		msg_t *msg = build(&first);
		txn_table_branch(bench->table, "cafe", branch);
		assert_int_equal(via_push(msg, "UDP", "us", branch), ERR_OK);
		assert_int_equal(message_print(msg, &wire), ERR_OK);
		bench->n_sent = 0; /* only the last counts */
		assert_int_equal(client_txn_start(bench->table, msg, wire, branch, &hop, &user,
						  &txns[i]),
				 ERR_OK);
		wire_unref(bench->sent[0]);
		bench->n_sent = 0;
		bench->trace[0] = '\0';
		answers[i] = bench_response(bench, wire, 180, "x");
		wire_unref(wire);
		message_unref(msg);
	}
	loop_turn(bench->loop, 0);
	assert_int_equal(txn_table_n_client(bench->table), N);
	for (unsigned i = N; i > 0; i--)
		assert_int_equal(bench_match(bench, NULL, answers[i - 1], NULL, NULL),
				 TXN_RESPONSE);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(n_responses[i], 1);
	bench_free(bench);
}

static void test_counters(void **state)
{
	static const struct {
		enum counter counter;
		unsigned at[COUNTER_MAX_LABELS];
		int64_t running, ended;
	} rows[] = {
		{ COUNTER_TRANSACTIONS, { COUNTER_SERVER }, 1, 0 },
		{ COUNTER_TRANSACTIONS, { COUNTER_CLIENT }, 0, 0 },
		/* Timer G */
		{ COUNTER_RETRANSMISSIONS, { COUNTER_OUT, TRANSPORT_UDP }, 2, 10 },
		{ COUNTER_RETRANSMISSIONS, { COUNTER_IN, TRANSPORT_UDP }, 1, 1 },
		{ COUNTER_RETRANSMISSIONS, { COUNTER_IN, TRANSPORT_TCP }, 0, 0 },
	};
	struct bench *bench = bench_new();
	struct counters *counters = counters_new();
	const struct counters *all[] = { counters };
	struct flow *flow = bench_flow(bench, TRANSPORT_UDP, "192.0.2.9:5060");

	txn_table_set_counters(bench->table, counters);
	finish(begin(bench, flow, &first), &first, 486);
	assert_int_equal(bench_match(bench, flow, build(&first), NULL, NULL), TXN_ABSORBED);
	bench_turn_to(bench, 1500);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(counters_sum(all, 1, rows[i].counter, rows[i].at),
				 rows[i].running);
	bench_turn_to(bench, 100000);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(counters_sum(all, 1, rows[i].counter, rows[i].at),
				 rows[i].ended);
	bench_free(bench);
	counters_free(counters);
}

static void test_branch(void **state)
{
	struct bench *bench = bench_new();
	char a[TXN_BRANCH_SIZE], b[TXN_BRANCH_SIZE], loop[17], small[4];

	txn_table_branch(bench->table, "0123456789abcdef", a);
	txn_table_branch(bench->table, "0123456789abcdef", b);
	assert_string_not_equal(a, b);
	assert_memory_equal(a, "z9hG4bKn01.", 11);
	assert_int_equal(strlen(a), 11 + 20 + 1 + 16);
	assert_true(txn_branch_loop(a, loop, sizeof(loop)));
	assert_string_equal(loop, "0123456789abcdef");
	assert_false(txn_branch_loop(a, small, sizeof(small)));
	txn_table_branch(bench->table, "", b);
	assert_true(txn_branch_loop(b, loop, sizeof(loop)));
	assert_string_equal(loop, "");
	assert_false(txn_branch_loop("z9hG4bK776asdhds", loop, sizeof(loop)));
	assert_false(txn_branch_loop(NULL, loop, sizeof(loop)));
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),  cmocka_unit_test(test_merged),
		cmocka_unit_test(test_responses), cmocka_unit_test(test_many_clients),
		cmocka_unit_test(test_branch),    cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
