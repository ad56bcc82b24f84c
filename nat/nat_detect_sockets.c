#include <stdlib.h>

#include "nat/nat_detect.h"
#include "nat/stun_socket.h"

static enum err open_socket(void *user, struct loop *loop, const struct addr *bind,
			    const struct addr *to, struct stun_client **out,
			    struct addr *out_local)
{
	struct stun_socket *stun = calloc(1, sizeof(*stun));
	struct addr local = *bind;
	enum err err;

	if (!stun)
		return ERR_NO_MEMORY;
	addr_set_port(&local, 0);
	err = stun_socket_source(&local, to, &local);
	if (!err)
		err = stun_socket_open(stun, loop, &local);
	if (err) {
		free(stun);
		return err;
	}
	*out = &stun->client;
	*out_local = stun->local;
	return ERR_OK;
}

static void close_socket(void *user, struct stun_client *client)
{
	struct stun_socket *stun = container_of(client, struct stun_socket, client);

	stun_socket_close(stun);
	free(stun);
}

static void ask_tcp(void *user, struct stun_tcp *tcp, struct loop *loop,
		    const struct addr *bind, const struct addr *to, uint64_t timeout_ms,
		    void (*on_end)(struct stun_tcp *tcp))
{
	stun_tcp_ask(tcp, loop, bind, to, timeout_ms, on_end);
}

const struct nat_ways nat_detect_sockets = { .open = open_socket,
					     .close = close_socket,
					     .ask_tcp = ask_tcp };
