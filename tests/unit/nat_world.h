/* A NAT in user space with servers behind it, for nat_detect: what a host sends is translated
 * and filtered as RFC 4787 §4.1 and §5 name it, packets take 10 ms each way, and some are lost.
 * The clock is turned. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nat/nat_detect.h"
#include "nat/stun_server.h"
#include "proxy/base/macros.h"

enum { MAX_SOCKETS = 12, MAX_MAPPINGS = 64, MAX_PERMITS = 32, MAX_SERVERS = 4, WAY_MS = 10 };

enum world_server {
	SERVES,         /* RFC 5780 */
	CANNOT_CHANGE,  /* no other address: 420 */
	PRETENDS,       /* says that it has one, and answers from the first all the same */
	POINTS_NOWHERE, /* its other address answers nobody, and nothing comes from there */
	LIES,           /* about our address */
	IS_DOWN,
	IS_DOWN_HOST_UP, /* TCP is refused */
};

struct world_socket {
	struct stun_client client;
	struct nat_world *world;
	struct addr local;
	bool is_open;
};

struct world_mapping {
	struct world_socket *socket;
	struct addr to; /* for which it was made; as far as the behaviour looks at it */
	struct addr outside;
	struct addr permits[MAX_PERMITS], taken[MAX_PERMITS];
	unsigned n_permits, n_taken;
};

struct nat_world {
	struct loop *loop;
	/* the last: to server 0's first address only */
	bool is_translated, is_blocked, has_no_network, is_outbound_filtered;
	/* without a filter of its own the router takes what nobody asked for, and then the port
	 * for that peer */
	bool is_linux;
	enum nat_behaviour mapping, filtering;
	unsigned loss_percent;
	uint64_t seed;
	struct world_socket sockets[MAX_SOCKETS];
	struct world_mapping mappings[MAX_MAPPINGS];
	unsigned n_sockets, n_mappings;
	enum world_server kinds[MAX_SERVERS];
	unsigned n_servers, n_packets;
	struct addr bind;
	struct nat_ways ways;
	/* What came of it. */
	struct nat_observation seen[NAT_MAX_SERVERS];
	struct nat_verdict verdict;
	unsigned n_done;
};

struct world_packet {
	struct timer timer;
	struct world_socket *socket;
	struct addr from;
	size_t len;
	unsigned char bytes[STUN_MAX_SIZE];
};

static struct addr world_addr(const char *text, unsigned port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, (uint16_t)port, &addr), ERR_OK);
	return addr;
}

static struct addr world_server_addr(unsigned i, bool is_other_ip, bool is_other_port)
{
	char text[32];

	snprintf(text, sizeof(text), "198.51.100.%u", 10 + 10 * i + (is_other_ip ? 1U : 0));
	return world_addr(text, is_other_port ? 3479 : 3478);
}

static bool world_loses(struct nat_world *world)
{
	world->seed =
		world->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (world->seed >> 33) % 100 < world->loss_percent;
}

static struct addr world_key(enum nat_behaviour behaviour, const struct addr *to)
{
	struct addr key = *to;

	if (behaviour == NAT_ENDPOINT_INDEPENDENT)
		return (struct addr){ 0 };
	if (behaviour == NAT_ADDRESS_DEPENDENT)
		addr_set_port(&key, 0);
	return key;
}

static bool world_same(const struct addr *a, const struct addr *b)
{
	return addr_is_set(a) == addr_is_set(b) && (!addr_is_set(a) || addr_equal(a, b));
}

static bool world_is_taken(const struct world_mapping *mapping, const struct addr *to)
{
	for (unsigned i = 0; i < mapping->n_taken; i++)
		if (addr_equal(&mapping->taken[i], to))
			return true;
	return false;
}

static struct world_mapping *world_map(struct nat_world *world, struct world_socket *socket,
				       const struct addr *to)
{
	const struct addr key =
		world_key(world->is_translated ? world->mapping : NAT_ENDPOINT_INDEPENDENT, to);
	struct world_mapping *mapping = NULL;

	for (unsigned i = 0; i < world->n_mappings && !mapping; i++)
		if (world->mappings[i].socket == socket &&
		    world_same(&world->mappings[i].to, &key) &&
		    !world_is_taken(&world->mappings[i], to))
			mapping = &world->mappings[i];
	if (!mapping) {
		assert_true(world->n_mappings < MAX_MAPPINGS);
		mapping = &world->mappings[world->n_mappings];
		*mapping = (struct world_mapping){ .socket = socket, .to = key };
		mapping->outside = world->is_translated ? world_addr("203.0.113.7",
								     20000 + world->n_mappings)
							: socket->local;
		world->n_mappings++;
	}
	assert_true(mapping->n_permits < MAX_PERMITS);
	const struct addr permit = world_key(world->filtering, to);
	for (unsigned i = 0; i < mapping->n_permits; i++)
		if (world_same(&mapping->permits[i], &permit))
			return mapping;
	mapping->permits[mapping->n_permits++] = permit;
	return mapping;
}

static bool world_lets_in(const struct nat_world *world, const struct world_mapping *mapping,
			  const struct addr *from)
{
	const struct addr key = world_key(world->filtering, from);

	for (unsigned i = 0; i < mapping->n_permits; i++)
		if (world_same(&mapping->permits[i], &key))
			return true;
	return false;
}

static void world_arrive(struct timer *timer)
{
	struct world_packet *packet = container_of(timer, struct world_packet, timer);

	if (packet->socket->is_open)
		(void)stun_client_receive(&packet->socket->client, &packet->from, packet->bytes,
					  packet->len);
	free(packet);
}

/* What server i answers to whom it sees as mapping->outside. */
static void world_serve(struct nat_world *world, unsigned i, const struct addr *to,
			struct world_mapping *mapping, const void *bytes, size_t len)
{
	const enum world_server kind = world->kinds[i];
	const struct addr ip2 = world_server_addr(i, true, false);
	const bool is_other_ip = addr_same_host(to, &ip2);
	const bool is_other_port = addr_port(to) == 3479;
	struct stun_seat seat = { .local = *to };
	struct addr source = mapping->outside, from = *to;
	struct world_packet *packet;
	struct stun_reply reply;

	if (kind == IS_DOWN || kind == IS_DOWN_HOST_UP ||
	    (kind == POINTS_NOWHERE && (is_other_ip || is_other_port)) ||
	    (kind == CANNOT_CHANGE && (is_other_ip || is_other_port)))
		return;
	if (kind != CANNOT_CHANGE && kind != LIES)
		seat.other = world_server_addr(i, !is_other_ip, !is_other_port);
	if (kind == LIES)
		source = world_addr("192.0.2.99", 1);
	if (!stun_server_answer(&seat, &source, bytes, len, &reply))
		return;
	if (kind == SERVES || kind == POINTS_NOWHERE)
		from = world_server_addr(i, is_other_ip != reply.from_other_ip,
					 is_other_port != reply.from_other_port);
	if (kind == POINTS_NOWHERE && (reply.from_other_ip || reply.from_other_port))
		return;
	if (world->is_linux && !world_lets_in(world, mapping, &from) &&
	    mapping->n_taken < MAX_PERMITS)
		mapping->taken[mapping->n_taken++] = from;
	if (!world_lets_in(world, mapping, &from) || world_loses(world))
		return;
	packet = calloc(1, sizeof(*packet));
	assert_non_null(packet);
	packet->socket = mapping->socket;
	packet->from = from;
	packet->len = stun_end(&reply.writer);
	memcpy(packet->bytes, reply.writer.bytes, packet->len);
	timer_start(world->loop, &packet->timer, 2 * WAY_MS, world_arrive);
}

static enum err world_send(void *user, const struct addr *to, const void *bytes, size_t len)
{
	struct world_socket *socket = user;
	struct nat_world *world = socket->world;
	struct addr first = world_server_addr(0, false, false);

	world->n_packets++;
	if (world->has_no_network)
		return ERR_UNREACHABLE;
	if (world->is_blocked || (world->is_outbound_filtered && !addr_equal(to, &first)))
		return ERR_OK;
	struct world_mapping *mapping = world_map(world, socket, to);
	if (world_loses(world))
		return ERR_OK;
	for (unsigned i = 0; i < world->n_servers; i++) {
		struct addr ip1 = world_server_addr(i, false, false),
			    ip2 = world_server_addr(i, true, false);

		if (addr_same_host(to, &ip1) || addr_same_host(to, &ip2))
			world_serve(world, i, to, mapping, bytes, len);
	}
	return ERR_OK;
}

static enum err world_open(void *user, struct loop *loop, const struct addr *bind,
			   const struct addr *to, struct stun_client **out,
			   struct addr *out_local)
{
	struct nat_world *world = user;
	struct world_socket *socket = &world->sockets[world->n_sockets];

	assert_true(world->n_sockets < MAX_SOCKETS);
	*socket = (struct world_socket){ .world = world, .local = *bind, .is_open = true };
	addr_set_port(&socket->local, (uint16_t)(40000 + world->n_sockets++));
	stun_client_init(&socket->client, loop, world_send, socket);
	*out = &socket->client;
	*out_local = socket->local;
	return ERR_OK;
}

static void world_close(void *user, struct stun_client *client)
{
	struct world_socket *socket = container_of(client, struct world_socket, client);

	stun_client_fini(client);
	socket->is_open = false;
}

static void world_tcp_end(struct loop_call *call)
{
	struct stun_tcp *tcp = container_of(call, struct stun_tcp, call);

	tcp->loop = NULL;
	tcp->on_end(tcp);
}

static void world_ask_tcp(void *user, struct stun_tcp *tcp, struct loop *loop,
			  const struct addr *bind, const struct addr *to, uint64_t timeout_ms,
			  void (*on_end)(struct stun_tcp *tcp))
{
	struct nat_world *world = user;

	*tcp = (struct stun_tcp){ .loop = loop, .on_end = on_end, .outcome = STUN_TCP_SILENT };
	for (unsigned i = 0; i < world->n_servers && !world->has_no_network; i++) {
		struct addr ip1 = world_server_addr(i, false, false);

		if (!addr_same_host(to, &ip1))
			continue;
		tcp->outcome = world->kinds[i] == IS_DOWN           ? STUN_TCP_SILENT
			       : world->kinds[i] == IS_DOWN_HOST_UP ? STUN_TCP_REFUSED
								    : STUN_TCP_ANSWERED;
		tcp->mapped = world->is_translated ? world_addr("203.0.113.7", 50000) : *bind;
	}
	loop_defer(loop, &tcp->call, world_tcp_end);
}

static void world_done(void *user, const struct nat_observation *observations, size_t n,
		       const struct nat_verdict *verdict)
{
	struct nat_world *world = user;

	memcpy(world->seen, observations, n * sizeof(*observations));
	world->verdict = *verdict;
	world->n_done++;
}

/* Detects through the world as it is set up; 90 s are enough for whatever happens. */
static void world_detect(struct nat_world *world)
{
	struct nat_server servers[MAX_SERVERS] = { 0 };
	struct nat_detect *detect;

	world->bind = world_addr(world->is_translated ? "10.0.0.2" : "203.0.113.7", 0);
	world->n_sockets = world->n_mappings = world->n_done = 0;
	world->ways = (struct nat_ways){ .user = world,
					 .open = world_open,
					 .close = world_close,
					 .ask_tcp = world_ask_tcp };
	for (unsigned i = 0; i < world->n_servers; i++) {
		snprintf(servers[i].name, sizeof(servers[i].name), "stun%u.example", i + 1);
		servers[i].addr = world_server_addr(i, false, false);
	}
	assert_int_equal(loop_new_turned(1000, &world->loop), ERR_OK);
	assert_int_equal(nat_detect_start(world->loop, &world->ways, &world->bind, servers,
					  world->n_servers, world_done, world, &detect),
			 ERR_OK);
	loop_turn(world->loop, 90000);
	assert_int_equal(world->n_done, 1);
	loop_free(world->loop);
}
