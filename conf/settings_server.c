#include "conf/settings_tables.h"
#include "proxy/base/macros.h"

#define SERVER(member) offsetof(struct server_item, member)

struct server_item {
	struct settings_server server;
	enum conf_transport transport;
	uint16_t port;
};

const struct word conf_transport_words[] = {
	{ "udp", TRANSPORT_UDP, false },
	{ "tcp", TRANSPORT_TCP, false },
	{ "tls", TRANSPORT_TLS, false },
	{ "mtls", TRANSPORT_MTLS, false },
	{ NULL, 0, false },
};

/* clang-format off */
static const struct field server_fields[] = {
	{ "host", KIND_HOST, SERVER(server.host), 1, 253, NULL, LIVE,
	  "name or address", NULL, NULL, REQUIRED },
	{ "port", KIND_PORT, SERVER(port), 1, 65535, NULL, LIVE,
	  "its port; without it 5060, or 5061 for tls and mtls" },
	{ "transport", KIND_WORD, SERVER(transport), 0, 0, "mtls", LIVE,
	  "udp, tcp, tls or mtls", conf_transport_words },
	{ "priority", KIND_SMALL, SERVER(server.priority), 0, 65535, "1", LIVE,
	  "the lowest is tried first (RFC 2782)" },
	{ "weight", KIND_SMALL, SERVER(server.weight), 0, 65535, "1", LIVE,
	  "its share among those of its priority (RFC 2782)" },
};
/* clang-format on */

void settings_server_complete(struct settings_server *server, enum conf_transport transport,
			      uint16_t port)
{
	server->transport = transport;
	server->has_port = port != 0;
	server->port = port ? port : conf_transport_port(transport);
	if (addr_parse(server->host, server->port, &server->addr))
		server->addr = (struct addr){ 0 };
}

static void finish_server(struct schema_reader *reader, const struct node *node, void *at)
{
	struct server_item *item = at;

	(void)reader;
	item->server.place = settings_place(node, "host");
	item->server.has_preset_transport = !node_get(node, "transport");
	settings_server_complete(&item->server, item->transport, item->port);
}

const struct table settings_server_table = {
	.where = "in a server",
	.fields = server_fields,
	.n_fields = COUNT(server_fields),
	.item_bytes = sizeof(struct server_item),
	.stored_bytes = sizeof(struct settings_server),
	.finish = finish_server,
};

void settings_servers_check(struct schema_reader *reader, const struct node *servers)
{
	if (servers->kind != NODE_LIST)
		return;
	if (!servers->n_children)
		report_error(reader->report, FAULT_MISSING_KEY, &servers->place, "servers",
			     "empty, expected at least one server");
	if (servers->n_children > SETTINGS_MAX_SERVERS)
		report_error(reader->report, FAULT_OUT_OF_RANGE, &servers->place, "servers",
			     "%zu servers, expected at most %d", servers->n_children,
			     SETTINGS_MAX_SERVERS);
}
