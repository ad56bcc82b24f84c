/* Server transactions: RFC 3261 17.2 with RFC 6026 and RFC 4320, on a turned clock. A row's
 * script is "TIME:ACTION ..."; its trace says what was sent (>) and how a message was matched
 * (=), and when. */
#include "proxy/transaction/server_txn.h"

#include "txn_bench.h"

struct row {
	const char *name;
	enum conf_transport transport;
	const char *method, *script, *want;
};

/* Actions: "req" the request comes (again), "ack" its ACK, "200" responds, "close", "detach",
 * "free". */
static const struct row invite_rows[] = {
	{ "provisionals are repeated for repeats, RFC 3261 17.2.1", TRANSPORT_UDP, "INVITE",
	  "0:req 2:100 500:req 600:180 700:req 800:486 801:ack",
	  "0=new 2>100 500>100 500=absorbed 600>180 700>180 700=absorbed 800>486 801=absorbed 5801." },
	{ "a 100 after 200 ms, RFC 3261 17.2.1", TRANSPORT_UDP, "INVITE",
	  "0:req 300:180 400:486 401:ack", "0=new 200>100 300>180 400>486 401=absorbed 5401." },
	{ "none when a response came before", TRANSPORT_UDP, "INVITE",
	  "0:req 199:183 400:486 401:ack", "0=new 199>183 400>486 401=absorbed 5401." },
	{ "at once to a repeat, and no second one", TRANSPORT_UDP, "INVITE",
	  "0:req 50:req 400:486 401:ack",
	  "0=new 50>100 50=absorbed 400>486 401=absorbed 5401." },
	{ "over TCP too", TRANSPORT_TCP, "INVITE", "0:req 400:486 401:ack",
	  "0=new 200>100 400>486 401=absorbed 401." },
	{ "timers G and H: no ACK", TRANSPORT_UDP, "INVITE", "0:req 0:486",
	  "0=new 0>486 500>486 1500>486 3500>486 7500>486 11500>486 15500>486 19500>486 23500>486 27500>486 "
	  "31500>486 32000!no-ack 32000." },
	{ "over TCP no G, but H", TRANSPORT_TCP, "INVITE", "0:req 0:486",
	  "0=new 0>486 32000!no-ack 32000." },
	{ "ACK ends G, timer I absorbs more of them", TRANSPORT_UDP, "INVITE",
	  "0:req 0:486 600:ack 700:ack 800:req 5599:ack 5601:ack",
	  "0=new 0>486 500>486 600=absorbed 700=absorbed 800=absorbed 5599=absorbed 5600. 5601=new" },
	{ "over TCP timer I is 0", TRANSPORT_TCP, "INVITE", "0:req 0:486 600:ack 601:ack",
	  "0=new 0>486 600=absorbed 600. 601=new" },
	{ "lost final: the repeat gets it again", TRANSPORT_UDP, "INVITE",
	  "0:req 0:603 400:req 450:ack",
	  "0=new 0>603 400>603 400=absorbed 450=absorbed 5450." },
	{ "2xx: repeats absorbed, ACK passes, timer L, RFC 6026 7.1", TRANSPORT_UDP, "INVITE",
	  "0:req 0:200 500:req 600:ack 31999:req",
	  "0=new 0>200 500=absorbed 600=new 31999=absorbed 32000." },
	{ "further 2xx are passed, nothing else", TRANSPORT_UDP, "INVITE",
	  "0:req 0:200 500:200 600:202 700:486 800:180",
	  "0=new 0>200 500>200 600>202 700?not-allowed 800?not-allowed 32000." },
	{ "2xx over TCP lingers too", TRANSPORT_TCP, "INVITE", "0:req 0:200 500:200",
	  "0=new 0>200 500>200 32000." },
	{ "one final", TRANSPORT_TCP, "INVITE", "0:req 0:486 1:200 2:404 3:180 4:ack",
	  "0=new 0>486 1?not-allowed 2?not-allowed 3?not-allowed 4=absorbed 4." },
	{ "an ACK before any final", TRANSPORT_UDP, "INVITE", "0:req 1:ack 2:180 3:detach",
	  "0=new 1=absorbed 2>180" },
	{ "408 is a final like others", TRANSPORT_TCP, "INVITE", "0:req 9:408 10:ack",
	  "0=new 9>408 10=absorbed 10." },
	{ "detached: repeats are absorbed until it ends", TRANSPORT_UDP, "INVITE",
	  "0:req 1:100 2:detach 500:req 32001:req 32003:req",
	  "0=new 1>100 500>100 500=absorbed 32001>100 32001=absorbed 32003=new" },
};

static const struct row other_rows[] = {
	{ "timer J, repeats get the final, RFC 3261 17.2.2", TRANSPORT_UDP, "MESSAGE",
	  "0:req 100:req 200:200 700:req 31000:req",
	  "0=new 100=absorbed 200>200 700>200 700=absorbed 31000>200 31000=absorbed 32200." },
	{ "over TCP timer J is 0", TRANSPORT_TCP, "MESSAGE", "0:req 200:404",
	  "0=new 200>404 200." },
	{ "one final", TRANSPORT_UDP, "MESSAGE", "0:req 200:404 201:200 202:180",
	  "0=new 200>404 201?not-allowed 202?not-allowed 32200." },
	{ "a late 100, RFC 4320 4.1", TRANSPORT_UDP, "MESSAGE", "0:req 7000:req 8000:200",
	  "0=new 3500>100 7000>100 7000=absorbed 8000>200 40000." },
	{ "a late 100 over TCP too", TRANSPORT_TCP, "MESSAGE", "0:req 8000:200",
	  "0=new 3500>100 8000>200 8000." },
	{ "no early 100 over UDP", TRANSPORT_UDP, "MESSAGE", "0:req 10:100 500:req 600:200",
	  "0=new 500=absorbed 600>200 32600." },
	{ "an early 100 over TCP", TRANSPORT_TCP, "MESSAGE", "0:req 10:100 600:200",
	  "0=new 10>100 600>200 600." },
	{ "no other provisional", TRANSPORT_TCP, "MESSAGE",
	  "0:req 10:180 20:183 4000:199 5000:200", "0=new 3500>100 5000>200 5000." },
	{ "never a 408, RFC 4320 4.2", TRANSPORT_UDP, "MESSAGE", "0:req 10:408 11:req",
	  "0=new 10. 11=new" },
	{ "unknown method", TRANSPORT_UDP, "FROBNICATE", "0:req 1:501", "0=new 1>501 32001." },
	{ "CANCEL is a transaction of its own", TRANSPORT_UDP, "CANCEL", "0:req 1:200 2:req",
	  "0=new 1>200 2>200 2=absorbed 32001." },
	{ "detached without an answer", TRANSPORT_UDP, "MESSAGE", "0:req 1:detach 500:req",
	  "0=new 500=absorbed 3500>100" },
};

static const struct row flow_rows[] = {
	{ "closed before the final", TRANSPORT_TCP, "INVITE", "0:req 10:close 20:486",
	  "0=new 20?closed 32020!no-ack 32020." },
	{ "closed before the answer", TRANSPORT_TCP, "MESSAGE", "0:req 10:close 20:200",
	  "0=new 20?closed 20." },
	{ "closed after it", TRANSPORT_TCP, "INVITE", "0:req 5:200 10:close 20:200",
	  "0=new 5>200 20?closed 32005." },
	{ "the table ends first", TRANSPORT_UDP, "INVITE", "0:req 1:180 2:free",
	  "0=new 1>180 2." },
	{ "the table ends after the final", TRANSPORT_UDP, "MESSAGE", "0:req 1:200 2:free",
	  "0=new 1>200 2." },
};

struct server {
	struct bench *bench;
	struct server_txn *txn; /* NULL once it has ended */
	struct flow *flow;
	const struct row *row;
	bool is_detached;
};

static void on_no_ack(void *user, struct server_txn *txn)
{
	struct server *server = user;

	assert_ptr_equal(txn, server->txn);
	bench_note(server->bench, "!no-ack");
}

static void on_ended(void *user, struct server_txn *txn)
{
	struct server *server = user;

	assert_ptr_equal(txn, server->txn);
	assert_false(server->is_detached);
	server->txn = NULL;
	bench_note(server->bench, ".");
}

static msg_t *request_via(const char *method, const char *via, const char *headers)
{
	char text[1024];

	(void)snprintf(
		text, sizeof(text),
		"%s sip:b@b.example SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=1\r\n"
		"To: <sip:b@b>%s\r\nCall-ID: 1@a\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
		method, via, headers, method);
	return bench_parse(text, strlen(text));
}

static enum err make(struct server *server, msg_t *msg)
{
	const struct server_txn_user user = { server, on_no_ack, on_ended };
	struct arrival arrival = { .flow = server->flow, .msg = msg, .sip = message_sip(msg) };

	return server_txn_new(server->bench->table, &arrival, &user, &server->txn);
}

static void receive(struct server *server, const char *method)
{
	static const char *const names[] = { "new", "absorbed" };
	msg_t *msg =
		request_via(method, "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa;rport", "");
	enum txn_match match =
		bench_match(server->bench, server->flow, message_ref(msg), NULL, NULL);

	assert_true(match == TXN_NEW || match == TXN_ABSORBED);
	bench_note(server->bench, "=%s", names[match]);
	if (match == TXN_NEW && strcmp(method, "ACK") != 0 && !server->txn &&
	    bench_now_ms(server->bench) == 0) {
		assert_int_equal(make(server, msg), ERR_OK);
		assert_ptr_equal(server_txn_request(server->txn), msg);
		assert_ptr_equal(server_txn_user(server->txn), server);
	}
	message_unref(msg);
}

static void respond(struct server *server, int status)
{
	msg_t *request = request_via(server->row->method,
				     "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa;rport", "");
	msg_t *reply = reply_new(request, status, NULL, "x");
	bool had_final = server_txn_has_final(server->txn);
	enum err err = server_txn_respond(server->txn, reply);

	if (err)
		bench_note(server->bench, "?%s",
			   err == ERR_INVALID ? "not-allowed" : err_text(err));
	assert_int_equal(server_txn_has_final(server->txn), had_final || status >= 200);
	/* memory */
	assert_true(!server_txn_has_final(server->txn) || !server_txn_request(server->txn));
	message_unref(reply);
	message_unref(request);
}

static void act(struct server *server, const char *action)
{
	struct bench *bench = server->bench;

	if (strcmp(action, "req") == 0)
		receive(server, server->row->method);
	else if (strcmp(action, "ack") == 0)
		receive(server, "ACK");
	else if (strcmp(action, "close") == 0)
		transport_flow_ended(server->flow, ERR_RESET, REASON_CONNECTION_LOST);
	else if (strcmp(action, "free") == 0)
		bench->table = txn_table_free(bench->table);
	else if (strcmp(action, "detach") == 0) {
		server_txn_detach(server->txn);
		assert_null(server_txn_user(server->txn));
		server->is_detached = true;
		server->txn = NULL;
	} else
		respond(server, atoi(action));
	loop_turn(bench->loop, 0);
}

static void play(const struct row *row)
{
	struct server server = { .bench = bench_new(), .row = row };
	struct bench *bench = server.bench;
	char script[512];

	server.flow = bench_flow(bench, row->transport, "192.0.2.9:5060");
	transport_flow_opened(server.flow);
	strcpy(script, row->script);
	for (char *word = strtok(script, " "); word; word = strtok(NULL, " ")) {
		bench_turn_to(bench, strtoull(word, NULL, 10));
		act(&server, strchr(word, ':') + 1);
	}
	bench_turn_to(bench, 300000);
	if (strcmp(bench->trace, row->want) != 0)
		fail_msg("%s:\n  %s\n  %s", row->name, bench->trace, row->want);
	assert_true(!bench->table || txn_table_n_server(bench->table) == 0);
	bench_free(bench);
}

static void test_invite(void **state)
{
	for (size_t i = 0; i < COUNT(invite_rows); i++)
		play(&invite_rows[i]);
}

static void test_others(void **state)
{
	for (size_t i = 0; i < COUNT(other_rows); i++)
		play(&other_rows[i]);
}

static void test_flows(void **state)
{
	for (size_t i = 0; i < COUNT(flow_rows); i++)
		play(&flow_rows[i]);
}

/* RFC 3261 18.2.2, RFC 3581 4: over UDP to where the Via says, over a stream back. */
static void test_where_to(void **state)
{
	static const struct {
		const char *name;
		enum conf_transport transport;
		const char *via, *want;
	} rows[] = {
		{ "rport: back", TRANSPORT_UDP, "SIP/2.0/UDP h:5070;branch=z9hG4bKa;rport",
		  "192.0.2.9:4444" },
		{ "no rport: sent-by's port", TRANSPORT_UDP,
		  "SIP/2.0/UDP h:5070;branch=z9hG4bKa", "192.0.2.9:5070" },
		{ "no port", TRANSPORT_UDP, "SIP/2.0/UDP h;branch=z9hG4bKa", "192.0.2.9:5060" },
		{ "no port but the same", TRANSPORT_UDP, "SIP/2.0/UDP h:4444;branch=z9hG4bKa",
		  "192.0.2.9:4444" },
		{ "a stream", TRANSPORT_TCP, "SIP/2.0/TCP h:5070;branch=z9hG4bKa",
		  "192.0.2.9:4444" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct server server = { .bench = bench_new() };
		char text[ADDR_TEXT_SIZE];
		server.flow = bench_flow(server.bench, rows[i].transport, "192.0.2.9:4444");
		transport_flow_opened(server.flow);
		msg_t *msg = request_via("MESSAGE", rows[i].via, "");
		assert_int_equal(make(&server, msg), ERR_OK);
		if (strcmp(addr_text(&server_txn_flow(server.txn)->remote, text),
			   rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, text);

		msg_t *reply = reply_new(msg, 403, NULL, "x");
		assert_int_equal(server_txn_reply_stateless(server.bench->transport,
							    server.flow, msg, reply),
				 ERR_OK);
		assert_int_equal(server.bench->n_sent, 1);
		message_unref(reply);
		message_unref(msg);
		bench_free(server.bench);
	}
}

static void test_not_for_ack(void **state)
{
	struct server server = { .bench = bench_new() };
	msg_t *msg = request_via("ACK", "SIP/2.0/UDP h;branch=z9hG4bKa", "");

	server.flow = bench_flow(server.bench, TRANSPORT_UDP, "192.0.2.9:5060");
	assert_int_equal(make(&server, msg), ERR_INVALID);
	assert_int_equal(txn_table_n_server(server.bench->table), 0);
	server_txn_detach(NULL);
	message_unref(msg);
	bench_free(server.bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invite),      cmocka_unit_test(test_others),
		cmocka_unit_test(test_flows),       cmocka_unit_test(test_where_to),
		cmocka_unit_test(test_not_for_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
