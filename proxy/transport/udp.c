#include "proxy/transport/udp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/transport/listener_socket.h"
#include "proxy/transport/transport_inside.h"
#include "proxy/transport/udp_socket.h"

enum { N_RECEIVED = 32, MAX_ROUNDS = 8, MAX_DATAGRAM = 65507, STRIDE = 320 };

/* Room for one recvmmsg, shared by all sockets of a worker. Pages that no datagram reaches are
 * never touched. */
struct udp_receiver {
	struct mmsghdr headers[N_RECEIVED];
	struct iovec iov[N_RECEIVED];
	struct sockaddr_storage sources[N_RECEIVED];
	union udp_control controls[N_RECEIVED];
	/* the headers are as the next recvmmsg wants them; with room for control data */
	bool is_prepared, has_control;
	char bytes[N_RECEIVED][READ_SIZE + STRIDE]; /* not all in the same lines of the cache */
};

static void destroy(struct flow *flow)
{
	struct udp_flow *udp_flow = container_of(flow, struct udp_flow, flow);

	udp_socket_unref(udp_flow->socket);
	free(udp_flow);
}

static enum err send_plain(struct flow *flow, struct wire *wire)
{
	return udp_send(flow, wire, NULL);
}

/* The cache's reference is the transport's; a flow that is not in it any more gets one for its
 * end. */
static void close_flow(struct flow *flow, enum reason why)
{
	struct udp_socket *socket = container_of(flow, struct udp_flow, flow)->socket;
	struct flow **place = udp_socket_place(socket, &flow->remote);

	if (*place == flow)
		*place = NULL;
	else
		flow_ref(flow);
	transport_flow_ended(flow, ERR_CLOSED, why);
}

static const struct flow_ops udp_ops = { .send = send_plain,
					 .close = close_flow,
					 .destroy = destroy };

static bool is_from(const struct flow *flow, const struct addr *local,
		    const struct addr *remote)
{
	return flow && addr_equal(&flow->remote, remote) && addr_same_host(&flow->local, local);
}

/* The flow for an address pair; the caller may use it until the next one is asked for, or ref
 * it. */
static struct flow *find_or_make(struct udp_socket *socket, const struct addr *local,
				 const struct addr *remote)
{
	struct flow **place = udp_socket_place(socket, remote);

	if (is_from(*place, local, remote))
		return *place;

	struct udp_flow *udp_flow = malloc(sizeof(*udp_flow));
	if (!udp_flow)
		return NULL;
	transport_flow_init(socket->transport, &udp_flow->flow, &udp_ops, socket->listener,
			    TRANSPORT_UDP, local, remote);
	udp_flow->socket = udp_socket_ref(socket);
	flow_unref(*place);
	*place = &udp_flow->flow;
	return *place;
}

static void receive(struct udp_socket *socket, struct udp_receiver *receiver, unsigned i)
{
	struct transport *transport = socket->transport;
	struct msghdr *header = &receiver->headers[i].msg_hdr;
	size_t len = receiver->headers[i].msg_len;
	struct addr remote, local = socket->listener->addr;

	addr_from_sockaddr(&remote, header->msg_name, header->msg_namelen);
	if (!addr_is_set(&remote) || addr_port(&remote) == 0)
		return; /* nobody to answer */
	udp_control_read(header, &local);

	struct flow *flow = find_or_make(socket, &local, &remote);
	if (!flow)
		return;
	flow_ref(flow);
	flow->is_inbound = true;
	flow->last_received_ms = loop_now_ms(transport->loop);
	flow_count_received(flow, len);
	transport_deliver_datagram(flow, receiver->bytes[i], len);
	flow_unref(flow);
}

static void prepare(struct udp_receiver *receiver, unsigned i)
{
	receiver->iov[i] = (struct iovec){ receiver->bytes[i], READ_SIZE };
	receiver->headers[i].msg_hdr = (struct msghdr){
		.msg_name = &receiver->sources[i],
		.msg_namelen = sizeof(receiver->sources[i]),
		.msg_iov = &receiver->iov[i],
		.msg_iovlen = 1,
		.msg_control = receiver->has_control ? &receiver->controls[i] : NULL,
		.msg_controllen = receiver->has_control ? sizeof(receiver->controls[i]) : 0,
	};
}

/* What recvmmsg does, for one datagram: without control data recvfrom does, and the kernel need
 * not fetch the headers. */
static int receive_some(int fd, struct udp_receiver *receiver, unsigned n_asked)
{
	struct mmsghdr *header = &receiver->headers[0];
	ssize_t len;

	if (n_asked > 1 || receiver->has_control)
		return recvmmsg(fd, receiver->headers, n_asked, 0, NULL);
	len = recvfrom(fd, receiver->bytes[0], READ_SIZE, 0, header->msg_hdr.msg_name,
		       &header->msg_hdr.msg_namelen);
	if (len < 0)
		return -1;
	header->msg_len = (unsigned)len;
	return 1;
}

static int receive_many(struct udp_socket *socket, struct udp_receiver *receiver,
			unsigned n_asked)
{
	if (!receiver->is_prepared || receiver->has_control != socket->is_wildcard) {
		receiver->has_control = socket->is_wildcard;
		for (unsigned i = 0; i < N_RECEIVED; i++)
			prepare(receiver, i);
		receiver->is_prepared = true;
	}
	int n = receive_some(socket->fd, receiver, n_asked);
	for (int i = 0; i < n; i++) {
		receiver->bytes[i][receiver->headers[i].msg_len] = '\0';
		if (socket->is_served)
			receive(socket, receiver, (unsigned)i);
		prepare(receiver, (unsigned)i); /* the kernel wrote lengths into it */
	}
	return n;
}

/* How many datagrams are worth asking for. One that comes alone wakes us by itself, and the
 * kernel's look for the next would find nothing; where the loop's last round had one too, there
 * are more. */
static unsigned n_expected(struct udp_socket *socket)
{
	const uint64_t round = loop_rounds(socket->transport->loop);
	const bool was_read = socket->read_in_round + 1 == round;

	socket->read_in_round = round;
	return was_read ? N_RECEIVED : 1;
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct udp_socket *socket =
		udp_socket_ref(container_of(watch, struct udp_socket, watch));
	const unsigned n_asked = n_expected(socket);
	int n = receive_many(socket, socket->transport->udp_receiver, n_asked);

	/* Bounded, so that a flood on one socket leaves time for the others. */
	for (unsigned round = 1; round < MAX_ROUNDS && n == N_RECEIVED && socket->is_served;
	     round++)
		n = receive_many(socket, socket->transport->udp_receiver, n_asked);
	udp_socket_unref(socket);
}

static void serve(struct udp_socket *socket, struct listener *listener)
{
	struct transport *transport = socket->transport;

	loop_watch_stop(&socket->watch);
	if (!socket->is_served)
		udp_socket_ref(socket);
	udp_socket_set_listener(socket, listener, listener->sockets->fds[transport->worker]);
	loop_watch_start(transport->loop, &socket->watch, socket->fd, LOOP_READ, on_ready);
}

/* It is not asked for more, but those who hold a flow of it may still send. */
static void stop_serving(struct udp_socket *socket)
{
	loop_watch_stop(&socket->watch);
	udp_socket_flush(socket);
	loop_defer_cancel(&socket->flush_call);
	udp_socket_empty(socket);
	listener_socket_retire(socket->fd);
	socket->is_served = false;
	udp_socket_unref(socket);
}

/* The socket of a listener; a context may hold one that a reload has replaced. */
static struct udp_socket *find_socket(struct transport *transport,
				      const struct listener *listener)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->udp_sockets) {
		struct udp_socket *socket = container_of(link, struct udp_socket, link);
		if (socket->listener == listener ||
		    (socket->is_served && addr_equal(&socket->listener->addr, &listener->addr)))
			return socket;
	}
	return NULL;
}

static bool is_among(const struct udp_socket *socket, struct listener *const *listeners,
		     unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (listeners[i]->transport == TRANSPORT_UDP &&
		    addr_equal(&listeners[i]->addr, &socket->listener->addr))
			return true;
	}
	return false;
}

enum err udp_serve(struct transport *transport, struct listener *const *listeners, unsigned n)
{
	struct list *link, *following;

	if (!transport->udp_receiver) {
		transport->udp_receiver = malloc(sizeof(*transport->udp_receiver));
		if (!transport->udp_receiver)
			return ERR_NO_MEMORY;
		transport->udp_receiver->is_prepared = false;
	}

	list_for_each(link, following, &transport->udp_sockets) {
		struct udp_socket *socket = container_of(link, struct udp_socket, link);
		if (socket->is_served && !is_among(socket, listeners, n))
			stop_serving(socket);
	}
	for (unsigned i = 0; i < n; i++) {
		if (listeners[i]->transport != TRANSPORT_UDP)
			continue;
		struct udp_socket *socket = find_socket(transport, listeners[i]);
		if (!socket)
			socket = udp_socket_new(transport);
		if (!socket)
			return ERR_NO_MEMORY;
		if (socket->listener != listeners[i] || !socket->is_served)
			serve(socket, listeners[i]);
	}
	return ERR_OK;
}

void udp_close_all(struct transport *transport)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->udp_sockets) {
		struct udp_socket *socket = container_of(link, struct udp_socket, link);
		udp_socket_flush(socket);
		loop_defer_cancel(&socket->flush_call);
		list_remove(link); /* who still holds a flow holds the socket, but not us */
		if (socket->is_served)
			stop_serving(socket);
	}
}

struct udp_receiver *udp_receiver_free(struct udp_receiver *receiver)
{
	free(receiver);
	return NULL;
}

struct flow *udp_flow_for_hop(struct transport *transport, const struct hop *hop)
{
	struct udp_socket *socket =
		hop->listener ? find_socket(transport, hop->listener) : NULL;

	if (!socket || (addr_is_ipv6(&hop->remote) && !addr_is_ipv6(&socket->listener->addr)))
		return NULL;

	struct addr local = socket->listener->addr;
	if (socket->is_wildcard && addr_is_set(&hop->bind)) {
		local = hop->bind;
		addr_set_port(&local, addr_port(&socket->listener->addr));
	}
	struct flow *flow = find_or_make(socket, &local, &hop->remote);
	return flow ? flow_ref(flow) : NULL;
}

enum err udp_send(struct flow *flow, struct wire *wire, struct sending *sending)
{
	struct udp_socket *socket = container_of(flow, struct udp_flow, flow)->socket;

	if (flow->is_closed || !flow->owner)
		return ERR_CLOSED;
	if (wire->len > MAX_DATAGRAM)
		return ERR_TOO_LARGE;
	udp_socket_queue(socket, flow, wire, sending);
	return ERR_OK;
}
