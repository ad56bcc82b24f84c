#include "proxy/backend_secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

/* Two backends that log on, each with its file, between them one that does not. */
struct house {
	struct settings settings;
	struct settings_backend backends[3];
	struct settings_listener listener; /* of the first; the others have none */
	char paths[2][64];
	struct report *report;
};

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void fill_backend(struct house *house, size_t i, const char *name, const char *username,
			 char *path)
{
	struct settings_backend *backend = &house->backends[i];

	backend->name = name;
	backend->username = username;
	backend->listener.index = i ? -1 : 0;
	backend->password_file.path = path;
	backend->password_file.place = (struct place){ "nuncio.yaml", 7 + (unsigned)i, 20 };
}

static struct house *house_new(const char *password, size_t len)
{
	struct house *house = calloc(1, sizeof(*house));

	assert_non_null(house);
	for (int i = 0; i < 2; i++) {
		int fd;

		strcpy(house->paths[i], "/tmp/nuncio-secret-XXXXXX");
		fd = mkstemp(house->paths[i]);
		assert_true(fd >= 0);
		close(fd);
	}
	write_file(house->paths[0], password, len);
	write_file(house->paths[1], "other\n", 6);
	fill_backend(house, 0, "berlin", "uc-berlin", house->paths[0]);
	fill_backend(house, 1, "static", "", NULL);
	fill_backend(house, 2, "munich", "uc-munich", house->paths[1]);
	house->listener = (struct settings_listener){ .bind = "10.0.0.1", .port = 5060 };
	house->settings.listeners = &house->listener;
	house->settings.n_listeners = 1;
	house->settings.realm = "corp.example";
	house->settings.backends = house->backends;
	house->settings.n_backends = COUNT(house->backends);
	assert_int_equal(report_new(&house->report), ERR_OK);
	return house;
}

static struct house *house_free(struct house *house)
{
	unlink(house->paths[0]);
	unlink(house->paths[1]);
	report_free(house->report);
	free(house);
	return NULL;
}

static struct backend_secrets *load(struct house *house, const struct record_route_keys *keys)
{
	struct backend_secrets *secrets = NULL;

	assert_int_equal(backend_secrets_load(&house->settings, keys, house->report, &secrets),
			 ERR_OK);
	assert_non_null(secrets);
	return secrets;
}

#define LONG          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FILE_OF(text) text, sizeof(text) - 1

static const struct {
	const char *name, *file;
	size_t len;
	const char *password; /* NULL: a fault */
} rows[] = {
	{ "a line", FILE_OF("zauberwort\n"), "zauberwort" },
	{ "a line without its end", FILE_OF("zauberwort"), "zauberwort" },
	{ "a line of Windows", FILE_OF("zauberwort\r\n"), "zauberwort" },
	{ "blanks belong to it", FILE_OF(" zauber wort \n"), " zauber wort " },
	{ "further lines do not", FILE_OF("zauberwort\nof 2026\n"), "zauberwort" },
	{ "UTF-8", FILE_OF("pa\xc3\x9fwort\n"), "pa\xc3\x9fwort" },
	{ "128 bytes", FILE_OF(LONG LONG "\n"), LONG LONG },
	{ "129 bytes", FILE_OF(LONG LONG "x\n"), NULL },
	{ "nothing", FILE_OF(""), NULL },
	{ "an empty line", FILE_OF("\n"), NULL },
	{ "an empty line of Windows", FILE_OF("\r\n"), NULL },
	{ "an empty line first", FILE_OF("\nzauberwort\n"), NULL },
	{ "a zero byte", FILE_OF("zauber\0wort\n"), NULL },
};

static void check_row(size_t i, struct house *house, const struct backend_secrets *secrets)
{
	const struct backend_secret *secret = backend_secrets_find(secrets, "uc-berlin");
	struct digest_secret want;

	if (!rows[i].password) {
		if (secret || backend_secrets_of_backend(secrets, "berlin") ||
		    report_n_errors(house->report) != 1)
			fail_msg("%s", rows[i].name);
		return;
	}
	digest_make_secret("uc-berlin", "corp.example", rows[i].password, &want);
	if (!secret || report_n_errors(house->report) || secret->backend != &house->backends[0])
		fail_msg("%s", rows[i].name);
	for (int k = 0; k < N_DIGEST_ALGORITHMS; k++)
		if (strcmp(secret->secret.ha1[k], want.ha1[k]) != 0)
			fail_msg("%s", rows[i].name);
}

static void test_files(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct house *house = house_new(rows[i].file, rows[i].len);
		struct backend_secrets *secrets = load(house, NULL);

		check_row(i, house, secrets);
		assert_non_null(backend_secrets_find(
			secrets, "uc-munich")); /* the fault is the other's */
		assert_null(backend_secrets_free(secrets));
		house_free(house);
	}
}

/* The fault has its place, and does not tell what stands in the file. */
static void test_fault(void **state)
{
	struct house *house = house_new(FILE_OF("\nzauberwort\n"));
	struct backend_secrets *secrets = load(house, NULL);
	const struct report_row *row;
	struct buf text;

	assert_int_equal(report_rows(house->report, &row), 1);
	assert_int_equal(row->line, 7);
	assert_int_equal(row->column, 20);
	assert_string_equal(row->key, "password_file");
	assert_non_null(strstr(row->text, "the first line is empty"));
	buf_init(&text, 0);
	report_print(house->report, false, &text);
	assert_null(strstr(buf_text(&text), "zauberwort"));
	buf_fini(&text);
	backend_secrets_free(secrets);
	house_free(house);
}

/* A file that went away since conf looked at it, and one that is no password file at all. */
static void test_unreadable(void **state)
{
	char big[8192];
	struct house *house = house_new(memset(big, 'a', sizeof(big)), sizeof(big));
	struct backend_secrets *secrets;
	const struct report_row *report;

	unlink(house->paths[1]);
	secrets = load(house, NULL);
	assert_int_equal(report_rows(house->report, &report), 2);
	assert_int_equal(report[0].fault, FAULT_FILE_UNREADABLE);
	assert_int_equal(report[1].fault, FAULT_FILE_UNREADABLE);
	assert_null(backend_secrets_find(secrets, "uc-berlin"));
	assert_null(backend_secrets_find(secrets, "uc-munich"));
	backend_secrets_free(secrets);
	house_free(house);
}

static void test_find(void **state)
{
	struct house *house = house_new(FILE_OF("zauberwort\n"));
	struct backend_secrets *secrets = load(house, NULL);

	assert_ptr_equal(backend_secrets_find(secrets, "uc-berlin"),
			 backend_secrets_of_backend(secrets, "berlin"));
	assert_ptr_equal(backend_secrets_find(secrets, "uc-munich")->backend,
			 &house->backends[2]);
	assert_null(backend_secrets_find(secrets, "uc-bonn"));
	assert_null(backend_secrets_find(secrets, "UC-berlin"));
	assert_null(backend_secrets_find(secrets, "berlin"));
	assert_null(
		backend_secrets_find(secrets, "")); /* that of a backend that does not log on */
	assert_null(backend_secrets_of_backend(secrets, "static"));
	assert_null(backend_secrets_of_backend(secrets, "uc-berlin"));
	assert_null(backend_secrets_free(NULL));
	backend_secrets_free(secrets);
	house_free(house);
}

static uint64_t proof_at(const struct settings_listener *listener, const char *username,
			 const char *realm, const char *password,
			 const struct record_route_keys *keys)
{
	struct house *house = house_new(password, strlen(password));
	struct backend_secrets *secrets;
	uint64_t proof;

	house->backends[0].username = username;
	house->settings.realm = realm;
	house->listener = *listener;
	secrets = load(house, keys);
	proof = backend_secrets_of_backend(secrets, "berlin")->proof;
	backend_secrets_free(secrets);
	house_free(house);
	return proof;
}

static uint64_t proof_with(const char *username, const char *realm, const char *password,
			   const struct record_route_keys *keys)
{
	const struct settings_listener listener = { .bind = "10.0.0.1",
						    .port = 5060,
						    .transport = TRANSPORT_TCP };

	return proof_at(&listener, username, realm, password, keys);
}

/* Where the listener listens counts, its name does not. */
static void test_proof_at_listener(void **state)
{
	static const struct settings_listener listeners[] = {
		{ .name = "other",
		  .bind = "10.0.0.1",
		  .port = 5060,
		  .transport = TRANSPORT_TCP },
		{ .name = "lan", .bind = "10.0.0.1", .port = 5061, .transport = TRANSPORT_TCP },
		{ .name = "lan", .bind = "10.0.0.2", .port = 5060, .transport = TRANSPORT_TCP },
		{ .name = "lan", .bind = "10.0.0.1", .port = 5060, .transport = TRANSPORT_TLS },
	};
	const uint64_t proof = proof_with("u", "r", "p", NULL);

	for (size_t i = 0; i < COUNT(listeners); i++)
		assert_int_equal(proof == proof_at(&listeners[i], "u", "r", "p", NULL), i == 0);
}

/* The same credentials have the same proof at every load, others another; other keys, too. */
static void test_proof(void **state)
{
	struct record_route_keys *keys = NULL, *others = NULL;

	assert_int_equal(record_route_keys_load(NULL, &keys), ERR_OK);
	assert_int_equal(record_route_keys_load(NULL, &others), ERR_OK);
	const struct record_route_keys *const all[] = { NULL, keys };
	for (size_t i = 0; i < COUNT(all); i++) {
		uint64_t proof = proof_with("u", "r", "p", all[i]);

		assert_true(proof == proof_with("u", "r", "p\nmore\n", all[i]));
		assert_true(proof != proof_with("v", "r", "p", all[i]));
		assert_true(proof != proof_with("u", "s", "p", all[i]));
		assert_true(proof != proof_with("u", "r", "q", all[i]));
		assert_true(proof != proof_with("u", "r", "p", others));
	}
	record_route_keys_free(keys);
	record_route_keys_free(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),      cmocka_unit_test(test_fault),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_find),
		cmocka_unit_test(test_proof),      cmocka_unit_test(test_proof_at_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
