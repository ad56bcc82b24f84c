#include "conf/check.h"

void check_nat(const struct settings *settings, struct report *report)
{
	struct settings_text first;

	if (settings_stun_servers(settings, &first, 1) > 0)
		return;
	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		if (!listener->advertises_stun || !listener->is_enabled)
			continue;
		report_error(
			report, FAULT_MISSING_KEY, &listener->place, "advertise",
			"listener '%.64s' advertises what STUN servers see, and none is named",
			listener->name);
		report_hint(report,
			    "nat: { stun_servers: [HOST, HOST] } names them for all listeners");
	}
}
