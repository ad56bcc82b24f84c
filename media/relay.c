#include "media/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "media/end.h"
#include "media/end_flow.h"
#include "media/mapping.h"
#include "media/worker.h"
#include "proxy/base/random.h"

enum { MAX_DSCP = 63 };

/* An order on its way to the worker; what it holds is wiped when it is done. */
struct order {
	struct letter letter;
	struct relay *relay;
	unsigned stream;
	enum relay_leg leg;
	union {
		struct relay_end end;
		uint32_t timeout_ms;
		struct {
			struct relay_stream *list[RELAY_MAX_STREAMS];
			unsigned n;
		} streams;
		struct mapping_order mapping;
	};
};

static void set_dscp(int fd, const struct addr *bind, uint8_t dscp)
{
	int value = dscp << 2;

	/* Where the system refuses, packets go without a mark. */
	if (addr_is_ipv6(bind))
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_TOS, &value, sizeof(value));
}

static enum err open_end(struct relay *relay, struct relay_stream *stream, enum relay_leg leg)
{
	struct relay_end_state *end = &stream->ends[leg];
	enum err err = ports_open(relay->relays->ports, &relay->settings.bind[leg],
				  relays_now_ms(relay->relays), &end->pair);

	if (err) {
		end->pair.port = 0;
		return err;
	}
	end->stream = stream;
	end->leg = leg;
	for (unsigned i = 0; i < N_PORTS; i++) {
		set_dscp(end->pair.fds[i], &relay->settings.bind[leg],
			 relay->settings.dscp[leg]);
		end->sockets[i].end = end;
		end->sockets[i].component = i;
		end->sockets[i].n_batch = 1;
	}
	random_token(end->ice_ufrag, RELAY_ICE_UFRAG_SIZE - 1);
	random_token(end->ice_pwd, RELAY_ICE_PWD_SIZE - 1);
	random_bytes(&end->keepalive_ssrc, sizeof(end->keepalive_ssrc));
	random_bytes(&end->keepalive_sequence, sizeof(end->keepalive_sequence));
	end->keepalive_sequence &=
		0x7fff; /* the first ones do not go over the end (RFC 3711 3.3.1) */
	return ERR_OK;
}

static enum err stream_new(struct relay *relay, unsigned number, struct relay_stream **out)
{
	struct relay_stream *stream = calloc(1, sizeof(*stream));
	enum err err = ERR_OK;

	if (!stream)
		return ERR_NO_MEMORY;
	stream->relay = relay;
	stream->number = number;
	for (unsigned leg = 0; !err && leg < RELAY_N_LEGS; leg++)
		err = open_end(relay, stream, (enum relay_leg)leg);
	if (err) {
		stream_free(relay->relays, stream);
		return err;
	}
	*out = stream;
	return ERR_OK;
}

/* All of them, or none. */
static enum err open_streams(struct relay *relay, unsigned n)
{
	unsigned first = relay->n_streams;

	if (n == 0 || n > RELAY_MAX_STREAMS - first)
		return ERR_INVALID;
	for (unsigned i = 0; i < n; i++) {
		enum err err = stream_new(relay, first + i, &relay->streams[first + i]);

		if (err) {
			for (; i > 0; i--)
				relay->streams[first + i - 1] = stream_free(
					relay->relays, relay->streams[first + i - 1]);
			return err;
		}
	}
	relay->n_streams = first + n;
	return ERR_OK;
}

static void on_start(struct letter *letter, void *owner)
{
	begin_relay(owner, container_of(letter, struct relay, start));
}

static void on_stop(struct letter *letter, void *owner)
{
	end_relay(container_of(letter, struct relay, stop));
}

static void forget(struct relay *relay)
{
	for (unsigned i = 0; i < relay->n_streams; i++)
		stream_free(relay->relays, relay->streams[i]);
	free(relay);
}

enum err relay_open(struct relays *relays, const struct relay_settings *settings,
		    const struct relay_owner *owner, struct relay **out)
{
	struct relay *relay;
	enum err err;

	if (!addr_is_set(&settings->bind[RELAY_CALLER]) ||
	    !addr_is_set(&settings->bind[RELAY_CALLEE]) ||
	    settings->dscp[RELAY_CALLER] > MAX_DSCP || settings->dscp[RELAY_CALLEE] > MAX_DSCP)
		return ERR_INVALID;
	relay = calloc(1, sizeof(*relay));
	if (!relay)
		return ERR_NO_MEMORY;
	relay->relays = relays;
	relay->settings = *settings;
	relay->owner = *owner;
	relay->timeout_ms = settings->timeout_ms;
	relay->start.deliver = on_start;
	relay->stop.deliver = on_stop;
	list_init(&relay->link);
	err = open_streams(relay, settings->n_streams);
	if (!err) {
		relay->n_open = relay->n_streams;
		relay->worker = relays_choose(relays);
		err = mailbox_post(relay->worker->mailbox, &relay->start);
	}
	if (err) {
		forget(relay);
		return err;
	}
	atomic_fetch_add_explicit(&relay->worker->counts.n_relays, 1, memory_order_relaxed);
	*out = relay;
	return ERR_OK;
}

static void order_free(struct order *order)
{
	explicit_bzero(order, sizeof(*order));
	free(order);
}

static enum err send_order(struct relay *relay,
			   void (*deliver)(struct letter *letter, void *owner),
			   struct order *order)
{
	enum err err;

	order->letter.deliver = deliver;
	order->relay = relay;
	err = mailbox_post(relay->worker->mailbox, &order->letter);
	if (err)
		order_free(order);
	return err;
}

static void on_streams(struct letter *letter, void *owner)
{
	struct order *order = container_of(letter, struct order, letter);

	for (unsigned i = 0; i < order->streams.n; i++)
		begin_stream(order->relay, order->streams.list[i]);
	order_free(order);
}

enum err relay_add_streams(struct relay *relay, unsigned n_streams)
{
	struct order *order = calloc(1, sizeof(*order));
	unsigned before = relay->n_streams;
	enum err err;

	if (!order)
		return ERR_NO_MEMORY;
	err = open_streams(relay, n_streams);
	if (err) {
		order_free(order);
		return err;
	}
	for (unsigned i = before; i < relay->n_streams; i++)
		order->streams.list[order->streams.n++] = relay->streams[i];
	err = send_order(relay, on_streams, order);
	while (err && relay->n_streams > before) {
		relay->n_streams--;
		relay->streams[relay->n_streams] =
			stream_free(relay->relays, relay->streams[relay->n_streams]);
	}
	return err;
}

void relay_close(struct relay *relay)
{
	if (!relay || relay->is_closing)
		return;
	relay->is_closing = true;
	/* Only a worker with 65536 orders before it refuses. Silence then ends nothing, but the
	 * end of the workers does. */
	if (mailbox_post(relay->worker->mailbox, &relay->stop))
		relay->is_closing = false;
}

uint16_t relay_port(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return stream < relay->n_streams ? relay->streams[stream]->ends[leg].pair.port : 0;
}

unsigned relay_n_streams(const struct relay *relay)
{
	return relay->n_streams;
}

const char *relay_ice_ufrag(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return stream < relay->n_streams ? relay->streams[stream]->ends[leg].ice_ufrag : "";
}

const char *relay_ice_pwd(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return stream < relay->n_streams ? relay->streams[stream]->ends[leg].ice_pwd : "";
}

static bool is_key(const struct srtp_key *key)
{
	return suite_key_len(key->suite) > 0 && key->mki_len <= SRTP_MKI_SIZE;
}

static bool is_end(const struct relay_end *end)
{
	if (end->is_opaque && end->security != RELAY_PLAIN)
		return false;
	if (end->security == RELAY_SDES && (!is_key(&end->key_in) || !is_key(&end->key_out)))
		return false;
	if (end->security == RELAY_DTLS &&
	    (end->fingerprint.len == 0 || end->fingerprint.len > RELAY_FINGERPRINT_SIZE))
		return false;
	return end->keepalive_payload < 128;
}

static void on_set(struct letter *letter, void *owner)
{
	struct order *order = container_of(letter, struct order, letter);

	if (order->stream < order->relay->n_open) {
		/* first: we decide again */
		end_flow_leave(order->relay->streams[order->stream]);
		set_end(&order->relay->streams[order->stream]->ends[order->leg], &order->end);
	}
	order_free(order);
}

enum err relay_set(struct relay *relay, unsigned stream, enum relay_leg leg,
		   const struct relay_end *end)
{
	struct order *order;

	if (stream >= relay->n_streams || !is_end(end))
		return ERR_INVALID;
	order = calloc(1, sizeof(*order));
	if (!order)
		return ERR_NO_MEMORY;
	order->stream = stream;
	order->leg = leg;
	order->end = *end;
	return send_order(relay, on_set, order);
}

static void on_timeout(struct letter *letter, void *owner)
{
	struct order *order = container_of(letter, struct order, letter);

	set_timeout(order->relay, order->timeout_ms);
	order_free(order);
}

enum err relay_set_timeout(struct relay *relay, uint32_t timeout_ms)
{
	struct order *order = calloc(1, sizeof(*order));

	if (!order)
		return ERR_NO_MEMORY;
	order->timeout_ms = timeout_ms;
	return send_order(relay, on_timeout, order);
}

static void on_mapping(struct letter *letter, void *owner)
{
	struct order *order = container_of(letter, struct order, letter);

	mapping_start(order->relay, order->leg, &order->mapping);
	order_free(order);
}

enum err relay_ask_mapping(struct relay *relay, enum relay_leg leg, const struct addr *servers,
			   unsigned n_servers, uint32_t deadline_ms)
{
	struct order *order;

	if (n_servers == 0 || n_servers > MAPPING_MAX_SERVERS)
		return ERR_INVALID;
	order = calloc(1, sizeof(*order));
	if (!order)
		return ERR_NO_MEMORY;
	order->leg = leg;
	memcpy(order->mapping.servers, servers, n_servers * sizeof(*servers));
	order->mapping.n_servers = n_servers;
	order->mapping.deadline_ms = deadline_ms;
	return send_order(relay, on_mapping, order);
}

static void on_stats(struct letter *letter, void *owner)
{
	struct order *order = container_of(letter, struct order, letter);

	tell_stats(order->relay);
	order_free(order);
}

enum err relay_ask_stats(struct relay *relay)
{
	struct order *order = calloc(1, sizeof(*order));

	return order ? send_order(relay, on_stats, order) : ERR_NO_MEMORY;
}
