/* One Binding request over TCP (RFC 8489 §6.2.2): where UDP is blocked it tells whether there
 * is a network at all, and our address. Nothing blocks. */
#pragma once

#include <stdint.h>

#include "nat/stun.h"
#include "proxy/base/loop.h"
#include "proxy/base/timer.h"

enum stun_tcp_outcome {
	STUN_TCP_NOT_TRIED,
	STUN_TCP_ANSWERED,
	STUN_TCP_CONNECTED, /* somebody took the connection, but spoke no STUN */
	STUN_TCP_REFUSED,   /* the host is there */
	STUN_TCP_SILENT,    /* no way to it, or no answer */
};

const char *stun_tcp_text(enum stun_tcp_outcome outcome);

/* Embedded in its owner; zeroed memory is one that does not run. */
struct stun_tcp {
	struct loop *loop; /* NULL: it does not run */
	struct loop_watch watch;
	struct timer timer;
	struct loop_call call;
	unsigned char id[STUN_ID_SIZE];
	unsigned char bytes[STUN_MAX_SIZE]; /* of the answer, so far */
	size_t len;
	bool is_connected;
	enum stun_tcp_outcome outcome;
	struct addr mapped; /* ANSWERED */
	void (*on_end)(struct stun_tcp *tcp);
};

/* Connects from bind (its port is not used) to to, asks, and calls on_end once, from the loop,
 * within timeout_ms: outcome and mapped are then set. */
void stun_tcp_ask(struct stun_tcp *tcp, struct loop *loop, const struct addr *bind,
		  const struct addr *to, uint64_t timeout_ms,
		  void (*on_end)(struct stun_tcp *tcp));
/* on_end will not come. Fine if it does not run. */
void stun_tcp_cancel(struct stun_tcp *tcp);
