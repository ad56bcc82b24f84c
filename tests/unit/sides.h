/* Two whole transports in one turned loop, with real sockets on loopback: what one sends the
 * other gets. Included by the tests of one program each, hence static inline. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conf/report.h"
#include "proxy/base/log.h"
#include "proxy/transport/transport.h"

struct side {
	struct loop *loop;
	struct transport *transport;
	/* what came */
	enum reason malformed_reason; /* of the last */
	unsigned n_messages, n_responses, n_malformed, n_opened, n_closed, n_handshakes,
		n_refused, n_charged;
	char last[70000];
	size_t last_len;
	struct flow *last_flow; /* counted */
	enum reason closed_reason;
	char fault[64];
	struct tls_diagnosis diagnosis; /* of the last handshake */
	/* what it does */
	enum reason answer;    /* to may_connect */
	bool responds, closes; /* at each request */
	/* one sending at a time */
	struct sending sending;
	unsigned n_ended;
	enum err ended_err;
	enum reason ended_reason;
};

static inline void side_on_message(void *user, struct arrival *arrival)
{
	struct side *side = user;
	bool is_request = arrival->sip->sip_request != NULL;

	side->n_messages += is_request;
	side->n_responses += !is_request;
	side->last_len =
		arrival->len < sizeof(side->last) ? arrival->len : sizeof(side->last) - 1;
	memcpy(side->last, arrival->bytes, side->last_len);
	side->last[side->last_len] = '\0';
	flow_unref(side->last_flow);
	side->last_flow = flow_ref(arrival->flow);
	if (is_request && side->responds) {
		char text[70100];
		const char *rest = strstr(side->last, "\r\n");
		int len = snprintf(text, sizeof(text), "SIP/2.0 200 OK%s", rest);
		struct wire *wire = wire_copy(text, (size_t)len);
		assert_int_equal(flow_send(arrival->flow, wire), ERR_OK);
		wire_unref(wire);
	}
	message_unref(arrival->msg);
	if (side->closes)
		flow_close(arrival->flow, REASON_NONE);
}

static inline void side_on_malformed(void *user, struct flow *flow, const void *bytes,
				     size_t len, enum reason reason, const char *fault)
{
	struct side *side = user;

	side->n_malformed++;
	side->malformed_reason = reason;
	snprintf(side->fault, sizeof(side->fault), "%s", fault);
	if (side->responds) { /* the flow is closed right after */
		static const char text[] =
			"SIP/2.0 400 Bad Request\r\n"
			"Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\n"
			"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
			"Call-ID: x\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
		struct wire *wire = wire_copy(text, sizeof(text) - 1);
		assert_int_equal(flow_send(flow, wire), ERR_OK);
		wire_unref(wire);
	}
}

static inline void side_on_opened(void *user, struct flow *flow)
{
	((struct side *)user)->n_opened++;
}

static inline void side_on_closed(void *user, struct flow *flow, enum reason reason)
{
	struct side *side = user;

	side->n_closed++;
	side->closed_reason = reason;
}

static inline void side_on_handshake(void *user, const struct tls_diagnosis *diagnosis)
{
	struct side *side = user;

	side->n_handshakes++;
	side->diagnosis = *diagnosis;
}

static inline enum reason side_may_connect(void *user, const struct listener *listener,
					   const struct addr *source, bool is_tls)
{
	struct side *side = user;

	if (side->answer == REASON_NONE)
		side->n_charged++;
	else
		side->n_refused++;
	return side->answer;
}

static inline void side_connection_ended(void *user, const struct addr *source)
{
	((struct side *)user)->n_charged--;
}

static inline struct transport_user side_user(struct side *side)
{
	return (struct transport_user){
		.user = side,
		.on_message = side_on_message,
		.on_malformed = side_on_malformed,
		.on_opened = side_on_opened,
		.on_closed = side_on_closed,
		.on_handshake = side_on_handshake,
		.may_connect = side_may_connect,
		.connection_ended = side_connection_ended,
	};
}

static inline void side_init(struct side *side, struct loop *loop, unsigned worker)
{
	const struct transport_user user = side_user(side);

	memset(side, 0, sizeof(*side));
	side->loop = loop;
	assert_int_equal(transport_new(loop, worker, &user, NULL, &side->transport), ERR_OK);
}

static inline void side_fini(struct side *side)
{
	transport_cancel(&side->sending);
	side->sending.flow = flow_unref(side->sending.flow);
	side->last_flow = flow_unref(side->last_flow);
	side->transport = transport_free(side->transport);
}

static inline struct listener *side_listener(const char *bind, enum conf_transport transport,
					     uint16_t port, const struct listener *previous,
					     unsigned n_workers)
{
	struct settings_listener settings = {
		.name = "test",
		.network = NETWORK_WAN,
		.bind = bind,
		.transport = transport,
		.port = port,
		.advertise = "",
		.minimum = CONF_TLS_1_2,
		.is_enabled = true,
	};
	struct listener *listener = NULL;
	struct report *report = NULL;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(addr_parse(strcmp(bind, "*") == 0 ? "::" : bind, 0, &settings.addr),
			 ERR_OK);
	assert_int_equal(listener_open(&settings, 0, n_workers, previous, report, &listener),
			 ERR_OK);
	report_free(report);
	return listener;
}

static inline uint64_t side_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Turns the loop, whose clock stands, until the kernel has done its part; 10 s of real time at
 * most. */
#define UNTIL(loop, condition)                                                                 \
	do {                                                                                   \
		uint64_t until_ms = side_clock_ms() + 10000;                                   \
		bool is_true;                                                                  \
		while (!(is_true = (condition)) && side_clock_ms() < until_ms)                 \
			loop_turn((loop), 0);                                                  \
		if (!is_true)                                                                  \
			fail_msg("waited for: %s", #condition);                                \
	} while (0)

/* Turns the loop for as long as the kernel may need for what is not to happen. */
static inline void side_settle(struct loop *loop)
{
	uint64_t end_ms = side_clock_ms() + 30;

	while (side_clock_ms() < end_ms)
		loop_turn(loop, 0);
}

static inline struct wire *side_request(const char *call_id, size_t body_bytes)
{
	struct wire *wire = wire_new(1024 + body_bytes);

	assert_non_null(wire);
	wire->len = (size_t)snprintf(wire->bytes, 1024,
				     "MESSAGE sip:bob@partner.example SIP/2.0\r\n"
				     "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%s\r\n"
				     "Max-Forwards: 70\r\n"
				     "From: <sip:anna@corp.example>;tag=1\r\n"
				     "To: <sip:bob@partner.example>\r\n"
				     "Call-ID: %s\r\n"
				     "CSeq: 1 MESSAGE\r\n"
				     "Content-Length: %zu\r\n"
				     "\r\n",
				     call_id, call_id, body_bytes);
	memset(wire->bytes + wire->len, 'x', body_bytes);
	wire->len += body_bytes;
	return wire;
}

static inline void side_on_end(struct sending *sending, enum err err, enum reason reason)
{
	struct side *side = container_of(sending, struct side, sending);

	side->n_ended++;
	side->ended_err = err;
	side->ended_reason = reason;
}

/* Begins to send one request to hop. */
static inline enum err side_send(struct side *side, const struct hop *hop, const char *call_id,
				 size_t body_bytes)
{
	struct wire *wire = side_request(call_id, body_bytes);

	assert_false(side->sending.is_active);
	side->sending.flow = flow_unref(side->sending.flow);
	enum err err = transport_send(side->transport, hop, wire, &side->sending, side_on_end);
	wire_unref(wire);
	return err;
}

static inline struct hop side_hop(const struct listener *to, struct listener *from)
{
	struct hop hop = {
		.transport = to->transport,
		.remote = to->addr,
		.listener = from,
		.peer = "partner.example",
		.host = "sip.partner.example",
		.tls_minimum = CONF_TLS_1_2,
	};

	return hop;
}

/* A raw socket that is connected to addr. */
static inline int side_connect(const struct addr *addr)
{
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &addr->sa, addr->len), 0);
	return fd;
}

/* Reads what is there without waiting; 0 at the end, -1 if nothing is. */
static inline ssize_t side_recv(int fd, char *out, size_t size)
{
	return recv(fd, out, size, MSG_DONTWAIT);
}
