#include "proxy/check_means.h"

size_t check_resolvers(const struct check_means *means, const struct snapshot *snapshot,
		       struct addr *out, size_t max)
{
	const struct settings_dns *dns = &snapshot->settings->dns;
	size_t n = 0;

	if (dns->n_servers == 0)
		return dns_look_system(means->server->loop, out, max);
	for (; n < dns->n_servers && n < max; n++)
		out[n] = dns->servers[n];
	return n;
}
