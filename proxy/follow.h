/* Following a partner's 3xx (redirect: follow; RFC 3261 §16.5, §16.7 item 4): where its
 * Contacts lead is decided as for a request of the same sender to them, and they become
 * branches in place of the one that redirects. */
#pragma once

#include "proxy/context.h"

/* What led to a branch. */
struct redirected {
	char uri[256];
	unsigned depth; /* how many redirects in a row; at least 1 */
	/* the branch may use that part of the request's breadth (RFC 5393 §5.3.3) */
	unsigned width;
};

enum follow {
	FOLLOW_NOT, /* the response is the branch's answer */
	/* branches wait in place of it; what is left in the response is an answer, too */
	FOLLOW_SOME,
	FOLLOW_ALL, /* nothing is left in it */
};

/* How many branches a context needs room for, beside the request's targets. */
unsigned follow_room(const struct request *request);

/* Judges the Contacts of a final response to branch, and adds branches for those that may be
 * followed: those of the highest q in its stage, each lower q in a stage behind. They wait;
 * context_branch_replaced starts them. */
enum follow follow_redirect(struct branch *branch, msg_t *response);
