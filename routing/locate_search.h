/* The DNS part of locate: from names to places with addresses (RFC 3263 §4), all questions at
 * once, under one budget. For locate.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/buf.h"
#include "routing/dns.h"
#include "routing/rules.h"

enum { LOCATE_MAX_PLACES = 64, LOCATE_MAX_ADDRS = 16 };

/* One name or address that is to be reached. Strings must live as long as the search. */
struct locate_wish {
	const char *host;
	uint16_t port; /* 0: the transport's own */
	bool by_srv;   /* a name is first looked up by SRV (RFC 3263 §4.2) */
	enum conf_transport transport;
	size_t group; /* which server of the rule it is */
	/* "_sipfederationtls._tcp." instead of the transport's own, and then nothing but what
	 * it names will do; NULL */
	const char *service;
	/* by_srv, and before that NAPTR says by which transport (RFC 3263 §4.1) */
	bool by_naptr;
	/* by_srv: the transports that may be chosen, bits 1 << enum conf_transport; 0:
	 * transport alone. Without NAPTR the first that has SRV records is taken: transport,
	 * then mtls, tls, tcp, udp; without those, transport */
	unsigned choices;
};

/* One place that was found: the wish itself, or the target of one of its SRV records. Without
 * addresses it is not to be tried. */
struct locate_place {
	size_t group;
	/* of the NAPTR record, within the group: the lowest first, all of it before the next */
	unsigned rank;
	uint16_t priority, weight; /* of the SRV record, within the rank */
	uint16_t port;
	enum conf_transport transport;
	const char *configured_host; /* the wish's */
	char host[256];              /* whose addresses these are */
	struct addr addrs[LOCATE_MAX_ADDRS];
	size_t n_addrs;
};

struct locate_search;

/* on_found comes once, from the loop, after locate_search_start; it may free the search. NULL:
 * no memory. */
struct locate_search *locate_search_new(struct loop *loop, struct dns *dns, uint64_t budget_ms,
					void (*on_found)(void *user), void *user);
struct locate_search *locate_search_free(
	struct locate_search *search); /* NULL is fine; returns NULL */

/* Adds a wish before the start; more than fit are left out. ERR_NO_MEMORY. */
enum err locate_search_add(struct locate_search *search,
			   const struct locate_wish *wish) MUST_CHECK;
void locate_search_start(struct locate_search *search);

/* How many places were named by SRV records. */
size_t locate_search_n_targets(const struct locate_search *search);
size_t locate_search_n_places(const struct locate_search *search);
const struct locate_place *locate_search_place(const struct locate_search *search, size_t i);

/* The most serious of all DNS outcomes: a timeout before a failure before nothing there;
 * DNS_FOUND if all went well. */
enum dns_status locate_search_worst(const struct locate_search *search);
/* One line for people: what DNS said. */
void locate_search_tell(const struct locate_search *search, struct buf *out);
