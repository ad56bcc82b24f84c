/* Which Contacts of a 3xx may be followed, and in which order (RFC 3261 §8.1.3.4, §16.5, §16.7
 * item 4), before anybody asks where they lead to. What a stranger writes there must not cost
 * more, or go on for longer, than what was asked. */
#pragma once

#include "proxy/base/reason.h"
#include "proxy/sip/contacts.h"

enum {
	/* a target that a redirect named redirects in turn: so often */
	REDIRECT_MAX_DEPTH = 5,
	REDIRECT_MAX_TARGETS = 8, /* of one request, in all */
};

struct redirect_past {
	const url_t *asked;       /* the Request-URI as it came */
	const char *const *tried; /* URIs that were followed already */
	size_t n_tried;
	unsigned depth; /* of the target that redirects; 0: no redirect led to it */
};

struct redirect_choice {
	struct contact contact;
	size_t at;          /* its place in the response: contacts_remove */
	enum reason reason; /* why it is not to be followed; REASON_NONE */
};

/* All Contacts of the response, the highest q first, and among equals as they stand there;
 * returns how many. REASON_MALFORMED: it can be no Request-URI. REASON_URI_SCHEME: neither sip
 * nor sips, or not sips where sips was asked for. REASON_REDIRECT_NUMBER: a telephone number
 * that nobody asked for. REASON_REDIRECT_LOOP: it was asked already. REASON_REDIRECT_LIMIT:
 * REDIRECT_MAX_DEPTH. */
size_t redirect_choose(const msg_t *response, const struct redirect_past *past,
		       struct redirect_choice out[CONTACTS_MAX]);

/* True if the status says that its Contacts are where the user is: 300, 301, 302. What 305 and
 * 380 name is for the one who asks (RFC 3261 §21.3). */
bool redirect_is_followed(int status);
