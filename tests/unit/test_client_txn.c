/* Client transactions: RFC 3261 17.1 with RFC 6026, on a turned clock. A row's script is
 * "TIME:ACTION ..."; its trace says what was sent (>) and told (< response, ! failure, .
 * ended), and when. */
#include "proxy/transaction/client_txn.h"

#include "txn_bench.h"

#define CALLS                                                                                  \
	"0>INVITE 500>INVITE 1500>INVITE 3500>INVITE 7500>INVITE 15500>INVITE 31500>INVITE"
#define TRIES                                                                                       \
	"0>MESSAGE 500>MESSAGE 1500>MESSAGE 3500>MESSAGE 7500>MESSAGE 11500>MESSAGE 15500>MESSAGE " \
	"19500>MESSAGE 23500>MESSAGE 27500>MESSAGE 31500>MESSAGE"

struct row {
	const char *name;
	enum conf_transport transport;
	const char *method, *script, *want;
};

static const struct row invite_rows[] = {
	{ "timers A and B, RFC 3261 17.1.1.2", TRANSPORT_UDP, "INVITE", "",
	  CALLS " 32000!no-answer 32000." },
	{ "over TCP nothing is repeated", TRANSPORT_TCP, "INVITE", "",
	  "0>INVITE 32000!no-answer 32000." },
	{ "a provisional ends A and B", TRANSPORT_UDP, "INVITE", "600:180 100000:486",
	  "0>INVITE 500>INVITE 600<180 100000>ACK 100000<486 132000." },
	{ "every provisional is told", TRANSPORT_UDP, "INVITE", "1:100 2:180 3:183 4:180 5:200",
	  "0>INVITE 1<100 2<180 3<183 4<180 5<200 32005." },
	{ "2xx: repeats and forks are told, timer M, RFC 6026 7.2", TRANSPORT_UDP, "INVITE",
	  "10:200 510:200 600:200/b 1510:200 32009:200 32011:200",
	  "0>INVITE 10<200 510<200 600<200 1510<200 32009<200 32010. 32011?stray" },
	{ "2xx over TCP lingers too", TRANSPORT_TCP, "INVITE", "10:200 20:200",
	  "0>INVITE 10<200 20<200 32010." },
	{ "after 2xx nothing else is told", TRANSPORT_UDP, "INVITE", "10:200 20:180 30:486",
	  "0>INVITE 10<200 32010." },
	{ "final: ACK, repeated for each repeat, timer D", TRANSPORT_UDP, "INVITE",
	  "10:486 510:486 1510:486 32009:486 32011:486",
	  "0>INVITE 10>ACK 10<486 510>ACK 1510>ACK 32009>ACK 32010. 32011?stray" },
	{ "after a final nothing else is told", TRANSPORT_UDP, "INVITE",
	  "10:486 20:180 30:200 40:404", "0>INVITE 10>ACK 10<486 40>ACK 32010." },
	{ "final over TCP: timer D is 0", TRANSPORT_TCP, "INVITE", "10:486 11:486",
	  "0>INVITE 10>ACK 10<486 10. 11?stray" },
	{ "lost ACK: the final comes again", TRANSPORT_UDP, "INVITE",
	  "10:180 20:lose 20:603 30:carry 520:603", "0>INVITE 10<180 20<603 520>ACK 32020." },
	{ "detached while calling", TRANSPORT_UDP, "INVITE", "100:detach 200:180 300:486",
	  "0>INVITE 300>ACK" },
	{ "detached without an answer", TRANSPORT_UDP, "INVITE", "100:detach", CALLS },
};

static const struct row cancel_rows[] = {
	{ "after a provisional: at once, RFC 3261 9.1", TRANSPORT_UDP, "INVITE",
	  "10:180 20:cancel 30:c200 40:487", "0>INVITE 10<180 20>CANCEL 40>ACK 40<487 32040." },
	{ "before: waits for one", TRANSPORT_UDP, "INVITE",
	  "10:cancel 600:100 610:c200 620:487",
	  "0>INVITE 500>INVITE 600<100 600>CANCEL 620>ACK 620<487 32620." },
	{ "before, and none comes", TRANSPORT_UDP, "INVITE", "10:cancel",
	  CALLS " 32000!no-answer 32000." },
	{ "before, and a final comes: no CANCEL", TRANSPORT_UDP, "INVITE", "10:cancel 20:486",
	  "0>INVITE 20>ACK 20<486 32020." },
	{ "twice", TRANSPORT_UDP, "INVITE", "10:180 20:cancel 21:cancel 30:c200 40:487",
	  "0>INVITE 10<180 20>CANCEL 40>ACK 40<487 32040." },
	{ "crossing with a 200: told", TRANSPORT_UDP, "INVITE",
	  "10:180 20:cancel 21:200 30:c481", "0>INVITE 10<180 20>CANCEL 21<200 32021." },
	{ "crossing with a 487", TRANSPORT_UDP, "INVITE", "10:180 20:cancel 25:487 30:c481",
	  "0>INVITE 10<180 20>CANCEL 25>ACK 25<487 32025." },
	{ "after a final: not at all", TRANSPORT_UDP, "INVITE", "10:486 20:cancel",
	  "0>INVITE 10>ACK 10<486 32010." },
	{ "after a 200: not at all", TRANSPORT_UDP, "INVITE", "10:200 20:cancel",
	  "0>INVITE 10<200 32010." },
	{ "lost CANCEL is repeated", TRANSPORT_UDP, "INVITE",
	  "10:180 20:cancel 1600:c200 1700:487",
	  "0>INVITE 10<180 20>CANCEL 520>CANCEL 1520>CANCEL 1700>ACK 1700<487 33700." },
	{ "answered, but no final follows: cancelled after 64*T1", TRANSPORT_UDP, "INVITE",
	  "10:180 20:cancel 30:c200", "0>INVITE 10<180 20>CANCEL 32020!cancelled 32020." },
	{ "a provisional after the CANCEL", TRANSPORT_UDP, "INVITE",
	  "10:180 20:cancel 30:c200 31:183 40:487",
	  "0>INVITE 10<180 20>CANCEL 31<183 40>ACK 40<487 32040." },
	{ "over TCP", TRANSPORT_TCP, "INVITE", "10:180 20:cancel 30:c200 40:487",
	  "0>INVITE 10<180 20>CANCEL 40>ACK 40<487 40." },
	{ "a MESSAGE is not cancelled, RFC 3261 9.1", TRANSPORT_UDP, "MESSAGE",
	  "10:cancel 20:200", "0>MESSAGE 20<200 5020." },
	{ "detached after it", TRANSPORT_UDP, "INVITE",
	  "10:180 20:cancel 21:detach 30:c200 40:487", "0>INVITE 10<180 20>CANCEL 40>ACK" },
};

static const struct row other_rows[] = {
	{ "timers E and F, RFC 3261 17.1.2.2", TRANSPORT_UDP, "MESSAGE", "",
	  TRIES " 32000!no-answer 32000." },
	{ "over TLS nothing is repeated", TRANSPORT_TLS, "MESSAGE", "",
	  "0>MESSAGE 32000!no-answer 32000." },
	{ "a final, timer K; repeats are absorbed", TRANSPORT_UDP, "MESSAGE",
	  "600:200 700:200 5601:200", "0>MESSAGE 500>MESSAGE 600<200 5600. 5601?stray" },
	{ "over TCP timer K is 0", TRANSPORT_TCP, "MESSAGE", "600:404 601:404",
	  "0>MESSAGE 600<404 600. 601?stray" },
	{ "after a provisional every T2", TRANSPORT_UDP, "MESSAGE", "600:100 9999:200",
	  "0>MESSAGE 500>MESSAGE 600<100 1500>MESSAGE 5500>MESSAGE 9500>MESSAGE 9999<200 14999." },
	{ "a provisional does not stop timer F", TRANSPORT_TCP, "MESSAGE", "600:100",
	  "0>MESSAGE 600<100 32000!no-answer 32000." },
	{ "a response to another method, RFC 3261 17.1.3", TRANSPORT_TCP, "MESSAGE",
	  "1:BYE 2:200", "0>MESSAGE 1?stray 2<200 2." },
	{ "unknown method", TRANSPORT_TCP, "FROBNICATE", "1:501", "0>FROBNICATE 1<501 1." },
};

static const struct row flow_rows[] = {
	{ "closed while calling", TRANSPORT_TCP, "INVITE", "10:close",
	  "0>INVITE 10!connection-lost 10." },
	{ "closed while proceeding", TRANSPORT_TCP, "INVITE", "10:180 20:close",
	  "0>INVITE 10<180 20!connection-lost 20." },
	{ "closed after 2xx", TRANSPORT_TCP, "INVITE", "10:200 20:close 30:200",
	  "0>INVITE 10<200 30<200 32010." },
	{ "closed while trying", TRANSPORT_TLS, "MESSAGE", "10:close",
	  "0>MESSAGE 10!connection-lost 10." },
	{ "closed while proceeding, MESSAGE", TRANSPORT_TLS, "MESSAGE", "5:100 10:close",
	  "0>MESSAGE 5<100 10!connection-lost 10." },
	{ "closed after the final, UDP", TRANSPORT_UDP, "MESSAGE", "10:200 20:close",
	  "0>MESSAGE 10<200 5010." },
	{ "closed before the ACK: the same hop, another flow", TRANSPORT_UDP, "INVITE",
	  "10:486 20:close 510:486", "0>INVITE 10>ACK 10<486 510>ACK@1 32010." },
	{ "closed and detached: no ACK", TRANSPORT_UDP, "INVITE",
	  "10:486 15:detach 20:close 510:486", "0>INVITE 10>ACK 10<486" },
	{ "closed while cancelling", TRANSPORT_TCP, "INVITE", "10:180 20:cancel 30:close",
	  "0>INVITE 10<180 20>CANCEL 30!connection-lost 30." },
	{ "connecting, then open", TRANSPORT_TCP, "MESSAGE", "0:slow 100:open 200:200",
	  "100>MESSAGE 200<200 200." },
	{ "connecting fails", TRANSPORT_TCP, "MESSAGE", "0:slow 100:close",
	  "100!connection-lost 100." },
	{ "connecting for too long", TRANSPORT_TCP, "INVITE", "0:slow",
	  "32000!no-answer 32000." },
	{ "detached while connecting", TRANSPORT_TCP, "INVITE", "0:slow 10:detach 20:open",
	  "20>INVITE" },
	{ "the table ends first", TRANSPORT_UDP, "INVITE", "10:180 20:free",
	  "0>INVITE 10<180 20!draining 20." },
	{ "the table ends while connecting", TRANSPORT_TCP, "MESSAGE", "0:slow 20:free",
	  "20!draining 20." },
	{ "the table ends after the final", TRANSPORT_UDP, "MESSAGE", "10:200 20:free",
	  "0>MESSAGE 10<200 20." },
};

struct client {
	struct bench *bench;
	struct client_txn *txn; /* NULL once it has ended */
	struct hop hop;
};

static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	struct client *client = user;

	assert_ptr_equal(txn, client->txn);
	bench_note(client->bench, "<%d", response->sip->sip_status->st_status);
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	struct client *client = user;

	assert_ptr_equal(txn, client->txn);
	assert_int_not_equal(err, ERR_OK);
	bench_note(client->bench, "!%s", reason_code(reason));
}

static void on_ended(void *user, struct client_txn *txn)
{
	struct client *client = user;

	assert_ptr_equal(txn, client->txn);
	client->txn = NULL;
	bench_note(client->bench, ".");
}

static const struct client_txn_user user_calls = { NULL, on_response, on_failure, on_ended };

static enum err start(struct client *client, const char *method)
{
	struct client_txn_user user = user_calls;
	char text[1024], branch[TXN_BRANCH_SIZE];
	struct wire *wire;

	(void)snprintf(
		text, sizeof(text),
		"%s sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
		"From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1@a\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
		method, method);
	msg_t *msg = bench_parse(text, strlen(text));
	txn_table_branch(client->bench->table, "", branch);
	assert_int_equal(via_push(msg, "UDP", "us:5060", branch), ERR_OK);
	assert_int_equal(message_print(msg, &wire), ERR_OK);
	user.user = client;
	enum err err = client_txn_start(client->bench->table, msg, wire, branch, &client->hop,
					&user, &client->txn);
	if (!err)
		assert_string_equal(client_txn_branch(client->txn), branch);
	wire_unref(wire);
	message_unref(msg);
	return err;
}

/* A 200 under the request's branch, but to a BYE. */
static void answer_bye(struct bench *bench, const struct wire *first)
{
	char *text = strndup(first->bytes, first->len);
	char *method = strstr(text, "CSeq: 7 ") + strlen("CSeq: 7 ");
	const char *rest = strchr(method, '\r');
	char answer[1024];

	(void)snprintf(answer, sizeof(answer), "SIP/2.0 200 OK%.*sBYE%s",
		       (int)(method - strchr(text, '\r')), strchr(text, '\r'), rest);
	if (bench_match(bench, NULL, bench_parse(answer, strlen(answer)), NULL, NULL) ==
	    TXN_STRAY)
		bench_note(bench, "?stray");
	free(text);
}

/* "200" answers the request, "200/b" with another tag, "c200" the CANCEL. */
static void answer(struct client *client, const char *action, const struct wire *first)
{
	struct bench *bench = client->bench;
	const struct wire *request =
		action[0] == 'c' ? bench_last_sent(bench, "CANCEL") : first;
	const char *tag = strchr(action, '/');
	int status = atoi(action + (action[0] == 'c'));
	msg_t *msg = bench_response(bench, request, status,
				    status == 100 ? NULL
				    : tag         ? tag + 1
						  : "x");

	if (bench_match(bench, NULL, msg, NULL, NULL) == TXN_STRAY)
		bench_note(bench, "?stray");
}

static void act(struct client *client, const char *action, const struct wire *first)
{
	struct bench *bench = client->bench;

	if (strcmp(action, "cancel") == 0)
		client_txn_cancel(client->txn, NULL);
	else if (strcmp(action, "detach") == 0)
		client_txn_detach(client->txn);
	else if (strcmp(action, "close") == 0)
		transport_flow_ended(&bench->flows[0]->flow, ERR_RESET, REASON_CONNECTION_LOST);
	else if (strcmp(action, "open") == 0)
		transport_flow_opened(&bench->flows[0]->flow);
	else if (strcmp(action, "lose") == 0)
		bench->send_err = ERR_LIMIT;
	else if (strcmp(action, "carry") == 0)
		bench->send_err = ERR_OK;
	else if (strcmp(action, "free") == 0)
		bench->table = txn_table_free(bench->table);
	else if (strcmp(action, "BYE") == 0)
		answer_bye(bench, first);
	else if (strcmp(action, "slow") != 0)
		answer(client, action, first);
	loop_turn(bench->loop, 0);
}

/* Who is believed at the other end of TLS. Here nobody shakes hands, but without it nothing
 * would be dialled. */
static struct tls_trust *trust_new(void)
{
	struct settings_tls settings = { .minimum = CONF_TLS_1_2,
					 .min_key_bits = 2048,
					 .priority = "" };
	struct report *report = NULL;
	struct tls_trust *trust = NULL;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(tls_trust_load(&settings, report, &trust), ERR_OK);
	report_free(report);
	return trust;
}

static void play(const struct row *row)
{
	struct client client = { .bench = bench_new() };
	struct bench *bench = client.bench;
	char script[512];

	client.hop.transport = row->transport;
	client.hop.trust = row->transport == TRANSPORT_TLS ? trust_new() : NULL;
	client.hop.listener = bench->listener;
	assert_int_equal(addr_parse_port("192.0.2.9:5060", 0, &client.hop.remote), ERR_OK);
	bench->keeps_connecting = strstr(row->script, "slow") != NULL;
	assert_int_equal(start(&client, row->method), ERR_OK);
	assert_true(row->transport == TRANSPORT_UDP || bench->n_flows == 1);
	loop_turn(bench->loop, 0);
	assert_true(bench->keeps_connecting ||
		    client_txn_flow(client.txn) == &bench->flows[0]->flow);

	strcpy(script, row->script);
	for (char *word = strtok(script, " "); word; word = strtok(NULL, " ")) {
		char *colon = strchr(word, ':');
		bench_turn_to(bench, strtoull(word, NULL, 10));
		act(&client, colon + 1, bench->n_sent ? bench->sent[0] : NULL);
	}
	bench_turn_to(bench, 300000);
	if (strcmp(bench->trace, row->want) != 0)
		fail_msg("%s:\n  %s\n  %s", row->name, bench->trace, row->want);
	assert_true(!bench->table || txn_table_n_client(bench->table) == 0);
	bench_free(bench);
	tls_trust_unref(client.hop.trust);
}

static void play_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		play(&rows[i]);
}

static void test_invite(void **state)
{
	play_all(invite_rows, COUNT(invite_rows));
}

static void test_cancel(void **state)
{
	play_all(cancel_rows, COUNT(cancel_rows));
}

static void test_others(void **state)
{
	play_all(other_rows, COUNT(other_rows));
}

static void test_flows(void **state)
{
	play_all(flow_rows, COUNT(flow_rows));
}

/* An error at once: nothing was kept, nobody is called. */
static void test_start_fails(void **state)
{
	struct client client = { .bench = bench_new() };

	client.hop.transport = TRANSPORT_UDP;
	client.hop.listener = client.bench->listener;
	assert_int_equal(addr_parse_port("192.0.2.9:5060", 0, &client.hop.remote), ERR_OK);
	client.bench->send_err = ERR_TOO_LARGE;
	assert_int_equal(start(&client, "INVITE"), ERR_TOO_LARGE);
	assert_int_equal(txn_table_n_client(client.bench->table), 0);
	loop_turn(client.bench->loop, 100000);
	assert_string_equal(client.bench->trace, "");
	bench_free(client.bench);
}

/* The ACK and the CANCEL under the INVITE's branch, and the timers as they are set. */
static void test_contents(void **state)
{
	static const struct sip_timers fast = { .t1_ms = 100, .t2_ms = 400, .t4_ms = 500 };
	struct client client = { .bench = bench_new() };
	struct bench *bench = client.bench;

	client.hop.transport = TRANSPORT_UDP;
	client.hop.listener = bench->listener;
	assert_int_equal(addr_parse_port("192.0.2.9:5060", 0, &client.hop.remote), ERR_OK);
	txn_table_set_timers(bench->table, &fast);
	assert_int_equal(start(&client, "INVITE"), ERR_OK);
	loop_turn(bench->loop, 0);
	const struct wire *first = bench->sent[0];
	answer(&client, "180", first);
	client_txn_cancel(client.txn, "SIP;cause=200");
	msg_t *cancel = bench_parse(bench_last_sent(bench, "CANCEL")->bytes,
				    bench_last_sent(bench, "CANCEL")->len);
	assert_string_equal(message_sip(cancel)->sip_via->v_branch,
			    client_txn_branch(client.txn));
	assert_null(message_sip(cancel)->sip_via->v_next);
	assert_string_equal(message_header(cancel, "Reason"), "SIP;cause=200");
	answer(&client, "487/t2", first);
	msg_t *ack = bench_parse(bench_last_sent(bench, "ACK")->bytes,
				 bench_last_sent(bench, "ACK")->len);
	assert_string_equal(message_sip(ack)->sip_to->a_tag, "t2");
	assert_int_equal(message_sip(ack)->sip_cseq->cs_seq, 7);
	bench_turn_to(bench, 6399);
	assert_non_null(client.txn);
	bench_turn_to(bench, 6400); /* 64 * T1 */
	assert_null(client.txn);
	message_unref(cancel);
	message_unref(ack);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invite),      cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_others),      cmocka_unit_test(test_flows),
		cmocka_unit_test(test_start_fails), cmocka_unit_test(test_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
