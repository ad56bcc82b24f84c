#include "media/ports.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/list.h"
#include "proxy/base/random.h"

enum {
	/* pairs that others hold, until we give up: each costs two system calls in a SIP
	 * worker */
	MAX_TRIES = 32,
	MAX_POOLS =
		256, /* addresses of ours that media goes by; they are in the configuration */
	ROOM_BYTES = 256 * 1024,
};

/* The pairs of one of our addresses. Those that are free wait in a ring, longest free first. */
struct pool {
	struct list link;
	struct addr bind;
	unsigned n_used;
	unsigned head, n_free;
	uint16_t *ring;       /* pair numbers */
	uint64_t *free_at_ms; /* for each place of the ring: may be given from then on */
	bool *is_used;        /* for each pair */
};

struct ports {
	pthread_mutex_t lock;
	uint16_t first; /* even */
	unsigned n_pairs;
	uint32_t quarantine_ms;
	struct list pools;
	unsigned n_pools;
};

static uint16_t even_from(uint16_t first)
{
	return (uint16_t)(first + (first & 1));
}

static unsigned pairs_of(uint16_t first, uint16_t last)
{
	unsigned from = first + (first & 1u);

	return first > 0 && last > from ? (last - from + 1u) / 2 : 0;
}

static struct pool *pool_free(struct pool *pool)
{
	if (!pool)
		return NULL;
	free(pool->ring);
	free(pool->free_at_ms);
	free(pool->is_used);
	free(pool);
	return NULL;
}

/* With all pairs free, in a random order. */
static struct pool *pool_new(const struct addr *bind, unsigned n_pairs)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;

	pool->bind = *bind;
	addr_set_port(&pool->bind, 0);
	pool->ring = calloc(n_pairs, sizeof(*pool->ring));
	pool->free_at_ms = calloc(n_pairs, sizeof(*pool->free_at_ms));
	pool->is_used = calloc(n_pairs, sizeof(*pool->is_used));
	if (!pool->ring || !pool->free_at_ms || !pool->is_used)
		return pool_free(pool);
	for (unsigned i = 0; i < n_pairs;
	     i++) { /* shuffled as it is filled (Fisher and Yates, inside out) */
		unsigned at = (unsigned)(random_u64() % (i + 1));

		pool->ring[i] = pool->ring[at];
		pool->ring[at] = (uint16_t)i;
	}
	pool->n_free = n_pairs;
	return pool;
}

enum err ports_new(uint16_t first, uint16_t last, uint32_t quarantine_ms, struct ports **out)
{
	struct ports *ports;

	if (pairs_of(first, last) == 0)
		return ERR_INVALID;
	ports = calloc(1, sizeof(*ports));
	if (!ports)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&ports->lock, NULL); /* cannot fail with these attributes on Linux */
	list_init(&ports->pools);
	ports->first = even_from(first);
	ports->n_pairs = pairs_of(first, last);
	ports->quarantine_ms = quarantine_ms;
	*out = ports;
	return ERR_OK;
}

static void free_pools(struct list *pools)
{
	while (!list_is_empty(pools)) {
		struct pool *pool = container_of(pools->next, struct pool, link);

		list_remove(&pool->link);
		pool_free(pool);
	}
}

struct ports *ports_free(struct ports *ports)
{
	if (!ports)
		return NULL;
	free_pools(&ports->pools);
	pthread_mutex_destroy(&ports->lock);
	free(ports);
	return NULL;
}

static void push(const struct ports *ports, struct pool *pool, unsigned pair, uint64_t at_ms)
{
	unsigned place = (pool->head + pool->n_free++) % ports->n_pairs;

	pool->ring[place] = (uint16_t)pair;
	pool->free_at_ms[place] = at_ms;
}

/* Takes the pair that has been free longest; false if none has rested long enough. */
static bool pop(const struct ports *ports, struct pool *pool, uint64_t now_ms,
		unsigned *out_pair)
{
	if (pool->n_free == 0 || pool->free_at_ms[pool->head] > now_ms)
		return false;
	*out_pair = pool->ring[pool->head];
	pool->head = (pool->head + 1) % ports->n_pairs;
	pool->n_free--;
	return true;
}

/* The number that pair of the old range has in the next one; false if it has none. */
static bool number_in(const struct ports *next, const struct ports *old, unsigned pair,
		      unsigned *out)
{
	int number = (old->first + 2 * (int)pair - next->first) / 2;

	if (old->first + 2 * (int)pair < next->first || (unsigned)number >= next->n_pairs)
		return false;
	*out = (unsigned)number;
	return true;
}

/* A pool of the new range with what the old one knew about pairs that are in both: used ones
 * stay used, resting ones rest. */
static struct pool *pool_moved(const struct ports *old, const struct pool *pool,
			       const struct ports *next)
{
	struct pool *moved = pool_new(&pool->bind, next->n_pairs);
	unsigned number;

	if (!moved)
		return NULL;
	for (unsigned i = 0; i < old->n_pairs;
	     i++) /* whatever is known; those in the ring are cleared below */
		if (number_in(next, old, i, &number))
			moved->is_used[number] = true;
	moved->n_free = 0;
	for (unsigned i = 0; i < next->n_pairs;
	     i++) /* the others are new; writing stays behind reading */
		if (!moved->is_used[moved->ring[i]])
			push(next, moved, moved->ring[i], 0);
	for (unsigned i = 0; i < pool->n_free; i++) {
		unsigned place = (pool->head + i) % old->n_pairs;

		if (!number_in(next, old, pool->ring[place], &number))
			continue;
		moved->is_used[number] = false;
		push(next, moved, number, pool->free_at_ms[place]);
	}
	moved->n_used = next->n_pairs - moved->n_free;
	return moved;
}

enum err ports_set_range(struct ports *ports, uint16_t first, uint16_t last)
{
	struct ports next = { .first = even_from(first), .n_pairs = pairs_of(first, last) };
	struct list pools, *link, *following;
	enum err err = ERR_OK;

	if (next.n_pairs == 0)
		return ERR_INVALID;
	list_init(&pools);
	pthread_mutex_lock(&ports->lock);
	list_for_each(link, following, &ports->pools) {
		struct pool *moved =
			pool_moved(ports, container_of(link, struct pool, link), &next);

		if (!moved) {
			err = ERR_NO_MEMORY;
			break;
		}
		list_append(&pools, &moved->link);
	}
	if (!err) {
		free_pools(&ports->pools);
		while (!list_is_empty(&pools)) {
			link = pools.next;
			list_remove(link);
			list_append(&ports->pools, link);
		}
		ports->first = next.first;
		ports->n_pairs = next.n_pairs;
	}
	pthread_mutex_unlock(&ports->lock);
	free_pools(&pools);
	return err;
}

static struct pool *pool_of(struct ports *ports, const struct addr *bind)
{
	struct list *link, *following;

	list_for_each(link, following, &ports->pools) {
		struct pool *pool = container_of(link, struct pool, link);

		if (addr_same_host(&pool->bind, bind))
			return pool;
	}
	return NULL;
}

static enum err open_socket(const struct addr *bind_to, uint16_t port, int *out_fd)
{
	struct addr addr = *bind_to;
	int room = ROOM_BYTES, only_ipv6 = 1;
	int fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum err err;

	if (fd < 0)
		return err_from_errno(errno);
	addr_set_port(&addr, port);
	if ((addr_is_ipv6(&addr) &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof(only_ipv6))) ||
	    bind(fd, &addr.sa, addr.len)) {
		err = errno == EADDRINUSE ? ERR_EXISTS : err_from_errno(errno);
		close(fd);
		return err;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room,
			 sizeof(room)); /* the system's preset works, too */
	*out_fd = fd;
	return ERR_OK;
}

static enum err open_both(const struct addr *bind_to, uint16_t port, int fds[2])
{
	int rtp, rtcp;
	enum err err = open_socket(bind_to, port, &rtp);

	if (err)
		return err;
	err = open_socket(bind_to, (uint16_t)(port + 1), &rtcp);
	if (err) {
		close(rtp);
		return err;
	}
	fds[0] = rtp;
	fds[1] = rtcp;
	return ERR_OK;
}

static enum err find_pool(struct ports *ports, const struct addr *bind_to, struct pool **out)
{
	struct pool *pool = pool_of(ports, bind_to);

	if (!pool) {
		if (ports->n_pools >= MAX_POOLS)
			return ERR_LIMIT;
		pool = pool_new(bind_to, ports->n_pairs);
		if (!pool)
			return ERR_NO_MEMORY;
		list_append(&ports->pools, &pool->link);
		ports->n_pools++;
	}
	*out = pool;
	return ERR_OK;
}

static enum err open_locked(struct ports *ports, struct pool *pool, uint64_t now_ms,
			    struct port_pair *out)
{
	for (unsigned n_tries = 0; n_tries < MAX_TRIES; n_tries++) {
		struct port_pair opened = { .bind = pool->bind };
		unsigned pair;
		enum err err;

		if (!pop(ports, pool, now_ms, &pair))
			return ERR_LIMIT;
		opened.port = (uint16_t)(ports->first + 2 * pair);
		err = open_both(&pool->bind, opened.port, opened.fds);
		if (err) {
			/* Somebody else's for now; any other fault is not the pair's. */
			push(ports, pool, pair,
			     err == ERR_EXISTS ? now_ms + ports->quarantine_ms : now_ms);
			if (err != ERR_EXISTS)
				return err;
			continue;
		}
		pool->is_used[pair] = true;
		pool->n_used++;
		*out = opened;
		return ERR_OK;
	}
	return ERR_LIMIT;
}

enum err ports_open(struct ports *ports, const struct addr *bind_to, uint64_t now_ms,
		    struct port_pair *out)
{
	struct pool *pool = NULL;
	enum err err;

	pthread_mutex_lock(&ports->lock);
	err = find_pool(ports, bind_to, &pool);
	if (!err)
		err = open_locked(ports, pool, now_ms, out);
	pthread_mutex_unlock(&ports->lock);
	return err;
}

void ports_close(struct ports *ports, struct port_pair *pair, uint64_t now_ms)
{
	int number;
	struct pool *pool;

	close(pair->fds[0]);
	close(pair->fds[1]);
	pair->fds[0] = pair->fds[1] = -1;
	pthread_mutex_lock(&ports->lock);
	pool = pool_of(ports, &pair->bind);
	number = (pair->port - ports->first) / 2;
	if (pool && pair->port >= ports->first && (unsigned)number < ports->n_pairs &&
	    pool->is_used[number]) {
		pool->is_used[number] = false;
		pool->n_used--;
		push(ports, pool, (unsigned)number, now_ms + ports->quarantine_ms);
	}
	pthread_mutex_unlock(&ports->lock);
}

void ports_use(struct ports *ports, uint64_t now_ms, struct ports_use *out)
{
	struct ports_use use = { 0 };
	struct list *link, *following;

	pthread_mutex_lock(&ports->lock);
	use.n_pairs = list_is_empty(&ports->pools) ? ports->n_pairs : 0;
	use.n_least_free = ports->n_pairs;
	list_for_each(link, following, &ports->pools) {
		const struct pool *pool = container_of(link, struct pool, link);
		unsigned n_resting = 0;

		use.n_pairs += ports->n_pairs;
		use.n_used += pool->n_used;
		for (unsigned i = 0; i < pool->n_free; i++)
			n_resting +=
				pool->free_at_ms[(pool->head + i) % ports->n_pairs] > now_ms;
		use.n_resting += n_resting;
		if (pool->n_free - n_resting < use.n_least_free)
			use.n_least_free = pool->n_free - n_resting;
	}
	pthread_mutex_unlock(&ports->lock);
	*out = use;
}

static unsigned n_common(unsigned first, unsigned last, unsigned from, unsigned to)
{
	from = from > first ? from : first;
	to = to < last ? to : last;
	return from <= to ? to - from + 1 : 0;
}

unsigned ports_overlap(uint16_t first, uint16_t last, const char *range, const char *reserved)
{
	unsigned from, to, n;

	if (sscanf(range, "%u %u", &from, &to) != 2)
		return 0;
	n = n_common(first, last, from, to);
	from = from > first ? from : first;
	to = to < last ? to : last;
	/* the kernel writes them apart, in their order */
	while (n && *reserved >= '0' && *reserved <= '9') {
		char *end;
		const unsigned begin = (unsigned)strtoul(reserved, &end, 10);
		const unsigned until =
			*end == '-' ? (unsigned)strtoul(end + 1, &end, 10) : begin;

		n -= n_common(from, to, begin, until);
		reserved = end + (*end == ',');
	}
	return n;
}
