/* link: bytes between the load generator and the proxy under test: a datagram socket, or a TCP
 * or TLS connection, on one epoll. A link hands up whole SIP messages and takes whole ones;
 * what they mean is left to uac and uas. One thread; nothing here is meant for strangers'
 * bytes. */
#pragma once

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS };

enum { MESSAGE_MAX = 8192 }; /* the longest message that is sent or taken */

struct link;

/* Gets one whole message, ended by a zero byte that may be overwritten; from is its sender. */
typedef void (*link_on_message)(void *user, struct link *link, const struct sockaddr_in *from,
				char *text, size_t len);

struct net {
	int epoll;
	enum transport transport;
	gnutls_certificate_credentials_t credentials; /* TLS only */
	bool wants_client_certificate;
	struct link *links; /* all that were ever opened; freed by net_fini */
	uint64_t n_lost_connections, n_unsent;
};

/* Opens the epoll and, for TLS, reads the certificate chain, its key and the CAs (each may be
 * NULL). Returns false after a line on stderr. */
bool net_init(struct net *net, enum transport transport, const char *chain, const char *key,
	      const char *ca);
void net_fini(struct net *net);

/* A link that waits at addr: for datagrams, or for connections, whose messages come under links
 * of their own with the same user. NULL after a line on stderr. */
struct link *link_listen(struct net *net, const struct sockaddr_in *addr,
			 link_on_message on_message, void *user);

/* A link from the address `from` (its port may be 0) to the proxy; connects and shakes hands in
 * the background, what is sent before waits. For UDP it is link_listen. NULL after a line on
 * stderr. */
struct link *link_connect(struct net *net, const struct sockaddr_in *from,
			  const struct sockaddr_in *to, link_on_message on_message, void *user);

/* Sends one message, for UDP to the address given. What a full socket refuses is counted in
 * n_unsent (UDP: the retransmission follows) or kept until there is room. */
void link_send(struct link *link, const struct sockaddr_in *to, const char *text, size_t len);

/* False once the connection has ended. */
bool link_is_open(const struct link *link);

/* True if the connection stands and its handshake is over. */
bool link_is_ready(const struct link *link);

/* The local address and port. */
struct sockaddr_in link_addr(const struct link *link);

/* Waits at most wait_ns for readiness and serves what came. */
void net_poll(struct net *net, int64_t wait_ns);
