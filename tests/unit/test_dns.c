#include "routing/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A resolver on loopback in the same loop: it answers every question for one name by its
 * mood. */
enum mood { ADDRESS, NO_NAME, NO_RECORD, FAIL, SILENT };

struct resolver {
	struct loop_watch watch;
	int fd;
	enum mood mood;
	unsigned ttl_s, n_asked;
	unsigned char last[512]; /* the last question, for late answers */
	size_t last_len;
	struct sockaddr_storage from;
	socklen_t from_len;
};

struct fixture {
	struct loop *loop;
	struct dns *dns;
	struct resolver resolvers[2];
	struct dns_settings settings;
};

/* What a query was told. */
struct asked {
	struct dns_query query;
	unsigned n_told;
	struct dns_answer answer;
	uint64_t at_ms;
	struct loop *loop;
};

static void reply(struct resolver *resolver)
{
	static const unsigned char record[] = { 0xc0, 0x0c, 0, 1, 0,   1, 0, 0,
						0,    0,    0, 4, 192, 0, 2, 7 };
	unsigned char bytes[600];
	size_t len = 12;

	while (len < resolver->last_len && resolver->last[len] != 0)
		len += 1 + (size_t)resolver->last[len];
	len += 5; /* the end of the name, type, class */
	assert_true(len <= resolver->last_len);
	memcpy(bytes, resolver->last, len);
	memcpy(bytes + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
	if (resolver->mood == NO_NAME)
		bytes[3] |= 3;
	if (resolver->mood == FAIL)
		bytes[3] |= 2;
	if (resolver->mood == ADDRESS) {
		bytes[7] = 1;
		memcpy(bytes + len, record, sizeof(record));
		bytes[len + 9] = (unsigned char)resolver->ttl_s;
		len += sizeof(record);
	}
	assert_int_equal(sendto(resolver->fd, bytes, len, 0, (struct sockaddr *)&resolver->from,
				resolver->from_len),
			 len);
}

static void on_question(struct loop_watch *watch, unsigned events)
{
	struct resolver *resolver = container_of(watch, struct resolver, watch);

	resolver->from_len = sizeof(resolver->from);
	ssize_t got =
		recvfrom(resolver->fd, resolver->last, sizeof(resolver->last), MSG_DONTWAIT,
			 (struct sockaddr *)&resolver->from, &resolver->from_len);
	if (got < 0)
		return;
	resolver->last_len = (size_t)got;
	resolver->n_asked++;
	if (resolver->mood != SILENT)
		reply(resolver);
}

static void open_resolver(struct fixture *f, size_t i, char text[64])
{
	struct resolver *resolver = &f->resolvers[i];
	struct addr addr;

	assert_int_equal(addr_parse("127.0.0.1", 0, &addr), ERR_OK);
	resolver->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(resolver->fd >= 0);
	assert_int_equal(bind(resolver->fd, &addr.sa, addr.len), 0);
	assert_int_equal(getsockname(resolver->fd, &addr.sa, &addr.len), 0);
	loop_watch_start(f->loop, &resolver->watch, resolver->fd, LOOP_READ, on_question);
	resolver->ttl_s = 60;
	addr_text(&addr, text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_new_turned(1000, &f->loop), ERR_OK);
	open_resolver(f, 0, f->settings.servers[0]);
	open_resolver(f, 1, f->settings.servers[1]);
	f->settings.n_servers = 1;
	f->settings.negative_ttl_ms = 30000;
	assert_int_equal(dns_new(f->loop, &f->settings, &f->dns), ERR_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dns_free(f->dns);
	for (size_t i = 0; i < COUNT(f->resolvers); i++) {
		loop_watch_stop(&f->resolvers[i].watch);
		close(f->resolvers[i].fd);
	}
	loop_free(f->loop);
	free(f);
	return 0;
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer)
{
	struct asked *asked = container_of(query, struct asked, query);

	assert_false(query->is_active);
	asked->n_told++;
	asked->answer = *answer;
	asked->at_ms = loop_now_ms(asked->loop);
}

static void ask(struct fixture *f, struct asked *asked, const char *name, enum dns_type type)
{
	memset(asked, 0xa5, sizeof(*asked)); /* a query starts from anything */
	asked->n_told = 0;
	asked->loop = f->loop;
	dns_ask(f->dns, &asked->query, name, type, 4000, on_answer);
	assert_int_equal(asked->n_told, 0); /* never from inside */
}

/* Asks, lets ms pass, and wants one answer of that status. */
static struct dns_answer told(struct fixture *f, const char *name, uint64_t ms,
			      enum dns_status want)
{
	struct asked asked;

	ask(f, &asked, name, DNS_A);
	loop_turn(f->loop, ms);
	assert_int_equal(asked.n_told, 1);
	if (asked.answer.status != want)
		fail_msg("%s: %s", name, dns_status_text(asked.answer.status));
	return asked.answer;
}

static void test_cached_for_its_ttl(void **state)
{
	struct fixture *f = *state;
	struct dns_answer answer = told(f, "a.example", 0, DNS_FOUND);
	char text[ADDR_TEXT_SIZE];

	assert_int_equal(answer.n, 1);
	assert_string_equal(addr_host(&answer.addrs[0], text), "192.0.2.7");
	assert_int_equal(answer.ttl_s, 60);
	loop_turn(f->loop, 20000);
	answer = told(f, "A.Example.", 0, DNS_FOUND);
	assert_int_equal(answer.ttl_s, 40);
	assert_false(answer.is_stale);
	assert_int_equal(f->resolvers[0].n_asked, 1);
	loop_turn(f->loop, 40000);
	(void)told(f, "a.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[0].n_asked, 2);
	(void)told(f, "b.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[0].n_asked, 3);
}

static void test_joined(void **state)
{
	struct fixture *f = *state;
	struct asked one, two, other;

	ask(f, &one, "a.example", DNS_A);
	ask(f, &two, "a.example", DNS_A);
	ask(f, &other, "a.example", DNS_AAAA);
	loop_turn(f->loop, 0);
	assert_int_equal(one.n_told + two.n_told + other.n_told, 3);
	assert_int_equal(f->resolvers[0].n_asked, 2);
	assert_int_equal(two.answer.status, DNS_FOUND);
	assert_int_equal(other.answer.status,
			 DNS_NO_RECORD); /* an A record is no answer to AAAA */
}

static void test_negative(void **state)
{
	static const struct {
		enum mood mood;
		enum dns_status want;
	} rows[] = { { NO_NAME, DNS_NO_NAME }, { NO_RECORD, DNS_NO_RECORD } };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = i ? "b.example" : "a.example";
		unsigned n_before = f->resolvers[0].n_asked;
		f->resolvers[0].mood = rows[i].mood;
		(void)told(f, name, 0, rows[i].want);
		loop_turn(f->loop, 29999);
		(void)told(f, name, 0, rows[i].want);
		assert_int_equal(f->resolvers[0].n_asked, n_before + 1);
		loop_turn(f->loop, 1);
		f->resolvers[0].mood = ADDRESS;
		(void)told(f, name, 0, DNS_FOUND);
	}
}

/* field.md pitfall 1: one budget, whatever the resolvers do; what comes late is kept. */
static void test_budget(void **state)
{
	struct fixture *f = *state;
	struct asked asked;

	f->resolvers[0].mood = SILENT;
	ask(f, &asked, "a.example", DNS_A);
	loop_turn(f->loop, 3999);
	assert_int_equal(asked.n_told, 0);
	loop_turn(f->loop, 1);
	assert_int_equal(asked.n_told, 1);
	assert_int_equal(asked.answer.status, DNS_TIMEOUT);
	f->resolvers[0].mood = ADDRESS;
	reply(&f->resolvers[0]);
	loop_turn(f->loop, 0);
	unsigned n_asked = f->resolvers[0].n_asked;
	(void)told(f, "a.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[0].n_asked, n_asked);
	assert_int_equal(asked.n_told, 1);
}

/* RFC 3263 §4.1: like any other type. Resolvers that drop such questions cost no more than one
 * budget. */
static void test_naptr(void **state)
{
	static const unsigned char type[] = { 0, 35, 0, 1 }; /* RFC 3403 §8, IN */
	struct fixture *f = *state;
	const struct resolver *resolver = &f->resolvers[0];
	struct asked asked;

	ask(f, &asked, "a.example", DNS_NAPTR); /* an A record is no answer */
	loop_turn(f->loop, 0);
	assert_int_equal(asked.n_told, 1);
	assert_int_equal(asked.answer.status, DNS_NO_RECORD);
	assert_memory_equal(resolver->last + 12 + sizeof("\1a\7example"), type, sizeof(type));
	ask(f, &asked, "a.example", DNS_NAPTR); /* negative: kept */
	loop_turn(f->loop, 0);
	assert_int_equal(asked.answer.status, DNS_NO_RECORD);
	assert_int_equal(resolver->n_asked, 1);

	f->resolvers[0].mood = SILENT;
	ask(f, &asked, "b.example", DNS_NAPTR);
	loop_turn(f->loop, 3999);
	assert_int_equal(asked.n_told, 0);
	loop_turn(f->loop, 1);
	assert_int_equal(asked.n_told, 1);
	assert_int_equal(asked.answer.status, DNS_TIMEOUT);
}

/* RFC 8767: what ran out less than an hour ago is better than nothing. */
static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct asked asked;

	(void)told(f, "a.example", 0, DNS_FOUND);
	loop_turn(f->loop, 61000);
	f->resolvers[0].mood = SILENT;
	ask(f, &asked, "a.example", DNS_A);
	loop_turn(f->loop, 1799);
	assert_int_equal(asked.n_told, 0);
	loop_turn(f->loop, 1);
	assert_int_equal(asked.n_told, 1); /* not after the whole budget */
	assert_int_equal(asked.answer.status, DNS_FOUND);
	assert_true(asked.answer.is_stale);
	assert_int_equal(asked.answer.ttl_s, 0);
}

static void test_stale_after_failure(void **state)
{
	struct fixture *f = *state;

	(void)told(f, "a.example", 0, DNS_FOUND);
	loop_turn(f->loop, 61000);
	f->resolvers[0].mood = FAIL;
	assert_true(told(f, "a.example", 0, DNS_FOUND).is_stale);
	unsigned n_asked = f->resolvers[0].n_asked;
	assert_true(told(f, "a.example", 0, DNS_FOUND).is_stale);
	assert_int_equal(f->resolvers[0].n_asked, n_asked); /* not asked again at once, */
	loop_turn(f->loop, 5000);
	f->resolvers[0].mood = ADDRESS;
	assert_false(told(f, "a.example", 0, DNS_FOUND).is_stale); /* but soon */

	loop_turn(f->loop, 3700000);
	f->resolvers[0].mood = FAIL;
	(void)told(f, "a.example", 0, DNS_SERVER_FAILED); /* an hour is over */
	(void)told(f, "never.example", 0, DNS_SERVER_FAILED);
}

static void test_known_without_asking(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
		enum dns_status want;
	} rows[] = {
		{ "192.0.2.1", DNS_A, DNS_FOUND },
		{ "192.0.2.1", DNS_AAAA, DNS_NO_RECORD },
		{ "2001:db8::1", DNS_AAAA, DNS_FOUND },
		{ "[2001:db8::1]", DNS_AAAA, DNS_FOUND },
		{ "192.0.2.1", DNS_SRV, DNS_NO_RECORD },
		{ "localhost", DNS_A, DNS_FOUND },
		{ "not a name", DNS_A, DNS_NO_NAME },
		{ "", DNS_A, DNS_NO_NAME },
		{ "two..dots", DNS_A, DNS_NO_NAME },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct asked asked;
		ask(f, &asked, rows[i].name, rows[i].type);
		loop_turn(f->loop, 0);
		assert_int_equal(asked.n_told, 1);
		if (asked.answer.status != rows[i].want ||
		    asked.answer.n != (rows[i].want == DNS_FOUND))
			fail_msg("%s: %s", rows[i].name, dns_status_text(asked.answer.status));
	}
	assert_int_equal(f->resolvers[0].n_asked, 0);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct asked waiting, kept, deferred;

	f->resolvers[0].mood = SILENT;
	ask(f, &waiting, "a.example", DNS_A);
	ask(f, &kept, "a.example", DNS_A);
	ask(f, &deferred, "192.0.2.1", DNS_A);
	dns_cancel(&waiting.query);
	dns_cancel(&waiting.query);
	dns_cancel(&deferred.query);
	loop_turn(f->loop, 0);
	f->resolvers[0].mood = ADDRESS;
	reply(&f->resolvers[0]);
	loop_turn(f->loop, 5000);
	assert_int_equal(waiting.n_told, 0);
	assert_int_equal(deferred.n_told, 0);
	assert_int_equal(kept.n_told, 1);
	dns_cancel(&kept.query); /* was told */
}

/* Reload: what is cached stays, what is under way is asked of the new servers. */
static void test_change(void **state)
{
	struct fixture *f = *state;
	struct asked asked;

	(void)told(f, "cached.example", 0, DNS_FOUND);
	f->resolvers[0].mood = SILENT;
	ask(f, &asked, "a.example", DNS_A);
	loop_turn(f->loop, 0);
	strcpy(f->settings.servers[0], f->settings.servers[1]);
	assert_int_equal(dns_change(f->dns, &f->settings), ERR_OK);
	loop_turn(f->loop, 0);
	assert_int_equal(asked.n_told, 1);
	assert_int_equal(asked.answer.status, DNS_FOUND);
	(void)told(f, "cached.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[1].n_asked, 1);
	assert_int_equal(dns_change(f->dns, &f->settings), ERR_OK); /* nothing new */
	(void)told(f, "b.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[1].n_asked, 2);

	strcpy(f->settings.servers[0], "no address");
	assert_int_equal(dns_change(f->dns, &f->settings), ERR_SYNTAX);
	(void)told(f, "c.example", 0, DNS_FOUND); /* by the old ones */
}

static uint64_t real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The clock of ares is the real one. */
static uint64_t took_ms(struct fixture *f, const char *name)
{
	const uint64_t began_ms = real_ms();
	struct asked asked;

	ask(f, &asked, name, DNS_A);
	while (!asked.n_told && real_ms() - began_ms < 3000) {
		loop_turn(f->loop, 1);
		usleep(1000);
	}
	assert_int_equal(asked.n_told, 1);
	assert_int_equal(asked.answer.status, DNS_FOUND);
	return real_ms() - began_ms;
}

/* The first of two servers says nothing: the other one answers in its place, and is the first
 * from then on. */
static void test_silent_first_server(void **state)
{
	struct fixture *f = *state;
	unsigned n_asked;

	f->settings.n_servers = 2;
	assert_int_equal(dns_change(f->dns, &f->settings), ERR_OK);
	f->resolvers[0].mood = SILENT;
	f->resolvers[1].mood = ADDRESS;
	assert_in_range(took_ms(f, "a.example"), 390, 900);
	n_asked = f->resolvers[0].n_asked;
	assert_in_range(n_asked, 1, 2);
	assert_in_range(took_ms(f, "b.example"), 0, 390);
	assert_in_range(took_ms(f, "c.example"), 0, 390);
	assert_int_equal(f->resolvers[0].n_asked, n_asked);
	/* ... until that one is silent. */
	f->resolvers[0].mood = ADDRESS;
	f->resolvers[1].mood = SILENT;
	assert_in_range(took_ms(f, "d.example"), 390, 900);
	assert_in_range(took_ms(f, "e.example"), 0, 390);
}

static void test_free_tells(void **state)
{
	struct fixture *f = *state;
	struct asked asked;

	f->resolvers[0].mood = SILENT;
	ask(f, &asked, "a.example", DNS_A);
	loop_turn(f->loop, 0);
	f->dns = dns_free(f->dns);
	assert_int_equal(asked.n_told, 0);
	loop_turn(f->loop, 0);
	assert_int_equal(asked.n_told, 1);
	assert_int_equal(asked.answer.status, DNS_SERVER_FAILED);
}

/* Bounded: what is oldest gives way. */
static void test_bound(void **state)
{
	struct fixture *f = *state;
	char name[32];

	for (unsigned i = 0; i < 4100; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		(void)told(f, name, 0, DNS_FOUND);
	}
	assert_int_equal(f->resolvers[0].n_asked, 4100);
	(void)told(f, "n4099.example", 0, DNS_FOUND);
	(void)told(f, "n4.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[0].n_asked, 4100);
	(void)told(f, "n0.example", 0, DNS_FOUND);
	assert_int_equal(f->resolvers[0].n_asked, 4101);
}

/* The seam of tests/world. */
struct fake {
	struct dns_query *query;
	char name[256];
	unsigned n_cancelled;
};

static void fake_ask(void *user, struct dns_query *query, const char *name, enum dns_type type,
		     uint64_t budget_ms)
{
	struct fake *fake = user;

	fake->query = query;
	strcpy(fake->name, name);
}

static void fake_cancel(void *user, struct dns_query *query)
{
	struct fake *fake = user;

	fake->n_cancelled += query == fake->query;
}

static void test_ops(void **state)
{
	static const struct dns_ops ops = { fake_ask, fake_cancel };
	const struct dns_answer answer = { .status = DNS_NO_NAME };
	struct fixture *f = *state;
	struct fake fake = { 0 };
	struct asked asked;
	struct dns *dns;

	assert_int_equal(dns_new_with(f->loop, &ops, &fake, &dns), ERR_OK);
	memset(&asked, 0, sizeof(asked));
	asked.loop = f->loop;
	dns_ask(dns, &asked.query, "A.example.", DNS_SRV, 4000, on_answer);
	assert_string_equal(fake.name, "a.example");
	dns_tell(fake.query, &answer);
	assert_int_equal(asked.n_told, 1);
	dns_cancel(&asked.query);
	assert_int_equal(fake.n_cancelled, 0);
	dns_ask(dns, &asked.query, "a.example", DNS_SRV, 4000, on_answer);
	dns_cancel(&asked.query);
	assert_int_equal(fake.n_cancelled, 1);
	assert_null(dns_free(dns));
	assert_null(dns_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cached_for_its_ttl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_negative, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_naptr, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_after_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_without_asking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_first_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_tells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ops, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
