#include "routing/record_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/sip/uri.h"

static const char CALL_ID[] = "a84b4c76e66710@pc33.atlanta.example";

struct fixture {
	struct record_route_keys *keys;
	struct listener listener;
	su_home_t *home;
	char value[RECORD_ROUTE_VALUE_SIZE];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->home = su_home_new(sizeof(*f->home));
	f->listener.transport = TRANSPORT_MTLS;
	strcpy(f->listener.sent_by, "sip.corp.example:5061");
	assert_int_equal(record_route_keys_load(NULL, &f->keys), ERR_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	record_route_keys_free(f->keys);
	su_home_unref(f->home);
	free(f);
	return 0;
}

static const struct record_route_token token = { .caller = 0x0123456789abcdef,
						 .callee = 0xfedcba9876543210,
						 .made_at_s = 1767225600,
						 .worker = 63 };

/* The URL of the value as a Route brings it back. */
static url_t *value_url(struct fixture *f, const char *call_id)
{
	assert_int_equal(record_route_value(f->keys, &token, call_id, &f->listener, f->value),
			 ERR_OK);
	sip_route_t *route = sip_route_make(f->home, f->value);
	assert_non_null(route);
	assert_null(route->r_next);
	return route->r_url;
}

/* RFC 3261 §16.6 item 4: a SIP URI with lr, our name, and a transport where it is not UDP. */
static void test_value(void **state)
{
	static const struct {
		enum conf_transport transport;
		const char *sent_by, *end;
	} rows[] = {
		{ TRANSPORT_UDP, "192.0.2.1:5060", "@192.0.2.1:5060;lr>" },
		{ TRANSPORT_TCP, "[2001:db8::1]:5060",
		  "@[2001:db8::1]:5060;lr;transport=tcp>" },
		{ TRANSPORT_TLS, "sip.corp.example:5061",
		  "@sip.corp.example:5061;lr;transport=tls>" },
		{ TRANSPORT_MTLS, "sip.corp.example:5061",
		  "@sip.corp.example:5061;lr;transport=tls>" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		f->listener.transport = rows[i].transport;
		strcpy(f->listener.sent_by, rows[i].sent_by);
		url_t *url = value_url(f, CALL_ID);
		assert_int_equal(url->url_type, url_sip);
		assert_true(url_has_param(url, "lr"));
		assert_string_equal(strchr(f->value, '@'), rows[i].end);
		assert_int_equal(strspn(url->url_user, "abcdefghijklmnopqrstuvwxyz234567"),
				 strlen(url->url_user));
	}
}

/* RFC 5626 §5.3: the flows of both ends, of whichever kind. */
static void test_flows(void **state)
{
	static const struct {
		const char *caller, *callee; /* remote; "7" a connection; NULL: none */
	} rows[] = {
		{ "7", NULL },
		{ NULL, "7" },
		{ "7", "203.0.113.9:40000" },
		{ "203.0.113.9:40000", "198.51.100.1:1" },
		{ "203.0.113.9:65535", "[2001:db8::9]:40000" },
		{ "[2001:db8::9]:40000", "[2001:db8::a]:40001" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record_route_token told = token, got = { 0 };
		const char *texts[] = { rows[i].caller, rows[i].callee };
		struct token_flow *flows[] = { &told.caller_flow, &told.callee_flow };
		const struct token_flow *read[] = { &got.caller_flow, &got.callee_flow };
		char text[RECORD_ROUTE_TEXT_SIZE], uri[400];

		for (unsigned k = 0; k < 2; k++) {
			flows[k]->is_set = texts[k] != NULL;
			flows[k]->listener = record_route_listener(f->keys, "phones");
			if (!texts[k])
				continue;
			if (texts[k][1] == '\0')
				flows[k]->id = UINT64_C(0x0300000000000007);
			else
				assert_int_equal(
					addr_parse_port(texts[k], 0, &flows[k]->remote),
					ERR_OK);
		}
		assert_int_equal(record_route_sign(f->keys, &told, CALL_ID, text), ERR_OK);
		assert_true(strlen(text) < RECORD_ROUTE_TEXT_SIZE);
		snprintf(uri, sizeof(uri), "sip:%s@sip.corp.example;lr", text);
		assert_int_equal(
			record_route_verify(f->keys, uri_parse(f->home, uri), CALL_ID, &got),
			RECORD_ROUTE_VALID);
		assert_true(got.caller == token.caller && got.callee == token.callee);
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(read[k]->is_set, texts[k] != NULL);
			if (!texts[k])
				continue;
			assert_int_equal(read[k]->listener,
					 record_route_listener(f->keys, "phones"));
			assert_true(read[k]->id == flows[k]->id);
			assert_true(flows[k]->id ||
				    addr_equal(&read[k]->remote, &flows[k]->remote));
		}
		/* each character counts */
		for (size_t c = 0; c < strlen(text); c++) {
			char *at = &uri[strlen("sip:") + c], was = *at;
			*at = was == 'a' ? 'b' : 'a';
			assert_int_not_equal(record_route_verify(f->keys,
								 uri_parse(f->home, uri),
								 CALL_ID, &got),
					     RECORD_ROUTE_VALID);
			*at = was;
		}
	}
}

static void test_verify(void **state)
{
	static const struct {
		const char *name, *call_id, *asked;
		enum record_route_verdict want;
	} rows[] = {
		{ "its own Call-ID", CALL_ID, CALL_ID, RECORD_ROUTE_VALID },
		{ "another Call-ID", CALL_ID, "a84b4c76e66711@pc33.atlanta.example",
		  RECORD_ROUTE_FORGED },
		{ "a longer one", CALL_ID, "a84b4c76e66710@pc33.atlanta.example.",
		  RECORD_ROUTE_FORGED },
		{ "in another case: Call-IDs are case-sensitive, RFC 3261 §20.8", CALL_ID,
		  "A84B4C76E66710@pc33.atlanta.example", RECORD_ROUTE_FORGED },
		{ "none", CALL_ID, "", RECORD_ROUTE_FORGED },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record_route_token got = { 0 };
		url_t *url = value_url(f, rows[i].call_id);
		if (record_route_verify(f->keys, url, rows[i].asked, &got) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].want != RECORD_ROUTE_VALID)
			continue;
		assert_true(got.caller == token.caller && got.callee == token.callee);
		assert_int_equal(got.made_at_s, token.made_at_s);
		assert_int_equal(got.worker, token.worker);
	}
}

static void test_long_call_id(void **state)
{
	struct fixture *f = *state;
	struct record_route_token got;
	char call_id[1000];

	for (size_t len = 250; len < 260; len++) {
		memset(call_id, 'c', len);
		call_id[len] = '\0';
		url_t *url = value_url(f, call_id);
		assert_int_equal(record_route_verify(f->keys, url, call_id, &got),
				 RECORD_ROUTE_VALID);
		call_id[len] = 'c';
		call_id[len + 1] = '\0';
		assert_int_equal(record_route_verify(f->keys, url, call_id, &got),
				 RECORD_ROUTE_FORGED);
	}
	memset(call_id, 'c', sizeof(call_id) - 1);
	call_id[sizeof(call_id) - 1] = '\0';
	url_t *url = value_url(f, call_id);
	assert_int_equal(record_route_verify(f->keys, url, call_id, &got), RECORD_ROUTE_VALID);
	call_id[998] = 'd';
	assert_int_equal(record_route_verify(f->keys, url, call_id, &got), RECORD_ROUTE_FORGED);
}

/* Each character that is changed is noticed. */
static void test_changed(void **state)
{
	struct fixture *f = *state;
	struct record_route_token got;
	url_t *url = value_url(f, CALL_ID);
	char *user = su_strdup(f->home, url->url_user);

	url->url_user = user;
	for (size_t i = 0; user[i]; i++) {
		char was = user[i];
		user[i] = was == 'b' ? 'c' : 'b';
		assert_int_not_equal(record_route_verify(f->keys, url, CALL_ID, &got),
				     RECORD_ROUTE_VALID);
		user[i] = was;
	}
	assert_int_equal(record_route_verify(f->keys, url, CALL_ID, &got), RECORD_ROUTE_VALID);
}

static void test_no_token(void **state)
{
	static const char *const uris[] = {
		"sip:sip.corp.example:5061;lr",
		"sip:anna@sip.corp.example:5061;lr",
		"sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@sip.corp.example;"
		"lr", /* version 0 */
		"sip:AEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@sip.corp.example;"
		"lr",
		"sip:ae1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@sip.corp.example;"
		"lr",
	};
	struct fixture *f = *state;
	struct record_route_token got;

	for (size_t i = 0; i < COUNT(uris); i++)
		assert_int_equal(record_route_verify(f->keys, uri_parse(f->home, uris[i]),
						     CALL_ID, &got),
				 RECORD_ROUTE_NONE);
}

static void test_another_key(void **state)
{
	struct fixture *f = *state;
	struct record_route_keys *others;
	struct record_route_token got;
	url_t *url = value_url(f, CALL_ID);

	assert_int_equal(record_route_keys_load(NULL, &others), ERR_OK);
	assert_int_equal(record_route_verify(others, url, CALL_ID, &got), RECORD_ROUTE_FORGED);
	assert_true(record_route_end(others, "backend:berlin") !=
		    record_route_end(f->keys, "backend:berlin"));
	assert_true(record_route_end(f->keys, "backend:bonn") !=
		    record_route_end(f->keys, "backend:berlin"));
	record_route_keys_free(others);
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	char huge[8];

	memset(f->listener.sent_by, 'x', sizeof(f->listener.sent_by) - 1);
	assert_int_equal(record_route_value(f->keys, &token, CALL_ID, &f->listener, f->value),
			 ERR_OK);
	strcpy(huge, f->value + strlen(f->value) - 4); /* even the longest name is not cut */
	assert_string_equal(huge, "tls>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verify, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_call_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
