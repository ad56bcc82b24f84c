#include "media/latch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

enum { MAX_STEPS = 10 };

/* Steps: a letter and an address. "p" a packet that must be accepted, "x" one that must be
 * turned away, "s" signalling sets anew and allows to look anew, "=" signalling repeats itself,
 * "t" media goes there now ("-": nowhere). */
struct step {
	uint64_t at_ms;
	const char *what;
};

struct row {
	const char *name, *told, *nat_host;
	bool is_latching;
	struct step steps[MAX_STEPS];
};

static const struct row rows[] = {
	{ "a side that is not behind NAT: the told address alone",
	  "192.0.2.1:4000",
	  "",
	  false,
	  { { 0, "t192.0.2.1:4000" },
	    { 0, "x198.51.100.9:4000" },
	    { 1, "p192.0.2.1:4000" },
	    { 2, "x198.51.100.9:4000" },
	    { 3, "x192.0.2.1:4002" } } },
	{ "it sends from another port than it receives at: heard, but media goes where it was told",
	  "192.0.2.1:4000",
	  "",
	  false,
	  { { 0, "p192.0.2.1:5555" },
	    { 1, "x192.0.2.1:5556" },
	    { 2, "p192.0.2.1:5555" },
	    { 2, "t192.0.2.1:4000" } } },
	{ "the told port has the last word",
	  "192.0.2.1:4000",
	  "",
	  false,
	  { { 0, "p192.0.2.1:5555" },
	    { 9000, "p192.0.2.1:4000" },
	    { 9001, "x192.0.2.1:5555" } } },
	{ "nothing told, nothing taken",
	  "",
	  "",
	  false,
	  { { 0, "x192.0.2.1:4000" }, { 0, "t-" } } },
	{ "behind NAT: where packets come from, and media goes there",
	  "10.0.0.5:4000",
	  "",
	  true,
	  { { 0, "t10.0.0.5:4000" },
	    { 10, "p203.0.113.7:61000" },
	    { 10, "t203.0.113.7:61000" },
	    { 20, "p203.0.113.7:61000" },
	    { 600, "p203.0.113.7:61000" },
	    { 9000, "x198.51.100.9:1" },
	    { 9001, "t203.0.113.7:61000" } } },
	{ "a stranger before the phone: the phone's host is known from its SIP",
	  "10.0.0.5:4000",
	  "203.0.113.7:5060",
	  true,
	  { { 0, "x198.51.100.9:1" },
	    { 10, "p203.0.113.7:61000" },
	    { 11, "x198.51.100.9:1" },
	    { 12, "t203.0.113.7:61000" } } },
	{ "a stranger in the window does not replace who came first",
	  "10.0.0.5:4000",
	  "",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 100, "x198.51.100.9:1" },
	    { 100, "p203.0.113.7:61000" } } },
	{ "a stranger came first: the told address replaces it in the window",
	  "203.0.113.7:4000",
	  "",
	  true,
	  { { 0, "p198.51.100.9:1" },
	    { 100, "p203.0.113.7:4000" },
	    { 110, "x198.51.100.9:1" },
	    { 120, "t203.0.113.7:4000" } } },
	{ "a stranger came first: the told host replaces it in the window",
	  "203.0.113.7:4000",
	  "",
	  true,
	  { { 0, "p198.51.100.9:1" },
	    { 100, "p203.0.113.7:61000" },
	    { 110, "x198.51.100.9:1" },
	    { 120, "p203.0.113.7:61000" } } },
	{ "after the window nobody replaces anybody",
	  "203.0.113.7:4000",
	  "",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 499, "p203.0.113.7:61000" },
	    { 500, "x203.0.113.7:4000" },
	    { 501, "x198.51.100.9:1" } } },
	{ "the told address ends the window at once",
	  "203.0.113.7:4000",
	  "",
	  true,
	  { { 0, "p203.0.113.7:4000" },
	    { 1, "x198.51.100.9:1" },
	    { 1, "x203.0.113.7:4002" } } },
	{ "a port scan of the same host after the window",
	  "10.0.0.5:4000",
	  "203.0.113.7:5060",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 600, "p203.0.113.7:61000" },
	    { 601, "x203.0.113.7:61001" },
	    { 602, "x203.0.113.7:61002" } } },
	{ "signalling that changes nothing opens no window",
	  "10.0.0.5:4000",
	  "",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 600, "p203.0.113.7:61000" },
	    { 700, "=" },
	    { 701, "x198.51.100.9:1" } } },
	{ "after signalling a NAT's new port is found",
	  "10.0.0.5:4000",
	  "203.0.113.7:5060",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 600, "p203.0.113.7:61000" },
	    { 601, "x203.0.113.7:62000" },
	    { 700, "s" },
	    { 700, "t203.0.113.7:61000" },
	    { 800, "p203.0.113.7:62000" },
	    { 801, "t203.0.113.7:62000" } } },
	{ "after signalling a stranger is quicker, but who sent before sends on",
	  "10.0.0.5:4000",
	  "",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 600, "p203.0.113.7:61000" },
	    { 700, "s" },
	    { 701, "p198.51.100.9:1" },
	    { 720, "p203.0.113.7:61000" },
	    { 721, "x198.51.100.9:1" },
	    { 722, "t203.0.113.7:61000" } } },
	{ "after signalling who sent before sends on, and the window is shut",
	  "10.0.0.5:4000",
	  "",
	  true,
	  { { 0, "p203.0.113.7:61000" },
	    { 600, "p203.0.113.7:61000" },
	    { 700, "s" },
	    { 710, "p203.0.113.7:61000" },
	    { 711, "x198.51.100.9:1" } } },
	{ "a private address of the phone's house is not sent to: it may be somebody else's here",
	  "10.0.0.5:4000",
	  "203.0.113.7:5060",
	  true,
	  { { 0, "t-" }, { 1, "p203.0.113.7:61000" }, { 2, "t203.0.113.7:61000" } } },
	{ "a told address that is the phone's public one is sent to",
	  "203.0.113.7:4000",
	  "203.0.113.7:5060",
	  true,
	  { { 0, "t203.0.113.7:4000" } } },
	{ "a private address that SIP comes from, too",
	  "10.0.0.5:4000",
	  "10.0.0.5:5060",
	  true,
	  { { 0, "t10.0.0.5:4000" } } },
	{ "IPv6",
	  "[2001:db8::5]:4000",
	  "[2001:db8::7]:5060",
	  true,
	  { { 0, "x[2001:db8::6]:4000" },
	    { 1, "p[2001:db8::7]:61000" },
	    { 2, "t[2001:db8::7]:61000" } } },
	{ "port 0 is nowhere", "192.0.2.1:0", "", false, { { 0, "t-" } } },
};

static struct addr address(const char *text)
{
	struct addr addr = { .len = 0 };

	if (*text)
		assert_int_equal(addr_parse_port(text, 0, &addr), ERR_OK);
	return addr;
}

static bool is_target(const struct latch *latch, const char *text)
{
	const struct addr *target = latch_target(latch);
	struct addr wanted;

	if (*text == '-')
		return !target;
	wanted = address(text);
	return target && addr_equal(target, &wanted);
}

static bool is_accepted(struct latch *latch, const char *text, uint64_t now_ms)
{
	struct addr source = address(text);

	if (!latch_admits(latch, &source, now_ms))
		return false;
	(void)latch_take(latch, &source, now_ms);
	return latch_is_source(latch, &source);
}

static bool play(struct latch *latch, const struct latch *wanted, const struct step *step)
{
	switch (*step->what) {
	case 'p':
		return is_accepted(latch, step->what + 1, step->at_ms);
	case 'x':
		return !is_accepted(latch, step->what + 1, step->at_ms);
	case 't':
		return is_target(latch, step->what + 1);
	case 's':
	case '=':
		latch_set(latch, wanted, *step->what == 's');
		return true;
	}
	return false;
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct latch wanted = { .told = address(row->told),
					.nat_host = address(row->nat_host),
					.is_latching = row->is_latching },
			     latch = { 0 };

		latch_set(&latch, &wanted, false);
		for (unsigned n = 0; n < MAX_STEPS && row->steps[n].what; n++)
			if (!play(&latch, &wanted, &row->steps[n]))
				fail_msg("%s: step %u, %s", row->name, n + 1,
					 row->steps[n].what);
	}
}

static void test_another_told_address_begins_from_nothing(void **state)
{
	struct latch wanted = { .told = address("10.0.0.5:4000"), .is_latching = true },
		     latch = { 0 };

	latch_set(&latch, &wanted, false);
	assert_true(is_accepted(&latch, "203.0.113.7:61000", 0));
	wanted.told = address("10.0.0.6:4000");
	latch_set(&latch, &wanted, false);
	assert_true(is_target(&latch, "10.0.0.6:4000"));
	assert_true(is_accepted(&latch, "203.0.113.8:62000", 10));
	assert_false(is_accepted(&latch, "203.0.113.7:61000", 11));
}

static void test_move_is_told(void **state)
{
	struct latch wanted = { .told = address("203.0.113.7:4000"), .is_latching = true },
		     latch = { 0 };
	struct addr stranger = address("198.51.100.9:1"), phone = address("203.0.113.7:4000");

	latch_set(&latch, &wanted, false);
	assert_true(latch_take(&latch, &stranger, 0));
	assert_false(latch_take(&latch, &stranger, 1));
	assert_true(latch_take(&latch, &phone, 2));
	assert_false(latch_take(&latch, &phone, 3));
}

static void test_forced_until_told_otherwise(void **state)
{
	struct latch wanted = { .is_latching = false }, latch = { 0 };
	struct addr pair = address("203.0.113.7:61000");

	latch_set(&latch, &wanted, false);
	assert_false(is_accepted(&latch, "203.0.113.7:61000", 0));
	latch_force(&latch, &pair);
	assert_true(is_accepted(&latch, "203.0.113.7:61000", 1));
	assert_false(is_accepted(&latch, "203.0.113.7:61001", 2));
	latch_set(&latch, &wanted, false);
	assert_true(is_target(&latch, "203.0.113.7:61000"));
	wanted.told = address("192.0.2.1:4000");
	latch_set(&latch, &wanted, false);
	assert_true(is_target(&latch, "192.0.2.1:4000"));
	assert_false(is_accepted(&latch, "203.0.113.7:61000", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_another_told_address_begins_from_nothing),
		cmocka_unit_test(test_move_is_told),
		cmocka_unit_test(test_forced_until_told_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
