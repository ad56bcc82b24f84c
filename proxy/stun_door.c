#include "proxy/stun_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nat/stun_asked.h"
#include "nat/stun_server.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/nat_watch.h"
#include "proxy/transport/listener_socket.h"

enum { N_HOSTS = 2, MAX_DATAGRAMS = 64 };

/* One of the two addresses: the listener there, and our socket at the next port. */
struct corner {
	struct stun_door *door;
	struct listener *listener; /* counted */
	struct loop_watch watch;   /* of the socket, if it is started */
	struct addr addr;          /* of the socket */
};

struct stun_door {
	struct worker *worker;
	struct stun_limiter *limiter;
	bool serves;
	bool has_pair; /* both corners are open */
	struct corner corners[N_HOSTS];
};

/* ---- answers to what we asked ---- */

/* The class is in the first two bytes (RFC 8489 §5); 1 in the first of them is an answer, of
 * Binding the only method. */
static bool is_answer(const void *bytes)
{
	return *(const unsigned char *)bytes & 1;
}

struct hearsay {
	struct letter letter;
	char listener[PUBLIC_NAME_SIZE];
	struct addr from;
	size_t len;
	unsigned char bytes[];
};

static void deliver(struct letter *letter, void *owner)
{
	struct hearsay *hearsay = container_of(letter, struct hearsay, letter);
	struct worker *worker = owner;

	if (worker->nat_watch && !worker->is_stopping)
		nat_watch_receive(worker->nat_watch, hearsay->listener, &hearsay->from,
				  hearsay->bytes, hearsay->len);
	free(hearsay);
}

/* The kernel gave the answer to a worker that did not ask. */
static void hand_over(struct worker *worker, const struct flow *flow, const void *bytes,
		      size_t len)
{
	/* What strangers send must cost nothing here, nor wake another worker. */
	const bool is_awaited =
		!worker->is_stopping && stun_asked_has(worker->server->stun_asked, bytes, len);
	struct hearsay *hearsay =
		is_awaited && len <= STUN_MAX_SIZE ? malloc(sizeof(*hearsay) + len) : NULL;

	if (!hearsay)
		return;
	memset(hearsay, 0, sizeof(*hearsay));
	hearsay->letter.deliver = deliver;
	text_copy(hearsay->listener, sizeof(hearsay->listener), flow->listener->name);
	hearsay->from = flow->remote;
	hearsay->len = len;
	memcpy(hearsay->bytes, bytes, len);
	if (mailbox_offer(worker->server->workers[0]->mailbox, &hearsay->letter))
		free(hearsay);
}

/* ---- requests ---- */

static void count(const struct stun_door *door, enum counter_stun_request what)
{
	counter_add1(door->worker->counters, COUNTER_STUN_REQUESTS, what, 1);
}

static void send_by_flow(struct flow *flow, const struct stun_reply *reply)
{
	struct wire *wire =
		flow ? wire_copy(reply->writer.bytes, stun_end(&reply->writer)) : NULL;

	/* Who got none asks again. */
	if (wire)
		(void)!flow_send(flow, wire);
	wire_unref(wire);
}

static void send_by_socket(const struct corner *corner, const struct addr *to,
			   const struct stun_reply *reply)
{
	(void)!sendto(corner->watch.fd, reply->writer.bytes, stun_end(&reply->writer), 0,
		      &to->sa, to->len);
}

/* From which of the four it goes: which host, and at the next port or at the listener's. */
static void send_from(struct stun_door *door, unsigned i_host, bool is_next_port,
		      const struct addr *to, const struct stun_reply *reply)
{
	struct flow *flow;

	if (is_next_port) {
		send_by_socket(&door->corners[i_host], to, reply);
		return;
	}
	flow = transport_udp_flow(door->worker->transport, door->corners[i_host].listener, to);
	send_by_flow(flow, reply);
	flow_unref(flow);
}

static bool may_answer(struct stun_door *door, const struct addr *source)
{
	if (stun_limiter_allows(door->limiter, source, loop_now_ms(door->worker->loop)))
		return true;
	count(door, COUNTER_STUN_REQUEST_LIMITED);
	return false;
}

static void serve(struct stun_door *door, unsigned i_host, bool is_next_port,
		  const struct addr *source, const void *bytes, size_t len)
{
	const struct corner *here = &door->corners[i_host], *there = &door->corners[!i_host];
	const struct stun_seat seat = {
		.local = is_next_port ? here->addr : here->listener->addr,
		.other = is_next_port ? there->listener->addr : there->addr,
	};
	struct stun_reply reply;

	if (!stun_server_answer(&seat, source, bytes, len, &reply)) {
		count(door, COUNTER_STUN_REQUEST_MALFORMED);
		return;
	}
	if (!may_answer(door, source))
		return;
	count(door, COUNTER_STUN_REQUEST_ANSWERED);
	send_from(door, i_host ^ reply.from_other_ip, is_next_port != reply.from_other_port,
		  source, &reply);
}

/* At a listener without a second address, or on a connection, which has none (RFC 5780 §7.2:
 * only by UDP). False: it is no request. */
static bool serve_alone(struct stun_door *door, struct flow *flow, const void *bytes,
			size_t len)
{
	const struct stun_seat seat = { .local = flow->local };
	struct stun_reply reply;

	if (!stun_server_answer(&seat, &flow->remote, bytes, len, &reply)) {
		count(door, COUNTER_STUN_REQUEST_MALFORMED);
		return false;
	}
	if (!may_answer(door, &flow->remote))
		return true;
	count(door, COUNTER_STUN_REQUEST_ANSWERED);
	send_by_flow(flow, &reply);
	return true;
}

/* We ask nobody on a connection that carries SIP, so there only requests are expected; and of
 * those only who came to us. */
static bool receive_on_stream(struct stun_door *door, struct flow *flow, const void *bytes,
			      size_t len)
{
	return door && door->serves && flow->is_inbound && !is_answer(bytes) &&
	       serve_alone(door, flow, bytes, len);
}

bool stun_door_receive(void *user, struct flow *flow, const void *bytes, size_t len)
{
	struct worker *worker = user;
	struct stun_door *door = worker->stun_door;

	if (flow_is_reliable(flow))
		return receive_on_stream(door, flow, bytes, len);
	if (is_answer(bytes)) {
		if (worker->nat_watch)
			nat_watch_receive(worker->nat_watch, flow->listener->name,
					  &flow->remote, bytes, len);
		else
			hand_over(worker, flow, bytes, len);
		return true;
	}
	/* What keeps the mapping of a phone's router (RFC 5626 §4.4.2) is answered in any
	 * case. */
	if (!door || (!door->serves && flow->listener->network != NETWORK_REMOTE))
		return false;
	for (unsigned i = 0; door->has_pair && i < N_HOSTS; i++) {
		if (addr_equal(&flow->listener->addr, &door->corners[i].listener->addr)) {
			serve(door, i, false, &flow->remote, bytes, len);
			return true;
		}
	}
	return serve_alone(door, flow, bytes, len);
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct corner *corner = container_of(watch, struct corner, watch);
	struct stun_door *door = corner->door;
	unsigned char bytes[STUN_MAX_SIZE + 1];

	for (unsigned i = 0; i < MAX_DATAGRAMS; i++) {
		struct sockaddr_storage name;
		socklen_t name_len = sizeof(name);
		ssize_t len = recvfrom(watch->fd, bytes, sizeof(bytes), 0,
				       (struct sockaddr *)&name, &name_len);
		struct addr source;

		if (len < 0)
			return;
		addr_from_sockaddr(&source, (struct sockaddr *)&name, name_len);
		if (addr_is_set(&source) && addr_port(&source))
			serve(door, corner == &door->corners[1], true, &source, bytes,
			      (size_t)len);
	}
}

/* ---- life ---- */

static void close_corners(struct stun_door *door)
{
	door->has_pair = false;
	for (unsigned i = 0; i < N_HOSTS; i++) {
		struct corner *corner = &door->corners[i];

		if (corner->watch.is_started) {
			loop_watch_stop(&corner->watch);
			close(corner->watch.fd);
		}
		corner->listener = listener_unref(corner->listener);
	}
}

static enum err open_corner(struct stun_door *door, unsigned i, struct listener *listener)
{
	struct corner *corner = &door->corners[i];
	struct listener_socket_wish wish = { .addr = listener->addr,
					     .is_udp = true,
					     .is_shared = door->worker->server->n_workers > 1 };
	enum err err;
	int fd;

	addr_set_port(&wish.addr, (uint16_t)(addr_port(&listener->addr) + 1));
	err = listener_socket_open(&wish, &fd);
	if (err)
		return err;
	corner->door = door;
	corner->addr = wish.addr;
	corner->listener = listener_ref(listener);
	loop_watch_start(door->worker->loop, &corner->watch, fd, LOOP_READ, on_ready);
	return ERR_OK;
}

/* Alike but for the address of this host. */
static bool is_pair(const struct listener *a, const struct listener *b)
{
	return a != b && a->transport == TRANSPORT_UDP && b->transport == TRANSPORT_UDP &&
	       a->network == b->network && addr_is_ipv6(&a->addr) == addr_is_ipv6(&b->addr) &&
	       addr_port(&a->addr) == addr_port(&b->addr) && !addr_is_wildcard(&a->addr) &&
	       !addr_is_wildcard(&b->addr) && !addr_same_host(&a->addr, &b->addr);
}

static void open_pair(struct stun_door *door, struct listener *a, struct listener *b)
{
	enum err err = open_corner(door, 0, a);

	if (!err)
		err = open_corner(door, 1, b);
	if (err) {
		close_corners(door);
		log_event(
			LOG_WARNING,
			"STUN is served without a second address: the port after a listener's cannot be opened",
			"listener", a->name, "error", err_text(err), NULL);
		return;
	}
	door->has_pair = true;
}

static bool is_open_already(const struct stun_door *door, const struct listener *a,
			    const struct listener *b)
{
	return door->has_pair && addr_equal(&door->corners[0].listener->addr, &a->addr) &&
	       addr_equal(&door->corners[1].listener->addr, &b->addr);
}

/* The same two, of another snapshot. */
static void exchange(struct stun_door *door, struct listener *a, struct listener *b)
{
	listener_unref(door->corners[0].listener);
	listener_unref(door->corners[1].listener);
	door->corners[0].listener = listener_ref(a);
	door->corners[1].listener = listener_ref(b);
}

void stun_door_restart(struct stun_door *door)
{
	const struct snapshot *snapshot = door->worker->snapshot;

	door->serves = snapshot->settings->nat.serves_stun;
	for (size_t i = 0;
	     door->serves && snapshot->n_sockets && i < snapshot->n_open_listeners; i++) {
		for (size_t j = i + 1; j < snapshot->n_open_listeners; j++) {
			struct listener *a = snapshot->open_listeners[i],
					*b = snapshot->open_listeners[j];

			if (!is_pair(a, b))
				continue;
			if (is_open_already(door, a, b)) {
				exchange(door, a, b);
				return;
			}
			close_corners(door);
			open_pair(door, a, b);
			return;
		}
	}
	close_corners(door);
}

struct stun_door *stun_door_new(struct worker *worker)
{
	struct stun_door *door = calloc(1, sizeof(*door));

	if (!door)
		return NULL;
	door->worker = worker;
	if (stun_limiter_new(&door->limiter)) {
		free(door);
		return NULL;
	}
	if (worker->snapshot)
		stun_door_restart(door);
	return door;
}

struct stun_door *stun_door_free(struct stun_door *door)
{
	if (!door)
		return NULL;
	close_corners(door);
	stun_limiter_free(door->limiter);
	free(door);
	return NULL;
}
