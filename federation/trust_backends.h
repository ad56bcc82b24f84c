/* Which backend sent this: by the addresses of its servers, by those from where it logged on,
 * and by the flow. What it may assert then is for trust.c, whose part this is. */
#pragma once

#include <stdbool.h>

#include "federation/trust.h"

struct trust_backends; /* immutable */

/* By what a backend is known. */
enum backend_sign {
	BACKEND_BY_ADDRESS,
	BACKEND_BY_CONNECTION, /* we dialled it */
	BACKEND_BY_LOG_ON,     /* it logged on by this very connection */
};

struct backend_found {
	const struct settings_backend *backend;
	const char *id; /* "backend:berlin"; the trust_backends' */
	enum backend_sign sign;
	bool serves_domain; /* the domain that was asked for is one of its own */
};

/* Both must live as long; addresses may be NULL. */
enum err trust_backends_new(const struct settings *settings, struct peer_addresses *addresses,
			    struct trust_backends **out) MUST_CHECK;
struct trust_backends *trust_backends_free(struct trust_backends *backends);

/* The backend that the question comes from; of several at one address, the one for which most
 * speaks. domain: of the From, normalised. False: none. */
bool trust_backends_find(const struct trust_backends *backends,
			 const struct trust_question *question, const char *domain,
			 struct backend_found *out);

/* The same by the address alone, whatever the network: who it would be on the lan. */
bool trust_backends_find_address(const struct trust_backends *backends,
				 const struct trust_question *question, const char *domain,
				 struct backend_found *out);
