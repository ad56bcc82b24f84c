/* By what the checks of the network look: the loop, resolvers and dialling, all of which a test
 * replaces. Lives longer than every check. */
#pragma once

#include "proxy/check_probe.h"
#include "proxy/check_rows.h"
#include "proxy/server.h"
#include "routing/dns_look.h"

enum { CHECK_TOTAL_MS = 10000, CHECK_DNS_MS = 4000, CHECK_STAGE_MS = 3000 };

struct check_means {
	struct server *server; /* whose configuration, partners and users it is about */
	struct dns_looker looker;
	struct check_prober prober;
	/* for static routes, as traffic asks; NULL: one is made for each check */
	struct dns *dns;
};

/* The resolvers of the configuration, those of the system if it names none; returns how
 * many. */
size_t check_resolvers(const struct check_means *means, const struct snapshot *snapshot,
		       struct addr *out, size_t max);
