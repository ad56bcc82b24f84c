/* relay_ops: what a call asks of a relay, as a table, so that the tests may stand in for the
 * media workers. The functions are those of media/relay.h and mean the same; media is the
 * struct relays of the real ones. */
#pragma once

#include "media/relay.h"

struct relay_ops {
	enum err (*open)(void *media, const struct relay_settings *settings,
			 const struct relay_owner *owner, struct relay **out);
	enum err (*add_streams)(struct relay *relay, unsigned n_streams);
	void (*close)(struct relay *relay);
	uint16_t (*port)(const struct relay *relay, unsigned stream, enum relay_leg leg);
	const char *(*ice_ufrag)(const struct relay *relay, unsigned stream,
				 enum relay_leg leg);
	const char *(*ice_pwd)(const struct relay *relay, unsigned stream, enum relay_leg leg);
	enum err (*set)(struct relay *relay, unsigned stream, enum relay_leg leg,
			const struct relay_end *end);
	enum err (*set_timeout)(struct relay *relay, uint32_t timeout_ms);
	enum err (*ask_mapping)(struct relay *relay, enum relay_leg leg,
				const struct addr *servers, unsigned n_servers,
				uint32_t deadline_ms);
	void (*fingerprint)(const void *media, uint8_t out[32]);
};

/* Those of media/relay.h. */
extern const struct relay_ops relay_real_ops;
