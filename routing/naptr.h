/* Which NAPTR records lead a request on (RFC 3263 §4.1, RFC 3403 §4.1). For locate_search.c. */
#pragma once

#include "conf/settings.h"
#include "routing/dns.h"

enum { NAPTR_MAX_CHOICES = 4 };

struct naptr_choice {
	enum conf_transport transport;
	const char *replacement; /* where its SRV records are; the answer's text */
};

/* choices: the transports that may be used, bits 1 << enum conf_transport; of TLS and MTLS that
 * which is to be spoken where the record says SIPS. Writes those records of the answer that may
 * be used, of the lowest order that has any, by preference; returns how many. */
size_t naptr_choose(const struct dns_answer *answer, unsigned choices,
		    struct naptr_choice out[NAPTR_MAX_CHOICES]);
