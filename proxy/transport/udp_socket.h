/* One UDP socket of one worker with what waits to be sent through it. For udp.c. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "proxy/base/list.h"
#include "proxy/base/loop.h"
#include "proxy/transport/flow.h"
#include "proxy/transport/listener.h"
#include "proxy/transport/transport.h"

enum { UDP_BATCH = 32, UDP_CACHE = 256 };

/* Room for the address that a datagram came to, or has to leave from. */
union udp_control {
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char both[CMSG_SPACE(sizeof(struct in_pktinfo)) +
		  CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

struct udp_letter {
	struct flow *flow;    /* counted */
	struct wire *wire;    /* counted */
	struct list sendings; /* none or one */
};

struct udp_socket {
	struct list link; /* transport.udp_sockets */
	unsigned n_refs;
	struct transport *transport;
	struct listener *listener; /* counted; owns fd */
	int fd;
	bool is_wildcard, is_served;
	uint64_t read_in_round; /* of the loop: the last one */
	struct loop_watch watch;
	struct loop_call flush_call;
	struct udp_letter batch[UDP_BATCH];
	unsigned n_batch;
	struct flow *cache[UDP_CACHE]; /* counted, by a keyed hash of the remote address */
};

struct udp_flow {
	struct flow flow;
	struct udp_socket *socket; /* counted */
};

/* Makes one without a listener and without a reference, on the list of the transport: serving
 * takes the first. NULL: no memory. */
struct udp_socket *udp_socket_new(struct transport *transport);
struct udp_socket *udp_socket_ref(struct udp_socket *socket);
void udp_socket_unref(struct udp_socket *socket);

/* From now on it is listener's; its cache is emptied, as flows keep their listener. */
void udp_socket_set_listener(struct udp_socket *socket, struct listener *listener, int fd);

/* Where in the cache the flow to remote stands, or would. */
struct flow **udp_socket_place(struct udp_socket *socket, const struct addr *remote);
void udp_socket_empty(struct udp_socket *socket);

/* Queues; flushes at once when the batch is full, else when the loop comes round. */
void udp_socket_queue(struct udp_socket *socket, struct flow *flow, struct wire *wire,
		      struct sending *sending);
void udp_socket_flush(struct udp_socket *socket);

/* Puts the host that a datagram came to into local, if the kernel said it. */
void udp_control_read(struct msghdr *header, struct addr *local);
