#include "proxy/base/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

struct place {
	char directory[96], file[128];
	_Atomic unsigned n_told;
	_Atomic bool is_working; /* as it was told last */
};

static const char *path(struct place *place, const char *suffix)
{
	snprintf(place->file, sizeof(place->file), "%s/nuncio.db%s", place->directory, suffix);
	return place->file;
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/nuncio-store-XXXXXX");
	*state = place;
	return mkdtemp(place->directory) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const suffixes[] = { "",         "-wal",     "-shm",
						"-journal", ".damaged", ".damaged-wal" };
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(suffixes); i++)
		(void)unlink(path(place, suffixes[i]));
	int result = rmdir(place->directory);
	free(place);
	return result;
}

static void told(void *user, const struct store_state *state)
{
	struct place *place = user;

	atomic_store(&place->is_working, state->is_working);
	atomic_fetch_add(&place->n_told, 1);
}

static struct store *open_store(struct place *place)
{
	struct store *store = NULL;

	assert_int_equal(store_open(place->directory, told, place, &store), ERR_OK);
	return store;
}

static struct store_state look(struct store *store)
{
	struct store_state state;

	store_look(store, &state);
	return state;
}

static bool append(void *user, const char *key, const void *value, size_t len)
{
	char *out = user;

	(void)snprintf(out + strlen(out), 400 - strlen(out), "%s%s=%.*s", *out ? " " : "", key,
		       (int)len, (const char *)value);
	return true;
}

/* "a=1 b=2", in order. */
static const char *text_of(struct store *store, const char *kind, char out[400])
{
	out[0] = '\0';
	assert_int_equal(store_each(store, kind, append, out), ERR_OK);
	return out;
}

static void put(struct store *store, const char *key, const char *value)
{
	store_put(store, "home", key, value, strlen(value));
}

static void test_round_trip(void **state)
{
	struct store *store = open_store(*state);
	struct stat status;
	char out[400];

	assert_true(look(store).is_working);
	put(store, "b", "2");
	put(store, "a", "1");
	put(store, "c", "");
	put(store, "d", "4");
	store_put(store, "other", "a", "x", 1);
	store_delete(store, "home", "d");
	store_delete(store, "home", "nobody");
	assert_null(store_close(store));
	assert_int_equal(stat(path(*state, ""), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(access(path(*state, "-wal"), F_OK), -1); /* all in one file */

	store = open_store(*state);
	assert_string_equal(text_of(store, "home", out), "a=1 b=2 c=");
	assert_string_equal(text_of(store, "other", out), "a=x");
	assert_string_equal(text_of(store, "none", out), "");
	assert_int_equal(look(store).n_records, 4);
	put(store, "a", "9");
	store_delete(store, "home", "b");
	assert_string_equal(text_of(store, "home", out),
			    "a=9 c="); /* what waits is written first */
	assert_int_equal(look(store).n_records, 3);
	assert_int_equal(look(store).n_waiting, 0);
	assert_int_equal(look(store).n_written, 2);
	assert_false(look(store).was_replaced);
	assert_string_equal(look(store).fault, "");
	store_close(store);
	assert_null(store_close(NULL));
	assert_int_equal(((struct place *)*state)->n_told, 0);
}

static void test_bytes_of_any_kind(void **state)
{
	static const char value[] = "\0'\xff\"\0;--";
	static char large[STORE_VALUE_SIZE];
	struct store *store = open_store(*state);
	char key[STORE_KEY_SIZE + 1], out[400];

	store_put(store, "k", "'; DROP TABLE record; --", value, sizeof(value));
	store_put(store, "k", "\xc3\x28", "not UTF-8", 9);
	store_close(store);
	store = open_store(*state);
	text_of(store, "k", out);
	assert_non_null(strstr(out, "DROP TABLE record; --="));
	assert_non_null(strstr(out, "\xc3\x28=not UTF-8"));

	memset(key, 'x', sizeof(key));
	key[STORE_KEY_SIZE] = '\0';
	store_put(store, "k", key, "1", 1); /* one too long */
	store_put(store, "k", "a", large, sizeof(large) + 1);
	store_put(store, "a kind with so long a name, which nobody has", "a", "1", 1);
	assert_int_equal(look(store).n_dropped, 3);
	key[STORE_KEY_SIZE - 1] = '\0';
	store_put(store, "k", key, large, sizeof(large));
	store_flush(store);
	assert_int_equal(look(store).n_records, 3);
	assert_int_equal(look(store).n_dropped, 3);
	store_close(store);
}

static bool refuse_odd(void *user, const char *key, const void *value, size_t len)
{
	++*(unsigned *)user;
	return (key[strlen(key) - 1] - '0') % 2 == 0;
}

static void test_each_deletes(void **state)
{
	struct store *store = open_store(*state);
	unsigned n = 0;
	char key[24], out[400];

	for (unsigned i = 0; i < 6; i++) {
		snprintf(key, sizeof(key), "%u", i);
		put(store, key, "x");
	}
	assert_int_equal(store_each(store, "home", refuse_odd, &n), ERR_OK);
	assert_int_equal(n, 6);
	assert_string_equal(text_of(store, "home", out), "0=x 2=x 4=x");
	store_close(store);
}

static void write_file(const char *name, const char *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void fill(struct place *place, unsigned n)
{
	struct store *store = open_store(place);
	char key[24], value[200];

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%06u", i);
		store_put(store, "home", key, value, sizeof(value));
	}
	store_close(store);
}

enum damage { GARBAGE, HEAD, HALF, MIDDLE, LAYOUT };

static void damage(const char *name, enum damage kind)
{
	static const char zeros[3000], layout[4] = { 0, 0, 0, 77 };
	struct stat status;
	int fd = open(name, O_WRONLY);

	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	switch (kind) {
	case GARBAGE:
		close(fd);
		write_file(name, "this is no database, and never was one", 38);
		return;
	case HEAD:
		assert_int_equal(pwrite(fd, zeros, 100, 0), 100);
		break;
	case HALF:
		assert_int_equal(ftruncate(fd, status.st_size / 2), 0);
		break;
	case MIDDLE:
		for (off_t at = 8192; at + 4096 < status.st_size; at += 4096)
			assert_int_equal(pwrite(fd, zeros, sizeof(zeros), at), sizeof(zeros));
		break;
	case LAYOUT: /* user_version stands at byte 60 of the file's head */
		assert_int_equal(pwrite(fd, layout, 4, 60), 4);
		break;
	}
	close(fd);
}

static void test_damaged(void **state)
{
	static const struct {
		const char *name;
		enum damage damage;
	} rows[] = {
		{ "text", GARBAGE },
		{ "head of zeros", HEAD },
		{ "truncated", HALF },
		{ "pages of zeros", MIDDLE },
		{ "a later version's", LAYOUT },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[400];

		fill(*state, 500);
		damage(path(*state, ""), rows[i].damage);
		struct store *store = open_store(*state);
		struct store_state now = look(store);
		if (!now.is_working || !now.was_replaced || now.n_records != 0 || !*now.fault)
			fail_msg("%s: works %d, replaced %d, %u records, fault '%s'",
				 rows[i].name, now.is_working, now.was_replaced,
				 (unsigned)now.n_records, now.fault);
		assert_int_equal(access(path(*state, ".damaged"), F_OK), 0);
		put(store, "new", "1");
		store_close(store);
		store = open_store(*state);
		assert_string_equal(text_of(store, "home", out), "new=1");
		assert_false(look(store).was_replaced);
		store_close(store);
	}
}

/* What SQLite takes for a new file. */
static void test_empty_file(void **state)
{
	char out[400];

	write_file(path(*state, ""), "", 0);
	struct store *store = open_store(*state);
	assert_true(look(store).is_working);
	put(store, "a", "1");
	assert_string_equal(text_of(store, "home", out), "a=1");
	store_close(store);
}

/* A process that was killed: what was written is there, though nobody closed. */
static void test_killed(void **state)
{
	struct place *place = *state;
	char out[400];
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct store *store;
		if (store_open(place->directory, NULL, NULL, &store))
			_exit(1);
		store_put(store, "home", "a", "1", 1);
		store_flush(store);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	struct store *store = open_store(place);
	assert_string_equal(text_of(store, "home", out), "a=1");
	assert_false(look(store).was_replaced);
	store_close(store);
}

/* Two daemons with one folder: the second serves, but keeps nothing, and does not disturb the
 * first. */
static void test_two_owners(void **state)
{
	struct store *first = open_store(*state), *second = open_store(*state);
	char out[400];

	assert_true(look(first).is_working);
	assert_false(look(second).is_working);
	assert_false(look(second).was_replaced);
	assert_non_null(strstr(look(second).fault, "locked"));
	put(first, "a", "1");
	put(second, "a", "2");
	store_flush(first);
	store_close(first);
	store_flush(second); /* takes over */
	assert_true(look(second).is_working);
	assert_string_equal(text_of(second, "home", out), "a=2");
	store_close(second);
}

/* Root may write anywhere, so the folder is one that cannot be: below a file. */
static void test_no_folder(void **state)
{
	struct place *place = *state;
	struct place below = { 0 };
	struct store *store = NULL;
	char out[400] = "";

	assert_true(text_copy(below.directory, sizeof(below.directory), path(place, "")));
	write_file(below.directory, "x", 1);
	assert_int_equal(store_open(below.directory, told, &below, &store), ERR_OK);
	assert_false(look(store).is_working);
	assert_non_null(strstr(look(store).fault, below.directory));
	assert_int_equal(look(store).n_failures, 1);
	assert_int_equal(below.n_told, 0); /* store_open's caller looks */
	put(store, "a", "1");
	assert_int_equal(store_each(store, "home", append, out), ERR_IO);
	assert_int_equal(look(store).n_waiting, 1);
	assert_true(look(store).n_failures >= 2);

	/* Whoever looks after the machine puts it right. */
	assert_int_equal(unlink(below.directory), 0);
	assert_int_equal(mkdir(below.directory, 0700), 0);
	store_flush(store);
	assert_true(look(store).is_working);
	assert_int_equal(below.n_told, 1);
	assert_true(below.is_working);
	assert_string_equal(text_of(store, "home", out), "a=1");
	store_close(store);
	assert_int_equal(unlink(path(&below, "")), 0);
	assert_int_equal(rmdir(below.directory), 0);
}

/* Until it fails twice in a row: after the first time SQLite makes room by tidying up. */
static void fill_until_it_fails(struct store *store, unsigned max)
{
	char value[1000], key[24];

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < max; i++) {
		snprintf(key, sizeof(key), "%06u", i);
		store_put(store, "home", key, value, sizeof(value));
		if (i % 20 != 19)
			continue;
		store_flush(store);
		if (look(store).is_working)
			continue;
		store_flush(store);
		if (!look(store).is_working)
			return;
	}
	fail_msg("nothing failed");
}

/* After a failure: what waits is kept, later changes of the same keys take no room, and all is
 * written once it can be. */
static void check_full(struct store *store, struct place *place)
{
	assert_false(look(store).is_working);
	assert_false(place->is_working);
	assert_int_equal(place->n_told % 2, 1);
	assert_true(look(store).n_waiting > 0);
	assert_non_null(strstr(look(store).fault, "nuncio.db: "));
	put(store, "late", "1");
	put(store, "late", "2");
	uint64_t n_waiting = look(store).n_waiting;
	store_flush(store);
	assert_false(look(store).is_working);
	assert_int_equal(look(store).n_waiting, n_waiting);
}

static void check_well_again(struct store *store, struct place *place)
{
	struct store_state before = look(store);

	store_flush(store);
	struct store_state after = look(store);
	assert_true(after.is_working);
	assert_int_equal(after.n_waiting, 0);
	assert_int_equal(after.n_dropped, 0);
	assert_int_equal(after.n_written, before.n_written + before.n_waiting);
	assert_int_equal(after.n_records, after.n_written);
	assert_int_equal(place->n_told % 2, 0);
	assert_true(place->is_working);
	uint64_t n_records = after.n_records;
	store_close(store);
	store = open_store(place);
	assert_int_equal(look(store).n_records, n_records);
	assert_false(look(store).was_replaced);
	store_close(store);
}

static void test_file_too_large(void **state)
{
	struct rlimit old, small = { .rlim_cur = 200 * 1024 };
	struct store *store = open_store(*state);

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	fill_until_it_fails(store, 10000);
	check_full(store, *state);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	check_well_again(store, *state);
}

/* A file system of its own that is full, where we may make one. */
static void test_disk_full(void **state)
{
	struct place *place = *state;
	struct place small = { 0 };
	char filler[128];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", place->directory, "tmpfs", 0, "size=400k,mode=700"))
		skip();
	text_copy(small.directory, sizeof(small.directory), place->directory);
	snprintf(filler, sizeof(filler), "%s/filler", place->directory);
	static char zeros[100 * 1024];
	write_file(filler, zeros, sizeof(zeros));

	struct store *store = open_store(&small);
	fill_until_it_fails(store, 10000);
	check_full(store, &small);
	assert_non_null(strstr(look(store).fault, "full"));
	assert_int_equal(mount("none", place->directory, "tmpfs", MS_REMOUNT, "size=64m"), 0);
	check_well_again(store, &small);
	assert_int_equal(umount(place->directory), 0);
}

/* However long it does not work, no more than so much waits. */
static void test_bounded(void **state)
{
	struct store *store = NULL;
	char key[24];

	assert_int_equal(store_open("/proc/nowhere", NULL, NULL, &store), ERR_OK);
	for (unsigned i = 0; i < 200100; i++) {
		snprintf(key, sizeof(key), "%u", i);
		store_put(store, "home", key, "x", 1);
	}
	assert_int_equal(look(store).n_waiting, 200000);
	assert_int_equal(look(store).n_dropped, 100);
	put(store, "7", "y");
	store_delete(store, "home", "8");
	assert_int_equal(look(store).n_dropped, 100);
	assert_int_equal(look(store).n_waiting, 200000);
	assert_null(store_close(store));
}

enum { N_THREADS = 2, N_PUTS = 20000 };

struct writer {
	struct store *store;
	unsigned number;
};

static void *put_many(void *user)
{
	struct writer *writer = user;
	char key[24], value[24];

	for (unsigned i = 0; i < N_PUTS; i++) {
		snprintf(key, sizeof(key), "%u-%u", writer->number, i % 500);
		snprintf(value, sizeof(value), "%u", i);
		if (i % 7 == 0)
			store_delete(writer->store, "home", key);
		store_put(writer->store, "home", key, value, strlen(value));
	}
	return NULL;
}

static bool is_last(void *user, const char *key, const void *value, size_t len)
{
	char text[24] = "";
	unsigned number, slot;

	memcpy(text, value, len < sizeof(text) ? len : 0);
	if (sscanf(key, "%u-%u", &number, &slot) == 2 &&
	    (unsigned)atoi(text) == N_PUTS - 500 + slot)
		++*(unsigned *)user;
	return true;
}

/* Also run under ThreadSanitizer. */
static void test_threads(void **state)
{
	struct store *store = open_store(*state);
	struct writer writers[N_THREADS];
	pthread_t threads[N_THREADS];
	unsigned n = 0;

	for (unsigned i = 0; i < N_THREADS; i++) {
		writers[i] = (struct writer){ store, i };
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, &writers[i]), 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		store_flush(store);
		assert_true(look(store).n_waiting <= 2000);
	}
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	store_close(store);
	store = open_store(*state);
	assert_int_equal(store_each(store, "home", is_last, &n), ERR_OK);
	assert_int_equal(n, N_THREADS * 500);
	assert_int_equal(look(store).n_records, N_THREADS * 500);
	store_close(store);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_round_trip),
		WITH_FOLDER(test_bytes_of_any_kind),
		WITH_FOLDER(test_each_deletes),
		WITH_FOLDER(test_damaged),
		WITH_FOLDER(test_empty_file),
		WITH_FOLDER(test_killed),
		WITH_FOLDER(test_two_owners),
		WITH_FOLDER(test_no_folder),
		WITH_FOLDER(test_file_too_large),
		cmocka_unit_test(test_bounded),
		WITH_FOLDER(test_threads),
		WITH_FOLDER(
			test_disk_full), /* last: it leaves the file systems of the others */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
