/* What partner_check.c found out, in rows: policy, servers, the stages of one server, and what
 * a request from the partner would be. Nothing here waits. */
#pragma once

#include "proxy/check_probe.h"
#include "proxy/check_rows.h"
#include "proxy/snapshot.h"

/* What a server of the partner proved, and from where. */
struct partner_proof {
	bool is_set;
	enum conf_transport transport;
	struct addr source;
	struct identity *identity; /* counted; NULL: without a certificate */
};

/* May the domain federate with us? out_rule is its static route, also one that is switched off;
 * NULL: there is none. */
bool partner_check_tell_policy(struct check_rows *rows, const struct snapshot *snapshot,
			       const char *domain, const struct rule **out_rule);

/* Its servers in the order in which they are tried; evidence: what DNS said. */
void partner_check_tell_hops(struct check_rows *rows, const struct hop *hops, size_t n,
			     const char *evidence);

/* The stages of one server: TCP, TLS, identity, our certificate, OPTIONS; the first that failed
 * is the last row. True if its certificate, or its address where there is none, holds. */
bool partner_check_tell_server(struct check_rows *rows, const char *domain,
			       const struct hop *hop, const struct check_result *result,
			       uint64_t wall_us);

/* How a request from the domain would be classified that comes as its server proved itself: by
 * the function of the traffic. rule as of the policy. */
void partner_check_tell_inbound(struct check_rows *rows, const struct snapshot *snapshot,
				const char *domain, const struct rule *rule,
				const struct trust_srv *srv, const struct partner_proof *proof);
