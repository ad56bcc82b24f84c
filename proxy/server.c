#include "proxy/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "media/calls.h"
#include "nat/stun_asked.h"
#include "proxy/base/log.h"
#include "proxy/base/mailbox.h"
#include "proxy/base/text.h"
#include "proxy/call_media.h"
#include "proxy/certificate_watch.h"
#include "proxy/discovered_store.h"
#include "proxy/location_store.h"
#include "proxy/registrar.h"
#include "proxy/transport/roll.h"
#include "proxy/worker.h"

enum { MAX_SWAP_MS = 1000 };

static const struct location_limits location_limits = { .bindings = 200000, .homes = 1000000 };

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static enum err make_shared(struct server *server)
{
	enum err err;

	err = digest_nonces_new(&server->nonces);
	if (!err)
		err = accounts_new(&server->accounts);
	if (!err)
		err = health_table_new(&server->health);
	if (!err)
		err = peer_addresses_new(&server->addresses);
	if (!err)
		err = public_addresses_new(&server->public_addresses);
	if (!err)
		err = nat_record_new(&server->nat_record);
	if (!err)
		err = stun_asked_new(&server->stun_asked);
	if (!err)
		err = peer_stats_new(&server->peer_stats);
	if (!err)
		err = roll_new(&server->roll);
	if (!err)
		err = peer_certificates_new(&server->peer_certificates);
	if (!err)
		err = location_new(&location_limits, &server->location);
	if (!err)
		err = discovered_new(DISCOVERED_MAX, &server->discovered);
	return err;
}

static enum err server_begin(struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));
	enum err err;

	if (!server)
		return ERR_NO_MEMORY;
	text_copy(server->version, sizeof(server->version), NUNCIO_VERSION);
	server->started_wall_us = wall_us();
	err = make_shared(server);
	if (err) {
		server_free(server);
		return err;
	}
	*out = server;
	return ERR_OK;
}

/* The key must be known before the rules are compiled (their ids are hashed with it), and where
 * it lives stands in the settings: so these are read once before, with their faults left for
 * the real build. */
static enum err load_keys(struct server *server, const char *path, struct report *report,
			  unsigned *out_n_workers)
{
	struct settings *settings = NULL;
	struct report *ignored = NULL;
	enum err err = report_new(&ignored);

	*out_n_workers = 1;
	if (err)
		return err;
	if (!settings_load(path, ignored, &settings)) {
		/* systemd makes it; by hand it is made here. That it exists already is fine. */
		if (mkdir(settings->service.state_dir, 0750))
			err = ERR_OK;
		err = record_route_keys_load(settings->service.state_dir, &server->keys);
		*out_n_workers = settings->service.n_workers;
		if (err && err != ERR_NO_MEMORY)
			report_error(
				report, FAULT_FILE_UNREADABLE,
				&settings->service.state_dir_place, "service.state_dir",
				"the key that signs Record-Route cannot be read or made in %.512s: %s",
				settings->service.state_dir, err_text(err));
	} else {
		err = record_route_keys_load(NULL, &server->keys);
	}
	settings_free(settings);
	report_free(ignored);
	return err;
}

static enum err make_workers(struct server *server)
{
	unsigned i;

	for (i = 0; i < server->n_workers; i++) {
		enum err err;

		server->counters[i] = counters_new();
		if (!server->counters[i])
			return ERR_NO_MEMORY;
		err = worker_new(server, i, NULL, &server->workers[i]);
		if (err)
			return err;
		worker_take_snapshot(server->workers[i], snapshot_ref(server->snapshot));
		if (!server->workers[i]->snapshot)
			return ERR_NO_MEMORY; /* it is in the log */
	}
	return ERR_OK;
}

static enum err build_snapshot(struct server *server, const char *path, unsigned n_workers,
			       struct report *report)
{
	struct snapshot_parts parts = {
		.keys = server->keys,
		.addresses = server->addresses,
		.public_addresses = server->public_addresses,
		.n_workers = n_workers,
	};
	enum err err = snapshot_build(path, &parts, report, &server->snapshot);

	if (err)
		return err;
	server->snapshot->loaded_wall_us = wall_us();
	accounts_set_limits(server->accounts, &server->snapshot->settings->limits);
	discovered_set_bounds(server->discovered, &server->snapshot->settings->federation);
	return ERR_OK;
}

/* The store's thread. */
static void on_store(void *user, const struct store_state *state)
{
	if (state->is_working)
		log_event(LOG_INFO, "state is kept again", NULL);
	else
		log_event(LOG_ERROR, "state is not kept: a restart will not know of it",
			  "error", state->fault, NULL);
}

static const char *describe(const struct location_restored *restored,
			    const struct discovered_restored *domains, char out[160])
{
	snprintf(
		out, 160,
		"%zu homes, %zu registered contacts, %zu backends, %zu discovered partners; %zu records had expired or "
		"made no sense",
		restored->homes, restored->bindings, restored->logons, domains->domains,
		restored->dropped + domains->dropped);
	return out;
}

enum err server_keep_state(struct server *server, const char *directory)
{
	enum err err = store_open(directory, on_store, server, &server->store);
	struct location_restored restored;
	struct discovered_restored domains;
	struct store_state state;
	char text[160];

	if (err)
		return err;
	discovered_set_clock(server->discovered, loop_now_ms(server->loop),
			     loop_wall_us(server->loop));
	store_look(server->store, &state);
	if (state.was_replaced)
		log_event(LOG_ERROR, "the state file was damaged: put aside, and begun anew",
			  "file", directory, "error", state.fault, NULL);
	err = location_store_attach(server->location, server->store, loop_now_ms(server->loop),
				    loop_wall_us(server->loop), &restored,
				    &server->location_store);
	if (err)
		return err;
	err = discovered_store_attach(server->discovered, server->store,
				      loop_now_ms(server->loop), &domains,
				      &server->discovered_store);
	if (err)
		return err;
	log_event(LOG_INFO, "state was put back", "msg", describe(&restored, &domains, text),
		  NULL);
	registrar_take_snapshot(server, server->snapshot);
	return ERR_OK;
}

enum err server_new(const char *path, struct report *report, struct server **out)
{
	struct server *server;
	unsigned n_workers;
	enum err err = server_begin(&server);

	if (err)
		return err;
	err = load_keys(server, path, report, &n_workers);
	if (!err)
		err = build_snapshot(server, path, n_workers, report);
	if (!err)
		err = loop_new(&server->loop);
	if (!err)
		err = mailbox_new(server->loop, server, &server->mailbox);
	if (!err) {
		server->n_workers = n_workers;
		err = make_workers(server);
	}
	if (err) {
		server_free(server);
		return err;
	}
	server->last_reload_wall_us = server->started_wall_us;
	server->last_reload_ok = true;
	*out = server;
	return ERR_OK;
}

enum err server_new_offline(const char *path, const char *keys_directory, struct report *report,
			    struct server **out)
{
	struct server *server;
	enum err err = server_begin(&server);

	if (err)
		return err;
	err = record_route_keys_load(keys_directory, &server->keys);
	if (!err)
		err = build_snapshot(server, path, 0, report);
	if (err) {
		server_free(server);
		return err;
	}
	*out = server;
	return ERR_OK;
}

enum err server_start(struct server *server)
{
	enum err err = server_keep_state(server, server->snapshot->settings->service.state_dir);
	unsigned i;

	if (!err)
		err = certificate_watch_new(server, &server->certificate_watch);
	if (!err)
		err = call_media_start(server, server->snapshot->settings);
	for (i = 0; i < server->n_workers && !err; i++)
		err = worker_start(server->workers[i]);
	return err;
}

void server_stop(struct server *server)
{
	unsigned i;

	for (i = 0; i < server->n_workers; i++)
		worker_stop(server->workers[i]);
}

struct server *server_free(struct server *server)
{
	unsigned i;

	if (!server)
		return NULL;
	server_stop(server);
	server->is_ending = true;
	reload_confirm_end(server);
	certificate_watch_free(server->certificate_watch);
	call_media_stop(server); /* its last words go to the workers' mailboxes */
	for (i = 0; i < server->n_workers; i++)
		worker_free(server->workers[i]);
	calls_free(server->calls);
	channels_free(server->channels);
	for (i = 0; i < server->n_workers; i++)
		counters_free(server->counters[i]);
	mailbox_free(server->mailbox);
	snapshot_unref(server->snapshot);
	record_route_keys_free(server->keys);
	digest_nonces_free(server->nonces);
	accounts_free(server->accounts);
	health_table_free(server->health);
	peer_addresses_free(server->addresses);
	public_addresses_free(server->public_addresses);
	nat_record_free(server->nat_record);
	stun_asked_free(server->stun_asked);
	peer_stats_free(server->peer_stats);
	roll_free(server->roll);
	peer_certificates_free(server->peer_certificates);
	location_store_detach(server->location_store);
	discovered_store_detach(server->discovered_store);
	server->store = store_close(server->store);
	location_free(server->location);
	discovered_free(server->discovered);
	loop_free(server->loop);
	free(server);
	return NULL;
}

/* Waits until the workers have taken the snapshot, so that what a reload answers is what holds.
 * A worker looks at its mailbox in every round; one that does not is waited for no longer than
 * this. */
static void wait_until_taken(struct server *server, uint64_t generation)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	unsigned i, n_pauses = 0;

	for (i = 0; i < server->n_workers; i++) {
		const struct worker *worker = server->workers[i];

		while (worker->has_thread && n_pauses < MAX_SWAP_MS &&
		       __atomic_load_n(&worker->generation, __ATOMIC_ACQUIRE) < generation) {
			nanosleep(&pause, NULL);
			n_pauses++;
		}
	}
}

/* A configuration that relays where nothing was relayed before needs what does it. */
static void take_media(struct server *server, const struct snapshot *snapshot)
{
	enum err err = server->calls ? ERR_OK : call_media_start(server, snapshot->settings);

	call_media_take_settings(server, &snapshot->settings->media);
	if (err)
		log_event(LOG_ERROR, "calls are not relayed", "reason", err_text(err), NULL);
}

void server_swap(struct server *server, struct snapshot *snapshot)
{
	struct snapshot *before = server->snapshot;
	unsigned i;

	accounts_set_limits(server->accounts, &snapshot->settings->limits);
	discovered_set_bounds(server->discovered, &snapshot->settings->federation);
	take_media(server, snapshot);
	for (i = 0; i < server->n_workers; i++)
		worker_post_snapshot(server->workers[i], snapshot_ref(snapshot));
	server->snapshot = snapshot;
	wait_until_taken(server, snapshot->generation);
	/* Then no worker lets anybody log on by what held before. */
	registrar_take_snapshot(server, before);
	snapshot_unref(before);
}

unsigned server_n_busy(struct server *server)
{
	unsigned n = 0, i;

	for (i = 0; i < server->n_workers; i++)
		n += __atomic_load_n(&server->workers[i]->n_waiting, __ATOMIC_RELAXED);
	return n;
}

bool server_is_alive(struct server *server)
{
	bool is_alive = true;
	unsigned i;

	for (i = 0; i < server->n_workers; i++) {
		uint64_t rounds = loop_rounds(server->workers[i]->loop);

		if (rounds == server->rounds_seen[i])
			is_alive = false;
		server->rounds_seen[i] = rounds;
	}
	return is_alive;
}
