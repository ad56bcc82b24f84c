/* The sockets behind a listener: made, copied and asked, with the options that SIP needs. */
#pragma once

#include <stdbool.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

struct listener_socket_wish {
	struct addr addr;
	bool is_udp;
	bool is_dual;   /* [::] takes IPv4 too */
	bool is_shared; /* SO_REUSEPORT: one socket for each worker */
};

/* Opens a socket that is bound and, for a stream, listens. ERR_ADDRESS, ERR_ACCESS, ERR_LIMIT,
 * ERR_IO. */
enum err listener_socket_open(const struct listener_socket_wish *wish, int *out_fd) MUST_CHECK;

/* Finds out whether another program has the address. SO_REUSEPORT alone would let us share it
 * with another process of the same user without a word, and each would get a part of the
 * traffic. */
enum err listener_socket_probe(const struct listener_socket_wish *wish) MUST_CHECK;

/* For a listener that is no more, while something still holds its socket: takes nothing in any
 * more, and lets the address be opened anew. Datagrams can still be sent by it. */
void listener_socket_retire(int fd);

/* The address that the socket is bound to, with its real port. */
enum err listener_socket_addr(int fd, struct addr *out) MUST_CHECK;

/* Puts the first address of the host that is up and neither loopback nor link-local into addr,
 * else loopback; its port stays. IPv4 comes first; is_ipv6 allows IPv6 after it. */
void listener_primary_address(bool is_ipv6, struct addr *addr);
