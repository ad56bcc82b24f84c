/* What the bytes of a DNS response say (RFC 1035 §4.1, RFC 2782, RFC 3596, RFC 3403): the
 * records of one type from its answer section, with the least TTL on the way there. For
 * dns.c. */
#pragma once

#include <stddef.h>

#include "routing/dns.h"

enum { DNS_MIN_TTL_S = 1, DNS_MAX_TTL_S = 86400 };

/* Reads the records of that type; out is filled whatever comes: DNS_FOUND, DNS_NO_RECORD if
 * there are none of the type, DNS_SERVER_FAILED if the bytes are no response. Records that make
 * no sense are left out. */
void dns_answer_read(const unsigned char *bytes, size_t len, enum dns_type type,
		     struct dns_answer *out);

/* The service that a NAPTR record names ("SIPS+D2T", in whatever letters); false if it is none
 * of ours. */
bool dns_answer_service(const char *text, enum dns_sip_service *out);
