#include "routing/naptr.h"

#include <stdlib.h>

#include "proxy/base/macros.h"

static enum conf_transport transport_of(enum dns_sip_service service, unsigned choices)
{
	switch (service) {
	case DNS_SIP_D2U:
		return TRANSPORT_UDP;
	case DNS_SIP_D2T:
		return TRANSPORT_TCP;
	case DNS_SIPS_D2T:
		break;
	}
	return choices & 1u << TRANSPORT_MTLS ? TRANSPORT_MTLS : TRANSPORT_TLS;
}

static bool is_usable(const struct dns_naptr *naptr, unsigned choices)
{
	return choices & 1u << transport_of(naptr->service, choices);
}

static bool stands_before(const struct dns_naptr *a, const struct dns_naptr *b)
{
	return a->order != b->order ? a->order < b->order : a->preference < b->preference;
}

/* Stable: among equals the answer's order, which resolvers turn. n is small. */
static size_t sort_usable(const struct dns_answer *answer, unsigned choices,
			  const struct dns_naptr *out[DNS_MAX_RECORDS])
{
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++) {
		size_t at = n;
		if (!is_usable(&answer->naptr[i], choices))
			continue;
		for (; at > 0 && stands_before(&answer->naptr[i], out[at - 1]); at--)
			out[at] = out[at - 1];
		out[at] = &answer->naptr[i];
		n++;
	}
	return n;
}

/* RFC 3403 §4.1: once there is a match, records of a higher order are not looked at: what the
 * owner of the domain ranks behind TLS is no way around a TLS that fails. */
size_t naptr_choose(const struct dns_answer *answer, unsigned choices,
		    struct naptr_choice out[NAPTR_MAX_CHOICES])
{
	const struct dns_naptr *usable[DNS_MAX_RECORDS];
	size_t n, i;

	if (answer->status != DNS_FOUND)
		return 0;
	n = sort_usable(answer, choices, usable);
	for (i = 0; i < n && i < NAPTR_MAX_CHOICES && usable[i]->order == usable[0]->order;
	     i++) {
		out[i].transport = transport_of(usable[i]->service, choices);
		out[i].replacement = usable[i]->replacement;
	}
	return i;
}
