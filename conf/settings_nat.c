#include <string.h>

#include "conf/settings_tables.h"
#include "conf/value.h"
#include "proxy/base/macros.h"

#define NAT(member) offsetof(struct settings_nat, member)

/* clang-format off */
static const struct field fields[] = {
	{ "stun_servers", KIND_TEXTS, NAT(stun_servers), 0, SETTINGS_MAX_STUN_SERVERS, NULL, LIVE,
	  "host or host:port (3478) of STUN servers; two or more make the verdict on the NAT safe" },
	{ "monitor", KIND_DURATION, NAT(monitor_ms), 1000, 3600000, "15s", LIVE,
	  "how often the address of each listener with advertise: stun is looked at" },
	{ "serve", KIND_BOOL, NAT(serves_stun), 0, 0, "false", LIVE,
	  "answer STUN requests at our listeners; at two udp ones with two addresses also those of RFC 5780" },
};
/* clang-format on */

void settings_check_stun_server(struct schema_reader *reader, const char *key, const char *text,
				const struct place *place)
{
	char host[VALUE_HOST_SIZE];
	uint16_t port;

	if (value_host_port(text, host, NULL, &port))
		report_error(reader->report, FAULT_BAD_VALUE, place, key,
			     "'%.64s', expected a host name or address, with or without :port",
			     text);
}

static void finish(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_nat *nat = at;

	nat->place = settings_place(node, "stun_servers");
	for (size_t i = 0; i < nat->n_stun_servers; i++)
		settings_check_stun_server(reader, "stun_servers", nat->stun_servers[i].text,
					   &nat->stun_servers[i].place);
}

const struct table settings_nat_table = {
	.where = "in nat",
	.fields = fields,
	.n_fields = COUNT(fields),
	.finish = finish,
};

size_t settings_stun_servers(const struct settings *settings, struct settings_text *out,
			     size_t max)
{
	size_t n = 0;

	for (size_t i = 0; settings->partners.is_enabled && i < settings->partners.n_routes;
	     i++) {
		const struct settings_route *route = &settings->partners.routes[i];
		bool is_new = route->is_enabled && *route->stun_server;

		for (size_t j = 0; is_new && j < n; j++)
			is_new = strcmp(out[j].text, route->stun_server) != 0;
		if (is_new && n < max)
			out[n++] =
				(struct settings_text){ route->stun_server, route->stun_place };
	}
	if (n)
		return n;
	for (size_t i = 0; i < settings->nat.n_stun_servers && n < max; i++)
		out[n++] = settings->nat.stun_servers[i];
	return n;
}
