/* Where a user of ours is at home, in a fixed order: a binding that a backend registered;
 * `users` patterns; a home that was learned from the user's own requests; then `placement`.
 * Each source that was asked leaves a step in the record. For request_route.c. */
#pragma once

#include "proxy/request.h"

/* Adds the targets for the user and domain of the request. REASON_NONE if there are any. */
enum reason request_home(struct request *request);

enum { REQUEST_SEARCH_KEY_SIZE = 17 };

/* What a search is known by while it lasts: the user who is searched, and for whom. */
void request_home_search_key(const struct request *request, char out[REQUEST_SEARCH_KEY_SIZE]);

/* The user who sent this is at home where it came from: learned from PUBLISH, SUBSCRIBE, INVITE
 * and MESSAGE outside of dialogs, but not from what the backend got from us and turned back or
 * elsewhere: that caller lives at another one. */
void request_home_learn(const struct request *request);
