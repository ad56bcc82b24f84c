/* The certificates that a server showed, as rows: whether partners can verify them, whatever
 * our own trust says. */
#pragma once

#include "proxy/check_probe.h"
#include "proxy/check_rows.h"

/* Our own, that answered for host (the target of the SRV record of domain; "": there is none)
 * at place: chain, names, time, key, usage. wall_us: now. result must have a chain. */
void check_chain_own(struct check_rows *rows, const struct check_result *result,
		     const char *host, const char *domain, const char *place, uint64_t wall_us);

/* A partner's that we accepted: only what is worth a warning to the partner. */
void check_chain_partner(struct check_rows *rows, const struct check_result *result,
			 uint64_t wall_us);
