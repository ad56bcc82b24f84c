/* A worker's transactions on a turned clock, over flows that keep what is sent. What happens is
 * written into a trace, one word an event: "500>INVITE" was sent at 500 ms, "600<180" was told
 * to the user. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/sip/reply.h"
#include "proxy/sip/via.h"
#include "proxy/transaction/client_txn.h"
#include "proxy/transaction/server_txn.h"
#include "proxy/transaction/txn_table.h"

enum { BENCH_BEGIN_MS = 1000000, BENCH_MAX_SENT = 128, BENCH_MAX_FLOWS = 16 };

struct bench;

struct bench_flow {
	struct flow flow;
	struct bench *bench;
};

struct bench {
	struct loop *loop;
	struct transport *transport;
	struct txn_table *table;
	struct listener *listener;
	struct bench_flow *flows[BENCH_MAX_FLOWS]; /* dialled or come in; ours until the end */
	unsigned n_flows;
	struct wire *sent[BENCH_MAX_SENT];
	unsigned n_sent;
	enum err send_err;     /* what sending returns */
	bool keeps_connecting; /* dialled streams stay unopened */
	char trace[4096];
};

static inline uint64_t bench_now_ms(const struct bench *bench)
{
	return loop_now_ms(bench->loop) - BENCH_BEGIN_MS;
}

static inline void bench_note(struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline void bench_note(struct bench *bench, const char *format, ...)
{
	size_t len = strlen(bench->trace);
	va_list args;

	len += (size_t)snprintf(bench->trace + len, sizeof(bench->trace) - len, "%s%llu",
				len ? " " : "", (unsigned long long)bench_now_ms(bench));
	assert_true(len < sizeof(bench->trace));
	va_start(args, format);
	(void)vsnprintf(bench->trace + len, sizeof(bench->trace) - len, format, args);
	va_end(args);
}

static inline enum err bench_send(struct flow *flow, struct wire *wire)
{
	struct bench *bench = container_of(flow, struct bench_flow, flow)->bench;
	const char *word = wire->bytes;
	unsigned number = 0;

	if (bench->send_err)
		return bench->send_err;
	if (memcmp(word, "SIP/2.0 ", 8) == 0)
		word += 8;
	for (unsigned i = 0; i < bench->n_flows; i++)
		number = &bench->flows[i]->flow == flow ? i : number;
	if (number > 0)
		bench_note(bench, ">%.*s@%u", (int)strcspn(word, " "), word, number);
	else
		bench_note(bench, ">%.*s", (int)strcspn(word, " "), word);
	assert_true(bench->n_sent < BENCH_MAX_SENT);
	bench->sent[bench->n_sent++] = wire_ref(wire);
	return ERR_OK;
}

static inline void bench_close(struct flow *flow, enum reason why)
{
	transport_flow_ended(flow, ERR_CLOSED, why);
}

static inline void bench_destroy(struct flow *flow)
{
	free(container_of(flow, struct bench_flow, flow));
}

static inline struct flow *bench_flow(struct bench *bench, enum conf_transport kind,
				      const char *remote)
{
	static const struct flow_ops ops = { bench_send, bench_close, bench_destroy };
	struct bench_flow *made = calloc(1, sizeof(*made));
	struct addr addr;

	assert_int_equal(addr_parse_port(remote, 5060, &addr), ERR_OK);
	assert_true(bench->n_flows < BENCH_MAX_FLOWS);
	made->bench = bench;
	transport_flow_init(bench->transport, &made->flow, &ops, bench->listener, kind, NULL,
			    &addr);
	bench->flows[bench->n_flows++] = made;
	flow_ref(&made->flow);
	return &made->flow;
}

/* UDP: the flow to that address, if it is there. */
static inline struct flow *bench_dial(void *user, const struct hop *hop)
{
	struct bench *bench = user;
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < bench->n_flows; i++) {
		struct flow *flow = &bench->flows[i]->flow;
		if (hop->transport == TRANSPORT_UDP && flow->transport == TRANSPORT_UDP &&
		    !flow->is_closed && addr_equal(&flow->remote, &hop->remote))
			return flow;
	}
	struct flow *flow = bench_flow(bench, hop->transport, addr_text(&hop->remote, text));
	if (hop->transport != TRANSPORT_UDP && !bench->keeps_connecting)
		transport_flow_opened(flow);
	return flow;
}

static inline void bench_ignore_message(void *user, struct arrival *arrival)
{
}

static inline void bench_ignore_malformed(void *user, struct flow *flow, const void *bytes,
					  size_t len, enum reason reason, const char *fault)
{
}

static inline void bench_ignore_opened(void *user, struct flow *flow)
{
}

static inline void bench_ignore_closed(void *user, struct flow *flow, enum reason reason)
{
}

static inline struct bench *bench_new(void)
{
	static const struct transport_user user = {
		.on_message = bench_ignore_message,
		.on_malformed = bench_ignore_malformed,
		.on_opened = bench_ignore_opened,
		.on_closed = bench_ignore_closed,
	};
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->listener = calloc(1, sizeof(*bench->listener));
	bench->listener->n_refs = 1000; /* never freed by a flow */
	bench->listener->transport = TRANSPORT_UDP;
	assert_int_equal(loop_new_turned(BENCH_BEGIN_MS, &bench->loop), ERR_OK);
	assert_int_equal(transport_new(bench->loop, 1, &user, NULL, &bench->transport), ERR_OK);
	transport_set_dialer(bench->transport, bench_dial, bench);
	assert_int_equal(txn_table_new(bench->loop, bench->transport, 1, &bench->table),
			 ERR_OK);
	return bench;
}

static inline void bench_free(struct bench *bench)
{
	txn_table_free(bench->table);
	loop_turn(bench->loop, 0);
	for (unsigned i = 0; i < bench->n_flows; i++) {
		flow_close(&bench->flows[i]->flow, REASON_DRAINING);
		loop_turn(bench->loop, 0);
		flow_unref(&bench->flows[i]->flow);
	}
	for (unsigned i = 0; i < bench->n_sent; i++)
		wire_unref(bench->sent[i]);
	transport_free(bench->transport);
	loop_turn(bench->loop, 0);
	loop_free(bench->loop);
	free(bench->listener);
	free(bench);
}

static inline void bench_turn_to(struct bench *bench, uint64_t at_ms)
{
	assert_true(at_ms >= bench_now_ms(bench));
	loop_turn(bench->loop, at_ms - bench_now_ms(bench));
}

static inline msg_t *bench_parse(const void *bytes, size_t len)
{
	msg_t *msg = NULL;

	assert_int_equal(message_parse(bytes, len, &msg), ERR_OK);
	assert_int_equal(message_check(message_sip(msg), NULL), REASON_NONE);
	return msg;
}

/* Gives a message that came on flow to the table; msg is unreferenced. */
static inline enum txn_match bench_match(struct bench *bench, struct flow *flow, msg_t *msg,
					 struct server_txn **out_server, unsigned *out_worker)
{
	struct arrival arrival = { .flow = flow,
				   .msg = msg,
				   .sip = message_sip(msg),
				   .at_ms = loop_now_ms(bench->loop) };
	enum txn_match match = txn_table_match(bench->table, &arrival, out_server, out_worker);

	message_unref(msg);
	return match;
}

/* The response to something that was sent, as it comes in; tag NULL: none. */
static inline msg_t *bench_response(struct bench *bench, const struct wire *request, int status,
				    const char *tag)
{
	struct wire *wire;
	msg_t *msg = bench_parse(request->bytes, request->len);
	msg_t *reply = reply_new(msg, status, NULL, tag);

	assert_int_equal(message_print(reply, &wire), ERR_OK);
	message_unref(reply);
	message_unref(msg);
	msg = bench_parse(wire->bytes, wire->len);
	wire_unref(wire);
	return msg;
}

/* The last request of that method that was sent. */
static inline const struct wire *bench_last_sent(const struct bench *bench, const char *method)
{
	for (unsigned i = bench->n_sent; i > 0; i--)
		if (strncmp(bench->sent[i - 1]->bytes, method, strlen(method)) == 0)
			return bench->sent[i - 1];
	fail_msg("no %s was sent", method);
	return NULL;
}
