/* A relay over real loopback sockets with a turned clock, its owner in the same loop, and
 * phones: what the tests of media's packets have in common. Included by one program each, hence
 * static inline. */
#pragma once

#include "media/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/rtp.h"
#include "media/srtp.h"
#include "proxy/base/loop.h"
#include "proxy/base/macros.h"
#include "tests/unit/own_network.h"

enum { WORLD_PORTS = 22000, WORLD_MAX_EVENTS = 64, WORLD_ROOM = 2048, WORLD_PAYLOAD = 20 };

static struct loop *loop;
static struct mailbox *mailbox;
static struct relays *relays;
static struct relay_event events[WORLD_MAX_EVENTS];
static unsigned n_events;

static inline void on_event(const struct relay_event *event, void *owner)
{
	assert_ptr_equal(owner, &events);
	assert_true(n_events < WORLD_MAX_EVENTS);
	events[n_events++] = *event;
}

/* With a door of the kernel path, which is not switched on. */
static inline void world_begin_on(unsigned n_pairs, const struct kernel_door_ops *kernel_door)
{
	struct relays_settings settings = { .first_port = WORLD_PORTS,
					    .last_port =
						    (uint16_t)(WORLD_PORTS + 2 * n_pairs - 1) };

	n_events = 0;
	assert_int_equal(loop_new_turned(1000000, &loop), ERR_OK);
	assert_int_equal(mailbox_new(loop, &events, &mailbox), ERR_OK);
	settings.loop = loop;
	settings.kernel_door = kernel_door;
	assert_int_equal(relays_new(&settings, &relays), ERR_OK);
}

static inline void world_begin_with(unsigned n_pairs)
{
	world_begin_on(n_pairs, NULL);
}

static inline void world_begin_with_door(const struct kernel_door_ops *kernel_door)
{
	world_begin_on(40, kernel_door);
}

static inline void world_begin(void)
{
	world_begin_with(40);
}

static inline void world_end(void)
{
	relays = relays_free(relays);
	mailbox = mailbox_free(mailbox);
	loop = loop_free(loop);
}

static inline void turn(uint64_t ms)
{
	loop_turn(loop, ms);
}

/* 127.32.0.N stands for a network of this process alone, so that tests may run side by side. */
static inline struct addr address(const char *text)
{
	struct addr addr = { .len = 0 };

	if (*text)
		assert_int_equal(addr_parse_port(text, 0, &addr), ERR_OK);
	own_network(&addr);
	return addr;
}

/* The last event of that kind, NULL if there was none; of how many. */
static inline const struct relay_event *last_event(enum relay_event_kind kind, unsigned *out_n)
{
	const struct relay_event *last = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < n_events; i++) {
		if (events[i].kind == kind) {
			last = &events[i];
			n++;
		}
	}
	if (out_n)
		*out_n = n;
	return last;
}

static inline unsigned count_events(enum relay_event_kind kind)
{
	unsigned n;

	last_event(kind, &n);
	return n;
}

static inline struct relay *open_between(const char *caller, const char *callee,
					 unsigned n_streams, uint32_t timeout_ms)
{
	struct relay_settings settings = { .bind = { address(caller), address(callee) },
					   .n_streams = n_streams,
					   .timeout_ms = timeout_ms };
	struct relay_owner owner = { .mailbox = mailbox, .on_event = on_event, .user = &loop };
	struct relay *relay;

	assert_int_equal(relay_open(relays, &settings, &owner, &relay), ERR_OK);
	return relay;
}

static inline struct relay *open_relay(unsigned n_streams)
{
	return open_between("127.32.0.1", "127.32.0.1", n_streams, 0);
}

static inline void set(struct relay *relay, unsigned stream, enum relay_leg leg,
		       const struct relay_end *end)
{
	assert_int_equal(relay_set(relay, stream, leg, end), ERR_OK);
	turn(0);
}

/* Closes and returns the last statistics. */
static inline const struct relay_event *close_relay(struct relay *relay)
{
	const struct relay_event *event;

	relay_close(relay);
	turn(0);
	event = last_event(RELAY_CLOSED, NULL);
	assert_non_null(event);
	assert_ptr_equal(event->user, &loop);
	return event;
}

/* A socket of somebody outside. */
struct phone {
	int fd;
	struct addr addr;
};

static inline struct phone phone_at(const char *text)
{
	struct phone phone = { .addr = address(text) };

	phone.fd =
		socket(phone.addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(phone.fd, &phone.addr.sa, phone.addr.len), 0);
	phone.addr.len = sizeof(phone.addr.in6);
	assert_int_equal(getsockname(phone.fd, &phone.addr.sa, &phone.addr.len), 0);
	return phone;
}

static inline struct addr relay_addr(const struct relay *relay, unsigned stream,
				     enum relay_leg leg, const char *host, unsigned component)
{
	struct addr addr = address(host);

	addr_set_port(&addr, (uint16_t)(relay_port(relay, stream, leg) + component));
	return addr;
}

static inline void send_to(const struct phone *phone, const struct addr *to, const void *bytes,
			   size_t len)
{
	assert_int_equal(sendto(phone->fd, bytes, len, 0, &to->sa, to->len), len);
	turn(0);
}

/* To stream 0 of a leg at 127.32.0.1. */
static inline void send_bytes(const struct phone *phone, const struct relay *relay,
			      enum relay_leg leg, unsigned component, const void *bytes,
			      size_t len)
{
	struct addr to = relay_addr(relay, 0, leg, "127.32.0.1", component);

	send_to(phone, &to, bytes, len);
}

static inline size_t make_rtp(uint32_t ssrc, uint32_t index, uint8_t *out)
{
	rtp_write_empty(8, (uint16_t)index, ssrc, out);
	memset(out + RTP_HEADER_SIZE, (int)(index + ssrc), WORLD_PAYLOAD);
	return RTP_HEADER_SIZE + WORLD_PAYLOAD;
}

static inline void send_rtp(const struct phone *phone, const struct relay *relay,
			    enum relay_leg leg, uint32_t ssrc, uint32_t index)
{
	uint8_t bytes[WORLD_ROOM];
	size_t len = make_rtp(ssrc, index, bytes);

	send_bytes(phone, relay, leg, 0, bytes, len);
}

/* How many bytes came, -1: nothing did. */
static inline ssize_t take_bytes(const struct phone *phone, uint8_t *out, struct addr *out_from)
{
	struct addr from = { .len = sizeof(from.in6) };
	ssize_t len = recvfrom(phone->fd, out, WORLD_ROOM, 0, &from.sa, &from.len);

	if (out_from)
		*out_from = from;
	return len;
}

static inline void assert_nothing(const struct phone *phone)
{
	uint8_t bytes[WORLD_ROOM];

	assert_int_equal(take_bytes(phone, bytes, NULL), -1);
}

/* That very packet came, from the port that the leg was told. */
static inline void assert_rtp(const struct phone *phone, const struct relay *relay,
			      enum relay_leg leg, uint32_t ssrc, uint32_t index)
{
	uint8_t bytes[WORLD_ROOM], wanted[WORLD_ROOM];
	size_t len = make_rtp(ssrc, index, wanted);
	struct addr from;

	assert_int_equal(take_bytes(phone, bytes, &from), len);
	assert_memory_equal(bytes, wanted, len);
	assert_int_equal(addr_port(&from), relay_port(relay, 0, leg));
}

static inline int no_files_left(void **state)
{
	int fd = dup(0);

	close(fd);
	*state = (void *)(intptr_t)fd;
	return 0;
}

static inline int no_files_more(void **state)
{
	int fd = dup(0);

	close(fd);
	return fd == (int)(intptr_t)*state ? 0 : -1;
}
