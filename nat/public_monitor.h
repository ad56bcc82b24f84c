/* Keeps asking STUN servers how they see our listeners (mission 126): for a UDP listener from
 * its own socket, so that the mapping is the listener's, and stays alive; for a stream from a
 * socket at the same address, as its port cannot be seen: what the router forwards is the
 * listener's port (mission 125). The server that answered last is asked again, the next one
 * only when it is silent. One thread; nothing blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/public_address.h"
#include "nat/stun_client.h"

enum { PUBLIC_MAX_SERVERS = 8 };

/* One listener that advertises by STUN. */
struct public_wish {
	char listener[PUBLIC_NAME_SIZE];
	int network; /* enum conf_network */
	bool is_udp;
	struct addr addr; /* as bound */
};

struct public_server {
	char name[PUBLIC_SERVER_SIZE]; /* as configured */
	struct addr addr;
};

struct public_monitor_user {
	void *user;
	/* Sends from the socket of the UDP listener of that name. */
	enum err (*send)(void *user, const char *listener, const struct addr *to,
			 const void *bytes, size_t len);
	/* How a server sees the listener; addr has the listener's port for a stream. */
	void (*on_heard)(void *user, const struct public_wish *wish, const struct addr *addr,
			 const char *server);
	/* What is asked from the sockets of UDP listeners; NULL: nobody wants to know. */
	struct stun_asked *asked;
	/* No server answered in this round. */
	void (*on_silent)(void *user, const struct public_wish *wish);
};

struct public_monitor;

enum err public_monitor_new(struct loop *loop, const struct public_monitor_user *user,
			    struct public_monitor **out) MUST_CHECK;
struct public_monitor *public_monitor_free(struct public_monitor *monitor);

/* Watches these from now on, and begins at once. Those with the same name and address go on as
 * they are. ERR_NO_MEMORY: as before. */
enum err public_monitor_watch(struct public_monitor *monitor, const struct public_wish *wishes,
			      size_t n, uint64_t interval_ms) MUST_CHECK;

/* Whom to ask: n, at most PUBLIC_MAX_SERVERS, in the order of preference. Those of another
 * family than a listener's are not asked for it. */
void public_monitor_set_servers(struct public_monitor *monitor,
				const struct public_server *servers, size_t n);

/* An answer that came to a UDP listener. False: it is not ours. */
bool public_monitor_receive(struct public_monitor *monitor, const char *listener,
			    const struct addr *from, const void *bytes, size_t len);
