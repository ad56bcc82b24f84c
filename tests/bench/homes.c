/* What a hundred thousand learned homes cost: a look-up, memory, and time to read them back at
 * the start.
 *
 *   build/tests/bench/homes [N_HOMES]
 *
 * Times are processor time, of look-ups the best of five rounds. Names are looked up in random
 * order, so that they are in no cache of the processor. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/base/store.h"
#include "proxy/location_store.h"
#include "routing/location.h"

enum { N_HOMES = 100000, N_ROUNDS = 5, N_BACKENDS = 4, N_THREADS = 2, NAME_SIZE = 40 };

struct bench {
	size_t n;
	char (*names)[NAME_SIZE]; /* in random order */
	char (*others)[NAME_SIZE];
	struct location *location;
};

static double now_s(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "homes: %s\n", what);
	exit(1);
}

static void make_names(struct bench *bench)
{
	bench->names = calloc(bench->n, NAME_SIZE);
	bench->others = calloc(bench->n, NAME_SIZE);
	if (!bench->names || !bench->others)
		fail("out of memory");
	for (size_t i = 0; i < bench->n; i++) {
		snprintf(bench->names[i], NAME_SIZE, "firstname.name%zu", i);
		snprintf(bench->others[i], NAME_SIZE, "somebody.else%zu", i);
	}
	srandom(1);
	for (size_t i = bench->n; i > 1; i--) {
		char name[NAME_SIZE];
		size_t j = (size_t)random() % i;
		memcpy(name, bench->names[i - 1], NAME_SIZE);
		memcpy(bench->names[i - 1], bench->names[j], NAME_SIZE);
		memcpy(bench->names[j], name, NAME_SIZE);
	}
}

static void learn_all(struct bench *bench, uint64_t now_ms)
{
	static const char *const backends[N_BACKENDS] = { "berlin", "munich", "hamburg",
							  "cologne" };

	for (size_t i = 0; i < bench->n; i++)
		location_learn(bench->location, bench->names[i], "corp.example",
			       backends[i % N_BACKENDS], now_ms);
}

/* As much at once as may wait. */
static void learn_and_write(struct bench *bench, struct store *store)
{
	struct bench part = *bench;

	for (size_t done = 0; done < bench->n; done += part.n) {
		part.names = bench->names + done;
		part.n = bench->n - done < N_HOMES ? bench->n - done : N_HOMES;
		learn_all(&part, 0);
		store_flush(store);
	}
}

static size_t look_up_all(struct bench *bench, char (*names)[NAME_SIZE], uint64_t now_ms)
{
	char backend[LOCATION_BACKEND_SIZE];
	size_t n_found = 0;

	for (size_t i = 0; i < bench->n; i++)
		n_found += location_home(bench->location, names[i], "corp.example", now_ms,
					 backend);
	return n_found;
}

static double lookup_ns(struct bench *bench, char (*names)[NAME_SIZE], size_t want_found)
{
	double best = 1e9;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		double begin = now_s(CLOCK_THREAD_CPUTIME_ID);
		if (look_up_all(bench, names, i) != want_found)
			fail("look-ups that went wrong");
		double took = now_s(CLOCK_THREAD_CPUTIME_ID) - begin;
		best = took < best ? took : best;
	}
	return best * 1e9 / (double)bench->n;
}

static void *look_up_in_thread(void *user)
{
	struct bench *bench = user;

	look_up_all(bench, bench->names, 100);
	return NULL;
}

/* Processor time of a look-up while another thread does the same. */
static double parallel_ns(struct bench *bench)
{
	double best = 1e9;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		pthread_t threads[N_THREADS];
		double begin = now_s(CLOCK_PROCESS_CPUTIME_ID);
		for (size_t j = 0; j < N_THREADS; j++)
			if (pthread_create(&threads[j], NULL, look_up_in_thread, bench))
				fail("no thread");
		for (size_t j = 0; j < N_THREADS; j++)
			pthread_join(threads[j], NULL);
		double took = now_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
		best = took < best ? took : best;
	}
	return best * 1e9 / (double)bench->n / N_THREADS;
}

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void make_location(struct bench *bench, size_t max)
{
	const struct location_limits limits = { 0, max };

	if (location_new(&limits, &bench->location))
		fail("out of memory");
}

static void measure_table(struct bench *bench)
{
	make_location(bench, bench->n);
	size_t before = allocated();
	double begin = now_s(CLOCK_THREAD_CPUTIME_ID);
	learn_all(bench, 0);
	double learn_ns = (now_s(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / (double)bench->n;
	size_t bytes = allocated() - before;

	printf("%-44s %8.0f ns\n", "look-up of a user with a home",
	       lookup_ns(bench, bench->names, bench->n));
	printf("%-44s %8.0f ns\n", "look-up of a user without",
	       lookup_ns(bench, bench->others, 0));
	printf("%-44s %8.0f ns\n", "look-up while another thread looks up", parallel_ns(bench));
	printf("%-44s %8.0f ns\n", "learning one", learn_ns);
	char(*names)[NAME_SIZE] = bench->names;
	bench->names = bench->others;
	begin = now_s(CLOCK_THREAD_CPUTIME_ID);
	learn_all(bench, 200);
	learn_ns = (now_s(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / (double)bench->n;
	bench->names = names;
	printf("%-44s %8.0f ns\n", "learning one where another gives way", learn_ns);
	printf("%-44s %8.0f bytes\n", "memory of a home", (double)bytes / (double)bench->n);
	bench->location = location_free(bench->location);
}

static void measure_restore(struct bench *bench, const char *directory)
{
	struct location_restored restored;
	struct location_store *location_store;
	struct store *store;
	struct stat status;
	char path[100];

	for (unsigned round = 0; round < 2; round++) {
		double begin = now_s(CLOCK_PROCESS_CPUTIME_ID);
		make_location(bench, bench->n);
		if (store_open(directory, NULL, NULL, &store) ||
		    location_store_attach(bench->location, store, 0, 0, &restored,
					  &location_store))
			fail("no store");
		if (round > 0) {
			printf("%-44s %8.0f ms\n", "start with all of them in the store",
			       (now_s(CLOCK_PROCESS_CPUTIME_ID) - begin) * 1e3);
		} else {
			learn_and_write(bench, store);
			printf("%-44s %8.0f ms\n", "writing all of them to the store",
			       (now_s(CLOCK_PROCESS_CPUTIME_ID) - begin) * 1e3);
		}
		location_store_detach(location_store);
		location_free(bench->location);
		store_close(store);
	}
	if (restored.homes != bench->n)
		fail("not all came back");
	snprintf(path, sizeof(path), "%s/nuncio.db", directory);
	if (stat(path, &status) == 0)
		printf("%-44s %8.1f MB\n", "nuncio.db", (double)status.st_size / 1e6);
	unlink(path);
}

int main(int n_args, char **args)
{
	char directory[] = "/tmp/nuncio-homes-XXXXXX";
	struct bench bench = { .n = n_args > 1 ? strtoul(args[1], NULL, 10) : N_HOMES };

	if (bench.n == 0 || !mkdtemp(directory))
		fail("usage: homes [N_HOMES]");
	make_names(&bench);
	printf("%zu learned homes, %d backends\n", bench.n, N_BACKENDS);
	measure_table(&bench);
	measure_restore(&bench, directory);
	rmdir(directory);
	free(bench.names);
	free(bench.others);
	return 0;
}
