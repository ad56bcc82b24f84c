#include "proxy/reload_media.h"

#include "conf/value.h"

static const char *const policies[] = {
	[CONF_SRTP_OFF] = "off",
	[CONF_SRTP_PASSTHROUGH] = "passthrough",
	[CONF_SRTP_PREFER] = "prefer",
	[CONF_SRTP_REQUIRE] = "require",
};

static const char *const holds[] = {
	[CONF_HOLD_SENDRECV] = "sendrecv",
	[CONF_HOLD_KEEPALIVE] = "keepalive",
	[CONF_HOLD_UNCHANGED] = "unchanged",
};

void reload_describe_media(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings_media *media = &snapshot->settings->media;
	char timeout[VALUE_TEXT_SIZE];

	buf_puts(out, "relay");
	for (unsigned i = 0; i < CONF_N_NETWORKS; i++)
		if (media->relay & 1U << i)
			buf_printf(out, " %s", conf_network_text((enum conf_network)i));
	buf_printf(out, ", ports %u-%u, channels %u, bandwidth %u, hold %s", media->first_port,
		   media->last_port, media->channels, media->bandwidth_kbps,
		   holds[media->hold]);
	buf_printf(out, ", timeout %s, on_timeout %s, dscp %u, kernel %s",
		   value_duration_text(media->timeout_ms, timeout),
		   media->on_timeout == CONF_ON_TIMEOUT_BYE ? "bye" : "close", media->dscp,
		   media->kernel == CONF_KERNEL_AUTO ? "auto" : "off");
	for (unsigned i = 0; i < CONF_N_NETWORKS; i++) {
		const char *network = conf_network_text((enum conf_network)i);

		buf_printf(out, ", srtp.%s %s", network, policies[media->srtp[i]]);
		if (*media->binds[i])
			buf_printf(out, ", bind.%s %s", network, media->binds[i]);
	}
	for (size_t i = 0; i < media->n_suites; i++)
		buf_printf(out, "%s %s", i ? "" : ", suites", media->suites[i].text);
}
