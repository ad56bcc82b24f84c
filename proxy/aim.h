/* Why a request goes to a target, and what follows if the target does not have the user: a plan
 * for branches that are tried one after the other (RFC 3261 §16.6: serial forking). Values
 * only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum aim_home {
	AIM_ROUTE,    /* no home of a user: a route, a dialog */
	AIM_BOUND,    /* a backend registered the user */
	AIM_LISTED,   /* a `users` pattern */
	AIM_LEARNED,  /* the user was seen there */
	AIM_SEARCHED, /* placement: search */
	AIM_BALANCED, /* placement: balance */
};

struct aim {
	enum aim_home home;
	/* branches of one stage go out in parallel; the next one begins if all of them
	 * missed */
	unsigned stage;
	bool goes_on_absent; /* an answer that says "not here" is a miss */
	bool goes_on_down;   /* a server that does not answer is a miss */
	/* whatever is no 2xx or 6xx is a miss: a redirect named others behind it */
	bool goes_on_refused;
	char request_uri[256]; /* a bound contact: instead of the Request-URI; "": as it came */
};

static inline void aim_set(struct aim *aim, enum aim_home home, unsigned stage)
{
	memset(aim, 0, offsetof(struct aim, request_uri));
	aim->request_uri[0] = '\0';
	aim->home = home;
	aim->stage = stage;
}

/* A copy of what is used of from. */
static inline void aim_copy(struct aim *to, const struct aim *from)
{
	memcpy(to, from, offsetof(struct aim, request_uri));
	strcpy(to->request_uri, from->request_uri);
}
