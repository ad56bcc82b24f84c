#include "media/relay_ops.h"

static enum err open_relay(void *media, const struct relay_settings *settings,
			   const struct relay_owner *owner, struct relay **out)
{
	return relay_open(media, settings, owner, out);
}

static void print_of(const void *media, uint8_t out[32])
{
	relays_fingerprint(media, out);
}

const struct relay_ops relay_real_ops = {
	.open = open_relay,
	.add_streams = relay_add_streams,
	.close = relay_close,
	.port = relay_port,
	.ice_ufrag = relay_ice_ufrag,
	.ice_pwd = relay_ice_pwd,
	.set = relay_set,
	.set_timeout = relay_set_timeout,
	.ask_mapping = relay_ask_mapping,
	.fingerprint = print_of,
};
