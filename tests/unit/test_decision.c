#include "proxy/decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

enum { MAX_FOUND = 32 };

/* clang-format off */
/* What is put: one letter a record, in order; a capital is a refusal, a digit a challenge, and the letter its Call-ID. */
static const struct {
	const char *name, *put, *call_id;
	bool refusals_only;
	size_t max;
	const char *want; /* the newest first */
} rows[] = {
	{ "nothing there", "", NULL, false, 4, "" },
	{ "the newest first, of both shelves", "aBcD", NULL, false, 4, "DcBa" },
	{ "refusals alone", "aBcD", NULL, true, 4, "DB" },
	{ "one, and it is a refusal", "aB", NULL, false, 1, "B" },
	{ "one, and it is none", "Ab", NULL, false, 1, "b" },
	{ "only refusals: as many as fit", "ABCDEF", NULL, false, 4, "FEDC" },
	{ "many of one kind before a few of the other", "ABabcdef", NULL, false, 7, "fedcbaB" },
	{ "one call", "aBaBa", "a", false, 8, "aaa" },
	{ "traffic does not wash refusals away", "AabcdefghijklmnopA", "A", false, 8, "AA" },
	{ "a challenge is no refusal", "A12", NULL, true, 4, "A" },
	{ "challenges do not wash refusals away", "A123456789", NULL, false, 9, "98765432A" },
	{ "no room", "aB", NULL, false, 0, "" },
};
/* clang-format on */

static void put(struct decision_ring *ring, char letter, uint64_t id)
{
	struct decision *decision = calloc(1, sizeof(*decision));

	assert_non_null(decision);
	decision->id = id;
	decision->wall_us = 1000 + id;
	decision->reason = letter >= 'a'   ? REASON_NONE
			   : letter >= 'A' ? REASON_NO_RELAY
					   : REASON_LOG_ON_NEEDED;
	decision_set(decision, DECISION_CALL_ID, (const char[]){ letter, '\0' });
	decision_ring_put(ring, decision);
	free(decision);
}

static void test_find(void **state)
{
	struct decision *found = calloc(MAX_FOUND, sizeof(*found));

	assert_non_null(found);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char got[MAX_FOUND + 1] = "";
		struct decision_ring *ring;

		assert_int_equal(decision_ring_new(8, 8, &ring), ERR_OK);
		for (size_t k = 0; rows[i].put[k]; k++)
			put(ring, rows[i].put[k], k + 1);
		size_t n = decision_ring_find(ring, rows[i].call_id, rows[i].refusals_only,
					      found, rows[i].max);
		for (size_t k = 0; k < n; k++)
			got[k] = *decision_text(&found[k], DECISION_CALL_ID);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s instead of %s", rows[i].name, got, rows[i].want);
		assert_null(decision_ring_free(ring));
	}
	free(found);
}

static void test_conversions(void **state)
{
	struct decision *decision = calloc(1, sizeof(*decision));
	const char *const wanted[] = { "no conversion", "'text' and 4294967295", "'tex' and 7.",
				       "'text'0" };

	assert_non_null(decision);
	decision_add(decision, "a", "b", NULL, "no conversion");
	decision_add(decision, "a", "b", NULL, "'%s' and %u", "text", 4294967295U);
	decision_add(decision, "a", "b", NULL, "'%.3s' and %u.", "text", 7U);
	decision_add(decision, "a", "b", NULL, "'%.80s'%u", "text", 0U);
	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(decision_step_result(decision, (unsigned)i), wanted[i]);
	free(decision);
}

static void test_steps_are_bounded(void **state)
{
	struct decision *decision = calloc(1, sizeof(*decision));
	const struct place place = { "/etc/nuncio/nuncio.yaml", 31, 20 };

	assert_non_null(decision);
	for (unsigned i = 0; i < 2 * DECISION_MAX_STEPS; i++)
		decision_add(
			decision, "route", "rule", &place,
			"a text that is twice as long as there is room for in a step: %s",
			"the domain "
			"a.very.long.name.of.a.partner.that.nobody.would.ever.type.example number two");
	for (unsigned i = 0; i < 2 * DECISION_MAX_HOPS; i++)
		decision_add_hop(decision, "mtls 192.0.2.7:5061", REASON_NO_ANSWER, 0);
	assert_int_equal(decision->n_steps, DECISION_MAX_STEPS);
	assert_int_equal(decision->n_hops, DECISION_MAX_HOPS);
	assert_string_equal(decision_step_place(decision, 0), "nuncio.yaml:31:20");
	for (unsigned i = 0; i < DECISION_MAX_STEPS; i++) {
		assert_int_equal(strlen(decision_step_result(decision, i)),
				 DECISION_RESULT - 1);
		assert_string_equal(decision_step_place(decision, i), "nuncio.yaml:31:20");
	}
	free(decision);
}

static void test_join(void **state)
{
	const char *const uri[] = { "sip", ":", "", "", "a.example" };
	struct decision *decision = calloc(1, sizeof(*decision));
	char text[400];
	const char *const longer[] = { text, "b", text };

	assert_non_null(decision);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	decision_join(decision, DECISION_FROM, uri, COUNT(uri));
	decision_join(decision, DECISION_TO, longer, COUNT(longer));
	decision_join(decision, DECISION_CALL_ID, uri, 0);
	decision_set(decision, DECISION_METHOD, "INVITE");
	assert_string_equal(decision_text(decision, DECISION_FROM), "sip:a.example");
	assert_int_equal(strlen(decision_text(decision, DECISION_TO)), 127);
	assert_string_equal(decision_text(decision, DECISION_CALL_ID), "");
	assert_string_equal(decision_text(decision, DECISION_METHOD), "INVITE");
	free(decision);
}

/* The longest of everything fits; what is set over and over takes room, and never another
 * text's. */
static void test_texts(void **state)
{
	struct decision *decision = calloc(1, sizeof(*decision)),
			*copy = calloc(1, sizeof(*copy));
	const struct place place = {
		"/a/file.of.a.rather.long.name.that.fills.all.of.the.room.there.is.for.it.in.a.record.yaml",
		1234567, 1234567
	};
	char text[400], other[400];

	assert_non_null(decision);
	assert_non_null(copy);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(decision_text(decision, DECISION_FROM), "");
	for (unsigned field = 0; field < DECISION_N_TEXTS; field++)
		decision_set(decision, (enum decision_field)field, text);
	for (unsigned i = 0; i < DECISION_MAX_STEPS; i++)
		decision_add(decision, "route", "rule", &place, "%s", text);
	for (unsigned i = 0; i < DECISION_MAX_HOPS; i++)
		decision_add_hop(decision, i % 2 ? text : "mtls 192.0.2.7:5061", REASON_NONE,
				 200);
	decision_set(decision, DECISION_DESTINATION, "partner:partner.example");
	decision_set(decision, DECISION_EVIDENCE, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(other, sizeof(other), "%.*s", (int)(i % sizeof(text)), text);
		decision_set(decision, DECISION_ORIGIN_ID, other);
	}
	decision_copy(copy, decision);
	assert_int_equal(strlen(decision_text(copy, DECISION_CALL_ID)), 127);
	assert_int_equal(strlen(decision_text(copy, DECISION_METHOD)), 23);
	assert_string_equal(decision_text(copy, DECISION_DESTINATION),
			    "partner:partner.example");
	assert_string_equal(decision_text(copy, DECISION_EVIDENCE), "");
	assert_int_equal(strlen(decision_step_result(copy, DECISION_MAX_STEPS - 1)),
			 DECISION_RESULT - 1);
	assert_string_equal(decision_hop_to(copy, 6), "mtls 192.0.2.7:5061");
	assert_int_equal(strlen(decision_hop_to(copy, 7)), DECISION_HOP - 1);
	assert_true(strlen(decision_text(copy, DECISION_ORIGIN_ID)) < 96);
	free(copy);
	free(decision);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_steps_are_bounded),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
