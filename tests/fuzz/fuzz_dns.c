/* What name servers answer: the records that are read lie within their bounds, and their names
 * are domains. The first byte is the type that was asked for. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "routing/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_name(const char *name)
{
	char again[256];

	must(text_domain(name, again, sizeof(again)) && !strcmp(name, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };
	struct dns_answer answer;
	unsigned char *copy;

	if (len < 1)
		return 0;
	const enum dns_type type = types[bytes[0] % COUNT(types)];
	copy = malloc(len > 1 ? len - 1 : 1); /* so that a byte behind the answer is seen */
	must(copy);
	memcpy(copy, bytes + 1, len - 1);
	dns_answer_read(copy, len - 1, type, &answer);
	free(copy);
	must(answer.n <= DNS_MAX_RECORDS && (answer.status == DNS_FOUND) == (answer.n > 0));
	if (answer.status != DNS_SERVER_FAILED)
		must(answer.ttl_s >= DNS_MIN_TTL_S && answer.ttl_s <= DNS_MAX_TTL_S);
	for (size_t i = 0; i < answer.n; i++) {
		if (type == DNS_SRV)
			check_name(answer.srv[i].target);
		else if (type == DNS_NAPTR)
			check_name(answer.naptr[i].replacement);
		else /* an AAAA may map an IPv4 address */
			must(addr_is_set(&answer.addrs[i]) &&
			     (type == DNS_AAAA || !addr_is_ipv6(&answer.addrs[i])));
	}
	return 0;
}
