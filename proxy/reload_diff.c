#include "proxy/reload_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/value.h"
#include "proxy/base/buf.h"
#include "proxy/base/table.h"
#include "proxy/json_text.h"
#include "proxy/reload_media.h"

enum { MAX_TEXT = 400 }; /* of what is printed of one thing; what is compared has no bound */

/* One kind of named things: how many, their names, and what is to be known of one, in words. */
struct kind {
	const char *what;
	size_t (*count)(const struct snapshot *snapshot);
	const char *(*name)(const struct snapshot *snapshot, size_t i);
	void (*describe)(const struct snapshot *snapshot, size_t i, struct buf *out);
};

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

	buf_printf(out, "%s %s %s", conf_network_text(listener->network), conf_transport_text(listener->transport),
		   addr_text(&listener->addr, addr));
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
	buf_printf(out, "%s, expires %s, SHA-256 %.16s", identity_text(identity, names, sizeof(names)), date,
		   identity->sha256);
}

/* ---- backends ---- */

static void describe_servers(const struct settings_server *servers, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s%s %s:%u", i ? ", " : "", conf_transport_text(servers[i].transport),
			   servers[i].host, servers[i].port);
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
		buf_printf(out, "%slogs on as %s", backend->n_servers ? ", " : "", backend->username);
	buf_printf(out, " by listener %s, weight %u, ", backend->listener.name, backend->weight);
	if (backend->probe_ms && backend->n_servers)
		buf_printf(out, "probed every %u ms, ", backend->probe_ms);
	buf_puts(out, "users");
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
		describe_services(", out", route->services_out, out);
	}
	if (route->redirect == REDIRECT_FOLLOW)
		buf_puts(out, ", redirects followed");
	if (route->max_connections < SETTINGS_MAX_CONNECTIONS)
		buf_printf(out, ", connections %u", route->max_connections);
	if (route->probe_ms)
		buf_printf(out, ", probed every %u ms", route->probe_ms);
	if (*route->stun_server)
		buf_printf(out, ", STUN server %s", route->stun_server);
	if (!route->is_enabled)
		buf_puts(out, ", disabled");
}

static const struct kind kinds[] = {
	{ "listener", count_listeners, listener_name, describe_listener },
	{ "domain", count_domains, domain_name, describe_domain },
	{ "certificate", count_certificates, certificate_name, describe_certificate },
	{ "backend", count_backends, backend_name, describe_backend },
	{ "partner", count_routes, route_name, describe_route },
};

/* ---- the settings that have no name ---- */

struct section {
	const char *name;
	void (*describe)(const struct snapshot *snapshot, struct buf *out);
	bool needs_restart;
};

static void describe_switch(const struct snapshot *snapshot, struct buf *out)
{
	buf_puts(out, snapshot->settings->partners.is_enabled ? "all routes on" : "all routes off");
}

static void describe_tls(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings_tls *tls = &snapshot->settings->tls;
	size_t i;

	buf_printf(out, "minimum %s, keys of %u bits, %s, priority '%s', trust%s", conf_tls_version_text(tls->minimum),
		   tls->min_key_bits, tls->accepts_wildcard ? "wildcards" : "no wildcards", tls->priority,
		   tls->trusts_system ? " system" : "");
	for (i = 0; i < tls->n_trust; i++)
		buf_printf(out, " %s", tls->trust[i].path);
	for (i = 0; i < tls->n_crl; i++)
		buf_printf(out, ", CRL %s", tls->crl[i].path);
	buf_printf(out, ", client EKU rule %d", (int)tls->client_eku);
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

	buf_printf(out, "message_size %llu, connections %u, %u per source, transactions %u, ban %u ms",
		   (unsigned long long)limits->message_size_bytes, limits->connections,
		   limits->connections_per_source, limits->transactions, limits->ban_ms);
	print_rate(out, "handshakes", limits->handshakes);
	print_rate(out, "requests", limits->requests);
	print_rate(out, "auth_failures", limits->auth_failures);
}

static void describe_log(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	static const char *const levels[] = { "error", "warning", "info", "debug" };
	const struct log_settings *log = &settings->log;

	buf_printf(out, "%s, %s, %s, %u files of %llu bytes%s, trace %#x", levels[log->level],
		   log->is_json ? "json" : "text", log->directory && *log->directory ? log->directory : "stderr",
		   log->n_files, (unsigned long long)log->max_size_bytes, log->delete_daily ? ", deleted daily" : "",
		   log->trace);
}

static void describe_dns(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	char addr[ADDR_TEXT_SIZE];
	size_t i;

	buf_printf(out, "budget %u ms, negative_ttl %u ms", settings->dns.budget_ms, settings->dns.negative_ttl_ms);
	for (i = 0; i < settings->dns.n_servers; i++)
		buf_printf(out, ", %s", addr_text(&settings->dns.servers[i], addr));
}

static void describe_placement(const struct snapshot *snapshot, struct buf *out)
{
	static const char *const words[] = { [PLACEMENT_SEARCH] = "search", [PLACEMENT_BALANCE] = "balance",
					     [PLACEMENT_REJECT] = "reject" };

	buf_puts(out, words[snapshot->settings->placement]);
}

static void describe_registrar(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings_registrar *registrar = &snapshot->settings->registrar;

	buf_printf(out, "min_expires %u ms, max_expires %u ms, default_expires %u ms", registrar->min_expires_ms,
		   registrar->max_expires_ms, registrar->default_expires_ms);
}

static void describe_sip(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	buf_printf(out, "t1 %u ms, timer_c %u ms, max_breadth %u, via_name '%s', realm %s", settings->sip.t1_ms,
		   settings->sip.timer_c_ms, settings->sip.max_breadth, settings->sip.via_name, settings->realm);
}

static void describe_service(const struct snapshot *snapshot, struct buf *out)
{
	const struct settings *settings = snapshot->settings;
	const struct settings_service *service = &settings->service;
	char addr[ADDR_TEXT_SIZE] = "off";

	if (settings->admin.has_http)
		addr_text(&settings->admin.http, addr);
	buf_printf(out, "%u workers, state_dir %s, control %s, user '%s', admin.http %s", service->n_workers,
		   service->state_dir, service->control, service->user, addr);
}

static void print_texts(struct buf *out, const char *name, const struct settings_text *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s %s", i ? "" : name, texts[i].text);
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

	buf_printf(out, "monitor %u ms, serve %s", nat->monitor_ms, nat->serves_stun ? "true" : "false");
	print_texts(out, ", stun_servers", nat->stun_servers, nat->n_stun_servers);
}

static const struct section sections[] = {
	{ "partners.enabled", describe_switch,    false },
	{ "federation",       describe_federation, false },
	{ "placement",        describe_placement, false },
	{ "registrar",        describe_registrar, false },
	{ "tls",              describe_tls,       false },
	{ "limits",           describe_limits,    false },
	{ "log",              describe_log,       false },
	{ "dns",              describe_dns,       false },
	{ "nat",              describe_nat,       false },
	{ "media",            reload_describe_media, false },
	{ "sip",              describe_sip,       false },
	{ "service",          describe_service,   true },
};

/* ---- comparing ---- */

static void add(json_t *changes, const char *sign, const char *what, const char *name, const char *text)
{
	json_array_append_new(changes, json_pack("{s:s, s:s, s:o, s:o}", "sign", sign, "what", what, "name",
						 json_text(name), "text", json_text(text)));
}

static void add_change(json_t *changes, const char *what, const char *name, const struct buf *before,
		       const struct buf *after, bool needs_restart)
{
	struct buf text;

	if (!strcmp(buf_text(before), buf_text(after)))
		return;
	buf_init(&text, 0);
	buf_printf(&text, "%s%.*s (was: %.*s)", needs_restart ? "takes effect at the next restart: " : "",
		   MAX_TEXT, buf_text(after), MAX_TEXT, buf_text(before));
	add(changes, "~", what, name, buf_text(&text));
	buf_fini(&text);
}

/* Where one name stands on both sides: ten thousand partners are compared by table, not each with each. */
struct pair {
	UT_hash_handle hh;
	const char *name;
	size_t i_from, i_to; /* SIZE_MAX: it is not there */
};

static void add_pair(json_t *changes, const struct kind *kind, const struct snapshot *from,
		     const struct snapshot *to, const struct pair *pair)
{
	struct buf before, after;
	char text[MAX_TEXT + 1];

	buf_init(&before, 0);
	buf_init(&after, 0);
	if (pair->i_from != SIZE_MAX)
		kind->describe(from, pair->i_from, &before);
	if (pair->i_to != SIZE_MAX)
		kind->describe(to, pair->i_to, &after);
	if (pair->i_from != SIZE_MAX && pair->i_to != SIZE_MAX) {
		add_change(changes, kind->what, pair->name, &before, &after, false);
	} else {
		bool is_new = pair->i_from == SIZE_MAX;

		snprintf(text, sizeof(text), "%s", buf_text(is_new ? &after : &before));
		add(changes, is_new ? "+" : "-", kind->what, pair->name, text);
	}
	buf_fini(&before);
	buf_fini(&after);
}

/* Fills pairs, which has room for both sides: those of to in their order, then those that only from has. Returns how
 * many, or SIZE_MAX if memory is short. */
static size_t pair_up(const struct kind *kind, const struct snapshot *from, const struct snapshot *to,
		      struct pair *pairs)
{
	struct pair *table = NULL, *found;
	size_t n = 0, n_to = kind->count(to), n_from = kind->count(from), i;

	for (i = 0; i < n_to; i++) {
		struct pair *pair = &pairs[n++];

		*pair = (struct pair){ .name = kind->name(to, i), .i_from = SIZE_MAX, .i_to = i };
		HASH_ADD_KEYPTR(hh, table, pair->name, strlen(pair->name), pair);
		HASH_FIND(hh, table, pair->name, strlen(pair->name), found);
		if (!found) {
			HASH_CLEAR(hh, table);
			return SIZE_MAX;
		}
	}
	for (i = 0; i < n_from; i++) {
		const char *name = kind->name(from, i);

		HASH_FIND(hh, table, name, strlen(name), found);
		if (found)
			found->i_from = i;
		else
			pairs[n++] = (struct pair){ .name = name, .i_from = i, .i_to = SIZE_MAX };
	}
	HASH_CLEAR(hh, table);
	return n;
}

static bool diff_kind(json_t *changes, const struct kind *kind, const struct snapshot *from,
		      const struct snapshot *to)
{
	struct pair *pairs = calloc(kind->count(from) + kind->count(to) + 1, sizeof(*pairs));
	size_t n = pairs ? pair_up(kind, from, to, pairs) : SIZE_MAX, i;

	for (i = 0; n != SIZE_MAX && i < n; i++)
		add_pair(changes, kind, from, to, &pairs[i]);
	free(pairs);
	return n != SIZE_MAX;
}

static void diff_section(json_t *changes, const struct section *section, const struct snapshot *from,
			 const struct snapshot *to)
{
	struct buf before, after;

	buf_init(&before, 0);
	buf_init(&after, 0);
	section->describe(from, &before);
	section->describe(to, &after);
	add_change(changes, "settings", section->name, &before, &after, section->needs_restart);
	buf_fini(&before);
	buf_fini(&after);
}

static bool is_same_user(const struct user *a, const struct user *b)
{
	return a->is_locked == b->is_locked && a->is_on_internet == b->is_on_internet && a->max_contacts == b->max_contacts &&
	       !strcmp(a->class, b->class) && !strcmp(a->auth_user, b->auth_user) &&
	       !strcmp(a->ha1.md5, b->ha1.md5) && !strcmp(a->ha1.sha_256, b->ha1.sha_256) &&
	       !strcmp(a->ha1.sha_512_256, b->ha1.sha_512_256);
}

/* Another password in the same file is a change that no text shows. A new username or realm is told elsewhere. */
static void diff_passwords(json_t *changes, const struct snapshot *from, const struct snapshot *to)
{
	char name[128];

	if (strcmp(from->settings->realm, to->settings->realm) != 0)
		return;
	for (size_t i = 0; i < to->settings->n_backends; i++) {
		const struct settings_backend *backend = &to->settings->backends[i];
		const struct backend_secret *is = backend_secrets_of_backend(to->backend_secrets, backend->name),
					    *was = backend_secrets_of_backend(from->backend_secrets, backend->name);

		if (!is || !was || is->proof == was->proof || strcmp(is->backend->username, was->backend->username) != 0)
			continue;
		snprintf(name, sizeof(name), "backend.%s.password", backend->name);
		add(changes, "~", "settings", name, "changed");
	}
}

/* The users file by numbers: it may be long, and who has a new password is nobody's business. */
static void diff_users(json_t *changes, const struct users *from, const struct users *to)
{
	size_t n_to = to ? users_count(to) : 0, n_from = from ? users_count(from) : 0, i;
	size_t n_new = 0, n_changed = 0, n_gone;
	char text[128];

	for (i = 0; i < n_to; i++) {
		const struct user *user = users_at(to, i);
		const struct user *old = from ? users_find(from, user->name) : NULL;

		n_new += !old;
		n_changed += old && !is_same_user(user, old);
	}
	n_gone = n_from - (n_to - n_new);
	if (!n_new && !n_changed && !n_gone)
		return;
	snprintf(text, sizeof(text), "%zu users: %zu new, %zu changed, %zu gone", n_to, n_new, n_changed,
		 n_gone);
	add(changes, "~", "settings", "users_file", text);
}

json_t *reload_diff(const struct snapshot *from, const struct snapshot *to)
{
	json_t *changes = json_array();
	size_t i;

	for (i = 0; changes && i < COUNT(kinds); i++)
		if (!diff_kind(changes, &kinds[i], from, to)) {
			json_decref(changes);
			return NULL;
		}
	for (i = 0; changes && i < COUNT(sections); i++)
		diff_section(changes, &sections[i], from, to);
	if (changes) {
		diff_passwords(changes, from, to);
		diff_users(changes, from->users, to->users);
	}
	return changes;
}
