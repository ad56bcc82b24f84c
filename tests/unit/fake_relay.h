/* A relay without sockets: it has ports by rule, and remembers what its ends were told last. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/relay_ops.h"
#include "proxy/base/buf.h"

enum { FAKE_MAX_RELAYS = 64 };

struct relay {
	unsigned number;
	bool is_open;
	unsigned n_streams;
	uint32_t timeout_ms;
	unsigned n_sets;
	struct relay_settings settings;
	struct relay_owner owner;
	bool is_set[RELAY_MAX_STREAMS][RELAY_N_LEGS];
	struct relay_end ends[RELAY_MAX_STREAMS][RELAY_N_LEGS];
};

struct fake_relays {
	struct relay relays[FAKE_MAX_RELAYS];
	unsigned n, n_open;
	enum err next_err; /* of the next open or add_streams */
};

static enum err fake_take_err(struct fake_relays *fake)
{
	const enum err err = fake->next_err;

	fake->next_err = ERR_OK;
	return err;
}

static struct fake_relays fake_relays;

static enum err fake_open(void *media, const struct relay_settings *settings,
			  const struct relay_owner *owner, struct relay **out)
{
	struct fake_relays *fake = media;
	const enum err err = fake_take_err(fake);
	struct relay *relay = &fake->relays[fake->n];

	if (err || fake->n == FAKE_MAX_RELAYS)
		return err ? err : ERR_LIMIT;
	*relay = (struct relay){ .number = fake->n++,
				 .is_open = true,
				 .n_streams = settings->n_streams };
	relay->settings = *settings;
	relay->timeout_ms = settings->timeout_ms;
	relay->owner = *owner;
	fake->n_open++;
	*out = relay;
	return ERR_OK;
}

static enum err fake_add_streams(struct relay *relay, unsigned n)
{
	const enum err err = fake_take_err(&fake_relays);

	if (!err)
		relay->n_streams += n;
	return err;
}

static void fake_tell(struct relay *relay, enum relay_event_kind kind)
{
	const struct relay_event event = { .kind = kind,
					   .relay = relay,
					   .user = relay->owner.user };

	relay->owner.on_event(&event, NULL);
}

static void fake_close(struct relay *relay)
{
	relay->is_open = false;
	fake_relays.n_open--;
}

static uint16_t fake_port(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return stream < relay->n_streams
		       ? (uint16_t)(30000 + 1000 * relay->number + 100 * leg + 2 * stream)
		       : 0;
}

static const char *fake_ufrag(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return leg == RELAY_CALLER ? "ufra" : "ufrb";
}

static const char *fake_pwd(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return "passwordpasswordpassword";
}

static enum err fake_set(struct relay *relay, unsigned stream, enum relay_leg leg,
			 const struct relay_end *end)
{
	if (stream >= relay->n_streams || !relay->is_open)
		return ERR_INVALID;
	relay->is_set[stream][leg] = true;
	relay->ends[stream][leg] = *end;
	relay->n_sets++;
	return ERR_OK;
}

static enum err fake_set_timeout(struct relay *relay, uint32_t timeout_ms)
{
	relay->timeout_ms = timeout_ms;
	return ERR_OK;
}

static enum err fake_ask_mapping(struct relay *relay, enum relay_leg leg,
				 const struct addr *servers, unsigned n_servers,
				 uint32_t deadline_ms)
{
	return ERR_OK;
}

static void fake_fingerprint(const void *media, uint8_t out[32])
{
	memset(out, 0xab, 32);
}

/* What the last order to each end was, a line each: "0> 192.0.2.1:4000 sdes latch". */
static inline void fake_print(const struct relay *relay, struct buf *out)
{
	static const char *const security[] = { "plain", "sdes", "dtls" };
	char text[ADDR_TEXT_SIZE];

	for (unsigned s = 0; s < relay->n_streams; s++) {
		for (unsigned l = 0; l < RELAY_N_LEGS; l++) {
			const struct relay_end *end = &relay->ends[s][l];

			if (!relay->is_set[s][l])
				continue;
			buf_printf(
				out, "%u%c %s %s%s%s%s%s%s%s%s%s\n", s,
				l == RELAY_CALLER ? '>' : '<',
				addr_is_set(&end->rtp) ? addr_text(&end->rtp, text) : "-",
				security[end->security], end->is_dtls_client ? " client" : "",
				end->is_blocked ? " blocked" : "",
				end->is_latching ? " latch" : "",
				end->is_relatching ? " anew" : "", end->is_muxed ? " mux" : "",
				end->is_opaque ? " opaque" : "", end->has_ice ? " ice" : "",
				end->keepalive_ms ? " alive" : "");
		}
	}
}

static const struct relay_ops fake_relay_ops = {
	.open = fake_open,
	.add_streams = fake_add_streams,
	.close = fake_close,
	.port = fake_port,
	.ice_ufrag = fake_ufrag,
	.ice_pwd = fake_pwd,
	.set = fake_set,
	.set_timeout = fake_set_timeout,
	.ask_mapping = fake_ask_mapping,
	.fingerprint = fake_fingerprint,
};
