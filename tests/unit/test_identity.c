#include "proxy/transport/identity.h"

#include "tests/unit/certs.h"

#include "proxy/base/macros.h"

static struct identity *identity_of(const struct cert_spec *spec)
{
	struct cert cert = cert_make(spec, NULL);
	gnutls_datum_t der = cert_der(&cert);
	struct identity *identity = NULL;

	assert_int_equal(identity_from_der(der.data, der.size, &identity), ERR_OK);
	gnutls_free(der.data);
	cert_free(&cert);
	return identity;
}

static const struct {
	const char *name;
	struct cert_spec spec;
	const char *want;
} names[] = {
	{ "SAN URI and DNS, RFC 5922 7.1",
	  { .cn = "ignored.example",
	    .dns = { "sip.example.com" },
	    .uris = { "sip:Example.COM" } },
	  "sip.example.com, example.com" },
	{ "URI with a user part is a person", { .uris = { "sip:alice@example.com" } }, "" },
	{ "... and keeps the CN from counting",
	  { .cn = "example.com", .uris = { "sip:alice@example.com" } },
	  "" },
	{ "sips is no identity", { .uris = { "sips:example.com" } }, "" },
	{ "another scheme", { .uris = { "https://example.com/" } }, "" },
	{ "port and parameters of a URI are not part of the name",
	  { .uris = { "SIP:example.com:5061;transport=tls" } },
	  "example.com" },
	{ "an address in a URI is no domain", { .uris = { "sip:[2001:db8::1]" } }, "" },
	{ "CN without SAN", { .cn = "sip.example.com" }, "sip.example.com" },
	{ "CN that is no domain", { .cn = "Example Incorporated" }, "" },
	{ "CN beside an e-mail SAN",
	  { .cn = "sip.example.com", .email = "a@example.com" },
	  "" },
	{ "CN with a letter outside ASCII, RFC 5891",
	  { .cn = "m\xc3\xbcnchen.example" },
	  "xn--mnchen-3ya.example" },
	{ "wildcard keeps its star", { .dns = { "*.Example.com" } }, "*.example.com" },
	{ "wildcard inside a label is none", { .dns = { "f*.example.com", "sip.*.com" } }, "" },
	{ "wildcard over a whole top domain is none", { .dns = { "*.com", "*" } }, "" },
	{ "embedded NUL", { .raw_dns = "good.example\0.evil.example", .raw_dns_len = 26 }, "" },
	{ "NUL at the end", { .raw_dns = "good.example\0", .raw_dns_len = 13 }, "" },
	{ "dot at the end", { .dns = { "sip.example.com." } }, "sip.example.com" },
};

static void test_names(void **state)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[512];
		struct identity *identity = identity_of(&names[i].spec);

		print_message("%s\n", names[i].name);
		assert_string_equal(identity_text(identity, text, sizeof(text)), names[i].want);
		assert_int_equal(strlen(identity->sha256), 64);
		assert_true(identity->not_before < identity->not_after);
		identity_unref(identity);
	}
}

static const struct {
	const char *name, *domain;
	bool allow_wildcard, want, want_wildcard_only;
	const char *matched;
} matches[] = {
	{ "whole name", "sip.example.com", false, true, false, "sip.example.com" },
	{ "case does not matter", "SIP.Example.COM", false, true, false, "sip.example.com" },
	{ "a dot at the end neither", "sip.example.com.", false, true, false,
	  "sip.example.com" },
	{ "a sub-domain is another domain", "a.sip.example.com", false, false, false, NULL },
	{ "the parent neither", "example.com", false, false, false, NULL },
	{ "wildcard where none is allowed, 7.2", "a.wild.example", false, false, true, NULL },
	{ "wildcard where one is allowed", "a.wild.example", true, true, false,
	  "*.wild.example" },
	{ "wildcard is one label", "a.b.wild.example", true, false, false, NULL },
	{ "wildcard is not the bare domain", "wild.example", true, false, false, NULL },
	{ "a pattern is not asked for", "*.wild.example", true, false, false, NULL },
	{ "exact before wildcard", "both.wild.example", true, true, false,
	  "both.wild.example" },
	{ "exact where no wildcard is allowed", "both.wild.example", false, true, false,
	  "both.wild.example" },
	{ "empty", "", true, false, false, NULL },
	{ "no domain at all", "a b", true, false, false, NULL },
	{ "label that ends like the wildcard", "evilwild.example", true, false, false, NULL },
	{ "first label empty", ".wild.example", true, false, false, NULL },
};

static void test_matching(void **state)
{
	const struct cert_spec spec = {
		.dns = { "*.wild.example", "sip.example.com", "both.wild.example" },
	};
	struct identity *identity = identity_of(&spec);

	for (size_t i = 0; i < COUNT(matches); i++) {
		const char *matched = NULL;
		bool wildcard_only = true;

		print_message("%s\n", matches[i].name);
		assert_int_equal(identity_matches(identity, matches[i].domain,
						  matches[i].allow_wildcard, &matched,
						  &wildcard_only),
				 matches[i].want);
		assert_int_equal(wildcard_only, matches[i].want_wildcard_only);
		if (matches[i].matched)
			assert_string_equal(matched, matches[i].matched);
		else
			assert_null(matched);
	}
	identity_unref(identity);
}

static void test_usages(void **state)
{
	const struct cert_spec none = { .cn = "a.example" };
	const struct cert_spec both = { .cn = "a.example",
					.usages = { GNUTLS_KP_TLS_WWW_SERVER,
						    GNUTLS_KP_TLS_WWW_CLIENT } };
	const struct cert_spec sip = { .cn = "a.example", .usages = { "1.3.6.1.5.5.7.3.20" } };
	const struct cert_spec mail = { .cn = "a.example",
					.usages = { GNUTLS_KP_EMAIL_PROTECTION } };

	struct identity *identity = identity_of(&none);
	assert_false(identity->has_eku || identity->has_server_auth || identity->has_any_eku);
	identity_unref(identity);

	identity = identity_of(&both);
	assert_true(identity->has_eku && identity->has_server_auth &&
		    identity->has_client_auth);
	assert_false(identity->has_sip_domain || identity->has_any_eku);
	identity_unref(identity);

	identity = identity_of(&sip);
	assert_true(identity->has_eku && identity->has_sip_domain);
	identity_unref(identity);

	identity = identity_of(&mail);
	assert_true(identity->has_eku);
	assert_false(identity->has_server_auth || identity->has_client_auth ||
		     identity->has_sip_domain);
	identity_unref(identity);
}

static void test_text_is_cut(void **state)
{
	const struct cert_spec spec = { .dns = { "one.example", "two.example",
						 "three.example" } };
	struct identity *identity = identity_of(&spec);
	char text[25];

	assert_string_equal(identity_text(identity, text, sizeof(text)),
			    "one.example, two.example");
	assert_string_equal(identity_text(identity, text, 24), "one.example");
	assert_string_equal(identity_text(identity, text, 1), "");
	identity_unref(identity);
}

static void test_garbage(void **state)
{
	struct identity *identity = NULL;

	assert_int_equal(identity_from_der("\x30\x03\x02\x01\x01", 5, &identity), ERR_SYNTAX);
	assert_int_equal(identity_from_der("", 0, &identity), ERR_SYNTAX);
	assert_null(identity);
	assert_null(identity_unref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),   cmocka_unit_test(test_matching),
		cmocka_unit_test(test_usages),  cmocka_unit_test(test_text_is_cut),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
