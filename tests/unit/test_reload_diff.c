/* What a reload says that it changed: two configurations without certificates, one line of
 * which differs. */
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

static char password_file[] = "/tmp/nuncio-diff-XXXXXX";

static int make_password_file(void **state)
{
	int fd = mkstemp(password_file);

	return fd < 0 ? -1 : close(fd);
}

static int remove_password_file(void **state)
{
	return unlink(password_file);
}

/* line is replaced by text; want: sign, what, name, and a word of the text. */
static const struct {
	const char *name;
	unsigned line;
	const char *text, *sign, *what, *thing, *word;
} rows[] = {
	{ "nothing", 0, "version: 1", NULL, NULL, NULL, NULL },
	{ "a comment is no change", 11, "limits: { requests: 200/s } # more?", NULL, NULL, NULL,
	  NULL },
	{ "a partner is gone", 9, "", "-", "partner", "one.example", "127.0.0.4" },
	{ "trust is taken away", 9,
	  "    - { domain: one.example, server: 127.0.0.4, port: 15060, transport: tcp }", "~",
	  "partner", "one.example", "not trustworthy (was: trustworthy)" },
	{ "a route is switched off", 10,
	  "    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, enabled: false }",
	  "~", "partner", "two.example", "new: disabled" },
	{ "a partner's TLS version", 10,
	  "    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, minimum: '1.3' }",
	  "~", "partner", "two.example", "TLS 1.3 at least" },
	{ "a listener's TLS version", 3,
	  "  - { name: lan, network: lan, bind: 127.0.0.1, port: 15060, transport: tcp, minimum: '1.3' }",
	  "~", "listener", "lan", "TLS 1.3 at least" },
	{ "all are switched off", 7, "  enabled: false", "~", "settings", "partners.enabled",
	  "all routes off" },
	{ "a domain is denied", 0, "federation: { deny: [b.example, a.example] }", "~",
	  "settings", "federation", "new: deny a.example b.example" },
	{ "redirects", 10,
	  "    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, redirect: follow }",
	  "~", "partner", "two.example", "redirects followed" },
	{ "services by direction", 10,
	  "    - { domain: two.example, server: 127.0.0.5, port: 15060, transport: tcp, services: { in: [im, audio], out: [] } }",
	  "~", "partner", "two.example", "new: services in im audio, services out none" },
	{ "a limit", 11, "limits: { requests: 100/s }", "~", "settings", "limits",
	  "requests 100/s (was: requests 200/s)" },
	{ "another home", 5,
	  "  - { name: berlin, address: \"sip:127.0.0.9:15060;transport=tcp\", listener: lan, users: [\"*\"] }",
	  "~", "backend", "berlin", "127.0.0.9" },
	{ "a pair in standby", 5,
	  "  - { name: berlin, listener: lan, users: [\"*\"], servers: [{ host: 127.0.0.3, port: 15060, transport: tcp },"
	  " { host: 127.0.0.9, port: 15060, transport: tcp, priority: 2 }] }",
	  "~", "backend", "berlin", "tcp 127.0.0.3:15060 (1 1), tcp 127.0.0.9:15060 (2 1)" },
	{ "another pace of probes", 5,
	  "  - { name: berlin, address: \"sip:127.0.0.3:15060;transport=tcp\", listener: lan, users: [\"*\"], probe: 5s }",
	  "~", "backend", "berlin", "probed every 5s (was: probed every 30s)" },
	{ "new users are not searched any more", 0, "placement: reject", "~", "settings",
	  "placement", "reject (was: search)" },
	{ "registrations last longer", 0, "registrar: { max_expires: 2h }", "~", "settings",
	  "registrar", "max_expires 2h (was: max_expires 1h)" },
	{ "phones may dial less", 0, "classes: { inside: { deny: [\"+*\", \"00*\"] } }", "~",
	  "settings", "classes", "inside denies +* 00* (was: none)" },
	{ "another challenge", 0, "digest_algorithms: [md5]", "~", "settings", "registrar",
	  "digest_algorithms md5 (was" },
	{ "other networks are relayed", 0, "media: { relay: [lan], bind: { lan: 127.0.0.1 } }",
	  "~", "settings", "media", "relay lan, bind.lan 127.0.0.1 (was: relay remote)" },
	{ "a size, and more of the log", 0, "log: { max_size: 20MB, trace: [dns, tls] }", "~",
	  "settings", "log", "max_size 20MB, trace tls dns (was: max_size 10MB, trace off)" },
	{ "what needs a restart says so", 12, "service: { state_dir: /tmp, workers: 2 }", "~",
	  "settings", "service",
	  "takes effect at the next restart: workers 2 (was: workers 1)" },
};

/* What stands in the password file at the time of a load. */
static void write_password(const char *password)
{
	FILE *file = fopen(password_file, "w");

	assert_non_null(file);
	fprintf(file, "%s\n", password);
	assert_int_equal(fclose(file), 0);
}

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
		ok = !strcmp(json_string_value(json_object_get(change, "sign")),
			     rows[i].sign) &&
		     !strcmp(json_string_value(json_object_get(change, "what")),
			     rows[i].what) &&
		     !strcmp(json_string_value(json_object_get(change, "name")),
			     rows[i].thing) &&
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

static struct snapshot *load_log_on(const char *username, const char *password,
				    const char *realm)
{
	struct snapshot *snapshot;
	struct buf text;

	buf_init(&text, 0);
	for (unsigned i = 0; i < COUNT(base); i++)
		if (i != 5)
			buf_printf(&text, "%s\n", base[i]);
		else
			buf_printf(
				&text,
				"  - { name: berlin, username: %s, password_file: %s, listener: lan }\n",
				username, password_file);
	buf_printf(&text, "realm: %s\n", realm);
	write_password(password);
	snapshot = load(buf_text(&text));
	buf_fini(&text);
	return snapshot;
}

/* Against username uc, password zauberwort-1, realm corp.example. */
static const struct {
	const char *name, *username, *password, *realm;
	const char *thing, *text; /* the only change; NULL: there is none */
} log_ons[] = {
	{ "nothing", "uc", "zauberwort-1", "corp.example", NULL, NULL },
	{ "another password", "uc", "zauberwort-2", "corp.example", "backend.berlin.password",
	  "changed" },
	{ "another username", "other", "zauberwort-1", "corp.example", "berlin",
	  "logs on as other by listener lan" },
	{ "another realm", "uc", "zauberwort-1", "x.example", "sip", "realm x.example" },
};

static void test_log_ons(void **state)
{
	struct snapshot *before = load_log_on("uc", "zauberwort-1", "corp.example");

	for (size_t i = 0; i < COUNT(log_ons); i++) {
		struct snapshot *after =
			load_log_on(log_ons[i].username, log_ons[i].password, log_ons[i].realm);
		json_t *changes = reload_diff(before, after);
		char *said = json_dumps(changes, JSON_COMPACT);
		const json_t *change = json_array_get(changes, 0);
		bool ok = json_array_size(changes) == (log_ons[i].thing ? 1 : 0) &&
			  !strstr(said, "zauberwort");

		if (ok && log_ons[i].thing)
			ok = !strcmp(json_string_value(json_object_get(change, "name")),
				     log_ons[i].thing) &&
			     strstr(json_string_value(json_object_get(change, "text")),
				    log_ons[i].text);
		if (!ok)
			fail_msg("%s: %s", log_ons[i].name, said);
		free(said);
		json_decref(changes);
		snapshot_unref(after);
	}
	snapshot_unref(before);
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
			buf_printf(
				&out,
				"    - { domain: d%u.example, server: 127.0.0.4, port: 15060, transport: tcp }\n",
				i);
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
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(changes, 0), "name")),
		"d1.example");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(changes, 1), "name")),
		"d9998.example");
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
					    cmocka_unit_test(test_log_ons),
					    cmocka_unit_test(test_many) };

	return cmocka_run_group_tests(tests, make_password_file, remove_password_file);
}
