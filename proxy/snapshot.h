/* One configuration and all tables compiled from it: immutable, counted, swapped whole
 * (design.md D3, D4). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "conf/users.h"
#include "federation/trust.h"
#include "nat/public_address.h"
#include "proxy/backend_secrets.h"
#include "proxy/base/error.h"
#include "proxy/transport/credentials.h"
#include "proxy/transport/listener.h"
#include "routing/open_routes.h"
#include "routing/record_route.h"
#include "routing/route_set.h"
#include "routing/rules.h"

struct snapshot {
	int n_refs; /* atomic */
	uint64_t generation;
	const struct record_route_keys *keys; /* with which ids are hashed */
	uint64_t loaded_wall_us;
	char path[4096];
	/* counted: settings, users and credentials are its; NULL: they are this one's own */
	struct snapshot *origin;
	unsigned n_sockets; /* of each listener: one a worker */
	struct settings *settings;
	struct users *users;                     /* of users_file; NULL if there is none */
	struct backend_secrets *backend_secrets; /* of those that log on */
	struct credentials **credentials;        /* like settings->certificates */
	struct tls_trust *tls_trust;
	struct listener **listeners;      /* like settings->listeners; NULL where disabled */
	struct listener **open_listeners; /* those that are not NULL */
	size_t n_open_listeners;
	struct self_names *self_names;
	struct rules *rules;
	struct open_routes *open_routes;
	struct trust *trust;
	unsigned n_warnings;
};

/* What a snapshot needs of the process. */
struct snapshot_parts {
	const struct record_route_keys *keys;
	struct peer_addresses *addresses;
	struct public_addresses *public_addresses; /* NULL: none are known */
	const struct snapshot *previous; /* its sockets are taken over; NULL at the start */
	unsigned n_workers;              /* 0: no sockets are opened (check, explain) */
};

/* Loads path and builds everything; every fault of it goes to report. ERR_INVALID when report
 * has errors: nothing is kept then. */
enum err snapshot_build(const char *path, const struct snapshot_parts *parts,
			struct report *report, struct snapshot **out) MUST_CHECK;

/* Makes what kept was again, from memory: its settings, users, keys and certificates as they
 * were, whatever became of the files. Sockets are taken over from parts->previous, those that
 * it has not are opened; a listener that cannot be is left out and stands in report.
 * ERR_NO_MEMORY. */
enum err snapshot_revive(struct snapshot *kept, const struct snapshot_parts *parts,
			 struct report *report, struct snapshot **out) MUST_CHECK;
/* The rule with that id ("backend:berlin", "partner:partner.example"), also of a domain that
 * open federation may find; NULL if there is none, or it is switched off. */
const struct rule *snapshot_rule(const struct snapshot *snapshot, const char *id);
/* True if there is such a rule, or may be; unlike snapshot_rule it makes none. */
bool snapshot_has_peer(const struct snapshot *snapshot, const char *id);

struct snapshot *snapshot_ref(struct snapshot *snapshot);
struct snapshot *snapshot_unref(struct snapshot *snapshot);
