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
	  "where it is reached and recognised: sip:HOST[:PORT][;transport=udp|tcp|tls|mtls]" },
	{ "servers", KIND_LIST, AT(backend.servers), 0, 0, NULL, LIVE,
	  "several servers, with priority and weight, instead of address", NULL, &settings_server_table },
	{ "username", KIND_TEXT, AT(backend.username), 1, 128, NULL, LIVE,
	  "digest user with which the backend logs on (REGISTER)" },
	{ "password_file", KIND_FILE, AT(backend.password_file), 0, 0, NULL, LIVE,
	  "file whose first line is the password with which the backend logs on" },
	{ "listener", KIND_REF, AT(backend.listener), 1, 63, NULL, LIVE,
	  "the lan listener where it logs on, and by which it is reached", NULL, NULL, REQUIRED },
	{ "domains", KIND_DOMAINS, AT(backend.domains), 0, 1000, NULL, LIVE,
	  "which of our domains it serves; without it all of them" },
	{ "users", KIND_TEXTS, AT(backend.users), 0, 100000, NULL, LIVE,
	  "patterns of the users whose home it is; \"*\" stands for any run of characters" },
	{ "weight", KIND_COUNT, AT(backend.weight), 0, 65535, "1", LIVE,
	  "its share among backends with equally good patterns, and under placement: balance" },
	{ "probe", KIND_DURATION, AT(backend.probe_ms), 0, 86400000, "30s", LIVE,
	  "how often OPTIONS asks whether a server is alive; 0: never" },
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

static void read_one_server(struct schema_reader *reader, const struct node *node,
			    struct backend_item *item)
{
	struct settings_server *server = arena_take(reader->arena, 1, sizeof(*server));

	if (!server)
		return;
	server->place = settings_place(node, "address");
	server->priority = server->weight = 1;
	if (!read_address(reader, item->address, server)) {
		report_error(reader->report, FAULT_BAD_VALUE, &server->place, "address",
			     "'%.64s', expected sip:HOST[:PORT][;transport=udp|tcp|tls|mtls]",
			     item->address);
		return;
	}
	item->backend.servers = server;
	item->backend.n_servers = 1;
}

/* Where it is reached: one address, several servers, or wherever it logs on from. */
static void read_servers(struct schema_reader *reader, const struct node *node,
			 struct backend_item *item)
{
	const struct node *servers = node_get(node, "servers");
	const struct node *address = node_get(node, "address");

	if (servers)
		settings_servers_check(reader, servers);
	if (servers && address)
		report_error(reader->report, FAULT_CONFLICT, &address->key->place, "address",
			     "stands beside servers, expected one of the two");
	else if (*item->address)
		read_one_server(reader, node, item);
	else if (!servers && !address && !node_get(node, "username"))
		report_error(reader->report, FAULT_MISSING_KEY, &node->place, "address",
			     "missing in a backend, expected address, servers, or username for "
			     "a backend that logs on");
}

/* What it logs on with. The name stands between quotes in SIP headers, and before a colon where
 * it is hashed. */
static void check_log_on(struct schema_reader *reader, const struct node *node,
			 struct settings_backend *backend)
{
	const struct node *username = node_get(node, "username");
	const struct node *password_file = node_get(node, "password_file");

	backend->username_place = settings_place(node, "username");
	if (strpbrk(backend->username, "\"\\:"))
		report_error(reader->report, FAULT_BAD_VALUE, &backend->username_place,
			     "username",
			     "quotes, backslashes or colons, expected a text "
			     "without them");
	if (username && !password_file)
		report_error(reader->report, FAULT_MISSING_KEY, &username->key->place,
			     "password_file", "missing in a backend that logs on");
	if (password_file && !username)
		report_error(reader->report, FAULT_MISSING_KEY, &password_file->key->place,
			     "username", "missing in a backend that logs on");
	else if (password_file && !backend->password_file.path)
		report_error(reader->report, FAULT_MISSING_KEY, &password_file->place,
			     "password_file", "empty, expected the path of a file");
}

static void finish(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct settings *settings = reader->root;
	struct backend_item *item = at;
	struct settings_backend *backend = &item->backend;

	backend->place = node->place;
	read_servers(reader, node, item);
	check_log_on(reader, node, backend);
	if (!node_get(node, "domains")) {
		backend->domains = settings->domains;
		backend->n_domains = settings->n_domains;
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

bool settings_backend_serves(const struct settings_backend *backend, const char *domain)
{
	for (size_t i = 0; i < backend->n_domains; i++)
		if (strcmp(backend->domains[i].name, domain) == 0)
			return true;
	return false;
}
