/* What partners see of us (`nuncio selfcheck`, field.md G2): for each domain of ours its SRV
 * record from every resolver, the addresses, and what is really served there. Runs on the loop
 * of the main thread, for at most ten seconds. */
#pragma once

#include "proxy/check_means.h"

struct selfcheck;

/* done comes exactly once, from the loop, never inside; rows are the callee's to read during
 * the call, and the check is gone afterwards. */
typedef void selfcheck_done(void *user, const struct check_rows *rows);

/* Looks at one domain, or at all of ours (NULL). ERR_NOT_FOUND if the domain is none of ours,
 * ERR_NO_MEMORY. */
enum err selfcheck_start(struct check_means *means, const char *domain, selfcheck_done *done,
			 void *user, struct selfcheck **out) MUST_CHECK;
/* done will not come; returns NULL; NULL is fine. */
struct selfcheck *selfcheck_cancel(struct selfcheck *check);
