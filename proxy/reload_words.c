#include "proxy/reload_words.h"

#include <string.h>
#include <time.h>

#include "conf/value.h"
#include "proxy/base/table.h"
#include "proxy/reload_media.h"
#include "proxy/trace_areas.h"

/* As one writes it in the file. */
static void put_duration(const char *title, uint64_t ms, struct buf *out)
{
	char text[VALUE_TEXT_SIZE];

	buf_printf(out, "%s %s", title, value_duration_text(ms, text));
}

static void put_size(const char *title, uint64_t bytes, struct buf *out)
{
	char text[VALUE_TEXT_SIZE];

	buf_printf(out, "%s %s", title, value_size_text(bytes, text));
}

/* ---- listeners ---- */

static size_t count_listeners(const struct snapshot *snapshot)
{
	return snapshot->settings->n_listeners;
}

static const char *listener_name(const struct snapshot *snapshot, size_t i)
{
	return snapshot->settings->listeners[i].name;
}

static void describe_listener(const struct snapshot *snapshot, size_t i, struct buf *out)
{
	const struct settings_listener *listener = &snapshot->settings->listeners[i];
	char addr[ADDR_TEXT_SIZE];
	size_t k;

	buf_printf(out, "%s %s %s", conf_network_text(listener->network),
		   conf_transport_text(listener->transport), addr_text(&listener->addr, addr));
	for (k = 0; k < listener->n_certificates; k++)
		buf_printf(out, ", certificate %s", listener->certificates[k].name);
	if (listener->minimum != snapshot->settings->tls.minimum)
		buf_printf(out, ", TLS %s at least", conf_tls_version_text(listener->minimum));
	if (*listener->advertise)
		buf_printf(out, ", advertised as %s", listener->advertise);
	if (listener->advertises_stun)
		buf_puts(out, ", advertised as STUN servers see it");
	if (!listener->is_enabled)
		buf_puts(out, ", disabled");
}

/* ---- domains ---- */

static size_t count_domains(const struct snapshot *snapshot)
{
	return snapshot->settings->n_domains;
}

static const char *domain_name(const struct snapshot *snapshot, size_t i)
{
	return snapshot->settings->domains[i].name;
}

static void describe_domain(const struct snapshot *snapshot, size_t i, struct buf *out)
{
	buf_puts(out, "served here");
}

/* ---- certificates ---- */

static size_t count_certificates(const struct snapshot *snapshot)
{
	return snapshot->settings->n_certificates;
}

static const char *certificate_name(const struct snapshot *snapshot, size_t i)
{
	return snapshot->settings->certificates[i].name;
}

static void describe_certificate(const struct snapshot *snapshot, size_t i, struct buf *out)
{
	const struct identity *identity = credentials_identity(snapshot->credentials[i]);
	time_t not_after = (time_t)identity->not_after;
	char date[32] = "", names[256];
	struct tm tm;

	if (gmtime_r(&not_after, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	buf_printf(out, "%s, expires %s, SHA-256 %.16s",
		   identity_text(identity, names, sizeof(names)), date, identity->sha256);
}

/* ---- backends ---- */

static void describe_servers(const struct settings_server *servers, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s%s %s:%u", i ? ", " : "",
			   conf_transport_text(servers[i].transport), servers[i].host,
			   servers[i].port);
		if (n > 1)
			buf_printf(out, " (%u %u)", servers[i].priority, servers[i].weight);
	}
}

static size_t count_backends(const struct snapshot *snapshot)
{
	return snapshot->settings->n_backends;
}

static const char *backend_name(const struct snapshot *snapshot, size_t i)
{
	return snapshot->settings->backends[i].name;
}

static void describe_backend(const struct snapshot *snapshot, size_t i, struct buf *out)
{
	const struct settings_backend *backend = &snapshot->settings->backends[i];
	size_t k;

	describe_servers(backend->servers, backend->n_servers, out);
	if (*backend->username)
		buf_printf(out, "%slogs on as %s", backend->n_servers ? ", " : "",
			   backend->username);
	buf_printf(out, " by listener %s, weight %u", backend->listener.name, backend->weight);
	if (backend->probe_ms && backend->n_servers)
		put_duration(", probed every", backend->probe_ms, out);
	buf_puts(out, ", users");
	for (k = 0; k < backend->n_users; k++)
		buf_printf(out, " %s", backend->users[k].text);
	buf_puts(out, " of");
	for (k = 0; k < backend->n_domains; k++)
		buf_printf(out, " %s", backend->domains[k].name);
}

/* ---- partners ---- */

static size_t count_routes(const struct snapshot *snapshot)
{
	return snapshot->settings->partners.n_routes;
}

static const char *route_name(const struct snapshot *snapshot, size_t i)
{
	return snapshot->settings->partners.routes[i].domain;
}

/* Nothing, where that is all of them. */
static void describe_services(const char *title, unsigned services, struct buf *out)
{
	static const char *const words[] = { "presence", "im", "audio", "video" };

	if (services == SERVICE_ALL)
		return;
	buf_puts(out, title);
	for (size_t i = 0; i < COUNT(words); i++)
		if (services & 1U << i)
			buf_printf(out, " %s", words[i]);
	if (services == 0)
		buf_puts(out, " none");
}

static void describe_route(const struct snapshot *snapshot, size_t i, struct buf *out)
{
	const struct settings_route *route = &snapshot->settings->partners.routes[i];
	size_t k;

	describe_servers(route->servers, route->n_servers, out);
	buf_puts(out, route->is_trustworthy ? ", trustworthy" : ", not trustworthy");
	for (k = 0; k < route->n_identities; k++)
		buf_printf(out, ", identity %s", route->identities[k].text);
	if (route->accepts_wildcard)
		buf_puts(out, ", wildcard certificates");
	if (route->minimum != snapshot->settings->tls.minimum)
		buf_printf(out, ", TLS %s at least", conf_tls_version_text(route->minimum));
	if (*route->bind)
		buf_printf(out, ", bound to %s", route->bind);
	if (route->certificate.index >= 0)
		buf_printf(out, ", certificate %s", route->certificate.name);
	if (route->services_in == route->services_out) {
		describe_services(", services", route->services_in, out);
	} else {
		describe_services(", services in", route->services_in, out);
		describe_services(", services out", route->services_out, out);
	}
	if (route->redirect == REDIRECT_FOLLOW)
		buf_puts(out, ", redirects followed");
	if (route->max_connections < SETTINGS_MAX_CONNECTIONS)
		buf_printf(out, ", connections %u", route->max_connections);
	if (route->probe_ms)
		put_duration(", probed every", route->probe_ms, out);
	if (*route->stun_server)
		buf_printf(out, ", STUN server %s", route->stun_server);
	if (!route->is_enabled)
		buf_puts(out, ", disabled");
}

const struct reload_kind reload_kinds[] = {
	{ "listener", count_listeners, listener_name, describe_listener },
	{ "domain", count_domains, domain_name, describe_domain },
	{ "certificate", count_certificates, certificate_name, describe_certificate },
	{ "backend", count_backends, backend_name, describe_backend },
	{ "partner", count_routes, route_name, describe_route },
};
const size_t reload_n_kinds = COUNT(reload_kinds);

/* ---- the settings that have no name ---- */

static void describe_switch(const struct snapshot *snapshot, struct buf *out)
{
	buf_puts(out,
		 snapshot->settings->partners.is_enabled ? "all routes on" : "all routes off");
}

static void describe_tls(const struct snapshot *snapshot, struct buf *out)
{
	static const char *const usages[] = {
		[EKU_ANY_TLS] = "any-tls", [EKU_STRICT] = "strict", [EKU_SIP] = "sip"
	};
	const struct settings_tls *tls = &snapshot->settings->tls;
	size_t i;

	buf_printf(out, "minimum %s, keys of %u bits, %s, priority '%s', trust%s",
		   conf_tls_version_text(tls->minimum), tls->min_key_bits,
		   tls->accepts_wildcard ? "wildcards" : "no wildcards", tls->priority,
		   tls->trusts_system ? " system" : "");
	for (i = 0; i < tls->n_trust; i++)
		buf_printf(out, " %s", tls->trust[i].path);
	for (i = 0; i < tls->n_crl; i++)
		buf_printf(out, ", CRL %s", tls->crl[i].path);
	buf_printf(out, ", client_eku %s", usages[tls->client_eku]);
	/* The same files may hold other certificates or a newer CRL. */
	buf_printf(out, ", contents %.16s", tls_trust_fingerprint(snapshot->tls_trust));
}

static void print_rate(struct buf *out, const char *name, struct rate rate)
{
	char text[VALUE_TEXT_SIZE];

	buf_printf(out, ", %s %s", name, value_rate_text(rate, text));
}

static void describe_limits(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings_limits *limits = &snapshot->settings->limits;

	put_size("message_size", limits->message_size_bytes, out);
	buf_printf(out, ", connections %u, connections_per_source %u, transactions %u",
		   limits->connections, limits->connections_per_source, limits->transactions);
	put_duration(", ban", limits->ban_ms, out);
	print_rate(out, "handshakes", limits->handshakes);
	print_rate(out, "requests", limits->requests);
	print_rate(out, "auth_failures", limits->auth_failures);
}

static void describe_log(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	static const char *const levels[] = { "error", "warning", "info", "debug" };
	const struct log_settings *log = &settings->log;

	buf_printf(out, "level %s, format %s, directory '%s', files %u", levels[log->level],
		   log->is_json ? "json" : "text", log->directory ? log->directory : "",
		   log->n_files);
	put_size(", max_size", log->max_size_bytes, out);
	buf_printf(out, ", delete_daily %s, trace", log->delete_daily ? "true" : "false");
	trace_areas_print(log->trace, out);
}

static void describe_dns(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	char addr[ADDR_TEXT_SIZE];
	size_t i;

	put_duration("budget", settings->dns.budget_ms, out);
	put_duration(", negative_ttl", settings->dns.negative_ttl_ms, out);
	for (i = 0; i < settings->dns.n_servers; i++)
		buf_printf(out, "%s %s", i ? "" : ", servers",
			   addr_text(&settings->dns.servers[i], addr));
}

static void describe_placement(const struct snapshot *snapshot, struct buf *out)
{
	static const char *const words[] = { [PLACEMENT_SEARCH] = "search",
					     [PLACEMENT_BALANCE] = "balance",
					     [PLACEMENT_REJECT] = "reject" };

	buf_puts(out, words[snapshot->settings->placement]);
}

static void describe_registrar(const struct snapshot *snapshot, struct buf *out)
{
	static const char *const algorithms[] = { "md5", "sha-256", "sha-512-256" };
	const struct settings_registrar *registrar = &snapshot->settings->registrar;

	put_duration("min_expires", registrar->min_expires_ms, out);
	put_duration(", max_expires", registrar->max_expires_ms, out);
	put_duration(", default_expires", registrar->default_expires_ms, out);
	buf_puts(out, ", digest_algorithms");
	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (snapshot->settings->digest_algorithms & 1U << i)
			buf_printf(out, " %s", algorithms[i]);
}

static void print_texts(struct buf *out, const char *name, const struct settings_text *texts,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s %s", i ? "" : name, texts[i].text);
}

static void describe_classes(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;

	if (!settings->n_classes)
		buf_puts(out, "none");
	for (size_t i = 0; i < settings->n_classes; i++) {
		buf_printf(out, "%s%s", i ? ", " : "", settings->classes[i].name);
		print_texts(out, " denies", settings->classes[i].deny,
			    settings->classes[i].n_deny);
	}
}

static void describe_sip(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;

	put_duration("t1", settings->sip.t1_ms, out);
	put_duration(", timer_c", settings->sip.timer_c_ms, out);
	buf_printf(out, ", max_breadth %u, via_name '%s', realm %s", settings->sip.max_breadth,
		   settings->sip.via_name, settings->realm);
}

static void describe_service(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	const struct settings_service *service = &settings->service;
	char addr[ADDR_TEXT_SIZE] = "off";

	if (settings->admin.has_http)
		addr_text(&settings->admin.http, addr);
	buf_printf(out, "workers %u, state_dir %s, control %s, user '%s', admin.http %s",
		   service->n_workers, service->state_dir, service->control, service->user,
		   addr);
}

static void describe_federation(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings_federation *federation = &snapshot->settings->federation;

	buf_puts(out, federation->is_open ? "open" : "closed");
	if (*federation->listener.name)
		buf_printf(out, ", listener %s", federation->listener.name);
	if (federation->max_connections < SETTINGS_MAX_CONNECTIONS)
		buf_printf(out, ", connections %u", federation->max_connections);
	print_rate(out, "rate", federation->rate);
	print_rate(out, "suspicious_rate", federation->suspicious_rate);
	buf_printf(out, ", max_users %u", federation->max_users);
	print_texts(out, ", hosters", federation->hosters, federation->n_hosters);
	print_texts(out, ", allow", federation->allow, federation->n_allow);
	print_texts(out, ", deny", federation->deny, federation->n_deny);
}

static void describe_nat(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings_nat *nat = &snapshot->settings->nat;

	put_duration("monitor", nat->monitor_ms, out);
	buf_printf(out, ", serve %s", nat->serves_stun ? "true" : "false");
	print_texts(out, ", stun_servers", nat->stun_servers, nat->n_stun_servers);
}

const struct reload_section reload_sections[] = {
	{ "partners.enabled", describe_switch, false },
	{ "federation", describe_federation, false },
	{ "placement", describe_placement, false },
	{ "registrar", describe_registrar, false },
	{ "classes", describe_classes, false },
	{ "tls", describe_tls, false },
	{ "limits", describe_limits, false },
	{ "log", describe_log, false },
	{ "dns", describe_dns, false },
	{ "nat", describe_nat, false },
	{ "media", reload_describe_media, false },
	{ "sip", describe_sip, false },
	{ "service", describe_service, true },
};
const size_t reload_n_sections = COUNT(reload_sections);
