#include "routing/dns_hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "# a comment\n"
			   "192.0.2.1 Alpha.Example alpha # 192.0.2.9 beta\n"
			   "\t2001:db8::1\talpha.example\r\n"
			   "192.0.2.2 alpha.example\n"
			   "192.0.2.2 alpha.example\n"
			   "nonsense gamma\n"
			   "192.0.2.3\n"
			   "192.0.2.4 bad/name delta";

static const struct {
	const char *name, *host;
	enum dns_type type;
	bool is_found;
	enum dns_status status;
	size_t n;
} rows[] = {
	{ "two lines, once each", "alpha.example", DNS_A, true, DNS_FOUND, 2 },
	{ "IPv6", "alpha.example", DNS_AAAA, true, DNS_FOUND, 1 },
	{ "alias", "alpha", DNS_A, true, DNS_FOUND, 1 },
	{ "known, but not by IPv6: DNS is not asked", "alpha", DNS_AAAA, true, DNS_NO_RECORD,
	  0 },
	{ "in a comment", "beta", DNS_A, false, 0, 0 },
	{ "no address", "gamma", DNS_A, false, 0, 0 },
	{ "after a bad name, without a line end", "delta", DNS_A, true, DNS_FOUND, 1 },
	{ "no SRV", "alpha.example", DNS_SRV, false, 0, 0 },
	{ "localhost is always there, RFC 6761 §6.3", "localhost", DNS_A, true, DNS_FOUND, 1 },
	{ "localhost by IPv6", "localhost", DNS_AAAA, true, DNS_FOUND, 1 },
	{ "unknown", "omega", DNS_A, false, 0, 0 },
};

static void test_rows(void **state)
{
	char path[] = "/tmp/test-hosts-XXXXXX";
	struct dns_answer answer;

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	struct dns_hosts *hosts = dns_hosts_read(path);
	unlink(path);
	assert_non_null(hosts);
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool is_found = dns_hosts_find(hosts, rows[i].host, rows[i].type, &answer);
		if (is_found != rows[i].is_found ||
		    (is_found && (answer.status != rows[i].status || answer.n != rows[i].n)))
			fail_msg("%s", rows[i].name);
	}
	assert_null(dns_hosts_free(hosts));
	assert_null(dns_hosts_free(NULL));
}

static void test_no_file(void **state)
{
	struct dns_hosts *hosts = dns_hosts_read("/nonexistent/hosts");
	struct dns_answer answer;

	assert_non_null(hosts);
	assert_true(dns_hosts_find(hosts, "localhost", DNS_A, &answer));
	assert_true(addr_is_loopback(&answer.addrs[0]));
	dns_hosts_free(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
