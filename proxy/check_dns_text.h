/* What check_dns.c says of answers, and lines of a zone to publish. */
#pragma once

#include "proxy/base/buf.h"
#include "proxy/check_dns.h"

extern const char check_dns_service[]; /* "_sipfederationtls._tcp" */

/* A resolver, its port only where it is another than 53; returns out. */
const char *check_dns_server(const struct addr *server, char out[ADDR_TEXT_SIZE]);
/* An answer in words. */
void check_dns_describe(const struct dns_look_answer *answer, struct buf *out);
/* The record that the domain should have; an address record for host. */
void check_dns_suggest_srv(const struct check_dns *dns, struct buf *out);
void check_dns_suggest_address(const struct check_dns *dns, const char *host, struct buf *out);
