#include "proxy/check_dns_text.h"

#include <string.h>

enum { DNS_PORT = 53, MAX_LISTED = 4 };

const char check_dns_service[] = "_sipfederationtls._tcp";

const char *check_dns_server(const struct addr *server, char out[ADDR_TEXT_SIZE])
{
	return addr_port(server) == DNS_PORT ? addr_host(server, out) : addr_text(server, out);
}

static void describe_srv(const struct dns_look_answer *answer, struct buf *out)
{
	for (size_t i = 0; i < answer->n && i < MAX_LISTED; i++)
		buf_printf(out, "%s%u %u %u %s", i ? ", " : "", answer->srv[i].priority,
			   answer->srv[i].weight, answer->srv[i].port, answer->srv[i].target);
	if (answer->n_records > MAX_LISTED)
		buf_printf(out, " and %u more", answer->n_records - MAX_LISTED);
	if (answer->is_none)
		buf_puts(out, "\".\"");
}

void check_dns_describe(const struct dns_look_answer *answer, struct buf *out)
{
	if (answer->status == DNS_FOUND)
		describe_srv(answer, out);
	else if (answer->status == DNS_NO_NAME)
		buf_puts(out, "NXDOMAIN: the name does not exist");
	else if (answer->status == DNS_NO_RECORD)
		buf_puts(out, "NODATA: the name exists, without such a record");
	else if (answer->is_refused)
		buf_puts(out, "REFUSED");
	else if (answer->is_unreachable)
		buf_puts(out, "no resolver answers there");
	else if (answer->status == DNS_TIMEOUT)
		buf_puts(out, "no answer in time");
	else
		buf_puts(out, "SERVFAIL");
}

void check_dns_suggest_srv(const struct check_dns *dns, struct buf *out)
{
	const struct check_dns_settings *settings = &dns->settings;

	if (!dns->rows->is_ours) {
		buf_printf(out,
			   "Ask the partner to publish:  %s.%s. 300 IN SRV 100 1 5061 sip.%s.",
			   check_dns_service, dns->domain, dns->domain);
		return;
	}
	buf_printf(out, "%s.%s. 300 IN SRV 100 1 %u ", check_dns_service, dns->domain,
		   settings->suggested_port);
	if (*settings->suggested_host)
		buf_printf(out, "%s.", settings->suggested_host);
	else
		buf_printf(out, "sip.%s.", dns->domain);
}

void check_dns_suggest_address(const struct check_dns *dns, const char *host, struct buf *out)
{
	const char *addr = dns->settings.suggested_addr;

	if (!dns->rows->is_ours)
		buf_printf(out, "Ask the partner to publish an A record for %s.", host);
	else
		buf_printf(out, "%s. 300 IN %s %s", host, strchr(addr, ':') ? "AAAA" : "A",
			   *addr ? addr : "YOUR-PUBLIC-ADDRESS");
}
