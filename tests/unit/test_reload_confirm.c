/* A reload on trial: what comes back, when, and what is said of it. The clock is turned. */
#include "proxy/reload_confirm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/reload.h"
#include "proxy/server.h"
#include "proxy/status.h"

enum { MINUTE_MS = 60000 };

static const char *const texts[] = {
	"    - { domain: one.example, server: 127.0.0.4, port: 15060, transport: tcp, trustworthy: true }\n",
	"    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, trustworthy: true }\n",
	"    - { domain: three.example, server: 127.0.0.6, port: 15060, transport: tcp, trustworthy: true }\n",
	"    - { domain: faulty.example, nonsense: true }\n",
};

struct scene {
	char path[64];
	struct server *server;
};

static void write_config(const char *path, unsigned text, unsigned port)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file,
		"version: 1\n"
		"domains: [corp.example]\n"
		"realm: corp.example\n"
		"listeners:\n"
		"  - { name: lan, network: lan, bind: 127.0.0.1, port: %u, transport: tcp }\n"
		"  - { name: other, network: lan, bind: 127.0.0.1, port: %u, transport: udp }\n"
		"backends:\n"
		"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, users: ['*'] }\n"
		"partners:\n"
		"  routes:\n%s",
		port, port, texts[text]);
	assert_int_equal(fclose(file), 0);
}

static void open_scene(struct scene *scene)
{
	struct report *report;
	int fd;

	strcpy(scene->path, "/tmp/test_confirm.XXXXXX");
	fd = mkstemp(scene->path);
	assert_true(fd >= 0);
	close(fd);
	write_config(scene->path, 0, 5060);
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

/* Writes the text and reloads; the answer. */
static json_t *reload(struct scene *scene, unsigned text, uint64_t confirm_ms, bool want)
{
	char *answer;
	json_t *json;
	bool ok;

	write_config(scene->path, text, 5060);
	answer = reload_now(scene->server, confirm_ms, &ok);
	assert_int_equal(ok, want);
	json = json_loads(answer, 0, NULL);
	assert_non_null(json);
	free(answer);
	return json;
}

static void do_reload(struct scene *scene, unsigned text, uint64_t confirm_ms, bool want)
{
	json_decref(reload(scene, text, confirm_ms, want));
}

/* The partner of the running configuration. */
static const char *runs(const struct scene *scene)
{
	return scene->server->snapshot->settings->partners.routes[0].domain;
}

static bool has_problem(const struct scene *scene, const char *code)
{
	json_t *status = status_summary(scene->server, true), *problem;
	bool has = false;
	size_t i;

	json_array_foreach(json_object_get(status, "problems"), i, problem)
		has |= strcmp(json_string_value(json_object_get(problem, "code")), code) == 0;
	json_decref(status);
	return has;
}

static void test_comes_back(void **state)
{
	struct scene scene;
	json_t *answer;

	open_scene(&scene);
	answer = reload(&scene, 1, MINUTE_MS, true);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(answer, "confirm"), "left_s")),
			 60);
	json_decref(answer);
	assert_string_equal(runs(&scene), "two.example");
	assert_true(has_problem(&scene, "reload-unconfirmed"));
	loop_turn(scene.server->loop, MINUTE_MS - 1);
	assert_string_equal(runs(&scene), "two.example");
	loop_turn(scene.server->loop, 1);
	assert_string_equal(runs(&scene), "one.example");
	assert_false(reload_confirm_is_pending(scene.server));
	assert_false(has_problem(&scene, "reload-unconfirmed"));
	assert_true(has_problem(&scene, "reload-reverted"));
	assert_non_null(strstr(scene.server->last_reload_text, "not confirmed within 1 min"));
	assert_int_equal(json_array_size(scene.server->confirm.reverted), 2); /* - two, + one */
	assert_int_equal(scene.server->n_reloads_reverted, 1);
	assert_null(reload_confirm_keep(scene.server));
	/* A faulty file is rejected: that is the news then, though what was changed back is
	 * still told. */
	do_reload(&scene, 3, 0, false);
	assert_false(has_problem(&scene, "reload-reverted"));
	assert_true(has_problem(&scene, "reload-rejected"));
	assert_int_equal(json_array_size(scene.server->confirm.reverted), 2);
	/* The file is what it is: another reload takes it, and nothing is said of the revert
	 * any more. */
	do_reload(&scene, 1, 0, true);
	assert_string_equal(runs(&scene), "two.example");
	assert_false(has_problem(&scene, "reload-rejected"));
	assert_null(scene.server->confirm.reverted);
	close_scene(&scene);
}

static void test_confirmed(void **state)
{
	struct scene scene;
	json_t *answer;

	open_scene(&scene);
	do_reload(&scene, 1, MINUTE_MS, true);
	loop_turn(scene.server->loop, 20000);
	answer = reload_confirm_keep(scene.server);
	assert_int_equal(json_integer_value(json_object_get(answer, "left_s")), 40);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 2);
	json_decref(answer);
	loop_turn(scene.server->loop, 10 * MINUTE_MS);
	assert_string_equal(runs(&scene), "two.example");
	assert_null(reload_confirm_keep(scene.server));
	do_reload(&scene, 2, 0, true); /* nothing is in the way any more */
	close_scene(&scene);
}

static void test_reloads_meanwhile(void **state)
{
	struct scene scene;
	json_t *answer;

	open_scene(&scene);
	do_reload(&scene, 1, MINUTE_MS, true);
	loop_turn(scene.server->loop, 30000);
	answer = reload(&scene, 2, 0, false);
	assert_non_null(
		strstr(json_string_value(json_object_get(answer, "text")), "reverted in 30 s"));
	json_decref(answer);
	assert_string_equal(runs(&scene), "two.example");
	assert_true(scene.server->last_reload_ok);
	/* One with faults changes nothing, the time included. */
	do_reload(&scene, 3, MINUTE_MS, false);
	assert_int_equal(timer_left_ms(scene.server->loop, &scene.server->confirm.timer),
			 30000);
	/* A good one on trial counts anew; what comes back is what was confirmed. */
	do_reload(&scene, 2, MINUTE_MS, true);
	assert_string_equal(runs(&scene), "three.example");
	loop_turn(scene.server->loop, MINUTE_MS - 1);
	assert_string_equal(runs(&scene), "three.example");
	loop_turn(scene.server->loop, 1);
	assert_string_equal(runs(&scene), "one.example");
	close_scene(&scene);
}

/* An unchanged file is on trial as well, so that scripts need not tell the cases apart. */
static void test_unchanged(void **state)
{
	struct scene scene;
	json_t *answer;

	open_scene(&scene);
	do_reload(&scene, 0, MINUTE_MS, true);
	answer = reload_confirm_keep(scene.server);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")), 0);
	json_decref(answer);
	do_reload(&scene, 0, MINUTE_MS, true);
	loop_turn(scene.server->loop, MINUTE_MS);
	assert_string_equal(runs(&scene), "one.example");
	close_scene(&scene);
}

/* What came back keeps what it needs of the one that it was, however often; leaks are the
 * sanitizer's. */
static void test_again_and_again(void **state)
{
	struct scene scene;

	open_scene(&scene);
	for (int i = 0; i < 5; i++) {
		do_reload(&scene, 1, MINUTE_MS, true);
		unlink(scene.path); /* it does not come from the file */
		loop_turn(scene.server->loop, MINUTE_MS);
		assert_string_equal(runs(&scene), "one.example");
		assert_non_null(scene.server->snapshot->origin);
		assert_null(scene.server->snapshot->origin->origin);
	}
	do_reload(&scene, 1, MINUTE_MS, true);
	reload_confirm_end(scene.server);
	loop_turn(scene.server->loop, MINUTE_MS);
	assert_string_equal(runs(&scene), "two.example");
	do_reload(&scene, 2, MINUTE_MS, true);
	close_scene(&scene); /* while one waits */
}

static unsigned free_port(int type, unsigned port)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, type, 0);

	if (bind(fd, (struct sockaddr *)&name, len) != 0)
		port = 0;
	else if (getsockname(fd, (struct sockaddr *)&name, &len) == 0)
		port = ntohs(name.sin_port);
	close(fd);
	return port;
}

static unsigned both_free(void)
{
	for (int i = 0; i < 50; i++) {
		unsigned port = free_port(SOCK_STREAM, 0);

		if (free_port(SOCK_DGRAM, port))
			return port;
	}
	fail();
	return 0;
}

static struct snapshot *build(const struct scene *scene, const struct snapshot *previous)
{
	struct snapshot_parts parts = { .keys = scene->server->keys,
					.addresses = scene->server->addresses,
					.previous = previous,
					.n_workers = 1 };
	struct snapshot *snapshot = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(snapshot_build(scene->path, &parts, report, &snapshot), ERR_OK);
	report_free(report);
	return snapshot;
}

static void close_socket(struct listener *listener)
{
	close(listener->sockets->fds[0]); /* as its worker does when it is no more */
	listener->sockets->fds[0] = -1;
}

/* Sockets that were closed are opened again; where that is impossible, the others serve. */
static void test_listeners(void **state)
{
	for (int is_taken = 0; is_taken < 2; is_taken++) {
		struct snapshot_parts parts = { .n_workers = 1 };
		struct snapshot *first, *second, *revived;
		struct sockaddr_in name = { .sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		unsigned port = both_free(), other = both_free();
		struct report *report;
		struct scene scene;
		int thief = -1;

		open_scene(&scene);
		write_config(scene.path, 0, port);
		first = build(&scene, NULL);
		write_config(scene.path, 1, other);
		second = build(&scene, first);
		close_socket(first->listeners[0]);
		close_socket(first->listeners[1]);
		if (is_taken) {
			thief = socket(AF_INET, SOCK_STREAM, 0);
			name.sin_port = htons((uint16_t)port);
			assert_int_equal(bind(thief, (struct sockaddr *)&name, sizeof(name)),
					 0);
			assert_int_equal(listen(thief, 1), 0);
		}
		parts.keys = scene.server->keys;
		parts.addresses = scene.server->addresses;
		parts.previous = second;
		assert_int_equal(report_new(&report), ERR_OK);
		assert_int_equal(snapshot_revive(first, &parts, report, &revived), ERR_OK);
		assert_int_equal(report_n_errors(report) > 0, is_taken);
		assert_int_equal(revived->n_open_listeners, is_taken ? 1 : 2);
		assert_int_equal(revived->generation, second->generation + 1);
		assert_non_null(revived->listeners[1]);
		assert_true(revived->listeners[1]->sockets->fds[0] >= 0);
		if (is_taken) {
			assert_null(revived->listeners[0]);
			server_swap(scene.server, revived);
			assert_true(has_problem(&scene, "listener-closed"));
			close(thief);
		} else {
			snapshot_unref(revived);
		}
		report_free(report);
		snapshot_unref(first);
		snapshot_unref(second);
		close_scene(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),        cmocka_unit_test(test_confirmed),
		cmocka_unit_test(test_reloads_meanwhile), cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_again_and_again),   cmocka_unit_test(test_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
