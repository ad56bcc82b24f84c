#include "routing/locate.h"

#include "proxy/base/text.h"
#include "tests/unit/fake_dns.h"

/* A backend with its servers and the ways in which it has logged on, in a house with an IPv4
 * listener for each transport but TLS, and one for IPv6 over TCP. */

enum { MAX_SERVERS = 2, MAX_LOGONS = 4, MAX_DEAD = 3, NOW_MS = 100000 };

static const struct fake_record records[] = {
	{ "b.corp.example", DNS_A, DNS_FOUND, 0, "10.0.1.9" },
};

struct server_row {
	const char *host;
	uint16_t port, priority;
	enum conf_transport transport;
};

struct logon_row {
	uint64_t flow_id;
	enum conf_transport transport;
	const char *source;
	uint16_t port;
	const char *reach; /* NULL: by its connection alone */
	uint16_t reach_port;
	enum conf_transport reach_transport;
	uint64_t since_ms, expires_ms;
};

struct dead_row {
	const char *host;
	uint16_t port;
	enum conf_transport transport;
};

#define UDP   TRANSPORT_UDP
#define TCP   TRANSPORT_TCP
#define TLS   TRANSPORT_TLS
#define LATER 200000

/* clang-format off */
static const struct row {
	const char *name;
	struct server_row servers[MAX_SERVERS];
	struct logon_row logons[MAX_LOGONS];
	struct dead_row dead[MAX_DEAD];
	enum reason reason;
	const char *want; /* "#7" is the connection 7 */
} rows[] = {
	{ "nobody has logged on, and there are no servers", { { 0 } }, { { 0 } }, { { 0 } }, REASON_NOT_LOGGED_ON, "" },
	{ "a connection", { { 0 } }, { { 7, TCP, "10.0.1.1", 40000, NULL, 0, UDP, 1, LATER } }, { { 0 } },
	  REASON_NONE, "tcp 10.0.1.1:40000#7" },
	{ "a connection, and where it can be dialled", { { 0 } },
	  { { 7, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, TCP, 1, LATER } }, { { 0 } },
	  REASON_NONE, "tcp 10.0.1.1:40000#7 tcp 10.0.1.1:5060" },
	{ "the connection is gone: dialled", { { 0 } },
	  { { 0, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, TCP, 1, LATER } }, { { 0 } }, REASON_NONE, "tcp 10.0.1.1:5060" },
	{ "by datagrams", { { 0 } }, { { 0, UDP, "10.0.1.1", 5060, "10.0.1.1", 5070, UDP, 1, LATER } }, { { 0 } },
	  REASON_NONE, "udp 10.0.1.1:5070" },
	{ "dialled by another transport than it came by", { { 0 } },
	  { { 7, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, UDP, 1, LATER } }, { { 0 } },
	  REASON_NONE, "tcp 10.0.1.1:40000#7 udp 10.0.1.1:5060" },
	{ "connections, then what is dialled, then servers",
	  { { "10.0.1.8", 5060, 2, TCP }, { "10.0.1.7", 5060, 1, TCP } },
	  { { 7, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, TCP, 1, LATER }, { 8, TCP, "10.0.1.2", 40000, NULL, 0, UDP, 2, LATER } },
	  { { 0 } }, REASON_NONE,
	  "tcp 10.0.1.2:40000#8 tcp 10.0.1.1:40000#7 tcp 10.0.1.1:5060 tcp 10.0.1.7:5060 tcp 10.0.1.8:5060" },
	{ "servers by name as well", { { "b.corp.example", 5060, 1, TCP } },
	  { { 7, TCP, "10.0.1.1", 40000, NULL, 0, UDP, 1, LATER } }, { { 0 } }, REASON_NONE,
	  "tcp 10.0.1.1:40000#7 tcp 10.0.1.9:5060" },
	{ "the newest connection first", { { 0 } },
	  { { 7, TCP, "10.0.1.1", 40000, NULL, 0, UDP, 1, LATER }, { 9, TCP, "10.0.1.1", 40002, NULL, 0, UDP, 3, LATER },
	    { 8, TCP, "10.0.1.1", 40001, NULL, 0, UDP, 2, LATER } }, { { 0 } }, REASON_NONE,
	  "tcp 10.0.1.1:40002#9 tcp 10.0.1.1:40001#8 tcp 10.0.1.1:40000#7" },
	{ "an expired one is none", { { "10.0.1.7", 5060, 1, TCP } },
	  { { 7, TCP, "10.0.1.1", 40000, NULL, 0, UDP, 1, NOW_MS }, { 8, TCP, "10.0.1.1", 40001, NULL, 0, UDP, 1, NOW_MS + 1 } },
	  { { 0 } }, REASON_NONE, "tcp 10.0.1.1:40001#8 tcp 10.0.1.7:5060" },
	{ "all are expired", { { 0 } }, { { 7, TCP, "10.0.1.1", 40000, NULL, 0, UDP, 1, 5 } }, { { 0 } }, REASON_NOT_LOGGED_ON, "" },
	{ "a dead connection comes last", { { "10.0.1.7", 5060, 1, TCP } },
	  { { 7, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, TCP, 1, LATER } }, { { "10.0.1.1", 40000, TCP } }, REASON_NONE,
	  "tcp 10.0.1.1:5060 tcp 10.0.1.7:5060 tcp 10.0.1.1:40000#7" },
	{ "the dead keep their order", { { "10.0.1.7", 5060, 1, TCP } },
	  { { 7, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, TCP, 1, LATER } },
	  { { "10.0.1.1", 5060, TCP }, { "10.0.1.1", 40000, TCP } }, REASON_NONE,
	  "tcp 10.0.1.7:5060 tcp 10.0.1.1:40000#7 tcp 10.0.1.1:5060" },
	{ "all are dead: in their order", { { "10.0.1.7", 5060, 1, TCP } },
	  { { 7, TCP, "10.0.1.1", 40000, "10.0.1.1", 5060, TCP, 1, LATER } },
	  { { "10.0.1.7", 5060, TCP }, { "10.0.1.1", 5060, TCP }, { "10.0.1.1", 40000, TCP } }, REASON_NONE,
	  "tcp 10.0.1.1:40000#7 tcp 10.0.1.1:5060 tcp 10.0.1.7:5060" },
	{ "dead by UDP is not dead by TCP", { { 0 } },
	  { { 0, UDP, "10.0.1.1", 5060, "10.0.1.1", 5060, UDP, 1, LATER }, { 0, TCP, "10.0.1.1", 5060, "10.0.1.1", 5060, TCP, 2, LATER } },
	  { { "10.0.1.1", 5060, UDP } }, REASON_NONE, "tcp 10.0.1.1:5060 udp 10.0.1.1:5060" },
	{ "IPv6 over TCP, where a listener is", { { 0 } }, { { 7, TCP, "2001:db8::1", 40000, "2001:db8::1", 5060, TCP, 1, LATER } },
	  { { 0 } }, REASON_NONE, "tcp [2001:db8::1]:40000#7 tcp [2001:db8::1]:5060" },
	{ "IPv6 by datagrams, from a socket for IPv4", { { 0 } }, { { 0, UDP, "2001:db8::1", 5060, "2001:db8::1", 5060, UDP, 1, LATER } },
	  { { 0 } }, REASON_NO_LISTENER, "" },
	{ "no listener for what it logged on by", { { 0 } }, { { 7, TLS, "10.0.1.1", 40000, NULL, 0, UDP, 1, LATER } },
	  { { 0 } }, REASON_NO_LISTENER, "" },
	{ "... but for a server", { { "10.0.1.7", 5060, 1, TCP } }, { { 7, TLS, "10.0.1.1", 40000, NULL, 0, UDP, 1, LATER } },
	  { { 0 } }, REASON_NONE, "tcp 10.0.1.7:5060" },
};
/* clang-format on */

struct fixture {
	struct loop *loop;
	struct fake_dns fake;
	struct dns *dns;
	struct health_table *health;
	struct location *location;
	struct listener ipv4, ipv6;
	struct settings_backend backend;
	struct rule rule;
	struct rule_server servers[MAX_SERVERS];
	unsigned n_done;
	enum reason reason;
	char hops[1000];
};

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static void add_servers(struct fixture *f, const struct row *row)
{
	for (size_t i = 0; i < MAX_SERVERS && row->servers[i].host; i++) {
		struct rule_server *server = &f->servers[f->rule.n_servers++];

		text_copy(server->host, sizeof(server->host), row->servers[i].host);
		server->port = row->servers[i].port;
		server->priority = row->servers[i].priority;
		server->transport = row->servers[i].transport;
		if (addr_parse(server->host, server->port, &server->addr) != ERR_OK)
			server->addr.len = 0;
	}
}

static void add_logons(struct fixture *f, const struct row *row)
{
	for (size_t i = 0; i < MAX_LOGONS && row->logons[i].source; i++) {
		const struct logon_row *from = &row->logons[i];
		struct logon logon = { .backend = "berlin",
				       .flow_id = from->flow_id,
				       .transport = from->transport,
				       .source = address(from->source, from->port),
				       .reach_transport = from->reach_transport,
				       .since_ms = from->since_ms,
				       .expires_ms = from->expires_ms };

		if (from->reach)
			logon.reach = address(from->reach, from->reach_port);
		assert_int_equal(location_log_on(f->location, &logon, 1), ERR_OK);
	}
}

static void add_dead(struct fixture *f, const struct row *row)
{
	for (size_t i = 0; i < MAX_DEAD && row->dead[i].host; i++) {
		const struct addr addr = address(row->dead[i].host, row->dead[i].port);

		health_failed(health_of(f->health, f->rule.id, &addr, row->dead[i].transport),
			      REASON_NO_ANSWER, NOW_MS);
	}
}

static struct fixture *fixture_new(const struct row *row)
{
	static const enum conf_transport transports[] = { UDP, TCP };
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_new_turned(NOW_MS, &f->loop), ERR_OK);
	f->dns = fake_dns_new(&f->fake, f->loop, records, COUNT(records));
	assert_int_equal(health_table_new(&f->health), ERR_OK);
	assert_int_equal(location_new(&(struct location_limits){ 100, 100 }, &f->location),
			 ERR_OK);
	f->ipv4.addr = address("10.0.0.1", 5060);
	f->ipv6.addr = address("2001:db8::10", 5060);
	for (size_t i = 0; i < COUNT(transports); i++)
		f->rule.listeners[transports[i]][0] = f->rule.listeners[transports[i]][1] =
			&f->ipv4;
	f->rule.listeners[TCP][1] = &f->ipv6;
	f->backend.username = "ucs";
	f->backend.name = "berlin";
	f->rule.backend = &f->backend;
	f->rule.servers = f->servers;
	strcpy(f->rule.id, "backend:berlin");
	add_servers(f, row);
	add_logons(f, row);
	add_dead(f, row);
	return f;
}

static void fixture_free(struct fixture *f)
{
	assert_int_equal(f->fake.n_open, 0);
	dns_free(f->dns);
	location_free(f->location);
	health_table_free(f->health);
	loop_free(f->loop);
	free(f);
}

static void on_done(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		    const char *evidence)
{
	struct fixture *f = user;
	char text[ADDR_TEXT_SIZE], flow[32];
	size_t len = 0;

	f->n_done++;
	f->reason = reason;
	for (size_t i = 0; i < n_hops; i++) {
		flow[0] = '\0';
		if (hops[i].flow_id)
			(void)snprintf(flow, sizeof(flow), "#%llu",
				       (unsigned long long)hops[i].flow_id);
		assert_ptr_equal(hops[i].listener,
				 addr_is_ipv6(&hops[i].remote) ? &f->ipv6 : &f->ipv4);
		assert_string_equal(hops[i].peer, "backend:berlin");
		len += (size_t)snprintf(f->hops + len, sizeof(f->hops) - len, "%s%s %s%s",
					i ? " " : "", conf_transport_text(hops[i].transport),
					addr_text(&hops[i].remote, text), flow);
	}
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture *f = fixture_new(&rows[i]);
		const struct target target = { .rule = &f->rule };

		assert_non_null(locate_start(f->loop, f->dns, f->health, f->location, &target,
					     4000, on_done, f));
		assert_int_equal(f->n_done, 0);
		loop_turn(f->loop, 0);
		assert_int_equal(f->n_done, 1);
		if (f->reason != rows[i].reason || strcmp(f->hops, rows[i].want) != 0)
			fail_msg("%s: %s, '%s'", rows[i].name, reason_code(f->reason), f->hops);
		fixture_free(f);
	}
}

/* As many logons as a backend may have, each of which can be dialled: the hops are bounded,
 * connections first. */
static void test_full(void **state)
{
	static const struct row row = { .servers = { { "10.0.1.7", 5060, 1, TCP } } };
	struct fixture *f = fixture_new(&row);
	const struct target target = { .rule = &f->rule };

	for (unsigned i = 1; i <= LOCATION_MAX_LOGONS; i++) {
		struct logon logon = { .backend = "berlin",
				       .flow_id = i,
				       .transport = TCP,
				       .reach_transport = TCP,
				       .source = address("10.0.1.1", (uint16_t)(40000 + i)),
				       .reach = address("10.0.1.1", (uint16_t)(5060 + i)),
				       .expires_ms = LATER };

		assert_int_equal(location_log_on(f->location, &logon, i), ERR_OK);
	}
	assert_non_null(locate_start(f->loop, f->dns, f->health, f->location, &target, 4000,
				     on_done, f));
	loop_turn(f->loop, 0);
	assert_int_equal(f->reason, REASON_NONE);
	assert_true(text_starts_with(f->hops, "tcp 10.0.1.1:40008#8 tcp 10.0.1.1:40007#7"));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
					    cmocka_unit_test(test_full) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
