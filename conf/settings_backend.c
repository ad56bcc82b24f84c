#include <string.h>

#include "conf/settings_tables.h"
#include "conf/value.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

#define AT(member) offsetof(struct backend_item, member)

struct backend_item {
	struct settings_backend backend;
	const char *address;
};

/* clang-format off */
static const struct field fields[] = {
	{ "name", KIND_NAME, AT(backend.name), 1, 63, NULL, LIVE,
	  "its name, in logs and status", NULL, NULL, REQUIRED },
	{ "address", KIND_TEXT, AT(address), 1, 255, NULL, LIVE,
	  "where it is reached and recognised: sip:HOST[:PORT][;transport=udp|tcp|tls|mtls]",
	  NULL, NULL, REQUIRED },
	{ "username", KIND_TEXT, NOWHERE, 0, 0, NULL, LIVE,
	  "digest credentials with which the backend logs on", NULL, NULL, NOT_BUILT },
	{ "password_file", KIND_FILE, NOWHERE, 0, 0, NULL, LIVE,
	  "file with the password with which the backend logs on", NULL, NULL, NOT_BUILT },
	{ "listener", KIND_REF, AT(backend.listener), 1, 63, NULL, LIVE,
	  "the lan listener by which it is reached", NULL, NULL, REQUIRED },
	{ "domains", KIND_DOMAINS, AT(backend.domains), 0, 1000, NULL, LIVE,
	  "which of our domains it serves; without it all of them" },
	{ "users", KIND_TEXTS, AT(backend.users), 0, 100000, NULL, LIVE,
	  "patterns of the users whose home it is; \"*\" stands for any run of characters" },
	{ "weight", KIND_COUNT, AT(backend.weight), 0, 65535, "1", LIVE,
	  "its share among backends with equally good patterns" },
};
/* clang-format on */

/* The part after the first semicolon: transport= alone is known. */
static bool read_parameter(const char *text, enum conf_transport *out)
{
	if (!text_starts_with(text, "transport="))
		return false;
	for (const struct word *word = conf_transport_words; word->text; word++) {
		if (text_equal_nocase(word->text, text + strlen("transport="))) {
			*out = (enum conf_transport)word->value;
			return true;
		}
	}
	return false;
}

static bool read_address(struct schema_reader *reader, const char *text,
			 struct settings_server *server)
{
	const char *rest, *semicolon;
	char host_port[VALUE_HOST_SIZE], host[VALUE_HOST_SIZE];

	if (text_starts_with(text, "sips:"))
		server->transport = TRANSPORT_TLS;
	else if (!text_starts_with(text, "sip:"))
		return false;
	rest = strchr(text, ':') + 1;
	semicolon = strchrnul(rest, ';');
	if (*semicolon && !read_parameter(semicolon + 1, &server->transport))
		return false;
	if (!text_copy_len(host_port, sizeof(host_port), rest, (size_t)(semicolon - rest)) ||
	    value_host_port(host_port, host, &server->addr, &server->port))
		return false;
	server->host = arena_text(reader->arena, host);
	server->has_port = server->port != 0;
	if (!server->has_port)
		server->port = conf_transport_port(server->transport);
	if (addr_is_set(&server->addr))
		addr_set_port(&server->addr, server->port);
	return true;
}

static void finish(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct settings *settings = reader->root;
	struct backend_item *item = at;
	struct settings_backend *backend = &item->backend;
	struct settings_server *server = &backend->server;

	backend->place = node->place;
	server->place = settings_place(node, "address");
	server->host = "";
	if (*item->address && !read_address(reader, item->address, server))
		report_error(reader->report, FAULT_BAD_VALUE, &server->place, "address",
			     "'%.64s', expected sip:HOST[:PORT][;transport=udp|tcp|tls|mtls]",
			     item->address);
	if (!node_get(node, "domains")) {
		backend->domains = settings->domains;
		backend->n_domains = settings->n_domains;
	}
	if (node_get(node, "address") && !backend->n_users) {
		report_warning(reader->report, FAULT_NOTHING_SERVED, &backend->place, "users",
			       "missing in backend '%.64s': it is nobody's home",
			       backend->name);
		report_hint(reader->report, "users: [\"*\"] makes it everybody's");
	}
}

const struct table settings_backend_table = {
	.where = "in a backend",
	.fields = fields,
	.n_fields = COUNT(fields),
	.item_bytes = sizeof(struct backend_item),
	.stored_bytes = sizeof(struct settings_backend),
	.finish = finish,
};
