/* The checks of the network that are under way, each for one client of the control socket, who
 * is answered when it has ended. Main thread. */
#pragma once

#include "proxy/http.h"
#include "proxy/server.h"

enum { CHECKS_MAX = 4 };

struct checks;

enum err checks_new(struct server *server, struct checks **out) MUST_CHECK;
/* Clients that still wait get no answer from us: http_free ends them. Returns NULL; NULL is
 * fine. */
struct checks *checks_free(struct checks *checks);

/* Each begins and holds the request; its answer is then no more the caller's. ERR_LIMIT:
 * CHECKS_MAX are under way. ERR_NO_MEMORY. */

/* domain: one of ours, or NULL for all; ERR_NOT_FOUND. */
enum err checks_selfcheck(struct checks *checks, const struct http_request *request,
			  const char *domain) MUST_CHECK;
/* domain is normalised. */
enum err checks_partner(struct checks *checks, const struct http_request *request,
			const char *domain, bool as_if_allowed) MUST_CHECK;
