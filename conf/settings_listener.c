#include <string.h>

#include "conf/settings_tables.h"
#include "conf/value.h"
#include "proxy/base/macros.h"

#define AT(member) offsetof(struct listener_item, member)

/* What stands in the file, after what is kept of it. */
struct listener_item {
	struct settings_listener listener;
	struct settings_ref certificate;
	const struct settings_ref *further;
	size_t n_further;
};

static const struct word networks[] = {
	{ "wan", NETWORK_WAN, false },
	{ "lan", NETWORK_LAN, false },
	{ "remote", NETWORK_REMOTE, false },
	{ NULL, 0, false },
};

static const struct word listener_transports[] = {
	{ "udp", TRANSPORT_UDP, false },
	{ "tcp", TRANSPORT_TCP, false },
	{ "tls", TRANSPORT_TLS, false },
	{ "mtls", TRANSPORT_MTLS, false },
	{ "ws", 0, true },
	{ "wss", 0, true },
	{ NULL, 0, false },
};

/* clang-format off */
static const struct field fields[] = {
	{ "name", KIND_NAME, AT(listener.name), 1, 63, NULL, LIVE,
	  "its name, in logs and references", NULL, NULL, REQUIRED },
	{ "network", KIND_WORD, AT(listener.network), 0, 0, NULL, LIVE,
	  "who is on that side: wan (partners), lan (backends) or remote (phones on the internet)", networks, NULL, REQUIRED },
	{ "bind", KIND_TEXT, AT(listener.bind), 1, 64, NULL, LIVE,
	  "an address of this host, an interface's name, or \"*\"", NULL, NULL, REQUIRED },
	{ "port", KIND_PORT, AT(listener.port), 0, 65535, NULL, LIVE,
	  "its port; without it 5060, or 5061 for tls and mtls; 0: the system chooses" },
	{ "transport", KIND_WORD, AT(listener.transport), 0, 0, NULL, LIVE,
	  "udp, tcp, tls, or mtls: TLS with a mandatory client certificate",
	  listener_transports, NULL, REQUIRED },
	{ "certificate", KIND_REF, AT(certificate), 0, 63, NULL, NEXT_CONNECTION,
	  "the certificate that it shows; tls and mtls need one" },
	{ "certificates", KIND_REFS, AT(further), 0, SETTINGS_MAX_CERTIFICATES, NULL, NEXT_CONNECTION,
	  "further certificates, chosen by the name that the peer asks for (SNI)" },
	{ "advertise", KIND_TEXT, AT(listener.advertise), 0, 255, "none", LIVE,
	  "host[:port] that others are told instead of the bound address; stun: what STUN servers see; none" },
	{ "minimum", KIND_WORD, AT(listener.minimum), 0, 0, NULL, NEXT_CONNECTION,
	  "the oldest TLS version here; without it tls.minimum", conf_tls_version_words },
	{ "enabled", KIND_BOOL, AT(listener.is_enabled), 0, 0, "true", LIVE,
	  "false switches it off, and keeps it" },
};
/* clang-format on */

static bool is_tls(const struct settings_listener *listener)
{
	return listener->transport == TRANSPORT_TLS || listener->transport == TRANSPORT_MTLS;
}

/* certificate: stands first, certificates: follow, none twice. */
static void join_certificates(struct schema_reader *reader, struct listener_item *item)
{
	struct settings_ref *all;
	size_t n = 0;

	all = arena_take(reader->arena, item->n_further + 1, sizeof(*all));
	if (!all)
		return;
	if (*item->certificate.name)
		all[n++] = item->certificate;
	for (size_t i = 0; i < item->n_further; i++) {
		bool is_known = false;

		for (size_t j = 0; j < n; j++)
			is_known |= strcmp(all[j].name, item->further[i].name) == 0;
		if (!is_known && n < SETTINGS_MAX_CERTIFICATES)
			all[n++] = item->further[i];
	}
	item->listener.certificates = all;
	item->listener.n_certificates = n;
}

static void check_certificates(struct schema_reader *reader, const struct node *node,
			       struct settings_listener *listener)
{
	struct place place = settings_place(node, "transport");

	if (is_tls(listener) && !listener->n_certificates) {
		report_error(reader->report, FAULT_NO_CERTIFICATE, &place, "transport",
			     "%s without a certificate, expected certificate: NAME beside it",
			     conf_transport_text(listener->transport));
	} else if (!is_tls(listener) && listener->n_certificates) {
		place = listener->certificates[0].place;
		report_error(
			reader->report, FAULT_CONFLICT, &place, "certificate",
			"a %s listener shows no certificate, expected transport: mtls or tls",
			conf_transport_text(listener->transport));
		listener->n_certificates = 0;
	}
}

static void read_advertise(struct schema_reader *reader, const struct node *node,
			   struct settings_listener *listener)
{
	struct place place = settings_place(node, "advertise");
	char host[VALUE_HOST_SIZE];
	uint16_t port;

	if (strcmp(listener->advertise, "none") == 0 || !*listener->advertise) {
		listener->advertise = "";
	} else if (strcmp(listener->advertise, "stun") == 0) {
		listener->advertises_stun = true;
		listener->advertise = "";
	} else if (value_host_port(listener->advertise, host, NULL, &port)) {
		report_error(
			reader->report, FAULT_BAD_VALUE, &place, "advertise",
			"'%.64s', expected none, stun, or a host name or address, with or without "
			":port",
			listener->advertise);
	}
}

static bool is_understood(const struct node *node, const char *key, const char *word)
{
	const struct node *value = node_get(node, key);

	return value && strcmp(value->text, word) == 0;
}

static void finish(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct settings *settings = reader->root;
	struct listener_item *item = at;
	struct settings_listener *listener = &item->listener;

	listener->place = node->place;
	listener->bind_place = settings_place(node, "bind");
	listener->transport_place = settings_place(node, "transport");
	if (!node_get(node, "port"))
		listener->port = conf_transport_port(listener->transport);
	listener->minimum =
		settings_minimum(reader, node, listener->minimum, settings->tls.minimum);
	join_certificates(reader, item);
	/* What was not understood must not look like the first of its enum to later checks. */
	if (!is_understood(node, "network", conf_network_text(listener->network)))
		listener->is_faulty = true;
	if (is_understood(node, "transport", conf_transport_text(listener->transport)))
		check_certificates(reader, node, listener);
	else
		listener->is_faulty = true;
	read_advertise(reader, node, listener);
	if (*listener->bind)
		settings_bind(reader, listener->bind, &listener->bind_place,
			      listener->is_enabled, &listener->addr);
	if (addr_is_set(&listener->addr))
		addr_set_port(&listener->addr, listener->port);
}

const struct table settings_listener_table = {
	.where = "in a listener",
	.fields = fields,
	.n_fields = COUNT(fields),
	.item_bytes = sizeof(struct listener_item),
	.stored_bytes = sizeof(struct settings_listener),
	.finish = finish,
};
