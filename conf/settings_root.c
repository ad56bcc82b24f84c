#include <string.h>
#include <unistd.h>

#include "conf/settings_tables.h"
#include "conf/value.h"
#include "proxy/base/macros.h"

#define AT(member)        offsetof(struct settings, member)
#define DNS(member)       offsetof(struct settings_dns, member)
#define POLICY(member)    offsetof(struct settings_password_policy, member)
#define REGISTRAR(member) offsetof(struct settings_registrar, member)
#define SIP(member)       offsetof(struct settings_sip, member)
#define LIMITS(member)    offsetof(struct settings_limits, member)
#define LOG(member)       offsetof(struct log_settings, member)
#define SERVICE(member)   offsetof(struct settings_service, member)
#define ADMIN(member)     offsetof(struct settings_admin, member)

enum { MAX_WORKERS = 64 };

static const struct word placements[] = {
	{ "search", PLACEMENT_SEARCH, false },
	{ "balance", PLACEMENT_BALANCE, false },
	{ "reject", PLACEMENT_REJECT, false },
	{ NULL, 0, false },
};

static const struct word levels[] = {
	{ "error", LOG_ERROR, false },
	{ "warning", LOG_WARNING, false },
	{ "info", LOG_INFO, false },
	{ "debug", LOG_DEBUG, false },
	{ NULL, 0, false },
};

static const struct word formats[] = {
	{ "text", 0, false },
	{ "json", 1, false },
	{ NULL, 0, false },
};

static const struct word traces[] = {
	{ "registration", LOG_TRACE_REGISTRATION, false },
	{ "interconnection", LOG_TRACE_INTERCONNECTION, false },
	{ "media", LOG_TRACE_MEDIA, false },
	{ "tls", LOG_TRACE_TLS, false },
	{ "dns", LOG_TRACE_DNS, false },
	{ "all", LOG_TRACE_ALL, false },
	{ NULL, 0, false },
};

static const struct word algorithms[] = {
	{ "md5", 1 << 0, false },
	{ "sha-256", 1 << 1, false },
	{ "sha-512-256", 1 << 2, false },
	{ "all", (1 << 3) - 1, false },
	{ NULL, 0, false },
};

/* clang-format off */
static const struct field dns_fields[] = {
	{ "servers", KIND_ADDRESSES, DNS(servers), 0, SETTINGS_MAX_DNS_SERVERS, NULL, LIVE,
	  "name servers, address or address:port; none: the system's" },
	{ "budget", KIND_DURATION, DNS(budget_ms), 100, 30000, "4s", LIVE,
	  "total time for one request's lookups" },
	{ "negative_ttl", KIND_DURATION, DNS(negative_ttl_ms), 0, 3600000, "30s", LIVE,
	  "how long it is remembered that a name does not exist" },
};

static const struct field policy_fields[] = {
	{ "min_length", KIND_COUNT, POLICY(min_length), 1, 128, "10", LIVE,
	  "characters that `nuncio passwd` asks for" },
	{ "classes", KIND_COUNT, POLICY(classes), 1, 4, "3", LIVE,
	  "how many of lower case, upper case, digits and others must occur" },
};

static const struct field class_fields[] = {
	{ "deny", KIND_TEXTS, offsetof(struct settings_class, deny), 0, 1000, NULL, LIVE,
	  "patterns of what its users may not dial; \"*\" stands for any run of characters" },
};

static const struct field registrar_fields[] = {
	{ "min_expires", KIND_DURATION, REGISTRAR(min_expires_ms), 1000, 86400000, "60s", LIVE,
	  "a registration for less is refused (423)" },
	{ "max_expires", KIND_DURATION, REGISTRAR(max_expires_ms), 1000, 604800000, "1h", LIVE,
	  "a registration for more gets this much" },
	{ "default_expires", KIND_DURATION, REGISTRAR(default_expires_ms), 1000, 604800000, "5m", LIVE,
	  "what a registration gets that asks for no time" },
};

static const struct field sip_fields[] = {
	{ "t1", KIND_DURATION, SIP(t1_ms), 100, 5000, "500ms", LIVE,
	  "round-trip estimate T1 (RFC 3261 17.1.1.1)" },
	{ "timer_c", KIND_DURATION, SIP(timer_c_ms), 180000, 3600000, "3m", LIVE,
	  "how long a call may ring, Timer C (RFC 3261 16.6)" },
	{ "max_breadth", KIND_COUNT, SIP(max_breadth), 1, 1000, "60", LIVE,
	  "branches that one request may have at a time (RFC 5393)" },
	{ "via_name", KIND_HOST, SIP(via_name), 0, 253, "", LIVE,
	  "host in our Via when a listener advertises none; default: its address" },
};

static const struct field limits_fields[] = {
	{ "message_size", KIND_SIZE, LIMITS(message_size_bytes), 4096, 1 << 20, "64KB", LIVE,
	  "the largest SIP message" },
	{ "connections", KIND_COUNT, LIMITS(connections), 1, 1000000, "20000", LIVE,
	  "connections in all" },
	{ "connections_per_source", KIND_COUNT, LIMITS(connections_per_source), 1, 1000000, "200", LIVE,
	  "connections from one address" },
	{ "handshakes", KIND_RATE, LIMITS(handshakes), 1, 1000000, "50/s", LIVE,
	  "TLS handshakes from one address" },
	{ "requests", KIND_RATE, LIMITS(requests), 1, 1000000, "200/s", LIVE,
	  "requests from one address or partner on the wan" },
	{ "transactions", KIND_COUNT, LIMITS(transactions), 1, 10000000, "200000", LIVE,
	  "transactions in all" },
	{ "auth_failures", KIND_RATE, LIMITS(auth_failures), 1, 1000000, "10/m", LIVE,
	  "wrong passwords from one address; beyond, it is ignored for ban" },
	{ "ban", KIND_DURATION, LIMITS(ban_ms), 0, 86400000, "5m", LIVE,
	  "how long such an address is ignored" },
};

static const struct field log_fields[] = {
	{ "level", KIND_WORD, LOG(level), 0, 0, "info", LIVE, "what is written", levels },
	{ "format", KIND_WORD, NOWHERE, 0, 0, "text", LIVE, "text or json", formats },
	{ "directory", KIND_PATH, LOG(directory), 0, 0, "", LIVE,
	  "folder for log files; empty: standard error" },
	{ "max_size", KIND_SIZE, LOG(max_size_bytes), 65536, (uint64_t)1 << 40, "10MB", LIVE,
	  "a log file's largest size" },
	{ "files", KIND_COUNT, LOG(n_files), 1, 1000, "10", LIVE, "how many log files are kept" },
	{ "delete_daily", KIND_BOOL, LOG(delete_daily), 0, 0, "false", LIVE,
	  "delete yesterday's log files at midnight" },
	{ "trace", KIND_WORDS, LOG(trace), 0, 0, "", LIVE, "areas that are written in full", traces },
};

static const struct field service_fields[] = {
	{ "workers", KIND_TEXT, NOWHERE, 1, 8, "auto", RESTART,
	  "threads, 1 to 64; auto: one for each CPU" },
	{ "state_dir", KIND_PATH, SERVICE(state_dir), 1, 0, "/var/lib/nuncio", RESTART,
	  "folder of what must survive a restart" },
	{ "control", KIND_PATH, SERVICE(control), 1, 0, "/run/nuncio/control.sock", RESTART,
	  "socket of the client commands" },
	{ "user", KIND_TEXT, SERVICE(user), 0, 32, "", RESTART,
	  "user to become after the sockets are open; empty: stay" },
};

static const struct field admin_fields[] = {
	{ "http", KIND_ADDRESS_PORT, ADMIN(http), 0, 0, "127.0.0.1:9580", RESTART,
	  "address:port of /healthz, /metrics and status; empty: off" },
};

static void finish_registrar(struct schema_reader *reader, const struct node *node, void *item);
static void finish_log(struct schema_reader *reader, const struct node *node, void *item);
static void finish_service(struct schema_reader *reader, const struct node *node, void *item);
static void finish_admin(struct schema_reader *reader, const struct node *node, void *item);

static const struct table dns_table = { "in dns", dns_fields, COUNT(dns_fields) };
static const struct table policy_table = { "in password_policy", policy_fields, COUNT(policy_fields) };
static void finish_class(struct schema_reader *reader, const struct node *node, void *item);
static const struct table class_table = { "in a class", class_fields, COUNT(class_fields), sizeof(struct settings_class), 0, finish_class };
static const struct table registrar_table = { "in registrar", registrar_fields, COUNT(registrar_fields), 0, 0, finish_registrar };
static const struct table sip_table = { "in sip", sip_fields, COUNT(sip_fields) };
static const struct table limits_table = { "in limits", limits_fields, COUNT(limits_fields) };
static const struct table log_table = { "in log", log_fields, COUNT(log_fields), 0, 0, finish_log };
static const struct table service_table = { "in service", service_fields, COUNT(service_fields), 0, 0, finish_service };
static const struct table admin_table = { "in admin", admin_fields, COUNT(admin_fields), 0, 0, finish_admin };

/* What is copied from one group into another stands before it: domains and tls first. */
static const struct field root_fields[] = {
	{ "version", KIND_COUNT, NOWHERE, 1, 1, "1", LIVE, "layout of this file" },
	{ "include", KIND_TEXTS, NOWHERE, 0, 100, NULL, LIVE,
	  "further files, with * as a pattern: domains, listeners, certificates, backends, routes" },
	{ "domains", KIND_DOMAINS, AT(domains), 0, 10000, NULL, LIVE,
	  "SIP domains that are served here" },
	{ "tls", KIND_GROUP, AT(tls), 0, 0, NULL, NEXT_CONNECTION,
	  "whom we trust, and how", NULL, &settings_tls_table },
	{ "certificates", KIND_NAMED, AT(certificates), 0, 0, NULL, NEXT_CONNECTION,
	  "our certificates, by name", NULL, &settings_certificate_table },
	{ "listeners", KIND_LIST, AT(listeners), 0, 0, NULL, LIVE,
	  "where we are reached", NULL, &settings_listener_table },
	{ "backends", KIND_LIST, AT(backends), 0, 0, NULL, LIVE,
	  "servers on the lan that hold the users", NULL, &settings_backend_table },
	{ "placement", KIND_WORD, AT(placement), 0, 0, "search", LIVE,
	  "a local user that nobody registered and no users names: search (ask the backends in order), "
	  "balance (by weight) or reject", placements },
	{ "partners", KIND_GROUP, AT(partners), 0, 0, NULL, LIVE,
	  "partner domains: static routes", NULL, &settings_partners_table },
	{ "federation", KIND_GROUP, AT(federation), 0, 0, NULL, LIVE,
	  "open federation: domains without a route", NULL, &settings_federation_table },
	{ "dns", KIND_GROUP, AT(dns), 0, 0, NULL, LIVE, "name lookups", NULL, &dns_table },
	{ "nat", KIND_GROUP, AT(nat), 0, 0, NULL, LIVE,
	  "STUN and the public address", NULL, &settings_nat_table },
	{ "media", KIND_GROUP, AT(media), 0, 0, NULL, LIVE, "the relay of RTP", NULL, &settings_media_table },
	{ "realm", KIND_TEXT, AT(realm), 0, 255, NULL, LIVE,
	  "digest realm; without it the first of domains" },
	{ "digest_algorithms", KIND_WORDS, AT(digest_algorithms), 0, 0, "all", LIVE,
	  "with which the users of users_file may authorize; some phones cannot stand to be offered another than md5", algorithms },
	{ "users_file", KIND_FILE, AT(users_file), 0, 0, NULL, LIVE,
	  "users for digest authorization, written by `nuncio passwd`" },
	{ "password_policy", KIND_GROUP, AT(password_policy), 0, 0, NULL, LIVE,
	  "what `nuncio passwd` asks of a password", NULL, &policy_table },
	{ "classes", KIND_NAMED, AT(classes), 0, 0, NULL, LIVE,
	  "classes of service, by name: what phones may dial", NULL, &class_table },
	{ "registrar", KIND_GROUP, AT(registrar), 0, 0, NULL, LIVE,
	  "how long the registrations of backends and phones last", NULL, &registrar_table },
	{ "sip", KIND_GROUP, AT(sip), 0, 0, NULL, LIVE,
	  "protocol values, for experts", NULL, &sip_table },
	{ "limits", KIND_GROUP, AT(limits), 0, 0, NULL, LIVE,
	  "what one source may ask of us", NULL, &limits_table },
	{ "log", KIND_GROUP, AT(log), 0, 0, NULL, LIVE, "diagnostics", NULL, &log_table },
	{ "service", KIND_GROUP, AT(service), 0, 0, NULL, RESTART,
	  "the process", NULL, &service_table },
	{ "admin", KIND_GROUP, AT(admin), 0, 0, NULL, RESTART,
	  "the HTTP side", NULL, &admin_table },
};
/* clang-format on */

static void finish_class(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_class *class = at;

	(void)reader;
	class->place = node->place;
}

/* One fault at the place of the key that breaks the order. */
static void finish_registrar(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct settings_registrar *registrar = at;
	const char *key = "max_expires";
	struct place place;

	if (registrar->default_expires_ms >= registrar->min_expires_ms &&
	    registrar->default_expires_ms <= registrar->max_expires_ms)
		return;
	if (node_get(node, "default_expires"))
		key = "default_expires";
	else if (registrar->default_expires_ms < registrar->min_expires_ms)
		key = "min_expires";
	place = settings_place(node, key);
	report_error(reader->report, FAULT_OUT_OF_RANGE, &place, key,
		     "expected min_expires <= default_expires <= max_expires; their defaults "
		     "are 60s, 5m and 1h");
}

static void finish_log(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct node *format = node_get(node, "format");
	struct log_settings *log = at;

	(void)reader;
	log->is_json = format && strcmp(format->text, "json") == 0;
}

static unsigned n_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > MAX_WORKERS ? MAX_WORKERS : (unsigned)n;
}

static void finish_service(struct schema_reader *reader, const struct node *node, void *at)
{
	const struct node *workers = node_get(node, "workers");
	struct settings_service *service = at;
	uint64_t n;

	service->state_dir_place = settings_place(node, "state_dir");
	service->control_place = settings_place(node, "control");
	service->user_place = settings_place(node, "user");
	service->is_workers_auto = true;
	service->n_workers = n_cpus();
	if (!workers || workers->kind != NODE_SCALAR || strcmp(workers->text, "auto") == 0)
		return;
	if (value_number(workers->text, &n) || n < 1 || n > MAX_WORKERS) {
		report_error(reader->report, FAULT_OUT_OF_RANGE, &workers->place, "workers",
			     "'%.64s', expected auto, or 1 to %d", workers->text, MAX_WORKERS);
		return;
	}
	service->is_workers_auto = false;
	service->n_workers = (unsigned)n;
}

static void finish_admin(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_admin *admin = at;

	(void)reader;
	admin->has_http = addr_is_set(&admin->http);
	admin->http_place = settings_place(node, "http");
}

/* The realm stands between quotes in SIP headers. */
static void finish_root(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings *settings = at;
	struct place place = settings_place(node, "realm");

	if (strpbrk(settings->realm, "\"\\"))
		report_error(reader->report, FAULT_BAD_VALUE, &place, "realm",
			     "quotes or backslashes, expected a text without them");
	if (!*settings->realm)
		settings->realm = settings->n_domains ? settings->domains[0].name : "nuncio";
}

const struct table settings_table = {
	.where = "at the top level",
	.fields = root_fields,
	.n_fields = COUNT(root_fields),
	.item_bytes = sizeof(struct settings),
	.finish = finish_root,
};
