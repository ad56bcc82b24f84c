/* What a reload says that it changed: two configurations without certificates, one line of which differs. */
#include "proxy/reload_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/base/macros.h"

static const char *const base[] = {
	"version: 1",
	"domains: [corp.example]",
	"listeners:",
	"  - { name: lan, network: lan, bind: 127.0.0.1, port: 15060, transport: tcp }",
	"backends:",
	"  - { name: berlin, address: \"sip:127.0.0.3:15060;transport=tcp\", listener: lan, users: [\"*\"] }",
	"partners:",
	"  enabled: true",
	"  routes:",
	"    - { domain: one.example, server: 127.0.0.4, port: 15060, transport: tcp, trustworthy: true }",
	"    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp }",
	"limits: { requests: 200/s }",
	"service: { state_dir: /tmp, workers: 1 }",
};

/* line is replaced by text; want: sign, what, name, and a word of the text. */
static const struct {
	const char *name;
	unsigned line;
	const char *text, *sign, *what, *thing, *word;
} rows[] = {
	{ "nothing", 0, "version: 1", NULL, NULL, NULL, NULL },
	{ "a comment is no change", 11, "limits: { requests: 200/s } # more?", NULL, NULL, NULL, NULL },
	{ "a partner is gone", 9, "", "-", "partner", "one.example", "127.0.0.4" },
	{ "trust is taken away", 9,
	  "    - { domain: one.example, server: 127.0.0.4, port: 15060, transport: tcp }", "~", "partner",
	  "one.example", "not trustworthy" },
	{ "a route is switched off", 10,
	  "    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, enabled: false }", "~",
	  "partner", "two.example", "disabled" },
	{ "a partner's TLS version", 10,
	  "    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, minimum: '1.3' }", "~",
	  "partner", "two.example", "TLS 1.3 at least" },
	{ "a listener's TLS version", 3,
	  "  - { name: lan, network: lan, bind: 127.0.0.1, port: 15060, transport: tcp, minimum: '1.3' }", "~",
	  "listener", "lan", "TLS 1.3 at least" },
	{ "all are switched off", 7, "  enabled: false", "~", "settings", "partners.enabled", "all routes off" },
	{ "a limit", 11, "limits: { requests: 100/s }", "~", "settings", "limits", "requests 100/s" },
	{ "another home", 5,
	  "  - { name: berlin, address: \"sip:127.0.0.9:15060;transport=tcp\", listener: lan, users: [\"*\"] }",
	  "~", "backend", "berlin", "127.0.0.9" },
	{ "what needs a restart says so", 12, "service: { state_dir: /tmp, workers: 2 }", "~", "settings",
	  "service", "next restart" },
};


static struct snapshot *load(const char *text)
{
	char path[] = "/tmp/nuncio-diff-XXXXXX";
	struct peer_addresses *addresses = NULL;
	struct snapshot_parts parts = { .addresses = NULL };
	struct snapshot *snapshot = NULL;
	struct report *report = NULL;
	int fd = mkstemp(path);
	struct buf said;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(peer_addresses_new(&addresses), ERR_OK);
	assert_int_equal(report_new(&report), ERR_OK);
	parts.addresses = addresses;
	if (snapshot_build(path, &parts, report, &snapshot)) {
		buf_init(&said, 0);
		report_print(report, false, &said);
		fail_msg("%s", buf_text(&said));
	}
	report_free(report);
	peer_addresses_free(addresses);
	unlink(path);
	return snapshot;
}

static char *with_line(unsigned line, const char *text)
{
	struct buf out;

	buf_init(&out, 0);
	for (unsigned i = 0; i < COUNT(base); i++)
		buf_printf(&out, "%s\n", text && i == line ? text : base[i]);
	return buf_take(&out);
}

static void check(size_t i, const json_t *changes)
{
	const json_t *change = json_array_get(changes, 0);
	char *text = json_dumps(changes, JSON_COMPACT);
	bool ok = json_array_size(changes) == (rows[i].sign ? 1 : 0);

	if (ok && rows[i].sign)
		ok = !strcmp(json_string_value(json_object_get(change, "sign")), rows[i].sign) &&
		     !strcmp(json_string_value(json_object_get(change, "what")), rows[i].what) &&
		     !strcmp(json_string_value(json_object_get(change, "name")), rows[i].thing) &&
		     strstr(json_string_value(json_object_get(change, "text")), rows[i].word);
	if (!ok)
		fail_msg("%s: %s", rows[i].name, text);
	free(text);
}

static void test_rows(void **state)
{
	char *before_text = with_line(0, NULL);
	struct snapshot *before = load(before_text);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = with_line(rows[i].line, rows[i].text);
		struct snapshot *after = load(text);
		json_t *changes = reload_diff(before, after);

		assert_non_null(changes);
		check(i, changes);
		json_decref(changes);
		snapshot_unref(after);
		free(text);
	}
	snapshot_unref(before);
	free(before_text);
}

static char *many(unsigned n, unsigned skipped)
{
	char *text = with_line(0, NULL);
	struct buf out;

	buf_init(&out, 0);
	*strstr(text, "limits:") = '\0';
	buf_puts(&out, text);
	for (unsigned i = 0; i < n; i++)
		if (i != skipped)
			buf_printf(&out,
				   "    - { domain: d%u.example, server: 127.0.0.4, port: 15060, transport: tcp }\n", i);
	free(text);
	return buf_take(&out);
}

/* Ten thousand partners are not compared each with each: that takes seconds. */
static void test_many(void **state)
{
	char *from_text = many(10000, 1), *to_text = many(10000, 9998);
	struct snapshot *from = load(from_text), *to = load(to_text);
	clock_t began = clock();
	json_t *changes = reload_diff(from, to);
	double took_s = (double)(clock() - began) / CLOCKS_PER_SEC;

	assert_int_equal(json_array_size(changes), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 0), "name")), "d1.example");
	assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 1), "name")), "d9998.example");
	if (took_s > 5) /* under sanitizers, on a slow machine: 0.3 s */
		fail_msg("took %g s", took_s);
	json_decref(changes);
	snapshot_unref(from);
	snapshot_unref(to);
	free(from_text);
	free(to_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
