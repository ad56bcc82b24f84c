#include "proxy/transport/tls_diagnosis.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "proxy/base/macros.h"

static struct tls_diagnosis diagnosis_of(bool is_inbound, enum reason reason)
{
	struct tls_diagnosis diagnosis = { .is_inbound = is_inbound,
					   .reason = reason,
					   .alert = -1,
					   .peer = "partner.example",
					   .listener = "wan" };

	assert_int_equal(addr_parse("192.0.2.1", 5061, &diagnosis.remote), ERR_OK);
	return diagnosis;
}

/* Every reason of a handshake says who must act, in words of its own. */
static void test_every_reason_has_its_sentence(void **state)
{
	char before[512] = "";

	for (enum reason reason = REASON_TLS_EXPIRED; reason <= REASON_TLS_INTERNAL; reason++) {
		struct tls_diagnosis diagnosis = diagnosis_of(true, reason);

		tls_diagnosis_explain(&diagnosis);
		assert_non_null(strstr(diagnosis.text,
				       "TLS from 192.0.2.1:5061 to listener wan failed: "));
		assert_non_null(strstr(diagnosis.text, " act."));
		assert_string_not_equal(diagnosis.text, before);
		strcpy(before, diagnosis.text);
	}
}

static void test_success(void **state)
{
	struct tls_diagnosis diagnosis = diagnosis_of(false, REASON_NONE);

	strcpy(diagnosis.version, "TLS1.3");
	strcpy(diagnosis.cipher, "TLS_AES_256_GCM_SHA384");
	tls_diagnosis_explain(&diagnosis);
	assert_string_equal(diagnosis.text,
			    "TLS to partner.example at 192.0.2.1:5061 went well (TLS1.3, "
			    "TLS_AES_256_GCM_SHA384).");
}

static const struct {
	const char *name;
	enum reason reason;
	const char *alert, *verify, *expected, *presented, *cas;
	bool from_peer, asked, sent;
	const char *want;
} rows[] = {
	{ "our alert", REASON_TLS_EXPIRED, "certificate_expired", "", "", "", "", false, false,
	  false, "Our alert: certificate_expired." },
	{ "their alert", REASON_TLS_PEER_EXPIRED, "certificate_expired", "", "", "", "", true,
	  false, false, "Its alert: certificate_expired." },
	{ "what we found", REASON_TLS_EXPIRED, "",
	  "the leaf certificate expired on 2026-01-01.", "", "", "", false, false, false,
	  "Found: the leaf certificate expired on 2026-01-01." },
	{ "names", REASON_TLS_NAME_MISMATCH, "", "", "sip.a.example", "sip.b.example", "",
	  false, false, false, "Expected: sip.a.example. Presented: sip.b.example." },
	{ "names only where they matter", REASON_TLS_EXPIRED, "", "", "sip.a.example",
	  "sip.b.example", "", false, false, false, NULL },
	{ "asked, and none sent", REASON_TLS_PEER_WANTS_CERTIFICATE, "", "", "", "", "", true,
	  true, false, "It asked for a certificate, and we sent none." },
	{ "its list of CAs", REASON_TLS_PEER_UNKNOWN_CA, "", "", "", "", "CN=Their CA", true,
	  true, true,
	  "we sent ours. It accepts issuers: CN=Their CA. Ours is of none of these but: CN=Our CA." },
};

static void test_details(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_diagnosis diagnosis = diagnosis_of(false, rows[i].reason);

		print_message("%s\n", rows[i].name);
		strcpy(diagnosis.alert_text, rows[i].alert);
		strcpy(diagnosis.verify, rows[i].verify);
		strcpy(diagnosis.expected, rows[i].expected);
		strcpy(diagnosis.presented, rows[i].presented);
		strcpy(diagnosis.ca_list, rows[i].cas);
		strcpy(diagnosis.our_issuer, "CN=Our CA");
		diagnosis.alert_from_peer = rows[i].from_peer;
		diagnosis.asked_certificate = rows[i].asked;
		diagnosis.sent_certificate = rows[i].sent;
		tls_diagnosis_explain(&diagnosis);
		if (rows[i].want)
			assert_non_null(strstr(diagnosis.text, rows[i].want));
		else
			assert_null(strstr(diagnosis.text, "Presented"));
	}
}

/* A hostile certificate may have endless names. */
static void test_long_names_are_cut(void **state)
{
	struct tls_diagnosis diagnosis = diagnosis_of(true, REASON_TLS_NAME_MISMATCH);

	memset(diagnosis.presented, 'x', sizeof(diagnosis.presented) - 1);
	memset(diagnosis.failed_subject, 'y', sizeof(diagnosis.failed_subject) - 1);
	memset(diagnosis.ca_list, 'z', sizeof(diagnosis.ca_list) - 1);
	tls_diagnosis_explain(&diagnosis);
	assert_int_equal(strlen(diagnosis.text), sizeof(diagnosis.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_has_its_sentence),
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
