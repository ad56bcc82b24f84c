#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/handshake_json.h"
#include "proxy/handshakes.h"

enum { MAX = 2 * HANDSHAKES_KEPT };

static uint64_t last_id;

static void put(struct handshakes *handshakes, bool is_inbound, const char *source,
		const char *peer, enum reason reason, uint64_t now_ms)
{
	struct handshake *handshake = calloc(1, sizeof(*handshake));

	assert_non_null(handshake);
	handshake->id = ++last_id;
	handshake->wall_us = now_ms * 1000;
	handshake->diagnosis.is_inbound = is_inbound;
	handshake->diagnosis.reason = reason;
	strcpy(handshake->diagnosis.peer, peer);
	strcpy(handshake->diagnosis.presented,
	       is_inbound ? "DNS:im.claimed.example, DNS:x.example" : "");
	assert_int_equal(addr_parse_port(source, 1, &handshake->diagnosis.remote), ERR_OK);
	handshakes_put(handshakes, handshake, now_ms);
	free(handshake);
}

static size_t count(struct handshakes *handshakes, const char *about)
{
	struct handshake *found = calloc(MAX, sizeof(*found));
	size_t n = handshakes_find(handshakes, about, found, MAX);

	free(found);
	return n;
}

/* clang-format off */
/* What makes a record of its own beside one from 192.0.2.1:1000 at 1 s. */
static const struct {
	const char *name, *source;
	enum reason reason;
	uint64_t now_ms;
	bool is_own;
} similar[] = {
	{ "another port is the same peer", "192.0.2.1:2000", REASON_TLS_EXPIRED, 2000, false },
	{ "just within the window", "192.0.2.1:2000", REASON_TLS_EXPIRED, 10999, false },
	{ "after the window", "192.0.2.1:2000", REASON_TLS_EXPIRED, 11000, true },
	{ "another reason", "192.0.2.1:1000", REASON_TLS_UNKNOWN_CA, 2000, true },
	{ "another address", "192.0.2.2:1000", REASON_TLS_EXPIRED, 2000, true },
};
/* clang-format on */

static void test_similar(void **state)
{
	for (size_t i = 0; i < COUNT(similar); i++) {
		struct handshake *found = calloc(MAX, sizeof(*found));
		struct handshakes *handshakes;
		size_t n;

		assert_int_equal(handshakes_new(&handshakes), ERR_OK);
		put(handshakes, true, "192.0.2.1:1000", "", REASON_TLS_EXPIRED, 1000);
		put(handshakes, true, similar[i].source, "", similar[i].reason,
		    similar[i].now_ms);
		n = handshakes_find(handshakes, NULL, found, MAX);
		if (n != (similar[i].is_own ? 2 : 1) ||
		    found[0].n_similar != !similar[i].is_own ||
		    found[0].wall_us != similar[i].now_ms * 1000)
			fail_msg("%s: %zu records, %llu similar", similar[i].name, n,
				 (unsigned long long)found[0].n_similar);
		handshakes_free(handshakes);
		free(found);
	}
}

static void test_ipv6_house(void **state)
{
	struct handshakes *handshakes;
	char source[64];

	assert_int_equal(handshakes_new(&handshakes), ERR_OK);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(source, sizeof(source), "[2001:db8::%x]:99", i);
		put(handshakes, true, source, "", REASON_TLS_EXPIRED, 1000);
	}
	assert_int_equal(count(handshakes, NULL), 1);
	put(handshakes, true, "[2001:db8:0:1::1]:99", "", REASON_TLS_EXPIRED, 1000);
	assert_int_equal(count(handshakes, NULL), 2);
	handshakes_free(handshakes);
}

/* One peer that fails in many ways, for long, has its share and no more; the newest of it. */
static void test_one_peer_is_bounded(void **state)
{
	struct handshake *found = calloc(MAX, sizeof(*found));
	struct handshakes *handshakes;

	assert_non_null(found);
	assert_int_equal(handshakes_new(&handshakes), ERR_OK);
	put(handshakes, true, "192.0.2.1:1", "", REASON_TLS_EXPIRED, 500);
	for (unsigned i = 0; i < 5000; i++)
		put(handshakes, true, "198.51.100.1:1", "",
		    i % 2 ? REASON_TLS_VERSION : REASON_TLS_NOT_TLS, 1000 + i * 5000);
	assert_int_equal(count(handshakes, NULL), 1 + HANDSHAKES_OF_ONE);
	assert_int_equal(count(handshakes, "192.0.2.1"), 1);
	assert_int_equal(handshakes_find(handshakes, "198.51.100.1", found, 1), 1);
	assert_int_equal(found[0].wall_us, (1000 + 4999 * 5000) * 1000ull);
	handshakes_free(handshakes);
	free(found);
}

/* A scan from everywhere fills the room for what comes in, and leaves what we dialled alone. */
static void test_flood(void **state)
{
	struct handshakes *handshakes;
	char source[64];

	assert_int_equal(handshakes_new(&handshakes), ERR_OK);
	put(handshakes, false, "192.0.2.9:5061", "partner:p.example", REASON_TLS_EXPIRED, 1000);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(source, sizeof(source), "10.1.%u.%u:99", i / 250, i % 250);
		put(handshakes, true, source, "", REASON_TLS_NOT_TLS, 1000);
	}
	assert_int_equal(count(handshakes, NULL), HANDSHAKES_KEPT + 1);
	assert_int_equal(count(handshakes, "p.example"), 1);
	assert_int_equal(count(handshakes, "10.1.19.249"),
			 1); /* the newest stays, the oldest went */
	assert_int_equal(count(handshakes, "10.1.0.0"), 0);
	handshakes_free(handshakes);
}

/* clang-format off */
static const struct {
	const char *about;
	size_t want;
} abouts[] = {
	{ NULL, 3 },
	{ "", 0 },
	{ "192.0.2.1", 1 },
	{ "192.0.2.1:1000", 1 },
	{ "192.0.2.1:1001", 0 },
	{ "192.0.2.9", 2 },
	{ "p.example", 1 },
	{ "P.Example", 1 },
	{ "partner:p.example", 1 },
	{ "berlin", 1 },
	{ "im.claimed.example", 1 },
	{ "claimed.example", 1 },
	{ "laimed.example", 0 },
	{ "claimed", 0 },
	{ "claimed.exampl", 0 },
	{ "x.example", 1 },
	{ "nobody.example", 0 },
};
/* clang-format on */

static void test_about(void **state)
{
	struct handshakes *handshakes;

	assert_int_equal(handshakes_new(&handshakes), ERR_OK);
	put(handshakes, true, "192.0.2.1:1000", "", REASON_TLS_EXPIRED, 1000);
	put(handshakes, false, "192.0.2.9:5061", "partner:p.example", REASON_TLS_EXPIRED, 1000);
	put(handshakes, false, "192.0.2.9:5061", "backend:berlin", REASON_TLS_EXPIRED, 1000);
	for (size_t i = 0; i < COUNT(abouts); i++)
		if (count(handshakes, abouts[i].about) != abouts[i].want)
			fail_msg("%s: %zu", abouts[i].about,
				 count(handshakes, abouts[i].about));
	handshakes_free(handshakes);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_json(void **state)
{
	struct handshake handshake = { .id = 7,
				       .wall_us = 1795248724112345,
				       .n_similar = 17,
				       .worker = 1,
				       .minimum = "1.2" };
	struct tls_diagnosis *diagnosis = &handshake.diagnosis;
	json_t *record, *tls;

	diagnosis->reason = REASON_TLS_EXPIRED;
	diagnosis->took_ms = 12;
	assert_int_equal(addr_parse_port("192.0.2.9:5061", 0, &diagnosis->remote), ERR_OK);
	strcpy(diagnosis->peer, "partner:p.example");
	strcpy(diagnosis->listener, "wan");
	strcpy(diagnosis->sni, "sip.p.example");
	strcpy(diagnosis->presented, "DNS:\xff.example"); /* a stranger's */
	strcpy(diagnosis->alert_text, "certificate_expired");
	diagnosis->sent_certificate = true;
	record = handshake_to_json(&handshake);
	tls = json_object_get(record, "tls");
	assert_string_equal(text_of(record, "kind"), "handshake");
	assert_string_equal(text_of(record, "reason"), "tls-expired");
	assert_string_equal(text_of(record, "remedy"), reason_row(REASON_TLS_EXPIRED)->remedy);
	assert_string_equal(text_of(record, "act"), "the partner");
	assert_string_equal(text_of(record, "target"), "partner:p.example");
	assert_string_equal(text_of(record, "peer"), "192.0.2.9:5061");
	assert_string_equal(text_of(record, "cert_names"), "DNS:?.example");
	assert_int_equal(json_integer_value(json_object_get(record, "took_us")), 12000);
	assert_string_equal(text_of(tls, "direction"), "out");
	assert_string_equal(text_of(tls, "alert_from"), "us");
	assert_string_equal(text_of(tls, "minimum"), "1.2");
	assert_null(text_of(tls, "version"));
	assert_int_equal(json_integer_value(json_object_get(tls, "n_similar")), 17);
	json_decref(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_similar),
		cmocka_unit_test(test_ipv6_house),
		cmocka_unit_test(test_one_peer_is_bounded),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_about),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
