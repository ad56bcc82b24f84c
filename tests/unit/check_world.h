/* A proxy that looks at itself and at partners in a world of rows: what resolvers answer, and
 * what servers show. Included by the tests of one program each, hence static inline. */
#pragma once

#include "tests/unit/certs.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/buf.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/base/timer.h"
#include "proxy/check_means.h"

enum { WORLD_NEVER = UINT32_MAX, WORLD_MAX = 32 };

/* What one resolver (by the last part of its address) says; without a row a name does not
 * exist. */
struct world_record {
	unsigned resolver; /* 0: each of them */
	const char *name;
	enum dns_type type;
	struct dns_look_answer answer;
	const char *values; /* "10 20 5061 a.example, 20 ..." or "192.0.2.1 ..." */
	uint32_t delay_ms;
};

/* How a server is, by its address; without a row nobody is there. */
struct world_server {
	const char *addr; /* "192.0.2.1:5061" */
	struct check_result result;
	/* TLS versions that it offers: bits of conf_tls_version; 0: 1.2 and 1.3 */
	unsigned versions;
	bool shows_ours; /* our certificate; its look is filled */
	bool never_ends;
};

struct world {
	struct server *server;
	struct check_means means;
	const struct world_record *records;
	size_t n_records;
	const struct world_server *servers;
	size_t n_servers;
	struct world_event {
		struct timer timer;
		struct world *world;
		struct dns_look *look;
		struct dns_look_answer answer;
		struct check_probe *probe;
		struct check_result result;
	} * events[WORLD_MAX];
	unsigned n_asked, n_probed, n_handshakes;
	char folder[32];
	/* What the check said. */
	unsigned n_done;
	char said[16384];
	bool is_unknown;
	size_t n_failures;
};

static inline struct world_event *world_event(struct world *world)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		if (!world->events[i]) {
			world->events[i] = calloc(1, sizeof(struct world_event));
			world->events[i]->world = world;
			return world->events[i];
		}
	fail_msg("more questions at once than the test has room for");
	return NULL;
}

static inline void world_drop(struct world_event *event)
{
	for (size_t i = 0; i < WORLD_MAX; i++)
		if (event->world->events[i] == event)
			event->world->events[i] = NULL;
	timer_stop(&event->timer);
	free(event);
}

static inline void world_on_answer(struct timer *timer)
{
	struct world_event *event = container_of(timer, struct world_event, timer);
	struct dns_look *look = event->look;
	struct dns_look_answer answer = event->answer;

	world_drop(event);
	dns_look_tell(look, &answer);
}

static inline void world_fill(struct dns_look_answer *answer, enum dns_type type,
			      const char *values)
{
	char word[256];
	int used;

	for (; values && *values; values += used + (values[used] == ',')) {
		unsigned priority, weight, port;
		struct dns_srv *srv = &answer->srv[answer->n];

		answer->n_records++;
		if (type != DNS_SRV) {
			assert_int_equal(sscanf(values, " %255s%n", word, &used), 1);
			assert_int_equal(addr_parse(word, 0, &answer->addrs[answer->n++]),
					 ERR_OK);
			continue;
		}
		assert_int_equal(sscanf(values, " %u %u %u %255[^ ,]%n", &priority, &weight,
					&port, srv->target, &used),
				 4);
		srv->priority = (uint16_t)priority;
		srv->weight = (uint16_t)weight;
		srv->port = (uint16_t)port;
		answer->n++;
	}
}

static inline void world_ask(void *user, struct dns_look *look, uint64_t budget_ms)
{
	struct world *world = user;
	struct world_event *event = world_event(world);
	uint32_t delay_ms = 0;
	unsigned resolver = ((const unsigned char *)&look->server.in4.sin_addr)[3];

	world->n_asked++;
	event->look = look;
	event->answer.status = DNS_NO_NAME;
	for (size_t i = 0; i < world->n_records; i++) {
		const struct world_record *record = &world->records[i];

		if (record->type != look->type || strcmp(record->name, look->name) != 0 ||
		    (record->resolver && record->resolver != resolver))
			continue;
		event->answer = record->answer;
		event->answer.ttl_s = 300;
		world_fill(&event->answer, look->type, record->values);
		delay_ms = record->delay_ms;
	}
	if (delay_ms >= budget_ms) {
		event->answer = (struct dns_look_answer){ .status = DNS_TIMEOUT };
		delay_ms = (uint32_t)budget_ms;
	}
	event->answer.took_ms = delay_ms;
	timer_start(world->server->loop, &event->timer, delay_ms, world_on_answer);
}

static inline void world_cancel_look(void *user, struct dns_look *look)
{
	struct world *world = user;

	for (size_t i = 0; i < WORLD_MAX; i++)
		if (world->events[i] && world->events[i]->look == look)
			world_drop(world->events[i]);
}

static inline void world_on_probed(struct timer *timer)
{
	struct world_event *event = container_of(timer, struct world_event, timer);
	struct check_probe *probe = event->probe;
	struct check_result *result = malloc(sizeof(*result));

	*result = event->result;
	world_drop(event);
	check_probe_tell(probe, result);
	free(result);
}

static inline void world_show_ours(struct world *world, struct check_result *result)
{
	struct listener *listener = world->server->snapshot->open_listeners[0];
	struct tls_shown *leaf = &result->look.path[0];
	int64_t now = (int64_t)(loop_wall_us(world->server->loop) / 1000000);

	result->has_tls = result->look.has_chain = true;
	result->identity = (struct identity *)credentials_identity(listener->certificates[0]);
	if (result->look.n == 0)
		result->look.n = result->look.n_sent = 1;
	if (!leaf->not_after)
		leaf->not_after = now + 90 * 86400;
	else /* days from now */
		leaf->not_after = now + leaf->not_after * 86400;
	if (leaf->not_before)
		leaf->not_before = now + leaf->not_before * 86400;
	snprintf(leaf->subject, sizeof(leaf->subject), "CN=edge");
	snprintf(leaf->issuer, sizeof(leaf->issuer), "CN=Some CA");
	snprintf(leaf->key, sizeof(leaf->key), "RSA 2048");
	snprintf(leaf->signature, sizeof(leaf->signature), "RSA-SHA256");
	snprintf(result->diagnosis.version, sizeof(result->diagnosis.version), "TLS1.3");
	result->diagnosis.asked_certificate = result->diagnosis.sent_certificate = true;
}

static inline void world_probe(struct check_prober *prober, struct check_probe *probe,
			       const struct check_question *question)
{
	struct world *world = prober->user;
	struct world_event *event = world_event(world);
	const unsigned usual = 1u << CONF_TLS_1_2 | 1u << CONF_TLS_1_3;
	char addr[ADDR_TEXT_SIZE];

	world->n_probed++;
	event->probe = probe;
	event->result = (struct check_result){ .stage = CHECK_CONNECT,
					       .reason = REASON_CONNECT_TIMEOUT };
	event->result.diagnosis.alert = -1;
	addr_text(&question->hop->remote, addr);
	for (size_t i = 0; i < world->n_servers; i++) {
		const struct world_server *server = &world->servers[i];
		unsigned versions = server->versions ? server->versions : usual;

		if (strcmp(server->addr, addr) != 0)
			continue;
		if (server->never_ends)
			return;
		event->result = server->result;
		event->result.diagnosis.alert = -1;
		if (server->shows_ours)
			world_show_ours(world, &event->result);
		if (question->only) {
			world->n_handshakes++;
			event->result.look.has_chain = versions & 1u << question->only;
		}
	}
	timer_start(world->server->loop, &event->timer, 5, world_on_probed);
}

static inline void world_cancel_probe(struct check_prober *prober, struct check_probe *probe)
{
	struct world *world = prober->user;

	for (size_t i = 0; i < WORLD_MAX; i++)
		if (world->events[i] && world->events[i]->probe == probe)
			world_drop(world->events[i]);
}

static const struct dns_look_ops world_look_ops = { world_ask, world_cancel_look };
static const struct check_prober_ops world_prober_ops = { world_probe, world_cancel_probe };

/* What a check said: "state fact/code: evidence" a line. */
static inline void world_on_done(void *user, const struct check_rows *rows)
{
	struct world *world = user;
	size_t len = 0;

	world->n_done++;
	world->said[0] = '\0';
	for (size_t i = 0; i < rows->n && len < sizeof(world->said); i++)
		len += (size_t)snprintf(
			world->said + len, sizeof(world->said) - len, "%s %s%s%s: %s [%s]\n",
			check_state_text(rows->rows[i].state), rows->rows[i].fact,
			*rows->rows[i].code ? "/" : "", rows->rows[i].code,
			rows->rows[i].evidence, rows->rows[i].remedy);
	world->is_unknown = rows->is_unknown;
	world->n_failures = check_rows_count(rows, CHECK_FAIL);
	assert_int_equal(rows->err, ERR_OK);
}

static inline void world_write(const char *folder, const char *name, const char *text)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Addresses of a configuration that this host has, for those that the test wants. */
static const struct {
	const char *wanted, *host;
} world_addresses[] = {
	{ "203.0.113.7", "127.0.0.7" },
	{ "10.99.0.7", "127.0.0.8" },
	{ "'2001:db8::7'", "'::1'" },
};

static inline void world_put_addresses(char *text, size_t size)
{
	char copy[4096], *at;

	for (size_t i = 0; i < COUNT(world_addresses); i++)
		while ((at = strstr(text, world_addresses[i].wanted))) {
			snprintf(copy, sizeof(copy), "%.*s%s%s", (int)(at - text), text,
				 world_addresses[i].host,
				 at + strlen(world_addresses[i].wanted));
			snprintf(text, size, "%s", copy);
		}
}

/* The listeners stand at the wanted ones again: nothing is bound. */
static inline void world_take_addresses(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_open_listeners; i++) {
		struct listener *listener = snapshot->open_listeners[i];
		char host[ADDR_TEXT_SIZE], text[ADDR_TEXT_SIZE];
		const uint16_t port = addr_port(&listener->addr);

		addr_host(&listener->addr, host);
		for (size_t k = 0; k < COUNT(world_addresses); k++) {
			const char *wanted = world_addresses[k].wanted +
					     (*world_addresses[k].wanted == '\'');

			if (strncmp(world_addresses[k].host +
					    (*world_addresses[k].host == '\''),
				    host, strlen(host)) != 0)
				continue;
			snprintf(text, sizeof(text), "%.*s", (int)strcspn(wanted, "'"), wanted);
			assert_int_equal(addr_parse(text, port, &listener->addr), ERR_OK);
			if (strcmp(listener->host, host) == 0)
				snprintf(listener->host, sizeof(listener->host), "%s", text);
		}
	}
}

/* config: the lines behind version, certificates, tls and dns. names: of our certificate
 * "edge". */
static inline void world_open(struct world *world, const char *config,
			      const char *const names[8])
{
	struct cert_spec spec = { .cn = "edge" };
	struct cert cert;
	struct report *report;
	char path[96], text[4096];

	memset(world, 0, sizeof(*world));
	strcpy(world->folder, "/tmp/nuncio-check-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	memcpy(spec.dns, names, sizeof(spec.dns));
	cert = cert_make(&spec, NULL);
	snprintf(path, sizeof(path), "%s/edge.pem", world->folder);
	cert_write_crt(path, false, &cert, GNUTLS_X509_FMT_PEM);
	snprintf(path, sizeof(path), "%s/edge.key", world->folder);
	cert_write_key(path, &cert);
	cert_free(&cert);
	snprintf(text, sizeof(text),
		 "version: 1\ncertificates:\n  edge: { chain: edge.pem, key: edge.key }\n"
		 "tls: { trust: [edge.pem] }\ndns: { servers: [192.0.2.53, 192.0.2.54] }\n%s",
		 config);
	world_put_addresses(text, sizeof(text));
	world_write(world->folder, "nuncio.yaml", text);
	snprintf(path, sizeof(path), "%s/nuncio.yaml", world->folder);
	assert_int_equal(report_new(&report), ERR_OK);
	if (server_new_offline(path, NULL, report, &world->server)) {
		struct buf faults;

		buf_init(&faults, 0);
		report_print(report, false, &faults);
		fail_msg("%s", buf_text(&faults));
	}
	report_free(report);
	world_take_addresses(world->server->snapshot);
	if (!world->server->loop)
		assert_int_equal(loop_new_turned(1000, &world->server->loop), ERR_OK);
	world->means =
		(struct check_means){ .server = world->server,
				      .looker = { world->server->loop, &world_look_ops, world },
				      .prober = { world->server->loop, &world_prober_ops,
						  world } };
}

static inline void world_close(struct world *world)
{
	char command[64];

	for (size_t i = 0; i < WORLD_MAX; i++)
		assert_null(world->events[i]); /* nobody asks any more */
	server_free(world->server);
	snprintf(command, sizeof(command), "rm -r %s", world->folder);
	assert_int_equal(system(command), 0);
}

/* Turns the clock until the check is done, eleven seconds at most. */
static inline void world_turn(struct world *world)
{
	for (int i = 0; i < 1100 && !world->n_done; i++)
		loop_turn(world->server->loop, 10);
	assert_int_equal(world->n_done, 1);
}

static unsigned world_n_wrong; /* rows that came otherwise than wanted */

/* Each of the words, separated by "|", is in what was said; one that begins with "!" is not. */
static inline void world_expect(const struct world *world, const char *name, const char *words)
{
	char list[1024];
	char *save = NULL;

	snprintf(list, sizeof(list), "%s", words);
	for (char *word = strtok_r(list, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
		bool is_unwanted = *word == '!';

		if ((strstr(world->said, word + is_unwanted) != NULL) == is_unwanted) {
			print_error("%s: '%s' in\n%s", name, word, world->said);
			world_n_wrong++;
		}
	}
}
