/* What ends is told of in time, each once; and files that are not those in use are noticed. */
#include "proxy/certificate_watch.h"

#include "tests/unit/certs.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/status.h"

enum { DAY_S = 86400 };

static char folder[] = "/tmp/nuncio-watch-XXXXXX";
static struct cert root;

struct scene {
	struct server *server;
	struct certificate_watch *watch;
	int stderr_fd; /* the real one */
};

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned i;
	char *path = paths[i++ % COUNT(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	const struct cert_spec spec = { .cn = "Root",
					.is_ca = true,
					.ends_in_s = 20 * 366 * DAY_S,
					.starts_in_s = -366 * DAY_S };

	assert_non_null(mkdtemp(folder));
	root = cert_make(&spec, NULL);
	cert_write_crt(path_of("root.pem"), false, &root, GNUTLS_X509_FMT_PEM);
	return 0;
}

static int drop_folder(void **state)
{
	char command[64];

	cert_free(&root);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* The turned clock begins in 2026: certificates end so long after that. */
static long since_epoch(long s)
{
	return 1767225600L + s - (long)time(NULL);
}

/* edge.pem and its key: the leaf ends after leaf_s, its intermediate after middle_s (0: there
 * is none). */
static void write_edge(long leaf_s, long middle_s)
{
	const struct cert_spec middle_spec = { .cn = "Middle",
					       .is_ca = true,
					       .starts_in_s = since_epoch(-DAY_S),
					       .ends_in_s = since_epoch(middle_s) };
	const struct cert_spec leaf_spec = { .cn = "edge",
					     .dns = { "sip.corp.example" },
					     .starts_in_s = since_epoch(-DAY_S),
					     .ends_in_s = since_epoch(leaf_s) };
	struct cert middle = middle_s ? cert_make(&middle_spec, &root) : (struct cert){ 0 };
	struct cert leaf = cert_make(&leaf_spec, middle_s ? &middle : &root);

	cert_write_crt(path_of("edge.pem"), false, &leaf, GNUTLS_X509_FMT_PEM);
	if (middle_s)
		cert_write_crt(path_of("edge.pem"), true, &middle, GNUTLS_X509_FMT_PEM);
	cert_write_key(path_of("edge.key"), &leaf);
	cert_free(&leaf);
	cert_free(&middle);
}

static void write_config(void)
{
	FILE *file = fopen(path_of("nuncio.yaml"), "w");

	assert_non_null(file);
	fprintf(file,
		"version: 1\n"
		"domains: [corp.example]\n"
		"listeners:\n"
		"  - { name: wan, network: wan, bind: 127.0.0.1, port: 5061, transport: mtls, certificate: edge }\n"
		"certificates:\n"
		"  edge: { chain: edge.pem, key: edge.key }\n"
		"tls: { trust: [root.pem] }\n"
		"partners:\n"
		"  routes:\n"
		"    - { domain: p.example, server: 192.0.2.1, port: 5061, transport: mtls, certificate: edge }\n");
	assert_int_equal(fclose(file), 0);
}

static void load(struct snapshot **out, struct server *server)
{
	struct snapshot_parts parts = { .keys = server->keys,
					.addresses = server->addresses,
					.previous = server->snapshot };
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(snapshot_build(path_of("nuncio.yaml"), &parts, report, out), ERR_OK);
	report_free(report);
}

/* The log goes to a file until close_scene. */
static void open_scene(struct scene *scene)
{
	struct report *report;

	write_config();
	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(
		server_new_offline(path_of("nuncio.yaml"), NULL, report, &scene->server),
		ERR_OK);
	report_free(report);
	assert_int_equal(loop_new_turned(0, &scene->server->loop), ERR_OK);
	assert_int_equal(certificate_watch_new(scene->server, &scene->watch), ERR_OK);
	scene->server->certificate_watch = scene->watch;
	fflush(stderr);
	scene->stderr_fd = dup(2);
	assert_non_null(freopen(path_of("log"), "w", stderr));
	loop_turn(scene->server->loop, 0);
}

static void close_scene(struct scene *scene)
{
	fflush(stderr);
	dup2(scene->stderr_fd, 2);
	close(scene->stderr_fd);
	server_free(scene->server);
}

static void pass(const struct scene *scene, long s)
{
	loop_turn(scene->server->loop, (uint64_t)s * 1000);
}

/* How many lines of the log hold the word. */
static unsigned n_lines(const char *word)
{
	FILE *file = fopen(path_of("log"), "r");
	char line[2048];
	unsigned n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, word) != NULL;
	fclose(file);
	return n;
}

static void test_marks(void **state)
{
	static const struct {
		int64_t left_s;
		int mark, days;
		const char *state;
	} rows[] = {
		{ 30 * DAY_S, 31, 30, "ok" },
		{ 30 * DAY_S - 1, 30, 29, "warn" },
		{ 14 * DAY_S, 30, 14, "warn" },
		{ 14 * DAY_S - 1, 14, 13, "warn" },
		{ 7 * DAY_S, 14, 7, "warn" },
		{ 7 * DAY_S - 1, 7, 6, "fail" },
		{ DAY_S, 7, 1, "fail" },
		{ DAY_S - 1, 1, 0, "fail" },
		{ 0, 1, 0, "fail" },
		{ -1, 0, -1, "fail" },
		{ -DAY_S, 0, -1, "fail" },
		{ -DAY_S - 1, 0, -2, "fail" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(certificate_watch_mark(rows[i].left_s), rows[i].mark);
		assert_int_equal(certificate_watch_days(rows[i].left_s), rows[i].days);
		assert_string_equal(certificate_watch_state(rows[i].left_s), rows[i].state);
	}
}

/* Each mark is told once, by whoever ends first: here the intermediate. */
static void test_ours_is_told_at_each_mark(void **state)
{
	static const struct {
		long at_s;
		unsigned n_warnings, n_ended;
	} rows[] = {
		{ 9 * DAY_S, 0, 0 },  { 11 * DAY_S, 1, 0 }, { 25 * DAY_S, 1, 0 },
		{ 27 * DAY_S, 2, 0 }, { 34 * DAY_S, 3, 0 }, { 39 * DAY_S + 3600, 4, 0 },
		{ 41 * DAY_S, 4, 1 }, { 60 * DAY_S, 4, 1 },
	};
	struct scene scene;
	long now_s = 0;

	write_edge(400 * DAY_S, 40 * DAY_S);
	open_scene(&scene);
	for (size_t i = 0; i < COUNT(rows); i++) {
		pass(&scene, rows[i].at_s - now_s);
		now_s = rows[i].at_s;
		assert_int_equal(n_lines("certificate expires"), rows[i].n_warnings);
		assert_int_equal(n_lines("certificate expired"), rows[i].n_ended);
	}
	assert_int_equal(n_lines("CN=Middle"), 5);
	assert_int_equal(n_lines("used by listener wan, partner p.example"), 5);
	assert_int_equal(n_lines("sip.corp.example"), 5);
	assert_int_equal(n_lines("days=29"), 1);
	close_scene(&scene);
}

/* A reload does not repeat what was told; a new certificate begins anew. */
static void test_reload(void **state)
{
	struct snapshot *snapshot;
	struct scene scene;

	write_edge(10 * DAY_S, 0);
	open_scene(&scene);
	assert_int_equal(n_lines("certificate expires"), 1);
	load(&snapshot, scene.server);
	server_swap(scene.server, snapshot);
	pass(&scene, 120);
	assert_int_equal(n_lines("certificate expires"), 1);
	write_edge(5 * DAY_S, 0);
	load(&snapshot, scene.server);
	server_swap(scene.server, snapshot);
	pass(&scene, 120);
	assert_int_equal(n_lines("certificate expires"), 2);
	close_scene(&scene);
}

static void test_peers_are_told(void **state)
{
	struct identity identity = { .n_refs = 1,
				     .sha256 = "aa",
				     .not_after = 1767225600L + 20 * DAY_S };
	struct flow flow = { .ops = &(const struct flow_ops){ 0 },
			     .identity = &identity,
			     .is_inbound = true };
	struct scene scene;

	write_edge(400 * DAY_S, 0);
	open_scene(&scene);
	assert_int_equal(peer_certificates_note(scene.server->peer_certificates,
						"partner:p.example", &flow, 1),
			 identity.not_after);
	pass(&scene, 61);
	assert_int_equal(n_lines("certificate expires"), 1);
	assert_int_equal(n_lines("with which they connect, of partner:p.example"), 1);
	pass(&scene, 8 * DAY_S);
	assert_int_equal(n_lines("certificate expires"), 2);
	close_scene(&scene);
}

static const char *problem(const struct scene *scene, const char *code)
{
	static char text[512];
	json_t *problems = json_array(), *row;
	size_t i;

	text[0] = '\0';
	certificate_watch_problems(scene->watch, problems);
	json_array_foreach(problems, i, row)
		if (strcmp(json_string_value(json_object_get(row, "code")), code) == 0)
			snprintf(text, sizeof(text), "%s",
				 json_string_value(json_object_get(row, "text")));
	json_decref(problems);
	return text;
}

static void test_files_on_disk(void **state)
{
	struct snapshot *snapshot;
	struct scene scene;
	FILE *file;

	write_edge(300 * DAY_S, 0);
	open_scene(&scene);
	assert_string_equal(problem(&scene, "certificate-file-newer"), "");
	write_edge(399 * DAY_S, 0);
	pass(&scene, 61);
	assert_non_null(strstr(problem(&scene, "certificate-file-newer"),
			       "edge.pem on disk is newer: it ends on 2027-02-04"));
	pass(&scene, 3600);
	assert_int_equal(n_lines("is not the one in use"), 1);
	file = fopen(path_of("edge.key"), "w");
	fputs("no key\n", file);
	fclose(file);
	pass(&scene, 61);
	assert_string_equal(problem(&scene, "certificate-file-newer"), "");
	assert_non_null(strstr(problem(&scene, "certificate-file-broken"),
			       "edge.key holds no usable private key"));
	unlink(path_of("edge.key"));
	pass(&scene, 61);
	assert_non_null(strstr(problem(&scene, "certificate-file-broken"), "cannot read"));
	write_edge(399 * DAY_S, 0);
	pass(&scene, 61);
	assert_non_null(strstr(problem(&scene, "certificate-file-newer"), "on disk is newer"));
	load(&snapshot, scene.server);
	server_swap(scene.server, snapshot);
	pass(&scene, 61);
	assert_string_equal(problem(&scene, "certificate-file-newer"), "");
	close_scene(&scene);
}

/* status: below 30 days a warning, below 7 an error. */
static void test_status(void **state)
{
	static const struct {
		long leaf_s, middle_s;
		const char *state, *severity, *text;
	} rows[] = {
		{ 31 * DAY_S, 0, "ok", "", "" },
		{ 29 * DAY_S, 0, "warn", "warning", "expires in 29 days" },
		{ 6 * DAY_S, 0, "fail", "error", "expires in 6 days" },
		{ 90 * DAY_S, 12 * DAY_S, "warn", "warning",
		  "CN=Middle of its chain expires in 12 days" },
		{ -3600, 0, "fail", "error", "expired 1 days ago" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		json_t *status, *problems, *certificate;

		write_edge(rows[i].leaf_s, rows[i].middle_s);
		open_scene(&scene);
		status = status_summary(scene.server, true);
		certificate = json_array_get(json_object_get(status, "certificates"), 0);
		problems = json_array_get(json_object_get(status, "problems"), 0);
		assert_string_equal(json_string_value(json_object_get(certificate, "state")),
				    rows[i].state);
		if (rows[i].text[0]) {
			assert_string_equal(
				json_string_value(json_object_get(problems, "severity")),
				rows[i].severity);
			assert_string_equal(
				json_string_value(json_object_get(problems, "text")),
				rows[i].text);
		} else {
			assert_null(problems);
		}
		json_decref(status);
		close_scene(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_ours_is_told_at_each_mark),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_peers_are_told),
		cmocka_unit_test(test_files_on_disk),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
