#include "proxy/partners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/base/macros.h"

struct scene {
	char path[64];
	struct server *server;
};

static const char config[] =
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: lan, network: lan, bind: 127.0.0.1, port: 5060, transport: tcp }\n"
	"  - { name: wan, network: wan, bind: 127.0.0.1, port: 5070, transport: tcp }\n"
	"partners: { routes: [\n"
	"  { domain: one.example, server: 192.0.2.1, port: 5070, transport: tcp },\n"
	"  { domain: off.example, server: 192.0.2.1, port: 5070, transport: tcp, enabled: false },\n"
	"  { domain: '*.wide.example', server: 192.0.2.1, port: 5070, transport: tcp } ] }\n"
	"federation: { deny: [bad.example], allow: ['*.example', bad.example.com] }\n";

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct report *report;
	int fd;

	strcpy(scene->path, "/tmp/test_partners.XXXXXX");
	fd = mkstemp(scene->path);
	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	close(fd);
	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(server_new_offline(scene->path, NULL, report, &scene->server), ERR_OK);
	report_free(report);
	assert_int_equal(loop_new_turned(1000000, &scene->server->loop), ERR_OK);
	discovered_set_clock(scene->server->discovered, 1000000,
			     loop_wall_us(scene->server->loop));
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	server_free(scene->server);
	unlink(scene->path);
	free(scene);
	return 0;
}

static json_t *read_list(struct server *server, size_t size)
{
	struct http_source source;
	char *piece = malloc(size);
	struct buf text;
	json_t *json;
	size_t len;

	assert_int_equal(partners_list(server, &source), ERR_OK);
	buf_init(&text, 0);
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

static const char *text_of(const json_t *json, const char *list, size_t i, const char *key)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(json, list), i), key));
}

static size_t n_rows(const json_t *json, const char *list)
{
	return json_array_size(json_object_get(json, list));
}

static enum partners_outcome say(struct scene *scene, enum partners_word word, const char *body,
				 json_t **out_json)
{
	char text[256];

	*out_json = NULL;
	return partners_say(scene->server, word, body, strlen(body), out_json, text);
}

static void see(struct scene *scene, const char *domain)
{
	const struct discovered_question question = { domain, "anna", "corp.example", 1000000 };
	unsigned retry_after_s;

	(void)discovered_request(scene->server->discovered, &question, &retry_after_s);
}

/* Whole, in order, whatever the pieces it is read in. */
static void test_list(void **state)
{
	static const size_t sizes[] = { 1, 100, 65536 };
	struct scene *scene = *state;
	char domain[64];

	for (unsigned i = 0; i < 500; i++) {
		snprintf(domain, sizeof(domain), "d%03u.example", 499 - i);
		see(scene, domain);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		json_t *list = read_list(scene->server, sizes[i]);

		assert_int_equal(n_rows(list, "routes"), 3);
		assert_int_equal(n_rows(list, "discovered"), 500);
		assert_string_equal(text_of(list, "routes", 0, "domain"), "one.example");
		assert_string_equal(text_of(list, "discovered", 0, "domain"), "d000.example");
		assert_string_equal(text_of(list, "discovered", 499, "domain"), "d499.example");
		json_decref(list);
	}
}

static void test_show(void **state)
{
	struct scene *scene = *state;
	json_t *shown;

	assert_null(partners_show(scene->server, "a.example"));
	see(scene, "a.example");
	shown = partners_show(scene->server, "a.example");
	assert_int_equal(n_rows(shown, "routes"), 0);
	assert_string_equal(text_of(shown, "discovered", 0, "state"), "new");
	assert_string_equal(text_of(shown, "discovered", 0, "listed"), "allowed");
	json_decref(shown);
	shown = partners_show(scene->server, "x.wide.example");
	assert_string_equal(text_of(shown, "routes", 0, "domain"), "*.wide.example");
	assert_int_equal(n_rows(shown, "discovered"), 0);
	json_decref(shown);
}

static void test_say(void **state)
{
	static const struct {
		enum partners_word word;
		const char *body;
		enum partners_outcome outcome;
		const char *is, *was; /* NULL: not known */
	} rows[] = {
		{ PARTNERS_BLOCK, "{\"domain\":\"A.example.\",\"reason\":\"spam\"}",
		  PARTNERS_DONE, "blocked", NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"a.example\"}", PARTNERS_DONE, "approved",
		  "blocked" },
		{ PARTNERS_APPROVE, "{\"domain\":\"a.example\",\"until\":\"2131-12-31\"}",
		  PARTNERS_DONE, "approved", "approved" },
		{ PARTNERS_APPROVE,
		  "{\"domain\":\"a.example\",\"until\":\"2131-12-31T01:02:03Z\"}",
		  PARTNERS_DONE, "approved", "approved" },
		{ PARTNERS_FORGET, "{\"domain\":\"a.example\"}", PARTNERS_DONE, NULL,
		  "approved" },
		{ PARTNERS_FORGET, "{\"domain\":\"a.example\"}", PARTNERS_UNKNOWN, NULL, NULL },
		{ PARTNERS_BLOCK, "{\"domain\":\"one.example\"}", PARTNERS_HAS_ROUTE, NULL,
		  NULL },
		{ PARTNERS_BLOCK, "{\"domain\":\"off.example\"}", PARTNERS_HAS_ROUTE, NULL,
		  NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"x.wide.example\"}", PARTNERS_HAS_ROUTE, NULL,
		  NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"wide.example\"}", PARTNERS_DONE, "approved",
		  NULL },
		{ PARTNERS_BLOCK, "{\"domain\":\"corp.example\"}", PARTNERS_OWN, NULL, NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"a.example\",\"until\":\"2131-13-31\"}",
		  PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"a.example\",\"until\":\"2131-12-31 01:02\"}",
		  PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"a.example\",\"until\":7}", PARTNERS_QUESTION,
		  NULL, NULL },
		{ PARTNERS_APPROVE, "{\"domain\":\"a.example\",\"untill\":\"2131-12-31\"}",
		  PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_BLOCK, "{\"domain\":\"a.example\",\"reason\":\"a\\u0007b\"}",
		  PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_BLOCK, "{\"domain\":\"192.0.2.1\"}", PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_BLOCK, "{\"domain\":\"a.example\",\"domain\":\"b.example\"}",
		  PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_BLOCK, "", PARTNERS_QUESTION, NULL, NULL },
		{ PARTNERS_BLOCK, "[]", PARTNERS_QUESTION, NULL, NULL },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *json;
		const char *is, *was;

		if (say(scene, rows[i].word, rows[i].body, &json) != rows[i].outcome)
			fail_msg("%s", rows[i].body);
		is = text_of(json, "discovered", 0, "state");
		was = text_of(json, "before", 0, "state");
		if (!is != !rows[i].is || (is && strcmp(is, rows[i].is) != 0) ||
		    !was != !rows[i].was || (was && strcmp(was, rows[i].was) != 0))
			fail_msg("%s: %s, was %s", rows[i].body, is ? is : "nothing",
				 was ? was : "nothing");
		json_decref(json);
	}
}

/* What was said changes nothing of what the configuration says, so that is told beside it. */
static void test_obstacles(void **state)
{
	struct scene *scene = *state;
	json_t *json;

	assert_int_equal(say(scene, PARTNERS_APPROVE, "{\"domain\":\"bad.example\"}", &json),
			 PARTNERS_DONE);
	assert_string_equal(text_of(json, "discovered", 0, "listed"), "denied");
	assert_true(json_is_false(json_object_get(json, "open")));
	json_decref(json);
	assert_int_equal(say(scene, PARTNERS_APPROVE, "{\"domain\":\"a.example.org\"}", &json),
			 PARTNERS_DONE);
	assert_string_equal(text_of(json, "discovered", 0, "listed"), "not-listed");
	json_decref(json);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { ROW(test_list), ROW(test_show), ROW(test_say),
					    ROW(test_obstacles) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
