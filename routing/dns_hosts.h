/* The system's hosts file (hosts(5)): names that are known without asking. Read once, then
 * immutable. For dns.c. */
#pragma once

#include <stdbool.h>

#include "routing/dns.h"

struct dns_hosts;

/* Reads path; a file that cannot be read is empty. "localhost" is always there (RFC 6761 §6.3).
 * NULL: no memory. Blocks on the file. */
struct dns_hosts *dns_hosts_read(const char *path);
struct dns_hosts *dns_hosts_free(struct dns_hosts *hosts);

/* True if the name stands there; out is then DNS_FOUND, or DNS_NO_RECORD if its addresses are
 * of the other type. SRV is never found. */
bool dns_hosts_find(const struct dns_hosts *hosts, const char *name, enum dns_type type,
		    struct dns_answer *out);
