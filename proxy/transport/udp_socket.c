#include "proxy/transport/udp_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/transport/path_mtu.h"
#include "proxy/transport/transport_inside.h"

struct udp_socket *udp_socket_new(struct transport *transport)
{
	struct udp_socket *socket = calloc(1, sizeof(*socket));
	if (!socket)
		return NULL;
	socket->transport = transport;
	socket->fd = -1;
	list_append(&transport->udp_sockets, &socket->link);
	return socket;
}

struct udp_socket *udp_socket_ref(struct udp_socket *socket)
{
	socket->n_refs++;
	return socket;
}

void udp_socket_unref(struct udp_socket *socket)
{
	if (--socket->n_refs > 0)
		return;
	list_remove(&socket->link);
	loop_defer_cancel(&socket->flush_call);
	listener_unref(socket->listener);
	free(socket);
}

void udp_socket_empty(struct udp_socket *socket)
{
	for (unsigned i = 0; i < UDP_CACHE; i++)
		socket->cache[i] = flow_unref(socket->cache[i]);
}

void udp_socket_set_listener(struct udp_socket *socket, struct listener *listener, int fd)
{
	struct listener *old = socket->listener;

	udp_socket_flush(socket);
	udp_socket_empty(socket);
	socket->listener = listener_ref(listener);
	socket->fd = fd;
	socket->is_wildcard = addr_is_wildcard(&listener->addr);
	socket->is_served = true;
	listener_unref(old);
}

struct flow **udp_socket_place(struct udp_socket *socket, const struct addr *remote)
{
	return &socket->cache[addr_hash(remote, true) % UDP_CACHE];
}

void udp_control_read(struct msghdr *header, struct addr *local)
{
	uint16_t port = addr_port(local);

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg;
	     cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			struct sockaddr_in in4 = { .sin_family = AF_INET,
						   .sin_addr = info.ipi_addr };
			addr_from_sockaddr(local, (struct sockaddr *)&in4, sizeof(in4));
		} else if (cmsg->cmsg_level == IPPROTO_IPV6 &&
			   cmsg->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
						    .sin6_addr = info.ipi6_addr };
			addr_from_sockaddr(local, (struct sockaddr *)&in6, sizeof(in6));
		}
	}
	addr_set_port(local, port);
}

/* An IPv4 address as a socket on [::] wants it (RFC 4291 §2.5.5.2). */
static void map_ipv4(const struct addr *addr, struct sockaddr_in6 *out)
{
	*out = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				      .sin6_port = addr->in4.sin_port };
	out->sin6_addr.s6_addr[10] = out->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&out->sin6_addr.s6_addr[12], &addr->in4.sin_addr, 4);
}

/* Lets the datagram leave from the address that its request came to: the peer, and the routers
 * on the way, expect the answer from there. */
static void control_write(struct msghdr *header, union udp_control *control, bool is_ipv6,
			  const struct addr *local)
{
	struct sockaddr_in6 mapped;

	header->msg_control = control;
	header->msg_controllen = sizeof(*control);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	if (is_ipv6) {
		struct in6_pktinfo info = { 0 };
		if (!addr_is_ipv6(local))
			map_ipv4(local, &mapped);
		info.ipi6_addr = addr_is_ipv6(local) ? local->in6.sin6_addr : mapped.sin6_addr;
		cmsg->cmsg_level = IPPROTO_IPV6;
		cmsg->cmsg_type = IPV6_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		header->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = local->in4.sin_addr };
		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		header->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

struct outgoing {
	struct mmsghdr headers[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct sockaddr_in6 mapped[UDP_BATCH];
	union udp_control controls[UDP_BATCH];
};

static void fill(struct udp_socket *socket, struct outgoing *outgoing, unsigned i)
{
	struct udp_letter *letter = &socket->batch[i];
	struct flow *flow = letter->flow;
	struct msghdr *header = &outgoing->headers[i].msg_hdr;
	bool is_ipv6 = addr_is_ipv6(&socket->listener->addr);

	outgoing->iov[i] = (struct iovec){ letter->wire->bytes, letter->wire->len };
	*header = (struct msghdr){ .msg_iov = &outgoing->iov[i], .msg_iovlen = 1 };
	if (is_ipv6 && !addr_is_ipv6(&flow->remote)) {
		map_ipv4(&flow->remote, &outgoing->mapped[i]);
		header->msg_name = &outgoing->mapped[i];
		header->msg_namelen = sizeof(outgoing->mapped[i]);
	} else {
		header->msg_name = &flow->remote.sa;
		header->msg_namelen = flow->remote.len;
	}
	if (socket->is_wildcard && !addr_is_wildcard(&flow->local))
		control_write(header, &outgoing->controls[i], is_ipv6, &flow->local);
}

/* What the kernel said of one datagram. A full socket buffer is a loss like any other on the
 * way: the transaction sends again. */
static void end_letter(struct udp_socket *socket, struct udp_letter *letter, int number)
{
	enum err err = number == 0 || number == EAGAIN || number == ENOBUFS ? ERR_OK
		       : number == EMSGSIZE                                 ? ERR_TOO_LARGE
									    : ERR_UNREACHABLE;

	if (number == EMSGSIZE)
		path_mtu_forget(socket->transport->path_mtus, &letter->flow->remote);
	if (!list_is_empty(&letter->sendings))
		sending_finish(socket->transport,
			       container_of(letter->sendings.next, struct sending, link),
			       letter->flow, err,
			       err == ERR_OK ? REASON_NONE : REASON_CONNECT_UNREACHABLE);
	if (number == 0)
		flow_count_sent(letter->flow, letter->wire->len);
	wire_unref(letter->wire);
	flow_unref(letter->flow);
}

/* How many were sent. sendmmsg gives the processor away after each datagram, to the very peer
 * that it woke; what serves for one does not. Without control data sendto does, and the kernel
 * need not fetch the header. */
static int send_some(int fd, struct mmsghdr *headers, unsigned n)
{
	const struct msghdr *header = &headers->msg_hdr;

	if (n > 1)
		return sendmmsg(fd, headers, n, 0);
	if (header->msg_control)
		return sendmsg(fd, header, 0) < 0 ? -1 : 1;
	return sendto(fd, header->msg_iov->iov_base, header->msg_iov->iov_len, 0,
		      header->msg_name, header->msg_namelen) < 0
		       ? -1
		       : 1;
}

void udp_socket_flush(struct udp_socket *socket)
{
	struct outgoing outgoing;
	unsigned n = socket->n_batch, i = 0;

	if (n == 0)
		return;
	for (unsigned k = 0; k < n; k++)
		fill(socket, &outgoing, k);
	udp_socket_ref(socket); /* the last flow may hold the last reference */
	while (i < n) {
		int sent = send_some(socket->fd, &outgoing.headers[i], n - i);
		int number = sent < 0 ? errno : 0;
		if (number == EINTR)
			continue;
		/* An error is of the first datagram alone. */
		for (unsigned last = i + (sent < 0 ? 1 : (unsigned)sent); i < last; i++)
			end_letter(socket, &socket->batch[i], number);
	}
	socket->n_batch = 0;
	udp_socket_unref(socket);
}

static void on_flush(struct loop_call *call)
{
	udp_socket_flush(container_of(call, struct udp_socket, flush_call));
}

void udp_socket_queue(struct udp_socket *socket, struct flow *flow, struct wire *wire,
		      struct sending *sending)
{
	struct udp_letter *letter = &socket->batch[socket->n_batch++];

	letter->flow = flow_ref(flow);
	letter->wire = wire_ref(wire);
	list_init(&letter->sendings);
	if (sending)
		list_append(&letter->sendings, &sending->link);
	if (socket->n_batch == UDP_BATCH)
		udp_socket_flush(socket);
	else
		loop_defer(socket->transport->loop, &socket->flush_call, on_flush);
}
