#include <string.h>

#include "conf/host.h"
#include "conf/settings_tables.h"
#include "conf/value.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

const char *conf_network_text(enum conf_network network)
{
	switch (network) {
	case NETWORK_WAN:
		return "wan";
	case NETWORK_LAN:
		return "lan";
	case NETWORK_REMOTE:
		return "remote";
	}
	return "";
}

const char *conf_transport_text(enum conf_transport transport)
{
	switch (transport) {
	case TRANSPORT_UDP:
		return "udp";
	case TRANSPORT_TCP:
		return "tcp";
	case TRANSPORT_TLS:
		return "tls";
	case TRANSPORT_MTLS:
		return "mtls";
	}
	return "";
}

const char *conf_tls_version_text(enum conf_tls_version version)
{
	static const char *const texts[] = { "", "1.0", "1.1", "1.2", "1.3" };

	return (size_t)version < COUNT(texts) ? texts[version] : "";
}

uint16_t conf_transport_port(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS ? 5061 : 5060;
}

struct place settings_place(const struct node *node, const char *key)
{
	const struct node *value = node_get(node, key);

	if (value)
		return value->place;
	return node ? node->place : (struct place){ 0 };
}

const char *settings_domain_pattern(struct schema_reader *reader, const char *key,
				    const struct settings_text *text)
{
	bool is_pattern = text_starts_with(text->text, "*.");
	char domain[VALUE_HOST_SIZE + 2] = "*.";
	size_t skip = is_pattern ? 2 : 0;
	struct addr addr;

	if (!value_host(text->text + skip, domain + skip, &addr) && !addr_is_set(&addr))
		return arena_text(reader->arena, domain);
	report_error(reader->report, FAULT_BAD_VALUE, &text->place, key,
		     "'%.64s', expected a domain name, or \"*.\" and a domain name",
		     text->text);
	return NULL;
}

void settings_bind(struct schema_reader *reader, const char *bind, const struct place *place,
		   bool must_be_local, struct addr *out)
{
	struct addr addr = { 0 };

	switch (host_bind(bind, &addr)) {
	case ERR_OK:
		*out = addr;
		return;
	case ERR_ADDRESS:
		*out = addr;
		if (must_be_local)
			report_error(reader->report, FAULT_NOT_LOCAL, place, "bind",
				     "'%.64s' is not an address of this host", bind);
		else
			report_warning(reader->report, FAULT_NOT_LOCAL, place, "bind",
				       "'%.64s' is not an address of this host", bind);
		break;
	default:
		report_error(
			reader->report, FAULT_NOT_LOCAL, place, "bind",
			"'%.64s' is neither an address nor an interface of this host, expected "
			"an address, an interface's name, or \"*\"",
			bind);
		break;
	}
	report_hint(reader->report, "`ip addr` shows this host's addresses");
}

enum conf_tls_version settings_minimum(struct schema_reader *reader, const struct node *node,
				       enum conf_tls_version minimum,
				       enum conf_tls_version preset)
{
	struct place place = settings_place(node, "minimum");

	if (minimum == CONF_TLS_UNSET)
		return preset;
	if (minimum < CONF_TLS_1_2)
		report_warning(reader->report, FAULT_OLD_TLS, &place, "minimum",
			       "TLS %s is deprecated (RFC 8996), expected 1.2 or 1.3",
			       conf_tls_version_text(minimum));
	return minimum;
}

void settings_print_schema(struct buf *out)
{
	schema_print(&settings_table, out);
}

void settings_print_schema_json(struct buf *out)
{
	schema_print_json(&settings_table, out);
}

const struct settings_class *settings_find_class(const struct settings *settings,
						 const char *name)
{
	for (size_t i = 0; i < settings->n_classes; i++)
		if (strcmp(settings->classes[i].name, name) == 0)
			return &settings->classes[i];
	return NULL;
}

bool settings_has_phones(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_listeners; i++)
		if (settings->listeners[i].is_enabled &&
		    settings->listeners[i].network == NETWORK_REMOTE)
			return true;
	return false;
}
