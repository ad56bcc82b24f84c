#include "media/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "media/end_flow.h"
#include "media/pass.h"
#include "media/worker.h"
#include "nat/stun.h"

enum {
	FIRST_WAIT_MS = 500, /* RFC 8489 6.2.1: then twice as long each time */
	/* a router forgets after 30 s at the earliest that are in use (RFC 4787 4.3) */
	KEEP_MS = 15000,
};

struct mapping {
	struct relay_socket *socket;
	struct mapping_order order;
	unsigned char id[STUN_ID_SIZE];
	struct timer again, deadline;
	uint32_t wait_ms;
	unsigned n_sent;
	struct addr server; /* who answered; unset: nobody yet */
};

static struct loop *loop_of(const struct mapping *mapping)
{
	return mapping->socket->end->stream->relay->worker->loop;
}

void mapping_stop(struct relay_socket *socket)
{
	struct mapping *mapping = socket->mapping;

	if (!mapping)
		return;
	timer_stop(&mapping->again);
	timer_stop(&mapping->deadline);
	free(mapping);
	socket->mapping = NULL;
}

static void tell(struct relay_socket *socket, enum err err, const struct addr *mapped)
{
	struct relay_end_state *end = socket->end;
	struct relay_event event = { .kind = RELAY_MAPPED,
				     .stream = end->stream->number,
				     .leg = end->leg,
				     .is_rtcp = socket->component == PORT_RTCP,
				     .err = err };

	if (mapped)
		event.addr = *mapped;
	worker_tell(end->stream->relay, &event);
}

static void fail(struct relay_socket *socket, enum err err)
{
	mapping_stop(socket);
	tell(socket, err, NULL);
}

static void ask_one(struct mapping *mapping, const struct addr *server)
{
	struct stun_writer writer;

	stun_begin(&writer, STUN_REQUEST, STUN_BINDING, mapping->id);
	stun_add_fingerprint(&writer);
	send_raw(mapping->socket->end, mapping->socket->component, writer.bytes,
		 stun_end(&writer), server);
}

/* A telephone may ring for minutes, and nothing is sent by the port before it is answered: the
 * router must not forget what was told to the other side. Once media go out they do it. */
static void on_keep(struct timer *timer)
{
	struct mapping *mapping = container_of(timer, struct mapping, again);
	const uint64_t idle_ms =
		loop_now_ms(loop_of(mapping)) -
		end_last_sent_ms(mapping->socket->end, mapping->socket->component);

	if (idle_ms >= KEEP_MS)
		ask_one(mapping, &mapping->server);
	timer_start(loop_of(mapping), timer, idle_ms >= KEEP_MS ? KEEP_MS : KEEP_MS - idle_ms,
		    on_keep);
}

/* To each server in turn: one that does not answer costs one wait. */
static void on_again(struct timer *timer)
{
	struct mapping *mapping = container_of(timer, struct mapping, again);
	const struct addr *server =
		&mapping->order.servers[mapping->n_sent++ % mapping->order.n_servers];

	ask_one(mapping, server);
	timer_start(loop_of(mapping), timer, mapping->wait_ms, on_again);
	mapping->wait_ms *= 2;
}

static void on_deadline(struct timer *timer)
{
	fail(container_of(timer, struct mapping, deadline)->socket, ERR_TIMEOUT);
}

static void ask(struct relay_socket *socket, const struct mapping_order *order)
{
	struct mapping *mapping;

	if (socket->mapping && addr_is_set(&socket->mapping->server))
		return; /* it is known, and kept */
	mapping_stop(socket);
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping) {
		fail(socket, ERR_NO_MEMORY);
		return;
	}
	socket->mapping = mapping;
	mapping->socket = socket;
	mapping->order = *order;
	mapping->wait_ms = FIRST_WAIT_MS;
	stun_new_id(mapping->id);
	timer_start(loop_of(mapping), &mapping->deadline, order->deadline_ms, on_deadline);
	on_again(&mapping->again);
}

void mapping_start(struct relay *relay, enum relay_leg leg, const struct mapping_order *order)
{
	for (unsigned i = 0; i < relay->n_open; i++)
		for (unsigned component = 0; component < N_PORTS; component++)
			ask(&relay->streams[i]->ends[leg].sockets[component], order);
}

static bool is_server(const struct mapping *mapping, const struct addr *source)
{
	for (unsigned i = 0; i < mapping->order.n_servers; i++)
		if (addr_equal(&mapping->order.servers[i], source))
			return true;
	return false;
}

bool mapping_take(struct relay_socket *socket, const uint8_t *bytes, size_t len,
		  const struct addr *source)
{
	struct mapping *mapping = socket->mapping;
	struct stun_message message;

	if (!is_server(mapping, source) || stun_read(bytes, len, &message) ||
	    memcmp(message.id, mapping->id, sizeof(mapping->id)) != 0 ||
	    message.method != STUN_BINDING)
		return false;
	/* A refusal, or an answer that says nothing: another server may know, until the
	 * deadline. */
	if (message.class != STUN_SUCCESS || !addr_is_set(&message.mapped) ||
	    addr_is_set(&mapping->server))
		return true;
	mapping->server = *source;
	timer_stop(&mapping->deadline);
	timer_start(loop_of(mapping), &mapping->again, KEEP_MS, on_keep);
	tell(socket, ERR_OK, &message.mapped);
	return true;
}
