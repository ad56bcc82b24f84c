#include "tests/world/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat/stun_server.h"
#include "proxy/base/text.h"
#include "proxy/base/timer.h"
#include "tests/world/faults.h"

enum { MAX_WORKERS = 4, CONNECT_MS = 5000, FIRST_PORT = 40000, MAX_DATAGRAM = 65507 };

struct seat {
	struct network *network;
	struct transport *transport;
	unsigned worker;
};

struct network {
	struct loop *loop;
	struct seat seats[MAX_WORKERS];
	struct list parties;
	struct list flows; /* fake.link */
	unsigned n_nowhere;
	uint16_t next_port;
};

/* A flow that leads to a party. */
struct fake {
	struct flow flow;
	struct list link;
	struct network *network;
	struct party *party; /* NULL: nobody is there */
	unsigned worker;
	bool is_named;   /* dialled: the party's certificate has a name that the hop asks for */
	bool is_old;     /* the party makes another one for what it sends */
	bool is_stalled; /* the party does not read */
	struct list waiting; /* stuck.link */
	bool is_left;        /* it hears nothing of what comes by this one */
	struct timer connecting;
};

/* What was sent and is not read. */
struct stuck {
	struct list link;
	struct wire *wire;
};

struct network *network_new(struct loop *loop)
{
	struct network *network = calloc(1, sizeof(*network));

	if (!network)
		return NULL;
	network->loop = loop;
	network->next_port = FIRST_PORT;
	list_init(&network->parties);
	list_init(&network->flows);
	return network;
}

struct network *network_free(struct network *network)
{
	free(network);
	return NULL;
}

void network_add(struct network *network, struct party *party)
{
	list_init(&party->inbox);
	list_append(&network->parties, &party->link);
}

static struct party *party_at(const struct network *network, const struct addr *addr)
{
	struct party *same_host = NULL;
	struct list *link;

	for (link = network->parties.next; link != &network->parties; link = link->next) {
		struct party *party = container_of(link, struct party, link);

		if (addr_equal(&party->addr, addr))
			return party;
		if (addr_same_host(&party->addr, addr))
			same_host = party;
	}
	/* A port of its own that it connected from. */
	return addr_port(addr) >= FIRST_PORT ? same_host : NULL;
}

/* ---- STUN ---- */

/* An answer on its way. It comes to the last worker, as the kernel might give it. */
struct stun_letter {
	struct loop_call call;
	struct flow *flow; /* counted */
	struct stun_reply reply;
};

static void on_stun(struct loop_call *call)
{
	struct stun_letter *letter = container_of(call, struct stun_letter, call);

	transport_deliver_datagram(letter->flow, letter->reply.writer.bytes,
				   stun_end(&letter->reply.writer));
	flow_unref(letter->flow);
	free(letter);
}

static struct fake *udp_flow(struct seat *seat, struct listener *listener,
			     const struct addr *remote);

static void answer_stun(struct fake *fake, const struct wire *wire)
{
	struct network *network = fake->network;
	struct seat *seat = &network->seats[network->seats[1].transport ? 1 : 0];
	const struct stun_seat place = { .local = fake->flow.remote };
	struct stun_letter *letter;

	if (!addr_is_set(&fake->party->sees))
		return;
	letter = calloc(1, sizeof(*letter));
	if (!letter || !stun_server_answer(&place, &fake->party->sees, wire->bytes, wire->len,
					   &letter->reply))
		abort();
	letter->flow = flow_ref(&udp_flow(seat, fake->flow.listener, &fake->flow.remote)->flow);
	loop_defer(network->loop, &letter->call, on_stun);
}

/* ---- what the proxy does ---- */

static void deliver(struct fake *fake, const struct wire *wire)
{
	const struct flow *flow = &fake->flow;
	struct received *received;

	if (fake->is_left)
		return;
	if (!fake->party) {
		fake->network->n_nowhere++;
		return;
	}
	if (fake->party->is_stun_server && stun_is_stun(wire->bytes, wire->len)) {
		answer_stun(fake, wire);
		return;
	}
	if (wire->bytes[0] == '\r') {
		fake->party->n_pings++;
		return;
	}
	received = calloc(1, sizeof(*received) + wire->len + 1);
	if (!received)
		abort();
	received->worker = fake->worker;
	received->flow_id = flow->id;
	received->transport = flow->transport;
	received->at_ms = loop_now_ms(fake->network->loop);
	received->len = wire->len;
	text_copy(received->listener, sizeof(received->listener),
		  flow->listener ? flow->listener->name : "");
	memcpy(received->text, wire->bytes, wire->len);
	list_append(&fake->party->inbox, &received->link);
}

/* The kernel takes no more, as proxy/transport/stream would say. */
static void keep(struct fake *fake, struct wire *wire)
{
	struct stuck *stuck = calloc(1, sizeof(*stuck));

	if (!stuck)
		abort();
	stuck->wire = wire_ref(wire);
	list_append(&fake->waiting, &stuck->link);
	fake->flow.is_slow = true;
	transport_flow_queued(&fake->flow, fake->flow.n_queued_bytes + wire->len);
}

static void drop_waiting(struct fake *fake)
{
	struct list *link, *following;

	list_for_each(link, following, &fake->waiting) {
		struct stuck *stuck = container_of(link, struct stuck, link);

		list_remove(link);
		wire_unref(stuck->wire);
		free(stuck);
	}
}

static enum err on_send(struct flow *flow, struct wire *wire)
{
	struct fake *fake = container_of(flow, struct fake, flow);

	if (flow->transport == TRANSPORT_UDP && wire->len > MAX_DATAGRAM)
		return ERR_TOO_LARGE;
	faults_pause();
	if (fake->is_stalled) {
		keep(fake, wire);
	} else {
		flow->last_sent_ms = loop_now_ms(fake->network->loop);
		deliver(fake, wire);
	}
	faults_resume();
	return ERR_OK;
}

static void on_close(struct flow *flow, enum reason why)
{
	struct fake *fake = container_of(flow, struct fake, flow);

	timer_stop(&fake->connecting);
	transport_flow_ended(flow, ERR_CLOSED, why);
}

static void on_destroy(struct flow *flow)
{
	struct fake *fake = container_of(flow, struct fake, flow);

	timer_stop(&fake->connecting);
	list_remove(&fake->link);
	drop_waiting(fake);
	free(fake);
}

static const struct flow_ops fake_ops = { .send = on_send,
					  .close = on_close,
					  .destroy = on_destroy };

static struct fake *fake_new(struct seat *seat, struct party *party, struct listener *listener,
			     enum conf_transport kind, const struct addr *remote)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		abort();
	transport_flow_init(seat->transport, &fake->flow, &fake_ops, listener, kind,
			    listener ? &listener->addr : NULL, remote);
	fake->network = seat->network;
	fake->worker = seat->worker;
	fake->party = party;
	list_init(&fake->waiting);
	fake->is_stalled = party && party->is_stalled && kind != TRANSPORT_UDP;
	list_append(&seat->network->flows, &fake->link);
	return fake;
}

/* The certificate that the party shows, by hand. */
static struct identity *make_identity(const struct party *party)
{
	struct identity *identity = calloc(1, sizeof(*identity));
	char names[256], *name, *rest = names;

	if (!identity)
		abort();
	identity->n_refs = 1;
	identity->names = calloc(IDENTITY_MAX_NAMES, sizeof(*identity->names));
	if (!identity->names)
		abort();
	text_copy(names, sizeof(names), party->names);
	while ((name = strsep(&rest, ", "))) {
		struct identity_name *to = &identity->names[identity->n_names];

		if (!*name || identity->n_names == IDENTITY_MAX_NAMES)
			continue;
		to->kind = text_starts_with(name, "sip:") ? IDENTITY_URI : IDENTITY_DNS;
		text_copy(to->text, sizeof(to->text),
			  name + (to->kind == IDENTITY_URI ? 4 : 0));
		identity->n_names++;
	}
	return identity;
}

static bool is_tls(enum conf_transport kind)
{
	return kind == TRANSPORT_TLS || kind == TRANSPORT_MTLS;
}

/* What our TLS would say of the certificate (RFC 5922). */
static bool has_wanted_name(const struct party *party, const struct hop *hop)
{
	struct identity *identity = make_identity(party);
	bool has_name = (!hop->n_names || hop->accepts_host) &&
			identity_matches(identity, hop->host, hop->allow_wildcard, NULL, NULL);
	unsigned i;

	for (i = 0; i < hop->n_names && !has_name; i++)
		has_name = identity_matches(identity, hop->names[i], hop->allow_wildcard, NULL,
					    NULL);
	identity_unref(identity);
	return has_name;
}

static void end(struct fake *fake, enum err err, enum reason reason)
{
	timer_stop(&fake->connecting);
	transport_flow_ended(&fake->flow, err, reason);
}

static void open_dialled(struct fake *fake)
{
	if (is_tls(fake->flow.transport)) {
		fake->flow.identity = make_identity(fake->party);
		if (!fake->is_named) {
			end(fake, ERR_TLS, REASON_TLS_NAME_MISMATCH);
			return;
		}
	}
	faults_resume();
	transport_flow_opened(&fake->flow);
	faults_pause();
}

static void on_connected(struct timer *timer)
{
	struct fake *fake = container_of(timer, struct fake, connecting);

	faults_pause();
	if (!fake->party)
		end(fake, ERR_UNREACHABLE, REASON_CONNECT_UNREACHABLE);
	else if (fake->party->manner == REFUSES)
		end(fake, ERR_REFUSED, REASON_CONNECT_REFUSED);
	else if (fake->party->manner == FAILS)
		end(fake, ERR_TLS, fake->party->fails_with);
	else if (fake->party->manner == HANGS)
		end(fake, ERR_TIMEOUT, REASON_CONNECT_TIMEOUT);
	else
		open_dialled(fake);
	faults_resume();
}

static struct fake *find_udp(struct seat *seat, const struct listener *listener,
			     const struct addr *remote)
{
	struct list *link;

	for (link = seat->network->flows.next; link != &seat->network->flows;
	     link = link->next) {
		struct fake *fake = container_of(link, struct fake, link);

		if (fake->flow.transport == TRANSPORT_UDP && fake->worker == seat->worker &&
		    !fake->flow.is_closed && fake->flow.listener && listener &&
		    addr_equal(&fake->flow.listener->addr, &listener->addr) &&
		    addr_equal(&fake->flow.remote, remote))
			return fake;
	}
	return NULL;
}

static struct fake *udp_flow(struct seat *seat, struct listener *listener,
			     const struct addr *remote)
{
	struct fake *fake = find_udp(seat, listener, remote);

	if (!fake)
		fake = fake_new(seat, party_at(seat->network, remote), listener, TRANSPORT_UDP,
				remote);
	return fake;
}

static struct flow *dial(void *user, const struct hop *hop)
{
	struct seat *seat = user;
	struct fake *fake;

	faults_pause();
	if (hop->transport == TRANSPORT_UDP) {
		fake = udp_flow(seat, hop->listener, &hop->remote);
		faults_resume();
		return &fake->flow;
	}
	fake = fake_new(seat, party_at(seat->network, &hop->remote), hop->listener,
			hop->transport, &hop->remote);
	if (fake->party) {
		fake->is_named = is_tls(hop->transport) && has_wanted_name(fake->party, hop);
		fake->party->n_dialled++;
	}
	timer_start(seat->network->loop, &fake->connecting,
		    !fake->party || fake->party->manner != HANGS ? 0
		    : hop->connect_ms                            ? hop->connect_ms
								 : CONNECT_MS,
		    on_connected);
	faults_resume();
	return &fake->flow;
}

enum err network_serve(struct network *network, unsigned worker, struct transport *transport)
{
	struct seat *seat;

	if (worker >= MAX_WORKERS)
		return ERR_LIMIT;
	seat = &network->seats[worker];
	*seat = (struct seat){ .network = network, .transport = transport, .worker = worker };
	transport_set_dialer(transport, dial, seat);
	return ERR_OK;
}

/* ---- what the parties do ---- */

static struct fake *find_own(struct seat *seat, const struct party *party,
			     const struct listener *listener)
{
	struct list *link;

	for (link = seat->network->flows.next; link != &seat->network->flows;
	     link = link->next) {
		struct fake *fake = container_of(link, struct fake, link);

		if (fake->party == party && fake->worker == seat->worker && !fake->is_old &&
		    fake->flow.is_inbound != party->reuses && fake->flow.is_open &&
		    !fake->flow.is_closed && fake->flow.listener &&
		    addr_equal(&fake->flow.listener->addr, &listener->addr))
			return fake;
	}
	return NULL;
}

/* The party connects to us, from a port of its own. */
static struct fake *connect_to_us(struct seat *seat, struct party *party,
				  struct listener *listener)
{
	struct addr from = party->addr;
	struct fake *fake;

	addr_set_port(&from, seat->network->next_port++);
	fake = fake_new(seat, party, listener, listener->transport, &from);
	fake->flow.is_inbound = true;
	if (*party->names && is_tls(listener->transport))
		fake->flow.identity = make_identity(party);
	transport_flow_opened(&fake->flow);
	return fake->flow.is_closed ? NULL : fake;
}

static struct fake *flow_to_us(struct seat *seat, struct party *party,
			       struct listener *listener, uint64_t flow_id)
{
	struct flow *flow = flow_id ? transport_find_flow(seat->transport, flow_id) : NULL;
	struct fake *fake;

	if (flow &&
	    flow->ops == &fake_ops) /* not another worker's, for which that one stands in */
		return container_of(flow, struct fake, flow);
	if (listener->transport == TRANSPORT_UDP)
		return udp_flow(seat, listener, &party->addr);
	fake = find_own(seat, party, listener);
	return fake ? fake : connect_to_us(seat, party, listener);
}

bool network_send(struct network *network, struct party *party, unsigned worker,
		  struct listener *listener, uint64_t flow_id, const char *bytes, size_t len)
{
	struct fake *fake = flow_to_us(&network->seats[worker], party, listener, flow_id);
	char *copy;

	if (!fake)
		return false;
	copy = malloc(len ? len : 1); /* so that reading one byte too many is seen */
	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	flow_ref(&fake->flow);
	faults_resume();
	if (fake->flow.transport == TRANSPORT_UDP)
		transport_deliver_datagram(&fake->flow, copy, len);
	else
		transport_deliver(&fake->flow, copy, len);
	faults_pause();
	flow_unref(&fake->flow);
	free(copy);
	return true;
}

static bool is_connection_of(const struct fake *fake, const struct party *party)
{
	return fake->party == party && fake->flow.transport != TRANSPORT_UDP &&
	       !fake->flow.is_closed;
}

void network_close(struct network *network, const struct party *party, enum connections which)
{
	struct list *link, *following;

	list_for_each(link, following, &network->flows) {
		struct fake *fake = container_of(link, struct fake, link);

		if (is_connection_of(fake, party) &&
		    (which == ALL_CONNECTIONS || fake->is_old == (which == OLD_CONNECTIONS)))
			end(fake, ERR_RESET, REASON_CONNECTION_LOST);
	}
}

void network_renew(struct network *network, const struct party *party, bool leaves)
{
	struct list *link;

	for (link = network->flows.next; link != &network->flows; link = link->next) {
		struct fake *fake = container_of(link, struct fake, link);

		if (!is_connection_of(fake, party))
			continue;
		fake->is_old = true;
		fake->is_left |= leaves;
	}
}

void network_stall(struct network *network, struct party *party, bool is_for_all)
{
	struct list *link;

	party->is_stalled = is_for_all;
	for (link = network->flows.next; link != &network->flows; link = link->next) {
		struct fake *fake = container_of(link, struct fake, link);

		fake->is_stalled |= is_connection_of(fake, party);
	}
}

void network_read(struct network *network, struct party *party)
{
	struct list *link, *at, *following;

	party->is_stalled = false;
	for (link = network->flows.next; link != &network->flows; link = link->next) {
		struct fake *fake = container_of(link, struct fake, link);

		if (!is_connection_of(fake, party))
			continue;
		fake->is_stalled = fake->flow.is_slow = false;
		transport_flow_queued(&fake->flow, 0);
		list_for_each(at, following, &fake->waiting)
			deliver(fake, container_of(at, struct stuck, link)->wire);
		drop_waiting(fake);
	}
}

unsigned network_n_connections(const struct network *network, const struct party *party)
{
	const struct list *link;
	unsigned n = 0;

	for (link = network->flows.next; link != &network->flows; link = link->next)
		n += is_connection_of(container_of(link, struct fake, link), party);
	return n;
}

uint64_t network_flow_id(const struct network *network, const struct party *party,
			 unsigned *out_worker)
{
	struct list *link;

	for (link = network->flows.next; link != &network->flows; link = link->next) {
		struct fake *fake = container_of(link, struct fake, link);

		if (fake->party != party || !fake->flow.is_inbound || !fake->flow.is_open ||
		    fake->flow.transport == TRANSPORT_UDP)
			continue;
		*out_worker = fake->worker;
		return fake->flow.id;
	}
	return 0;
}

struct received *party_first(const struct party *party)
{
	return list_is_empty(&party->inbox)
		       ? NULL
		       : container_of(party->inbox.next, struct received, link);
}

void party_take(struct party *party)
{
	struct received *received = party_first(party);

	list_remove(&received->link);
	free(received);
}

unsigned network_n_nowhere(const struct network *network)
{
	return network->n_nowhere;
}

void network_forget(struct network *network)
{
	network->n_nowhere = 0;
}
