/* include: through settings_load, with real files. */
#include "conf/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/report.h"
#include "proxy/base/macros.h"

static char dir[64];

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/nuncio-include-XXXXXX");
	if (!mkdtemp(dir) || mkdir(path_of("d"), 0755) < 0)
		return -1;
	write_file("d/edge.pem", "x");
	write_file("d/edge.key", "x");
	return chmod(path_of("d/edge.key"), 0600);
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

static enum err load(const char *main_text, struct report **report, struct settings **out)
{
	*out = NULL;
	write_file("main.yaml", main_text);
	assert_int_equal(report_new(report), ERR_OK);
	return settings_load(path_of("main.yaml"), *report, out);
}

static void test_lists_are_appended(void **state)
{
	struct settings *settings;
	struct report *report;

	write_file("d/1.yaml",
		   "version: 1\n"
		   "domains: [b.example]\n"
		   "certificates: { edge: { chain: edge.pem, key: ./edge.key } }\n"
		   "partners: { routes: [{ domain: p.example, server: h.example }] }\n");
	write_file("d/2.yaml",
		   "domains: [c.example]\n"
		   "listeners:\n"
		   "- { name: wan, network: wan, bind: 127.0.0.1, transport: mtls, "
		   "certificate: edge }\n"
		   "- { name: lan, network: lan, bind: 127.0.0.1, transport: tcp }\n"
		   "backends: [{ name: x, address: \"sip:127.0.0.3;transport=tcp\", listener: "
		   "lan, users: [\"*\"] }]\n"
		   "partners:\n"
		   "  routes:\n"
		   "  - { domain: q.example, server: h.example }\n");
	assert_int_equal(load("include: [d/*.yaml]\ndomains: [a.example]\npartners: { enabled: "
			      "false }\n",
			      &report, &settings),
			 ERR_OK);
	assert_int_equal(settings->n_files, 3);
	assert_string_equal(settings->path, path_of("main.yaml"));
	assert_string_equal(settings->files[1], path_of("d/1.yaml"));
	assert_int_equal(settings->n_domains, 3);
	assert_string_equal(settings->domains[0].name, "a.example");
	assert_string_equal(settings->domains[1].name, "b.example");
	assert_string_equal(settings->domains[2].name, "c.example");
	assert_int_equal(settings->n_listeners, 2);
	assert_int_equal(settings->listeners[0].certificates[0].index, 0);
	assert_string_equal(settings->listeners[0].place.file, path_of("d/2.yaml"));
	assert_int_equal(settings->n_backends, 1);
	assert_int_equal(settings->backends[0].n_domains, 3);
	assert_false(settings->partners.is_enabled);
	assert_int_equal(settings->partners.n_routes, 2);
	assert_string_equal(settings->partners.routes[1].domain, "q.example");

	/* beside the file that names it */
	assert_string_equal(settings->certificates[0].chain.path, path_of("d/edge.pem"));
	settings_free(settings);
	report_free(report);
}

/* One file changed, or another include: one fault, or none. */
static const struct {
	const char *name, *main_text, *included;
	const char *file; /* NULL: no fault */
	enum fault fault;
	unsigned line, column;
} rows[] = {
	{ "a pattern that matches nothing", "include: [none/*.yaml]\n", "", NULL, 0, 0, 0 },
	{ "a plain name that is not there", "include: [none.yaml]\n", "", "main.yaml",
	  FAULT_FILE, 1, 11 },
	{ "a folder", "include: [d]\n", "", "main.yaml", FAULT_FILE, 1, 11 },
	{ "a pattern that matches the main file", "include: [\"*.yaml\"]\n", "", NULL, 0, 0,
	  0 },
	{ "an empty file", "include: [d/1.yaml]\n", "# nothing yet\n", NULL, 0, 0, 0 },
	{ "the same file twice", "include: [d/1.yaml, d/1*.yaml]\n", "domains: [b.example]\n",
	  NULL, 0, 0, 0 },
	{ "no list", "include: d/1.yaml\n", "", "main.yaml", FAULT_WRONG_KIND, 1, 10 },
	{ "a list where keys belong", "include: [d/1.yaml]\n", "[a]\n", "d/1.yaml",
	  FAULT_WRONG_KIND, 1, 1 },
	{ "an include in an included file", "include: [d/1.yaml]\n", "include: [x]\n",
	  "d/1.yaml", FAULT_INCLUDE, 1, 1 },
	{ "a key of the main file", "include: [d/1.yaml]\n", "\ntls: {}\n", "d/1.yaml",
	  FAULT_INCLUDE, 2, 1 },
	{ "the main switch", "include: [d/1.yaml]\n", "partners: { enabled: false }\n",
	  "d/1.yaml", FAULT_INCLUDE, 1, 13 },
	{ "an unknown key", "include: [d/1.yaml]\n", "domain: [x]\n", "d/1.yaml",
	  FAULT_UNKNOWN_KEY, 1, 1 },
	{ "another version", "include: [d/1.yaml]\n", "version: 2\n", "d/1.yaml", FAULT_INCLUDE,
	  1, 1 },
	{ "partners that are a list", "include: [d/1.yaml]\n", "partners: [x]\n", "d/1.yaml",
	  FAULT_WRONG_KIND, 1, 11 },
	{ "routes that are no list", "include: [d/1.yaml]\n", "partners: { routes: x }\n",
	  "d/1.yaml", FAULT_WRONG_KIND, 1, 21 },
	{ "certificates that are a list", "include: [d/1.yaml]\n", "certificates: [x]\n",
	  "d/1.yaml", FAULT_WRONG_KIND, 1, 15 },
	{ "no YAML", "include: [d/1.yaml]\n", "a: [\n", "d/1.yaml", FAULT_YAML, 2, 1 },
	{ "a domain of the main file", "include: [d/1.yaml]\n", "domains: [a.EXAMPLE]\n",
	  "d/1.yaml", FAULT_DUPLICATE, 1, 11 },
	{ "a fault inside a route", "include: [d/1.yaml]\n",
	  "partners:\n  routes:\n    - domain: p.example\n      trustworty: true\n      "
	  "server: h\n      transport: tcp\n"
	  "listeners: [{ name: t, network: lan, bind: 127.0.0.1, transport: tcp }]\n",
	  "d/1.yaml", FAULT_UNKNOWN_KEY, 4, 7 },
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct report_row *first = NULL, *all;
		struct settings *settings;
		struct report *report;
		char text[256];
		size_t n;
		enum err err;

		unlink(path_of("d/2.yaml"));
		write_file("d/1.yaml", rows[i].included);
		snprintf(text, sizeof(text), "%sdomains: [a.example]\n", rows[i].main_text);
		err = load(text, &report, &settings);
		n = report_rows(report, &all);
		for (size_t j = 0; j < n; j++) {
			if (all[j].is_error && !first)
				first = &all[j];
		}
		if (report_n_errors(report) != (rows[i].file ? 1 : 0) ||
		    (first && (first->fault != rows[i].fault || first->line != rows[i].line ||
			       first->column != rows[i].column ||
			       strcmp(first->file, path_of(rows[i].file)) != 0)))
			fail_msg("%s: %zu errors, the first is %u at %s:%u:%u: %s",
				 rows[i].name, report_n_errors(report),
				 first ? first->fault : 0, first ? first->file : "",
				 first ? first->line : 0, first ? first->column : 0,
				 first ? first->text : "");
		assert_int_equal(err, rows[i].file ? ERR_INVALID : ERR_OK);
		settings_free(settings);
		report_free(report);
	}
}

/* Opening a named pipe would wait for a writer for ever. */
static void test_pipe(void **state)
{
	struct settings *settings;
	struct report *report;

	assert_int_equal(mkfifo(path_of("d/pipe.yaml"), 0600), 0);
	assert_int_equal(load("include: [d/pipe.yaml]\n", &report, &settings), ERR_INVALID);
	assert_int_equal(report_n_errors(report), 1);
	assert_int_equal(unlink(path_of("d/pipe.yaml")), 0);
	report_free(report);
}

static void test_folder_says_how(void **state)
{
	const struct report_row *all;
	struct settings *settings;
	struct report *report;

	assert_int_equal(load("include: [d]\ndomains: [a.example]\n", &report, &settings),
			 ERR_INVALID);
	assert_true(report_rows(report, &all) > 0);
	assert_non_null(strstr(all[0].text, "cannot be read: not a file"));
	assert_non_null(strstr(all[0].hint, "FOLDER/*.yaml"));
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_are_appended),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_folder_says_how),
		cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
