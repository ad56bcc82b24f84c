#include "conf/check.h"

/* A listener's "*" is no address that can stand in SDP. */
static void check_address(const struct settings *settings,
			  const struct settings_listener *listener, struct report *report)
{
	if (!listener->is_enabled || listener->is_faulty || !addr_is_set(&listener->addr) ||
	    !addr_is_wildcard(&listener->addr) ||
	    addr_is_set(&settings->media.bind[listener->network]) ||
	    *settings->media.binds[listener->network])
		return;
	report_error(
		report, FAULT_MISSING_KEY, &listener->bind_place, "media.bind",
		"media of calls by listener '%.64s' need an address, and its own is '%.64s'; expected bind: { %s: ADDRESS } in media",
		listener->name, listener->bind, conf_network_text(listener->network));
}

bool settings_media_is_on(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_listeners; i++)
		if (settings->listeners[i].is_enabled && !settings->listeners[i].is_faulty &&
		    settings->media.relay & 1U << settings->listeners[i].network)
			return true;
	return false;
}

void check_media(const struct settings *settings, struct report *report)
{
	if (!settings_media_is_on(settings))
		return;
	for (size_t i = 0; i < settings->n_listeners; i++)
		check_address(settings, &settings->listeners[i], report);
}
