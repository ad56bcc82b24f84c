/* A whole proxy in one process, with everything around it made up: the clock is turned by hand,
 * the network leads to the parties of a scenario, DNS answers from its zone. The workers (one
 * or several) share one loop and one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/decision.h"
#include "proxy/server.h"
#include "tests/world/media.h"
#include "tests/world/network.h"
#include "tests/world/resolver.h"

struct world {
	struct loop *loop;
	struct server *server;
	struct network *network;
	struct resolver *resolver;
	struct world_media *media;
	unsigned n_workers;
	char directory[64]; /* temporary: the configuration, its certificates and users */
	char fault[4096];   /* what went wrong with the configuration */
};

/* Builds the proxy from the text of a configuration, which may name the certificate "edge"
 * (tls/edge.pem and .key) and the CA tls/ca.pem, made here, and the passwords berlin.pass
 * ("secret") and paris.pass ("hidden"), and the users file users.yaml with the text users (""
 * for none). On failure out->fault says why; world_fini is due in any case. */
enum err world_init(struct world *world, const char *config, const char *users,
		    unsigned n_workers) MUST_CHECK;
void world_fini(struct world *world);

/* What has to survive a restart is kept in the directory from now on. */
enum err world_keep_state(struct world *world) MUST_CHECK;
/* The proxy ends, with every connection, and begins anew with what was kept. */
enum err world_restart(struct world *world) MUST_CHECK;

/* Lets time pass: ms, or only what is due now. */
void world_turn(struct world *world, uint64_t ms);

/* Loads another configuration and swaps it in, as reload does. */
enum err world_reload(struct world *world, const char *config) MUST_CHECK;

/* The same by the daemon's own reload, to be confirmed within confirm_ms: ERR_INVALID if it was
 * refused, with the answer in fault. */
enum err world_reload_for(struct world *world, const char *config,
			  uint64_t confirm_ms) MUST_CHECK;

/* The listener of the running configuration by that name; NULL if there is none. */
struct listener *world_listener(const struct world *world, const char *name);

/* The newest decisions of all workers: those that ended at the last moment at which one ended.
 * Returns how many. */
size_t world_decisions(const struct world *world, struct decision *out, size_t max);

/* What is kept of requests now: the sum, and how many contexts, client and server
 * transactions. */
unsigned world_n_kept(const struct world *world, unsigned *out_contexts, unsigned *out_clients,
		      unsigned *out_servers);
