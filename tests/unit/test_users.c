#include "conf/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/file.h"
#include "proxy/base/macros.h"

#define MD5 "0123456789abcdef0123456789abcdef"
#define SHA MD5 MD5

static char dir[64];

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/nuncio-users-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct users *load_good(const char *text)
{
	struct users *users = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(users_load_text("u.yaml", text, strlen(text), report, &users), ERR_OK);
	assert_int_equal(report_n_errors(report), 0);
	report_free(report);
	return users;
}

static void test_load(void **state)
{
	struct users *users =
		load_good("- user: \"168\"\n"
			  "  auth_user: SIP-168\n"
			  "  ha1: { md5: " MD5 ", sha-256: " SHA ", sha-512-256: " SHA " }\n"
			  "- { user: anna, ha1: { sha-256: ABCDEF0123456789" MD5
			  "0123456789abcdef }, locked: true }\n");
	const struct user *user;

	assert_int_equal(users_count(users), 2);
	user = users_find(users, "168");
	assert_non_null(user);
	assert_string_equal(user->auth_user, "SIP-168");
	assert_string_equal(user->ha1.md5, MD5);
	assert_string_equal(user->ha1.sha_256, SHA);
	assert_string_equal(user->ha1.sha_512_256, SHA);
	assert_false(user->is_locked);
	assert_int_equal(user->place.line, 1);
	assert_ptr_equal(users_find_auth(users, "SIP-168"), user);
	assert_null(users_find_auth(users, "168"));
	assert_null(users_find(users, "SIP-168"));
	assert_null(users_find(users, ""));

	user = users_find_auth(users, "anna");
	assert_non_null(user);
	assert_true(user->is_locked);
	assert_string_equal(user->ha1.md5, "");
	assert_string_equal(user->ha1.sha_256, "abcdef0123456789" MD5 "0123456789abcdef");
	assert_string_equal(users_at(users, 0)->name, "168");
	assert_string_equal(users_at(users, 1)->name, "anna");
	assert_null(users_at(users, 2));
	assert_null(users_free(users));
	assert_null(users_free(NULL));
}

static const struct {
	const char *name, *text;
	enum fault fault;
	unsigned line, column;
} faults[] = {
	{ "no list", "user: a\n", FAULT_WRONG_KIND, 1, 1 },
	{ "no name", "- { ha1: { md5: " MD5 " } }\n", FAULT_MISSING_KEY, 1, 3 },
	{ "no hash", "- { user: a }\n", FAULT_MISSING_KEY, 1, 3 },
	{ "no hash in it", "- { user: a, ha1: {} }\n", FAULT_USERS, 1, 19 },
	{ "hash itself", "- { user: a, ha1: " MD5 " }\n", FAULT_WRONG_KIND, 1, 19 },
	{ "too short", "- { user: a, ha1: { md5: 0123 } }\n", FAULT_BAD_VALUE, 1, 26 },
	{ "no digits", "- { user: a, ha1: { md5: 0123456789abcdef0123456789abcdeg } }\n",
	  FAULT_USERS, 1, 3 },
	{ "unknown hash", "- { user: a, ha1: { md5: " MD5 ", sha1: x } }\n", FAULT_UNKNOWN_KEY,
	  1, 60 },
	{ "unknown key", "- { user: a, ha1: { md5: " MD5 " }, lock: true }\n",
	  FAULT_UNKNOWN_KEY, 1, 62 },
	{ "too many phones", "- { user: a, ha1: { md5: " MD5 " }, max_contacts: 9 }\n",
	  FAULT_OUT_OF_RANGE, 1, 76 },
	{ "no phone at all", "- { user: a, ha1: { md5: " MD5 " }, max_contacts: 0 }\n",
	  FAULT_OUT_OF_RANGE, 1, 76 },
	{ "no answer", "- { user: a, ha1: { md5: " MD5 " }, internet: perhaps }\n",
	  FAULT_BAD_VALUE, 1, 72 },
	{ "name twice",
	  "- { user: a, ha1: { md5: " MD5 " } }\n- { user: a, auth_user: b, ha1: { md5: " MD5
	  " } }\n",
	  FAULT_DUPLICATE, 2, 3 },
	{ "auth_user twice",
	  "- { user: a, ha1: { md5: " MD5 " } }\n- { user: b, auth_user: a, ha1: { md5: " MD5
	  " } }\n",
	  FAULT_DUPLICATE, 2, 3 },
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct users *users = NULL;
		const struct report_row *rows;
		struct report *report;

		assert_int_equal(report_new(&report), ERR_OK);
		assert_int_equal(users_load_text("u.yaml", faults[i].text,
						 strlen(faults[i].text), report, &users),
				 ERR_INVALID);
		assert_null(users);
		if (report_rows(report, &rows) != 1 || rows[0].fault != faults[i].fault ||
		    rows[0].line != faults[i].line || rows[0].column != faults[i].column)
			fail_msg("%s: %zu faults, the first is %u at %u:%u: %s", faults[i].name,
				 report_n_errors(report), rows[0].fault, rows[0].line,
				 rows[0].column, rows[0].text);
		report_free(report);
	}
}

/* A fault's line is shown, but never that of a hash. */
static void test_hashes_stay_secret(void **state)
{
	static const char text[] = "- { user: a, ha1: { md5: 5ec2e75ec2e7 } }\n";
	struct users *users = NULL;
	struct report *report;
	struct buf out;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(users_load_text("u.yaml", text, strlen(text), report, &users),
			 ERR_INVALID);
	buf_init(&out, 0);
	report_print(report, false, &out);
	report_print_json(report, &out);
	assert_non_null(strstr(buf_text(&out), "u.yaml:1:26: error: md5: "));
	assert_null(strstr(buf_text(&out), "5ec2e7"));
	buf_fini(&out);
	report_free(report);
}

static struct user user_named(const char *name, const char *auth_user)
{
	return (struct user){ .name = name, .auth_user = auth_user, .ha1 = { .md5 = MD5 } };
}

static void test_put_and_remove(void **state)
{
	struct users *users;
	struct user user = user_named("b", "x");

	assert_int_equal(users_new(&users), ERR_OK);
	assert_int_equal(users_count(users), 0);
	assert_int_equal(users_put(users, &user), ERR_OK);
	user = user_named("a", NULL);
	assert_int_equal(users_put(users, &user), ERR_OK);
	assert_string_equal(users_at(users, 0)->name, "a");

	user = user_named("c", "x"); /* b's */
	assert_int_equal(users_put(users, &user), ERR_EXISTS);
	user = user_named("b", "a");
	assert_int_equal(users_put(users, &user), ERR_EXISTS);
	assert_string_equal(users_find(users, "b")->auth_user, "x");

	user = user_named("b", "y"); /* replaces, and frees x */
	assert_int_equal(users_put(users, &user), ERR_OK);
	assert_int_equal(users_count(users), 2);
	assert_null(users_find_auth(users, "x"));
	user = *users_find(users, "b"); /* changing what was found */
	user.is_locked = true;
	assert_int_equal(users_put(users, &user), ERR_OK);
	assert_true(users_find_auth(users, "y")->is_locked);

	assert_int_equal(users_remove(users, "nobody"), ERR_NOT_FOUND);
	assert_int_equal(users_remove(users, "a"), ERR_OK);
	assert_int_equal(users_count(users), 1);
	assert_null(users_find(users, "a"));
	users_free(users);
}

static void test_write(void **state)
{
	const char *path = path_of("users.yaml");
	struct user odd = user_named("\"q\\uote: [", "#auth");
	struct users *users, *again = NULL;
	struct report *report;
	struct stat status;

	users = load_good(
		"- { user: true, ha1: { md5: " MD5 " }, locked: true, internet: true, "
		"class: inside, max_contacts: 5 }\n"
		"- { user: \"168\", ha1: { sha-256: " SHA ", sha-512-256: " SHA " } }\n");
	assert_int_equal(users_put(users, &odd), ERR_OK);
	assert_int_equal(users_write(path, users), ERR_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(users_load(path, true, report, &again), ERR_OK);
	assert_int_equal(users_count(again), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct user *was = users_at(users, i), *is = users_at(again, i);

		assert_string_equal(is->name, was->name);
		assert_string_equal(is->auth_user, was->auth_user);
		assert_string_equal(is->ha1.md5, was->ha1.md5);
		assert_string_equal(is->ha1.sha_256, was->ha1.sha_256);
		assert_string_equal(is->ha1.sha_512_256, was->ha1.sha_512_256);
		assert_int_equal(is->is_locked, was->is_locked);
		assert_int_equal(is->is_on_internet, was->is_on_internet);
		assert_string_equal(is->class, was->class);
		assert_int_equal(is->max_contacts ? is->max_contacts : 3,
				 was->max_contacts ? was->max_contacts : 3);
	}

	/* the group's right to read stays, that of others goes */
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(users_write(path, again), ERR_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	users_free(users);
	users_free(again);
	report_free(report);
}

static void test_no_file(void **state)
{
	struct users *users = NULL;
	struct report *report;

	assert_int_equal(report_new(&report), ERR_OK);
	assert_int_equal(users_load(path_of("none"), false, report, &users), ERR_NOT_FOUND);
	assert_int_equal(report_n_errors(report), 0);
	assert_int_equal(users_load(path_of("none"), true, report, &users), ERR_NOT_FOUND);
	assert_int_equal(report_n_errors(report), 1);
	assert_int_equal(users_load(dir, false, report, &users), ERR_INVALID);
	assert_null(users);
	assert_int_equal(users_new(&users), ERR_OK);
	assert_int_equal(users_write(path_of("no/such/folder"), users), ERR_NOT_FOUND);
	users_free(users);
	users = load_good("");
	assert_int_equal(users_count(users), 0);
	users_free(users);
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_hashes_stay_secret),
		cmocka_unit_test(test_put_and_remove),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
