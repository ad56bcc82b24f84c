#include "tests/world/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nat/nat_detect.h"
#include "proxy/base/buf.h"
#include "proxy/base/mailbox.h"
#include "proxy/base/text.h"
#include "proxy/call_media.h"
#include "proxy/reload.h"
#include "proxy/worker.h"
#include "tests/world/certificates.h"
#include "tests/world/faults.h"

enum { START_MS = 1000000 };

static bool write_file(const struct world *world, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->directory, name);
	file = fopen(path, "w");
	if (!file)
		return false;
	fputs(text, file);
	return !fclose(file) && !chmod(path, 0600);
}

static void remove_file(const struct world *world, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", world->directory, name);
	if (unlink(path) && errno != ENOENT)
		perror(path);
}

static enum err make_directory(struct world *world, const char *config, const char *users)
{
	/* In memory where that is: a play may keep its state a thousand times. */
	text_copy(world->directory, sizeof(world->directory),
		  access("/dev/shm", W_OK) ? "/tmp/nuncio-world-XXXXXX"
					   : "/dev/shm/nuncio-world-XXXXXX");
	if (!mkdtemp(world->directory)) {
		world->directory[0] = '\0';
		return ERR_IO;
	}
	if (!write_file(world, "nuncio.yaml", config) ||
	    !write_file(world, "edge.pem", certificates_chain()) ||
	    !write_file(world, "edge.key", certificates_key()) ||
	    !write_file(world, "ca.pem", certificates_ca()) ||
	    !write_file(world, "berlin.pass", "secret\n") ||
	    !write_file(world, "paris.pass", "hidden\n") ||
	    (*users && !write_file(world, "users.yaml", users)))
		return ERR_IO;
	return ERR_OK;
}

static void print_faults(struct world *world, struct report *report)
{
	struct buf text;

	buf_init(&text, 0);
	report_print(report, false, &text);
	text_copy(world->fault, sizeof(world->fault), buf_text(&text));
	buf_fini(&text);
}

static const char *config_path(const struct world *world, char out[128])
{
	snprintf(out, 128, "%s/nuncio.yaml", world->directory);
	return out;
}

static enum err build_server(struct world *world)
{
	struct report *report = NULL;
	char path[128];
	enum err err = report_new(&report);

	if (err)
		return err;
	err = server_new_offline(config_path(world, path), world->directory, report,
				 &world->server);
	if (err)
		print_faults(world, report);
	report_free(report);
	return err;
}

static enum err build_worker(struct world *world, unsigned number)
{
	struct server *server = world->server;
	struct worker *worker;
	enum err err;

	server->counters[number] = counters_new();
	if (!server->counters[number])
		return ERR_NO_MEMORY;
	server->n_workers = number + 1;
	err = worker_new(server, number, world->loop, &server->workers[number]);
	if (err)
		return err;
	worker = server->workers[number];
	dns_free(worker->dns);
	worker->dns = resolver_open(world->resolver);
	if (!worker->dns)
		return ERR_NO_MEMORY;
	return network_serve(world->network, number, worker->transport);
}

/* What has sockets of its own is of no use here. */
static enum err open_nowhere(void *user, struct loop *loop, const struct addr *bind,
			     const struct addr *to, struct stun_client **out,
			     struct addr *out_local)
{
	return ERR_UNREACHABLE;
}

static const struct nat_ways no_ways = { .open = open_nowhere };

/* The proxy and its workers, with the configuration that lies in the directory. */
static enum err start(struct world *world)
{
	enum err err = build_server(world);
	unsigned i;

	if (!err)
		world->server->loop = world->loop;
	if (!err)
		world->server->nat_ways = &no_ways;
	if (!err)
		err = mailbox_new(world->loop, world->server, &world->server->mailbox);
	for (i = 0; i < world->n_workers && !err; i++)
		err = build_worker(world, i);
	/* Only now: the share of each is a part of the limits. */
	for (i = 0; i < world->n_workers && !err; i++) {
		worker_take_snapshot(world->server->workers[i],
				     snapshot_ref(world->server->snapshot));
		if (!world->server->workers[i]->snapshot)
			err = ERR_NO_MEMORY;
	}
	if (!err)
		err = call_media_start_with(world->server,
					    &world->server->snapshot->settings->media,
					    &world_media_ops, world->media);
	return err;
}

enum err world_keep_state(struct world *world)
{
	enum err err;

	faults_resume();
	err = server_keep_state(world->server, world->directory);
	faults_pause();
	return err;
}

static void end_server(struct world *world)
{
	if (world->server)
		world->server->loop = NULL; /* the world's */
	world->server = server_free(world->server);
}

enum err world_restart(struct world *world)
{
	enum err err;

	end_server(world);
	err = start(world);
	return err ? err : world_keep_state(world);
}

enum err world_init(struct world *world, const char *config, const char *users,
		    unsigned n_workers)
{
	enum err err;

	memset(world, 0, sizeof(*world));
	world->n_workers = n_workers;
	err = make_directory(world, config, users);
	if (!err)
		err = loop_new_turned(START_MS, &world->loop);
	if (err)
		return err;
	world->network = network_new(world->loop);
	world->resolver = resolver_new(world->loop);
	world->media = world_media_new();
	if (!world->network || !world->resolver || !world->media)
		return ERR_NO_MEMORY;
	return start(world);
}

void world_fini(struct world *world)
{
	static const char *const names[] = { "nuncio.yaml",   "edge.pem",         "edge.key",
					     "ca.pem",        "users.yaml",       "berlin.pass",
					     "paris.pass",    "record_route.key", "nuncio.db",
					     "nuncio.db-wal", "nuncio.db-shm" };
	size_t i;

	end_server(world);
	world_media_free(world->media);
	resolver_free(world->resolver);
	loop_free(world->loop);
	network_free(world->network);
	for (i = 0; *world->directory && i < COUNT(names); i++)
		remove_file(world, names[i]);
	if (*world->directory && rmdir(world->directory))
		perror(world->directory);
}

void world_turn(struct world *world, uint64_t ms)
{
	faults_resume();
	loop_turn(world->loop, ms);
	faults_pause();
}

enum err world_reload(struct world *world, const char *config)
{
	struct server *server = world->server;
	struct snapshot_parts parts = {
		.keys = server->keys,
		.addresses = server->addresses,
		.public_addresses = server->public_addresses,
		.previous = server->snapshot,
	};
	struct snapshot *snapshot = NULL;
	struct report *report = NULL;
	char path[128];
	enum err err;

	if (!write_file(world, "nuncio.yaml", config))
		return ERR_IO;
	err = report_new(&report);
	if (err)
		return err;
	config_path(world, path);
	faults_resume();
	err = snapshot_build(path, &parts, report, &snapshot);
	if (!err)
		server_swap(server, snapshot);
	faults_pause();
	if (err)
		print_faults(world, report);
	report_free(report);
	if (err)
		return err;
	world_turn(world, 0);
	return ERR_OK;
}

enum err world_reload_for(struct world *world, const char *config, uint64_t confirm_ms)
{
	char *answer;
	bool ok;

	if (!write_file(world, "nuncio.yaml", config))
		return ERR_IO;
	answer = reload_now(world->server, confirm_ms, &ok);
	text_copy(world->fault, sizeof(world->fault), answer ? answer : "out of memory");
	free(answer);
	if (!ok)
		return ERR_INVALID;
	world_turn(world, 0);
	return ERR_OK;
}

struct listener *world_listener(const struct world *world, const char *name)
{
	const struct snapshot *snapshot = world->server->snapshot;
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++)
		if (!strcmp(snapshot->open_listeners[i]->name, name))
			return snapshot->open_listeners[i];
	return NULL;
}

size_t world_decisions(const struct world *world, struct decision *out, size_t max)
{
	uint64_t newest_us = 0;
	size_t n = 0, n_kept = 0, i;

	for (i = 0; i < world->n_workers; i++)
		n += decision_ring_find(world->server->workers[i]->decisions, NULL, false,
					out + n, (max - n) / (world->n_workers - i));
	for (i = 0; i < n; i++)
		if (out[i].wall_us + out[i].took_us > newest_us)
			newest_us = out[i].wall_us + out[i].took_us;
	for (i = 0; i < n; i++)
		if (out[i].wall_us + out[i].took_us == newest_us)
			out[n_kept++] = out[i];
	return n_kept;
}

unsigned world_n_kept(const struct world *world, unsigned *out_contexts, unsigned *out_clients,
		      unsigned *out_servers)
{
	const struct list *link;
	unsigned i;

	*out_contexts = *out_clients = *out_servers = 0;
	for (i = 0; i < world->n_workers; i++) {
		const struct worker *worker = world->server->workers[i];

		*out_clients += txn_table_n_client(worker->txns);
		*out_servers += txn_table_n_server(worker->txns);
		for (link = worker->contexts.next; link != &worker->contexts; link = link->next)
			++*out_contexts;
	}
	return *out_contexts + *out_clients + *out_servers;
}
