/* What the workers of one process share, and nothing else: each with how it may be touched.
 * Owned by main. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "federation/account.h"
#include "federation/discovered.h"
#include "federation/trust.h"
#include "nat/nat_record.h"
#include "nat/public_address.h"
#include "proxy/base/counter.h"
#include "proxy/base/error.h"
#include "proxy/base/loop.h"
#include "proxy/peer_certificates.h"
#include "proxy/peer_stats.h"
#include "proxy/reload_confirm.h"
#include "proxy/sip/digest.h"
#include "proxy/base/store.h"
#include "proxy/snapshot.h"
#include "routing/health.h"
#include "routing/location.h"
#include "routing/record_route.h"

struct calls;
struct certificate_watch;
struct channels;
struct discovered_store;
struct location_store;
struct mailbox;
struct nat_ways;
struct relays;
struct roll;
struct stun_asked;
struct worker;

enum { SERVER_MAX_WORKERS = 64 };

struct server {
	/* Set before the workers start, constant since. */
	unsigned n_workers;
	struct worker *workers[SERVER_MAX_WORKERS];
	/* each written by its worker, read by anybody (atomics) */
	struct counters *counters[SERVER_MAX_WORKERS];
	struct record_route_keys *keys; /* immutable */
	uint64_t started_wall_us;
	char version[32];
	const struct nat_ways *nat_ways; /* how the NAT is looked at; NULL: by sockets */

	/* Shared state with locks of its own. */
	struct digest_nonces *nonces;
	struct accounts *accounts;
	struct health_table *health;
	struct peer_addresses *addresses;
	struct public_addresses *public_addresses; /* how STUN servers see our listeners */
	struct stun_asked *stun_asked; /* STUN requests that wait for answers; atomics */
	struct nat_record *nat_record; /* the last look at the NAT */
	struct peer_stats *peer_stats;
	struct roll *roll; /* connections that carry requests to partners */
	struct peer_certificates *peer_certificates;
	struct location *location;
	struct discovered *discovered;
	struct channels *channels; /* NULL while nothing is relayed */
	/* likewise; set once, with release order, perhaps by a reload */
	struct calls *calls;
	struct relays *relays; /* the media workers; NULL in tests */
	struct store *store;   /* NULL offline */
	struct location_store *location_store;
	struct discovered_store *discovered_store; /* the main thread's; NULL offline */

	/* The main thread's. */
	struct loop *loop;
	struct mailbox *mailbox;   /* letters to this thread; NULL offline. Anybody may post */
	struct snapshot *snapshot; /* the newest; workers hold their own reference */
	uint64_t last_reload_wall_us;
	bool last_reload_ok;
	bool was_reverted_last; /* false: the last reload was not ok, as it was rejected */
	char last_reload_text[512];
	uint64_t rounds_seen[SERVER_MAX_WORKERS]; /* server_is_alive */
	uint64_t n_reloads_applied, n_reloads_unchanged, n_reloads_rejected, n_reloads_reverted;
	struct reload_confirm confirm;
	struct certificate_watch *certificate_watch; /* NULL until server_start */
	bool is_ending;                              /* server_free has begun */
	bool is_draining;                            /* atomic: written by main, read by all */
};

/* Builds everything but the threads from a configuration file. Faults of the file go to
 * report. */
enum err server_new(const char *path, struct report *report, struct server **out) MUST_CHECK;
/* The same for `check` and `explain --config`: n_workers is 0, no socket is opened, nothing is
 * kept. keys_directory: where the key of the Record-Route is read or made; NULL: it lives in
 * memory, and nothing is written. */
enum err server_new_offline(const char *path, const char *keys_directory, struct report *report,
			    struct server **out) MUST_CHECK;
/* What must survive a restart is kept in directory from now on, and what was kept there is put
 * back: before the workers start. A folder that cannot be written costs persistence alone: it
 * is in the log, and in status. Main thread. ERR_NO_MEMORY. */
enum err server_keep_state(struct server *server, const char *directory) MUST_CHECK;
/* Starts the worker threads, and keeps state in service.state_dir: as the user that serves. */
enum err server_start(struct server *server) MUST_CHECK;
/* Stops the threads and waits for them. */
void server_stop(struct server *server);
struct server *server_free(struct server *server);

/* Makes snapshot the current one everywhere: takes the reference. When it returns, the workers
 * serve by it, unless one is stuck. Main thread. */
void server_swap(struct server *server, struct snapshot *snapshot);

/* How many response contexts the workers still have: what draining waits for. Any thread. */
unsigned server_n_busy(struct server *server);

/* True if every worker's loop made a round since the last call (watchdog, /healthz). Main
 * thread. */
bool server_is_alive(struct server *server);
