/* A STUN client with a UDP socket of its own, for what must not disturb the mapping of a
 * listener, or has no socket of UDP. */
#pragma once

#include "nat/stun_client.h"

struct stun_socket {
	struct stun_client client;
	struct loop_watch watch;
	struct addr local; /* as bound: with the real port */
	bool is_open;
};

/* Binds to the host of bind; port 0 is any. ERR_ADDRESS, ERR_ACCESS, ERR_LIMIT, ERR_IO. */
enum err stun_socket_open(struct stun_socket *socket, struct loop *loop,
			  const struct addr *bind) MUST_CHECK;
/* Queries that run are taken back. Fine if it is not open. */
void stun_socket_close(struct stun_socket *socket);

/* The address from which this host reaches to, if bind leaves that to the system; the port
 * stays that of bind. No packet is sent. ERR_UNREACHABLE and what else connect says. */
enum err stun_socket_source(const struct addr *bind, const struct addr *to,
			    struct addr *out) MUST_CHECK;
