/* The network of tests/world: flows that lead to parties of a scenario instead of sockets,
 * through the seam of proxy/transport (transport_set_dialer). What the proxy sends lands in the
 * inbox of the party at that address; what nobody expects, nowhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/list.h"
#include "proxy/base/reason.h"
#include "proxy/transport/transport.h"

struct network;

/* How a party takes connections. */
enum manner { ACCEPTS, REFUSES, HANGS, FAILS };

/* Somebody at an address. */
struct party {
	struct list link;
	char name[32];
	struct addr addr;  /* where it listens; connections of its own come from another port */
	char listener[64]; /* of ours, by which it reaches us */
	char names[256];   /* in its certificate, separated by commas; "" for none */
	enum manner manner;
	enum reason fails_with;
	struct list inbox; /* letter_in.link */
	bool is_stalled;   /* connections that are made from now on are not read, either */
	/* what it sends goes over the connection that we made to it, if there is one */
	bool reuses;
	bool is_stun_server;
	struct addr sees;   /* as a STUN server: how it sees us; unset: it is silent */
	unsigned n_dialled; /* connections that we made to it */
	unsigned n_pings;   /* empty lines that it got: they do not come into the inbox */
};

/* A message that the proxy sent to a party. */
struct received {
	struct list link;
	unsigned worker;
	uint64_t flow_id;
	enum conf_transport transport;
	char listener[64]; /* of the flow */
	uint64_t at_ms;
	size_t len;
	char text[]; /* terminated */
};

struct network *network_new(struct loop *loop);
struct network *network_free(struct network *network);
void network_add(struct network *network,
		 struct party *party); /* stays the caller's; must outlive the network */

/* Makes the transport of one worker use this network. */
enum err network_serve(struct network *network, unsigned worker, struct transport *transport);

/* A party sends bytes to the worker: over the flow with that id if it is open still, else over
 * its own connection, which is made if there is none. listener: the one of ours that it
 * reaches. False if it could not connect. */
bool network_send(struct network *network, struct party *party, unsigned worker,
		  struct listener *listener, uint64_t flow_id, const char *bytes, size_t len);

/* The party reads nothing any more from the connections that it has now, and with is_for_all
 * from those to come; or it reads again, beginning with what waits. */
void network_stall(struct network *network, struct party *party, bool is_for_all);
void network_read(struct network *network, struct party *party);

/* How many connections the party has with us. */
unsigned network_n_connections(const struct network *network, const struct party *party);

/* The connection by which the party came to us, and its worker; 0: there is none. What is sent
 * to a hop with that flow_id, by whichever worker, comes into the party's inbox by this
 * connection. */
uint64_t network_flow_id(const struct network *network, const struct party *party,
			 unsigned *out_worker);

/* Connections of a party: those from before network_renew are old. */
enum connections { ALL_CONNECTIONS, OLD_CONNECTIONS, NEW_CONNECTIONS };

/* The party closes connections that it has with us. */
void network_close(struct network *network, const struct party *party, enum connections which);

/* For what the party sends from now on it connects anew. If it leaves those that it has, they
 * stand, but it hears nothing by them. */
void network_renew(struct network *network, const struct party *party, bool leaves);

/* Frees the first message of its inbox. */
void party_take(struct party *party);
struct received *party_first(const struct party *party); /* NULL: nothing came */

/* Messages to addresses where nobody is. */
unsigned network_n_nowhere(const struct network *network);
void network_forget(struct network *network); /* the count begins anew */
