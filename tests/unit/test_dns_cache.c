#include "routing/dns_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct dns_cache *cache;

	assert_int_equal(dns_cache_new(&cache), ERR_OK);
	*state = cache;
	return 0;
}

static int teardown(void **state)
{
	assert_null(dns_cache_free(*state));
	return dns_cache_free(NULL) != NULL;
}

static void test_name_and_type(void **state)
{
	struct dns_cache_entry *a = dns_cache_take(*state, "a.example", DNS_A);

	assert_non_null(a);
	assert_string_equal(a->name, "a.example");
	assert_int_equal(a->type, DNS_A);
	assert_true(list_is_empty(&a->waiting));
	assert_ptr_equal(dns_cache_take(*state, "a.example", DNS_A), a);
	assert_ptr_equal(dns_cache_find(*state, "a.example", DNS_A), a);
	assert_null(dns_cache_find(*state, "a.example", DNS_AAAA));
	assert_null(dns_cache_find(*state, "b.example", DNS_A));
	assert_ptr_not_equal(dns_cache_take(*state, "a.example", DNS_SRV), a);
	dns_cache_drop(*state, a);
	assert_null(dns_cache_find(*state, "a.example", DNS_A));
	assert_non_null(dns_cache_find(*state, "a.example", DNS_SRV));
}

static void test_ages(void **state)
{
	static const struct {
		const char *name;
		enum dns_status status;
		uint64_t fresh_ms, stale_ms; /* until when, from 1000 on */
	} rows[] = {
		{ "found", DNS_FOUND, 60000, 3660000 },
		{ "no name", DNS_NO_NAME, 30000, 0 },
		{ "no record", DNS_NO_RECORD, 30000, 0 },
		{ "failure", DNS_SERVER_FAILED, 0, 0 },
		{ "timeout", DNS_TIMEOUT, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_cache_entry *entry = dns_cache_take(*state, rows[i].name, DNS_A);
		const struct dns_answer answer = { .status = rows[i].status, .ttl_s = 60 };

		dns_cache_keep(entry, &answer, 30000, 1000);
		for (uint64_t ms = 0; ms < 4000000; ms += 10000)
			if (dns_cache_is_fresh(entry, 1000 + ms) != (ms < rows[i].fresh_ms) ||
			    dns_cache_has_stale(entry, 1000 + ms) != (ms < rows[i].stale_ms))
				fail_msg("%s after %llu ms", rows[i].name,
					 (unsigned long long)ms);
	}
}

/* A failure leaves what was known, and says when to ask again. */
static void test_failure_keeps_the_old(void **state)
{
	struct dns_cache_entry *entry = dns_cache_take(*state, "a.example", DNS_A);
	struct dns_answer answer = { .status = DNS_FOUND, .ttl_s = 1 };

	dns_cache_keep(entry, &answer, 30000, 1000);
	answer.status = DNS_SERVER_FAILED;
	dns_cache_keep(entry, &answer, 30000, 9000);
	assert_int_equal(entry->answer->status, DNS_FOUND);
	assert_int_equal(entry->retry_at_ms, 14000);
	answer.status = DNS_NO_NAME; /* but an authority's "no" replaces it */
	dns_cache_keep(entry, &answer, 30000, 15000);
	assert_int_equal(entry->answer->status, DNS_NO_NAME);
	assert_int_equal(entry->retry_at_ms, 0);
}

/* What is kept takes no more memory than its records; a copy has room for all. */
static void test_copies(void **state)
{
	static const enum dns_type types[] = { DNS_A, DNS_SRV };
	struct dns_answer answer = { .status = DNS_FOUND, .ttl_s = 60 };

	for (size_t i = 0; i < COUNT(types); i++) {
		for (answer.n = 0; answer.n <= DNS_MAX_RECORDS; answer.n++) {
			struct dns_cache_entry *entry =
				dns_cache_take(*state, "a.example", types[i]);
			memset(&answer.srv, (int)answer.n, sizeof(answer.srv));
			dns_cache_keep(entry, &answer, 0, 1000);
			struct dns_answer *copy = dns_cache_copy(entry->answer, types[i]);
			assert_non_null(copy);
			assert_int_equal(copy->n, answer.n);
			size_t bytes =
				answer.n * (types[i] == DNS_SRV ? sizeof(answer.srv[0])
								: sizeof(answer.addrs[0]));
			assert_memory_equal(copy->srv, answer.srv, bytes);
			memset(copy, 0xff, sizeof(*copy)); /* ASan sees if it is too short */
			free(copy);
		}
	}
}

/* The one unused for longest gives way, but none that is being asked for. */
static void test_bound(void **state)
{
	char name[32];

	for (unsigned i = 0; i < DNS_CACHE_MAX_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		assert_non_null(dns_cache_take(*state, name, DNS_A));
	}
	dns_cache_find(*state, "n0.example", DNS_A)->is_asking = true;
	assert_non_null(dns_cache_take(*state, "n1.example", DNS_A));
	assert_non_null(dns_cache_take(*state, "new.example", DNS_A));
	assert_non_null(dns_cache_find(*state, "n0.example", DNS_A));
	assert_non_null(dns_cache_find(*state, "n1.example", DNS_A));
	assert_null(dns_cache_find(*state, "n2.example", DNS_A));
	for (unsigned i = 0; i < DNS_CACHE_MAX_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		struct dns_cache_entry *entry = dns_cache_find(*state, name, DNS_A);
		if (entry)
			entry->is_asking = true;
	}
	dns_cache_find(*state, "new.example", DNS_A)->is_asking = true;
	assert_null(dns_cache_take(*state, "another.example", DNS_A));
	assert_non_null(dns_cache_take(*state, "new.example", DNS_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_name_and_type, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure_keeps_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
