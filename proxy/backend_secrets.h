/* With what the backends log on: the digest secrets made from their password files. Part of the
 * snapshot, immutable. No password outlives the load, and what is here is for the registrar's
 * digest alone: never for logs, reports or answers. */
#pragma once

#include <stdint.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/error.h"
#include "proxy/sip/digest.h"
#include "routing/record_route.h"

enum { BACKEND_PASSWORD_MAX = 128 }; /* bytes */

struct backend_secret {
	const struct settings_backend *backend;
	struct digest_secret secret; /* of its username in settings->realm */
	/* A keyed hash of username, realm and password, and of where its listener listens:
	 * other credentials have another one, and what was proved at another listener is not
	 * proved at this one. The key outlives the process, so that what was proved before a
	 * restart is still proved after it. */
	uint64_t proof;
};

struct backend_secrets;

/* Reads the password file of each backend that has a username: the first line, without its
 * line end, of 1 to BACKEND_PASSWORD_MAX bytes. Faults go to report, at the place of
 * password_file; such a backend has no secret then. settings must live as long. keys may be
 * NULL (check, explain): the proofs hold for this process then. ERR_NO_MEMORY. Blocks on
 * files: main thread. */
enum err backend_secrets_load(const struct settings *settings,
			      const struct record_route_keys *keys, struct report *report,
			      struct backend_secrets **out) MUST_CHECK;
/* NULL is fine; returns NULL */
struct backend_secrets *backend_secrets_free(struct backend_secrets *secrets);

/* How many backends log on. */
size_t backend_secrets_count(const struct backend_secrets *secrets);

/* NULL: no backend logs on with that username. How long it takes does not tell how much of a
 * name is right. */
const struct backend_secret *backend_secrets_find(const struct backend_secrets *secrets,
						  const char *username);

/* NULL: there is no such backend, or it does not log on. */
const struct backend_secret *backend_secrets_of_backend(const struct backend_secrets *secrets,
							const char *name);
