#include "proxy/transport/path_mtu.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* SPARE: §18.1.1 wants room for a response that is larger than its request. Every host on the
 * way takes 576 bytes (RFC 791 §3.1). */
enum { N_PLACES = 256, KEPT_MS = 2 * 60 * 1000, SPARE_BYTES = 200, LEAST_MTU = 576 };

/* Two hosts of one place drive each other out, which costs no more than asking again. */
struct place {
	struct addr remote; /* its port does not count */
	size_t max_bytes;
	uint64_t until_ms;
};

struct path_mtu_table {
	path_mtu_ask_fn *ask;
	struct place places[N_PLACES];
};

enum err path_mtu_table_new(path_mtu_ask_fn *ask, struct path_mtu_table **out)
{
	struct path_mtu_table *table = calloc(1, sizeof(*table));
	if (!table)
		return ERR_NO_MEMORY;
	table->ask = ask;
	*out = table;
	return ERR_OK;
}

struct path_mtu_table *path_mtu_table_free(struct path_mtu_table *table)
{
	free(table);
	return NULL;
}

static struct place *place_of(struct path_mtu_table *table, const struct addr *remote)
{
	return &table->places[addr_hash(remote, false) % N_PLACES];
}

static bool is_of(const struct place *place, const struct addr *remote)
{
	return addr_is_set(&place->remote) && addr_same_host(&place->remote, remote);
}

static size_t max_bytes(unsigned mtu)
{
	if (mtu == 0)
		return PATH_MTU_UNKNOWN_BYTES;
	if (mtu < LEAST_MTU)
		mtu = LEAST_MTU;
	return mtu - SPARE_BYTES < PATH_MTU_MAX_BYTES ? mtu - SPARE_BYTES : PATH_MTU_MAX_BYTES;
}

size_t path_mtu_max_bytes(struct path_mtu_table *table, const struct addr *remote,
			  const struct addr *local, uint64_t now_ms)
{
	struct place *place = place_of(table, remote);

	if (!is_of(place, remote) || now_ms >= place->until_ms)
		*place = (struct place){ *remote, max_bytes(table->ask(remote, local)),
					 now_ms + KEPT_MS };
	return place->max_bytes;
}

void path_mtu_forget(struct path_mtu_table *table, const struct addr *remote)
{
	struct place *place = place_of(table, remote);

	if (is_of(place, remote))
		place->until_ms = 0;
}

/* Nothing is sent: to connect a datagram socket only looks the route up. */
static unsigned ask_by(int fd, const struct addr *remote, const struct addr *local)
{
	bool is_ipv6 = addr_is_ipv6(remote);
	struct addr from = *local;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (addr_is_set(&from) && addr_is_ipv6(&from) == is_ipv6) {
		addr_set_port(&from, 0);
		if (bind(fd, &from.sa, from.len) < 0)
			return 0;
	}
	if (connect(fd, &remote->sa, remote->len) < 0 ||
	    getsockopt(fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, is_ipv6 ? IPV6_MTU : IP_MTU,
		       &mtu, &len) < 0 ||
	    mtu < 0)
		return 0;
	return (unsigned)mtu;
}

unsigned path_mtu_ask(const struct addr *remote, const struct addr *local)
{
	int fd = socket(remote->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	unsigned mtu = ask_by(fd, remote, local);
	close(fd);
	return mtu;
}
