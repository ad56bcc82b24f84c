#include "routing/naptr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define BIT(transport) (1u << TRANSPORT_##transport)
#define ALL            (BIT(UDP) | BIT(TCP) | BIT(TLS))

/* clang-format off */
static const struct {
	const char *name;
	struct dns_naptr records[6];
	unsigned choices;
	const char *want;
} rows[] = {
	{ "RFC 3263 §4.1, its example: TCP, as TLS is not spoken here",
	  { { 50, 50, DNS_SIPS_D2T, "tls" }, { 90, 50, DNS_SIP_D2T, "tcp" }, { 100, 50, DNS_SIP_D2U, "udp" } },
	  BIT(UDP) | BIT(TCP), "tcp tcp;" },
	{ "... with TLS: what it ranks lower is not looked at, RFC 3403 §4.1",
	  { { 50, 50, DNS_SIPS_D2T, "tls" }, { 90, 50, DNS_SIP_D2T, "tcp" }, { 100, 50, DNS_SIP_D2U, "udp" } },
	  ALL, "tls tls;" },
	{ "order before preference",
	  { { 20, 1, DNS_SIP_D2U, "b" }, { 10, 9, DNS_SIP_D2T, "a" } }, ALL, "tcp a;" },
	{ "preference within an order",
	  { { 10, 30, DNS_SIP_D2U, "c" }, { 10, 10, DNS_SIP_D2T, "a" }, { 10, 20, DNS_SIPS_D2T, "b" } }, ALL,
	  "tcp a;tls b;udp c;" },
	{ "equal ones as they came",
	  { { 1, 1, DNS_SIP_D2U, "x" }, { 1, 1, DNS_SIP_D2U, "y" } }, ALL, "udp x;udp y;" },
	{ "where both sides show certificates", { { 1, 1, DNS_SIPS_D2T, "x" } }, BIT(MTLS), "mtls x;" },
	{ "none that we speak", { { 1, 1, DNS_SIP_D2U, "x" } }, BIT(MTLS), "" },
	{ "no more than four",
	  { { 1, 1, DNS_SIP_D2U, "a" }, { 1, 2, DNS_SIP_D2U, "b" }, { 1, 3, DNS_SIP_D2U, "c" },
	    { 1, 4, DNS_SIP_D2U, "d" }, { 1, 5, DNS_SIP_D2U, "e" } }, ALL, "udp a;udp b;udp c;udp d;" },
	{ "none", { { 0 } }, ALL, "" },
};
/* clang-format on */

static void test_rows(void **state)
{
	struct naptr_choice choices[NAPTR_MAX_CHOICES];
	char got[200];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_answer answer = { .status = DNS_FOUND };
		size_t n, len = 0;

		for (; answer.n < COUNT(rows[i].records) && rows[i].records[answer.n].order;
		     answer.n++)
			answer.naptr[answer.n] = rows[i].records[answer.n];
		n = naptr_choose(&answer, rows[i].choices, choices);
		got[0] = '\0';
		for (size_t k = 0; k < n; k++)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s %s;",
						conf_transport_text(choices[k].transport),
						choices[k].replacement);
		if (strcmp(got, rows[i].want))
			fail_msg("%s: %s", rows[i].name, got);
	}
}

/* A failure has no records, whatever stands there. */
static void test_failure(void **state)
{
	struct dns_answer answer = { .status = DNS_SERVER_FAILED, .n = 1 };
	struct naptr_choice choices[NAPTR_MAX_CHOICES];

	answer.naptr[0] = (struct dns_naptr){ 1, 1, DNS_SIP_D2U, "x" };
	assert_int_equal(naptr_choose(&answer, ALL, choices), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
