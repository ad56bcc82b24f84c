#include "routing/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/text.h"

/* One house for all tests: a wan and a lan listener, four routes, two backends. */

static const struct settings_domain domains[] = { { .name = "corp.example" },
						  { .name = "corp.test" } };
static const struct settings_text pins[] = { { .text = "sip.hoster.example" },
					     { .text = "edge.partner.example" } };
static const struct settings_text everybody[] = { { .text = "*" } };

enum { PARTNER, SUBDOMAINS, OFF, CARRIER, N_ROUTES };

struct house {
	struct settings settings;
	struct settings_listener settings_listeners[4];
	struct settings_server servers[N_ROUTES][2];
	struct settings_route routes[N_ROUTES];
	struct settings_backend backends[2];
	struct settings_server backend_servers[2][2];
	struct listener listeners[4];
	struct listener *listener_pointers[4];
	char certificates[2];
	struct credentials *credentials[2];
	struct rules_parts parts;
	struct report *report;
	struct rules *rules;
};

static uint64_t hash(void *user, const char *id)
{
	uint64_t sum = *(uint64_t *)user;

	for (; *id; id++)
		sum = sum * 31 + (unsigned char)*id;
	return sum;
}

static void fill_server(struct settings_server *server, const char *host, uint16_t port,
			enum conf_transport transport)
{
	server->host = host;
	server->port = port ? port : 5061;
	server->has_port = port != 0;
	server->transport = transport;
	server->weight = 1;
	if (addr_parse(host, server->port, &server->addr) != ERR_OK)
		server->addr.len = 0;
}

static void fill_route(struct house *house, size_t i, const char *domain)
{
	house->routes[i].domain = domain;
	house->routes[i].is_enabled = true;
	house->routes[i].servers = house->servers[i];
	house->routes[i].n_servers = 1;
	house->routes[i].certificate.index = -1;
	house->routes[i].minimum = CONF_TLS_1_3;
}

static void fill_listener(struct house *house, size_t i, const char *address,
			  enum conf_network network, enum conf_transport transport)
{
	struct listener *listener = &house->listeners[i];

	house->listener_pointers[i] = listener;
	listener->network = network;
	listener->transport = transport;
	house->settings_listeners[i].network = network;
	house->settings_listeners[i].transport = transport;
	assert_int_equal(addr_parse(address, 5060, &listener->addr), ERR_OK);
	if (transport == TRANSPORT_MTLS) {
		listener->certificates[0] = house->credentials[0];
		listener->n_certificates = 1;
	}
}

static void fill_backend(struct house *house, size_t i, const char *name, const char *host,
			 enum conf_transport transport, int listener)
{
	struct settings_backend *backend = &house->backends[i];

	backend->name = name;
	backend->domains = domains;
	backend->n_domains = 1;
	backend->users = everybody;
	backend->n_users = 1;
	backend->weight = 1;
	backend->listener.index = listener;
	backend->username = "";
	backend->servers = house->backend_servers[i];
	backend->n_servers = 1;
	fill_server(&house->backend_servers[i][0], host, 5060, transport);
}

static struct house *house_new(void)
{
	static uint64_t key = 7;
	struct house *house = calloc(1, sizeof(*house));

	assert_non_null(house);
	house->credentials[0] = (struct credentials *)(void *)&house->certificates[0];
	house->credentials[1] = (struct credentials *)(void *)&house->certificates[1];
	fill_listener(house, 0, "192.0.2.10", NETWORK_WAN, TRANSPORT_MTLS);
	fill_listener(house, 1, "10.0.0.2", NETWORK_LAN, TRANSPORT_TCP);
	fill_listener(house, 2, "10.0.0.2", NETWORK_LAN, TRANSPORT_TLS);
	fill_route(house, PARTNER, "partner.example");
	fill_server(&house->servers[PARTNER][0], "edge.partner.example", 0, TRANSPORT_MTLS);
	fill_server(&house->servers[PARTNER][1], "192.0.2.77", 5061, TRANSPORT_MTLS);
	house->routes[PARTNER].n_servers = 2;
	house->routes[PARTNER].identities = pins;
	house->routes[PARTNER].n_identities = 2;
	fill_route(house, SUBDOMAINS, "*.partner.example");
	fill_server(&house->servers[SUBDOMAINS][0], "edge.partner.example", 5061,
		    TRANSPORT_MTLS);
	house->routes[SUBDOMAINS].certificate.index = 1;
	fill_route(house, OFF, "off.example");
	fill_server(&house->servers[OFF][0], "192.0.2.78", 5060,
		    TRANSPORT_UDP); /* there is no such listener */
	house->routes[OFF].is_enabled = false;
	fill_route(house, CARRIER, "carrier.example");
	fill_server(&house->servers[CARRIER][0], "198.51.100.1", 5060, TRANSPORT_TCP);
	fill_backend(house, 0, "berlin", "10.0.1.5", TRANSPORT_TCP, 1);
	fill_backend(house, 1, "munich", "ucserver.lan", TRANSPORT_TLS, 2);

	house->settings.domains = domains;
	house->settings.n_domains = 2;
	/* no partner is spoken to by it */
	house->settings_listeners[3].network = NETWORK_REMOTE;
	house->settings.listeners = house->settings_listeners;
	house->settings.n_listeners = 4;
	house->settings.partners.is_enabled = true;
	house->settings.partners.routes = house->routes;
	house->settings.partners.n_routes = N_ROUTES;
	house->settings.backends = house->backends;
	house->settings.n_backends = 2;
	house->settings.tls.minimum = CONF_TLS_1_2;
	house->parts = (struct rules_parts){ .settings = &house->settings,
					     .listeners = house->listener_pointers,
					     .credentials = house->credentials,
					     .hash = hash,
					     .user = &key };
	assert_int_equal(report_new(&house->report), ERR_OK);
	return house;
}

static void compile(struct house *house, size_t n_errors)
{
	assert_int_equal(rules_new(&house->parts, house->report, &house->rules), ERR_OK);
	assert_int_equal(report_n_errors(house->report), n_errors);
}

static void house_free(struct house *house)
{
	rules_free(house->rules);
	report_free(house->report);
	free(house);
}

static void test_find(void **state)
{
	static const struct {
		const char *name, *domain;
		enum rules_verdict want;
		const char *id;
	} rows[] = {
		{ "the domain", "partner.example", RULES_FOUND, "partner:partner.example" },
		{ "a sub-domain", "a.b.partner.example", RULES_FOUND,
		  "partner:*.partner.example" },
		{ "a look-alike", "notpartner.example", RULES_NONE, NULL },
		{ "switched off", "off.example", RULES_DISABLED, "partner:off.example" },
		{ "our own is no route", "corp.example", RULES_NONE, NULL },
		{ "nothing", "", RULES_NONE, NULL },
	};
	struct house *house = house_new();
	const struct rule *rule;

	compile(house, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		rule = NULL;
		if (rules_find(house->rules, rows[i].domain, &rule) != rows[i].want ||
		    !rule != !rows[i].id || (rule && strcmp(rule->id, rows[i].id) != 0))
			fail_msg("%s", rows[i].name);
	}
	assert_true(rules_is_local_domain(house->rules, "corp.test"));
	assert_false(rules_is_local_domain(house->rules, "sub.corp.test"));
	assert_false(rules_is_local_domain(house->rules, "partner.example"));

	house->settings.partners.is_enabled = false;
	assert_int_equal(rules_find(house->rules, "partner.example", &rule), RULES_ALL_OFF);
	house_free(house);
}

static void test_parts_of_a_rule(void **state)
{
	struct house *house = house_new();
	const struct rule *rule;

	compile(house, 0);
	assert_int_equal(rules_find(house->rules, "partner.example", &rule), RULES_FOUND);
	assert_ptr_equal(rule->route, &house->routes[PARTNER]);
	assert_null(rule->backend);
	assert_int_equal(rule->n_servers, 2);
	assert_true(rule->servers[0].by_srv);
	assert_false(rule->servers[1].by_srv);
	assert_int_equal(addr_port(&rule->servers[1].addr), 5061);
	assert_ptr_equal(rule->listener, &house->listeners[0]);
	assert_ptr_equal(rule->credentials, house->credentials[0]); /* of the listener */
	assert_int_equal(rule->tls_minimum, CONF_TLS_1_3);
	assert_int_equal(rule->n_names, 4); /* one of the two pins is the first server */
	assert_string_equal(rule->names[0], "partner.example");
	assert_string_equal(rule->names[1], "sip.hoster.example");
	assert_string_equal(rule->names[2], "edge.partner.example");
	assert_string_equal(rule->names[3], "192.0.2.77");

	assert_int_equal(rules_find(house->rules, "a.partner.example", &rule), RULES_FOUND);
	assert_ptr_equal(rule->credentials, house->credentials[1]); /* of the route */
	assert_int_equal(rule->n_names, 1);                         /* a pattern is no name */
	assert_string_equal(rule->names[0], "edge.partner.example");

	assert_int_equal(rules_find(house->rules, "carrier.example", &rule), RULES_FOUND);
	assert_ptr_equal(rule->listener, &house->listeners[1]); /* none on the wan speaks TCP */
	assert_null(rule->credentials);
	house_free(house);
}

static void test_backends(void **state)
{
	struct house *house = house_new();
	const struct rule *found[4];

	compile(house, 0);
	assert_int_equal(rules_backends(house->rules, "anna", "corp.example", found, 4), 2);
	assert_int_equal(rules_backends(house->rules, "anna", "corp.test", found, 4), 0);
	assert_int_equal(rules_backends(house->rules, "anna", "corp.example", found, 1), 1);
	assert_int_equal(rules_count(house->rules), N_ROUTES + 2);
	assert_null(rules_at(house->rules, N_ROUTES + 2));

	const struct rule *berlin = rules_at(house->rules, N_ROUTES),
			  *munich = rules_at(house->rules, N_ROUTES + 1);
	assert_string_equal(berlin->id, "backend:berlin");
	assert_ptr_equal(berlin->backend, &house->backends[0]);
	assert_ptr_equal(berlin->listener, &house->listeners[1]);
	assert_ptr_equal(munich->listener, &house->listeners[2]);
	assert_string_equal(munich->names[0], "ucserver.lan");
	assert_string_equal(munich->names[1], "corp.example");
	assert_int_equal(munich->tls_minimum, CONF_TLS_1_2);
	assert_ptr_equal(rules_listener(berlin, TRANSPORT_TLS, &berlin->servers[0].addr),
			 &house->listeners[2]);
	house_free(house);
}

static void test_by_hash(void **state)
{
	struct house *house = house_new();
	const struct rule *rule;

	compile(house, 0);
	for (size_t i = 0; i < rules_count(house->rules); i++) {
		rule = rules_at(house->rules, i);
		assert_ptr_equal(rules_by_hash(house->rules, rule->id_hash),
				 i == OFF ? NULL : rule);
	}
	assert_null(rules_by_hash(house->rules, 1));
	house->settings.partners.is_enabled = false;
	assert_null(rules_by_hash(house->rules, rules_at(house->rules, PARTNER)->id_hash));
	assert_non_null(rules_by_hash(house->rules, rules_at(house->rules, N_ROUTES)->id_hash));
	house_free(house);
}

static void test_backend_with_several_servers(void **state)
{
	struct house *house = house_new();

	house->backends[0].n_servers = 2;
	fill_server(&house->backend_servers[0][1], "10.0.1.6", 5062, TRANSPORT_TLS);
	house->backend_servers[0][1].priority = 2;
	house->backend_servers[0][1].weight = 7;
	compile(house, 0);
	const struct rule *berlin = rules_at(house->rules, N_ROUTES);
	assert_int_equal(berlin->n_servers, 2);
	assert_int_equal(berlin->servers[1].priority, 2);
	assert_int_equal(berlin->servers[1].weight, 7);
	assert_ptr_equal(berlin->listener, &house->listeners[1]);
	assert_ptr_equal(berlin->servers[0].listener, &house->listeners[1]);
	assert_ptr_equal(berlin->servers[1].listener, &house->listeners[2]);
	assert_int_equal(berlin->n_names, 3);
	assert_string_equal(berlin->names[1], "10.0.1.6");
	house_free(house);
}

/* Where it logs on from is dialled by the listener of the transport, its own first. */
static void test_backend_that_logs_on(void **state)
{
	struct house *house = house_new();
	struct addr anywhere;

	house->backends[0].n_servers = 0;
	house->backends[0].username = "ucserver";
	house->listeners[2].certificates[0] = house->credentials[1];
	house->listeners[2].n_certificates = 1;
	compile(house, 0);
	const struct rule *berlin = rules_at(house->rules, N_ROUTES);
	assert_int_equal(addr_parse("10.0.9.9", 5060, &anywhere), ERR_OK);
	assert_int_equal(berlin->n_servers, 0);
	assert_ptr_equal(berlin->listener, &house->listeners[1]);
	assert_ptr_equal(rules_listener(berlin, TRANSPORT_TCP, &anywhere),
			 &house->listeners[1]);
	assert_ptr_equal(rules_listener(berlin, TRANSPORT_TLS, &anywhere),
			 &house->listeners[2]);
	assert_null(rules_listener(berlin, TRANSPORT_UDP, &anywhere));
	assert_ptr_equal(berlin->credentials, house->credentials[1]); /* of the lan */
	assert_int_equal(berlin->n_names, 1);
	assert_string_equal(berlin->names[0], "corp.example");
	assert_ptr_equal(rules_by_hash(house->rules, berlin->id_hash), berlin);
	house_free(house);
}

/* What is asked whether it is alive, and in whose name. */
static void test_probes(void **state)
{
	struct house *house = house_new();
	const struct rule *rule;

	for (size_t i = 0; i < N_ROUTES; i++)
		house->routes[i].probe_ms = 60000;
	house->routes[CARRIER].probe_ms = 0;
	house->backends[0].probe_ms = house->backends[1].probe_ms = 30000;
	house->backends[1].n_servers = 0; /* its log-on shows that it is there */
	house->backends[1].n_domains = 0;
	compile(house, 0);
	assert_int_equal(rules_at(house->rules, PARTNER)->probe_ms, 60000);
	assert_string_equal(rules_at(house->rules, PARTNER)->to_domain, "partner.example");
	assert_string_equal(rules_at(house->rules, SUBDOMAINS)->to_domain, "partner.example");
	assert_int_equal(rules_at(house->rules, OFF)->probe_ms, 0);
	assert_int_equal(rules_at(house->rules, CARRIER)->probe_ms, 0);
	rule = rules_at(house->rules, N_ROUTES);
	assert_int_equal(rule->probe_ms, 30000);
	assert_string_equal(rule->to_domain, "corp.example");
	rule = rules_at(house->rules, N_ROUTES + 1);
	assert_int_equal(rule->probe_ms, 30000); /* by its log-on */
	assert_string_equal(rule->to_domain, "");
	house_free(house);

	house = house_new();
	house->routes[PARTNER].probe_ms = 60000;
	house->settings.partners.is_enabled = false;
	compile(house, 0);
	assert_int_equal(rules_at(house->rules, PARTNER)->probe_ms, 0);
	house_free(house);
}

/* What cannot be reached is told, unless it, or the listener, is switched off. */
static void test_faults(void **state)
{
	struct house *house = house_new();

	house->routes[OFF].is_enabled = true; /* no UDP listener */
	/* it is not enabled: carrier and berlin wait for it */
	house->listener_pointers[1] = NULL;
	compile(house, 1);
	house_free(house);

	house = house_new();
	house->routes[OFF].is_enabled = true;
	house->listener_pointers[1] = NULL;
	/* neither carrier nor berlin has a TCP listener */
	house->settings_listeners[1].transport = TRANSPORT_TLS;
	compile(house, 3);
	house_free(house);

	house = house_new();
	house->listener_pointers[0] = house->listener_pointers[1] = NULL;
	house->settings.partners.is_enabled = false;
	house->settings.n_backends = 0;
	compile(house, 0);
	house_free(house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_parts_of_a_rule),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_by_hash),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_backend_with_several_servers),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_backend_that_logs_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
