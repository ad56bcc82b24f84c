#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/buf.h"
#include "proxy/base/macros.h"
#include "proxy/status.h"
#include "proxy/status_peers.h"

/* What is told of so many partners must not cost as much as they are: jansson's allocations are
 * counted, not the time. */
static unsigned n_allocations;

static void *count_allocation(size_t size)
{
	n_allocations++;
	return malloc(size);
}

struct scene {
	char path[64];
	struct server *server;
};

static void write_config(const char *path, unsigned n_partners)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("version: 1\n"
	      "domains: [corp.example]\n"
	      "realm: corp.example\n"
	      "listeners:\n"
	      "  - { name: lan, network: lan, bind: 127.0.0.1, port: 5060, transport: tcp }\n"
	      "backends:\n"
	      "  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: ['*'] }\n"
	      "partners:\n"
	      "  routes:\n",
	      file);
	for (unsigned i = 0; i < n_partners; i++)
		fprintf(file,
			"    - { domain: p%05u.example, server: 192.0.2.1, port: 5060, transport: tcp,"
			" trustworthy: true, enabled: %s }\n",
			i, i % 10 == 9 ? "false" : "true");
	assert_int_equal(fclose(file), 0);
}

static void open_scene(struct scene *scene, unsigned n_partners)
{
	struct report *report;
	int fd;

	strcpy(scene->path, "/tmp/test_status.XXXXXX");
	fd = mkstemp(scene->path);
	assert_true(fd >= 0);
	close(fd);
	write_config(scene->path, n_partners);
	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(server_new_offline(scene->path, NULL, report, &scene->server), ERR_OK);
	report_free(report);
	assert_int_equal(loop_new_turned(1000000, &scene->server->loop), ERR_OK);
}

static void close_scene(struct scene *scene)
{
	server_free(scene->server);
	unlink(scene->path);
}

static void fail_peer(const struct scene *scene, const char *id)
{
	struct addr addr;
	struct health *health;

	assert_int_equal(addr_parse("192.0.2.1", 5060, &addr), ERR_OK);
	health = health_of(scene->server->health, id, &addr, TRANSPORT_TCP);
	for (int i = 0; i < 10; i++)
		health_failed(health, REASON_CONNECT_REFUSED, 999000);
}

/* Reads the whole in pieces of size. */
static json_t *read_whole(struct scene *scene, size_t size)
{
	struct http_source source;
	struct buf text;
	char *piece = malloc(size);
	size_t len;
	json_t *json;

	buf_init(&text, 0);
	assert_int_equal(status_source(scene->server, true, &source), ERR_OK);
	while ((len = source.read(source.user, piece, size)) > 0) {
		assert_true(len <= size);
		buf_add(&text, piece, len);
	}
	source.free(source.user);
	json = json_loads(buf_text(&text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	buf_fini(&text);
	free(piece);
	return json;
}

static json_int_t count_of(const json_t *status, const char *list, const char *state)
{
	return json_integer_value(json_object_get(
		json_object_get(json_object_get(status, "counts"), list), state));
}

static size_t n_rows(const json_t *status, const char *list)
{
	return json_array_size(json_object_get(status, list));
}

static const char *text_of(const json_t *status, const char *list, size_t i, const char *key)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(status, list), i), key));
}

static void test_summary(void **state)
{
	struct scene scene;
	json_t *status;

	open_scene(&scene, 100);
	fail_peer(&scene, "partner:p00050.example");
	fail_peer(&scene, "backend:berlin");
	peer_stats_certificate(scene.server->peer_stats, "partner:p00003.example",
			       (int64_t)(loop_wall_us(scene.server->loop) / 1000000) + 86400);
	peer_stats_certificate(scene.server->peer_stats, "partner:p00004.example",
			       (int64_t)(loop_wall_us(scene.server->loop) / 1000000) +
				       20 * 86400);
	status = status_summary(scene.server, true);
	assert_true(json_is_true(json_object_get(status, "summary")));
	assert_false(json_is_true(json_object_get(status, "ok")));
	assert_int_equal(count_of(status, "partners", "down"), 1);
	assert_int_equal(count_of(status, "partners", "unknown"), 89);
	assert_int_equal(count_of(status, "partners", "off"), 10);
	assert_int_equal(count_of(status, "backends", "down"), 1);
	assert_int_equal(count_of(status, "listeners", "up"), 1);
	assert_int_equal(count_of(status, "problems", "error"), 3);
	assert_int_equal(count_of(status, "problems", "warning"), 1);
	assert_int_equal(n_rows(status, "partners"), STATUS_SUMMARY_ROWS);
	assert_string_equal(text_of(status, "partners", 0, "domain"), "p00050.example");
	assert_string_equal(text_of(status, "partners", 1, "domain"), "p00000.example");
	assert_int_equal(n_rows(status, "problems"), 4);
	assert_string_equal(text_of(status, "problems", 0, "severity"), "error");
	assert_string_equal(text_of(status, "problems", 2, "code"),
			    "partner-certificate-expires");
	assert_string_equal(text_of(status, "problems", 2, "severity"), "error");
	assert_string_equal(text_of(status, "problems", 3, "code"),
			    "partner-certificate-expires");
	assert_string_equal(text_of(status, "problems", 3, "severity"), "warning");
	json_decref(status);
	close_scene(&scene);
}

/* All are counted, and some of those that are held back are named. */
static void test_discovered(void **state)
{
	struct scene scene;
	struct discovered_view before;
	json_t *status;
	char domain[64];

	open_scene(&scene, 1);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(domain, sizeof(domain), "d%02u.example", i);
		discovered_sent(scene.server->discovered, domain, 1000000);
		for (unsigned n = 0; i < 20 && n < 20; n++)
			discovered_answered(scene.server->discovered, domain, 404, 1000000);
	}
	assert_int_equal(
		discovered_block(scene.server->discovered, "b.example", "", 1000000, &before),
		ERR_OK);
	status = status_summary(scene.server, true);
	assert_int_equal(count_of(status, "discovered", "new"), 20);
	assert_int_equal(count_of(status, "discovered", "limited"), 20);
	assert_int_equal(count_of(status, "discovered", "blocked"), 1);
	assert_int_equal(count_of(status, "problems", "warning"), 8);
	assert_string_equal(text_of(status, "problems", 0, "code"), "partner-suspicious");
	assert_string_equal(text_of(status, "problems", 0, "where"),
			    "discovered partner d00.example");
	json_decref(status);
	close_scene(&scene);
}

/* The whole has every row, whatever the pieces it is read in, and the same counts. */
static void test_whole(void **state)
{
	static const size_t sizes[] = { 1, 7, 1000, 65536, 10000000 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct scene scene;
		json_t *whole, *summary;

		open_scene(&scene, 100);
		for (unsigned p = 0; p < 40; p++) {
			char id[64];

			snprintf(id, sizeof(id), "partner:p%05u.example", p * 2);
			fail_peer(&scene, id);
		}
		whole = read_whole(&scene, sizes[i]);
		summary = status_summary(scene.server, true);
		assert_int_equal(n_rows(whole, "partners"), 100);
		assert_int_equal(n_rows(whole, "backends"), 1);
		assert_int_equal(n_rows(whole, "problems"), 40);
		assert_int_equal(n_rows(summary, "problems"), STATUS_SUMMARY_ROWS);
		assert_string_equal(text_of(whole, "partners", 99, "domain"), "p00099.example");
		assert_true(json_equal(json_object_get(whole, "counts"),
				       json_object_get(summary, "counts")));
		json_decref(whole);
		json_decref(summary);
		close_scene(&scene);
	}
}

/* A summary of 5,000 partners in trouble is made of as many objects as one of 50. */
static void test_summary_is_bounded(void **state)
{
	unsigned n[2];

	for (size_t i = 0; i < COUNT(n); i++) {
		const unsigned n_partners = i == 0 ? 50 : 5000;
		struct scene scene;

		open_scene(&scene, n_partners);
		for (unsigned p = 0; p < n_partners; p++) {
			char id[64];

			snprintf(id, sizeof(id), "partner:p%05u.example", p);
			fail_peer(&scene, id);
		}
		n_allocations = 0;
		json_decref(status_summary(scene.server, true));
		n[i] = n_allocations;
		close_scene(&scene);
	}
	assert_in_range(n[1], 1, n[0] + 10);
}

/* No piece of the whole costs more than the rows in it, the first one included: all rows
 * together are a million allocations. */
static void test_pieces_are_bounded(void **state)
{
	enum { PIECE = 16384, MAX_ALLOCATIONS = 20000 };
	static char piece[PIECE];
	struct http_source source;
	unsigned n_pieces = 0;
	struct scene scene;
	size_t len;

	open_scene(&scene, 5000);
	n_allocations = 0;
	assert_int_equal(status_source(scene.server, true, &source), ERR_OK);
	do {
		assert_in_range(n_allocations, 0, MAX_ALLOCATIONS);
		n_allocations = 0;
		len = source.read(source.user, piece, sizeof(piece));
		n_pieces++;
	} while (len > 0);
	assert_in_range(n_pieces, 50, 500);
	source.free(source.user);
	close_scene(&scene);
}

/* A client that reads slowly gets the configuration under which it asked. */
static void test_reload_meanwhile(void **state)
{
	struct snapshot_parts parts = { 0 };
	struct http_source source;
	struct snapshot *snapshot;
	struct report *report;
	static char piece[1 << 20];
	struct scene scene;
	size_t len, n = 0;

	open_scene(&scene, 100);
	assert_int_equal(status_source(scene.server, true, &source), ERR_OK);
	len = source.read(source.user, piece, 100);
	write_config(scene.path, 1);
	parts.keys = scene.server->keys;
	parts.addresses = scene.server->addresses;
	parts.previous = scene.server->snapshot;
	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(snapshot_build(scene.path, &parts, report, &snapshot), ERR_OK);
	report_free(report);
	server_swap(scene.server, snapshot);
	for (n = len; (len = source.read(source.user, piece + n, sizeof(piece) - n)) > 0;)
		n += len;
	piece[n] = '\0';
	assert_non_null(strstr(piece, "p00099.example"));
	source.free(source.user);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_discovered),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_summary_is_bounded),
		cmocka_unit_test(test_pieces_are_bounded),
		cmocka_unit_test(test_reload_meanwhile),
	};

	json_set_alloc_funcs(count_allocation, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
