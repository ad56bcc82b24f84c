/* A partner, stage by stage (`nuncio partner check`, field.md G3): may it, where is it, does it
 * answer, does its certificate hold and by which rule, what became of ours, and what a request
 * from it would be. Runs on the loop of the main thread, for at most ten seconds. */
#pragma once

#include "proxy/check_means.h"

struct partner_check;

/* done comes exactly once, from the loop, never inside; rows are the callee's to read during
 * the call, and the check is gone afterwards. */
typedef void partner_check_done(void *user, const struct check_rows *rows);

/* domain is normalised. as_if_allowed: a domain that may not federate with us is looked at all
 * the same. ERR_NO_MEMORY. */
enum err partner_check_start(struct check_means *means, const char *domain, bool as_if_allowed,
			     partner_check_done *done, void *user,
			     struct partner_check **out) MUST_CHECK;
/* done will not come; returns NULL; NULL is fine. */
struct partner_check *partner_check_cancel(struct partner_check *check);
