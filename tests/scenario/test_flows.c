/* A backend that can only be reached by the connection that it made, and that connection
 * belongs to the other worker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/transaction/client_txn.h"
#include "proxy/transport/stand_in.h"
#include "proxy/worker.h"
#include "tests/scenario/scenario.h"
#include "tests/world/faults.h"
#include "tests/world/script_inside.h"

enum { FAULT_SIZE = 80000, OWNER = 1, SENDER = 0, MAX_ALLOCATIONS = 200 };

static const char config_without[] = "name: berlin";

static char fault[FAULT_SIZE];
static char without[8192]; /* the house without berlin */
static const char *configs[3];
static struct play play;
static struct stage *stage;
static struct worker *sender, *owner;
static struct hop hop;
static unsigned n_responses, n_failures, n_ended;
static int status;
static enum reason failure;

/* A few lines of script. */
static void say(const char *script)
{
	play.script = script;
	if (!stage_play(stage, false, fault, sizeof(fault)))
		fail_msg("%s", fault);
}

/* berlin connects to the lan listener of worker 1. */
static void connect_berlin(void)
{
	struct party *party = &stage->agents[0]->party;
	unsigned worker = 0;

	say("berlin@1 > MESSAGE sip:x@off.example\n"
	    "berlin < 403\n");
	hop = (struct hop){ .transport = TRANSPORT_TCP,
			    .remote = party->addr,
			    .listener = world_listener(&stage->world, "lan"),
			    .peer = "backend:berlin" };
	hop.flow_id = network_flow_id(stage->world.network, party, &worker);
	assert_int_not_equal(hop.flow_id, 0);
	assert_int_equal(worker, OWNER);
	/* As the registrar does it. */
	strcpy(transport_find_flow(owner->transport, hop.flow_id)->peer_name, hop.peer);
}

static int setup(void **state)
{
	char *name;

	faults_pause();
	snprintf(without, sizeof(without), "%s", house[0]);
	name = strstr(without, config_without);
	assert_non_null(name);
	memcpy(name, "name: leipzg", strlen(config_without));
	configs[0] = house[0];
	configs[1] = without;
	play = (struct play){ "flows", "", configs, house_users, house_cast };
	stage = stage_new(&play, 2, fault, sizeof(fault));
	assert_non_null(stage);
	owner = stage->world.server->workers[OWNER];
	sender = stage->world.server->workers[SENDER];
	n_responses = n_failures = n_ended = 0;
	connect_berlin();
	return 0;
}

static int teardown(void **state)
{
	stage = stage_free(stage);
	faults_resume();
	return 0;
}

static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	status = response->sip->sip_status->st_status;
	n_responses++;
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	failure = reason;
	n_failures++;
}

static void on_ended(void *user, struct client_txn *txn)
{
	n_ended++;
}

/* A request of worker 0 for the backend. */
static enum err ask(const char *method)
{
	const struct client_txn_user user = { NULL, on_response, on_failure, on_ended };
	struct client_txn *txn;
	char branch[TXN_BRANCH_SIZE], text[1024];
	struct wire *wire;
	msg_t *msg = NULL;
	enum err err;

	faults_resume();
	txn_table_branch(sender->txns, "0123456789012345", branch);
	snprintf(text, sizeof(text),
		 "%s sip:anna@corp.example SIP/2.0\r\n"
		 "Via: SIP/2.0/TCP 127.0.1.2:5060;branch=%s\r\n"
		 "Via: SIP/2.0/TCP 203.0.113.10;branch=z9hG4bKx\r\n"
		 "From: <sip:bob@partner.example>;tag=1\r\n"
		 "To: <sip:anna@corp.example>\r\n"
		 "Call-ID: c\r\n"
		 "CSeq: 1 %s\r\n"
		 "Contact: <sip:bob@partner.example>\r\n"
		 "Content-Length: 0\r\n\r\n",
		 method, branch, method);
	err = message_parse(text, strlen(text), &msg);
	wire = wire_copy(text, strlen(text));
	if (!err)
		err = wire ? client_txn_start(sender->txns, msg, wire, branch, &hop, &user,
					      &txn)
			   : ERR_NO_MEMORY;
	wire_unref(wire);
	message_unref(msg);
	faults_pause();
	if (!err)
		world_turn(&stage->world, 0);
	return err;
}

static void test_there_and_back(void **state)
{
	assert_int_equal(ask("MESSAGE"), ERR_OK);
	assert_int_equal(party_first(&stage->agents[0]->party)->worker, OWNER);
	assert_int_equal(party_first(&stage->agents[0]->party)->flow_id, hop.flow_id);
	say("berlin < MESSAGE\n"
	    "berlin > 200\n");
	assert_int_equal(n_responses, 1);
	assert_int_equal(status, 200);
	assert_int_equal(stage->agents[0]->party.n_dialled, 0);
	assert_int_equal(n_failures, 0);
}

/* The ACK goes where the INVITE went. */
static void test_refused_call(void **state)
{
	assert_int_equal(ask("INVITE"), ERR_OK);
	say("berlin < INVITE\n"
	    "berlin > 486\n"
	    "berlin < ACK\n");
	assert_int_equal(status, 486);
	assert_int_equal(stage->agents[0]->party.n_dialled, 0);
}

static void test_the_connection_ends(void **state)
{
	assert_int_equal(ask("INVITE"), ERR_OK);
	say("berlin < INVITE\n"
	    "berlin closes\n");
	world_turn(&stage->world, 0);
	assert_int_equal(n_failures, 1); /* at once: no time has passed */
	assert_int_equal(failure, REASON_CONNECTION_LOST);
	assert_int_equal(ask("MESSAGE"), ERR_OK);
	assert_int_equal(n_failures, 2);
	assert_int_equal(failure, REASON_CONNECTION_LOST);
	assert_int_equal(stage->agents[0]->party.n_dialled, 0);
}

static void test_keep_alive(void **state)
{
	assert_int_equal(transport_keep_alive(owner->transport, hop.flow_id, 30000), ERR_OK);
	world_turn(&stage->world, 29000);
	assert_int_equal(stage->agents[0]->party.n_pings, 0);
	assert_int_equal(ask("MESSAGE"), ERR_OK);
	world_turn(&stage->world, 29000);
	assert_int_equal(stage->agents[0]->party.n_pings, 0);
	world_turn(&stage->world, 1000);
	assert_int_equal(stage->agents[0]->party.n_pings, 1);
	say("berlin < MESSAGE\n");
}

static void reload(unsigned n)
{
	if (world_reload(&stage->world, configs[n]))
		fail_msg("%s", stage->world.fault);
	hop.listener = world_listener(&stage->world, "lan");
}

static void test_reload(void **state)
{
	assert_int_equal(ask("MESSAGE"), ERR_OK);
	reload(0);
	say("berlin < MESSAGE\n"
	    "berlin > 200\n");
	assert_int_equal(n_responses, 1);
	/* Without the backend: what is on the way ends first. */
	assert_int_equal(ask("INVITE"), ERR_OK);
	reload(1);
	world_turn(&stage->world, 5000);
	say("berlin < INVITE\n"
	    "berlin > 486\n"
	    "berlin < ACK\n");
	assert_int_equal(status, 486);
	world_turn(&stage->world, 40000);
	assert_null(transport_find_flow(owner->transport, hop.flow_id));
	assert_null(transport_find_flow(sender->transport, hop.flow_id));
	assert_int_equal(n_failures, 0);
}

static void test_an_allocation_fails(void **state)
{
	unsigned n;

	for (n = 1; n < MAX_ALLOCATIONS; n++) {
		unsigned contexts, clients, servers;
		bool has_failed;

		n_responses = n_failures = n_ended = 0;
		faults_begin(n, false);
		enum err err = ask("MESSAGE");
		has_failed = faults_end();
		if (!err && party_first(&stage->agents[0]->party))
			say("berlin < MESSAGE\n"
			    "berlin > 200\n");
		world_turn(&stage->world, 64000);
		assert_int_equal(n_ended, err ? 0 : 1);
		assert_int_equal(n_responses + n_failures, err ? 0 : 1);
		assert_int_equal(world_n_kept(&stage->world, &contexts, &clients, &servers), 0);

		n_responses = 0;
		assert_int_equal(ask("MESSAGE"), ERR_OK);
		say("berlin < MESSAGE\n"
		    "berlin > 200\n");
		assert_int_equal(n_responses, 1);
		world_turn(&stage->world, 120000); /* the stand-in ends, too */
		assert_null(transport_find_flow(sender->transport, hop.flow_id));
		if (!has_failed)
			break;
	}
	assert_in_range(n, 8, MAX_ALLOCATIONS - 1);
}

/* The news of the end get lost for want of memory: the next request finds out. */
static void test_no_memory_for_the_news(void **state)
{
	assert_int_equal(ask("MESSAGE"), ERR_OK);
	say("berlin < MESSAGE\n");
	faults_begin(1, true);
	faults_resume();
	network_close(stage->world.network, &stage->agents[0]->party, ALL_CONNECTIONS);
	faults_pause();
	world_turn(&stage->world, 0);
	assert_true(faults_end());
	assert_int_equal(n_failures, 0);
	assert_int_equal(ask("MESSAGE"), ERR_OK);
	assert_int_equal(n_failures, 2); /* both */
	assert_int_equal(failure, REASON_CONNECTION_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_there_and_back),
		TEST(test_refused_call),
		TEST(test_the_connection_ends),
		TEST(test_keep_alive),
		TEST(test_reload),
		TEST(test_an_allocation_fails),
		TEST(test_no_memory_for_the_news),
	};
	int result;

	if (log_start(&(struct log_settings){ .level = LOG_ERROR }))
		return 1;
	result = cmocka_run_group_tests_name("flows", tests, NULL, NULL);
	log_stop();
	return result;
}
