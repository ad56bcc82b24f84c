#include "proxy/registrar.h"

#include <stdlib.h>

#include "conf/users.h"
#include "proxy/backend_secrets.h"
#include "proxy/base/log.h"
#include "proxy/location_store.h"
#include "proxy/log_on.h"
#include "proxy/phone.h"
#include "proxy/way_back.h"
#include "routing/location.h"

void registrar_flow_gone(struct worker *worker, const struct flow *flow, enum reason reason)
{
	const struct phone_flow phones = { .id = flow->id };
	const char *name = log_on_backend_name(flow->peer_name);
	const struct rule *rule = name ? rules_backend(worker->snapshot->rules, name) : NULL;
	char peer[ADDR_TEXT_SIZE];

	if (location_phone_flow_gone(worker->server->location, &phones))
		log_event(LOG_INFO, "the flow of a phone is gone", "peer",
			  addr_text(&flow->remote, peer), "listener", flow->listener->name,
			  "transport", conf_transport_text(flow->transport), "reason",
			  reason ? reason_code(reason) : NULL, NULL);
	if (!name || !location_flow_gone(worker->server->location, flow->id))
		return;
	if (rule)
		way_back_note(worker->server, rule, loop_now_ms(worker->loop));
	log_event(LOG_WARNING, "the connection of a backend ended", "backend", name, "peer",
		  addr_text(&flow->remote, peer), "reason", reason ? reason_code(reason) : NULL,
		  NULL);
}

static void note_all(struct server *server, const struct rules *rules, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		if (rule->backend && *rule->backend->username)
			way_back_note(server, rule, now_ms);
	}
}

void registrar_tick(struct worker *worker)
{
	const uint64_t now_ms = loop_now_ms(worker->loop);

	location_expire(worker->server->location, now_ms);
	if (worker->server->location_store)
		location_store_set_clock(worker->server->location_store, now_ms,
					 loop_wall_us(worker->loop));
	if (backend_secrets_count(worker->snapshot->backend_secrets))
		note_all(worker->server, worker->snapshot->rules, now_ms);
}

/* What is held against a new configuration. */
struct keeper {
	const struct snapshot *snapshot;
	uint64_t *proofs; /* of the users whose phones may come in, sorted */
	size_t n_proofs;
};

static int compare_proofs(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Without memory nobody is kept: phones register anew. */
static void collect_proofs(struct keeper *keeper)
{
	const struct users *users = keeper->snapshot->users;
	size_t i;

	if (!users || !settings_has_phones(keeper->snapshot->settings))
		return;
	keeper->proofs = calloc(users_count(users) + 1, sizeof(*keeper->proofs));
	for (i = 0; keeper->proofs && i < users_count(users); i++)
		if (phone_is_allowed(users_at(users, i)))
			keeper->proofs[keeper->n_proofs++] =
				phone_proof(keeper->snapshot, users_at(users, i));
	if (keeper->proofs)
		qsort(keeper->proofs, keeper->n_proofs, sizeof(*keeper->proofs),
		      compare_proofs);
}

static bool is_kept(void *user, const char *backend, uint64_t proof, bool has_proof)
{
	const struct keeper *keeper = user;
	const struct snapshot *snapshot = keeper->snapshot;
	const struct backend_secret *secret;

	if (!*backend)
		return !has_proof ||
		       (keeper->n_proofs && bsearch(&proof, keeper->proofs, keeper->n_proofs,
						    sizeof(proof), compare_proofs));
	if (!rules_backend(snapshot->rules, backend))
		return false;
	if (!has_proof)
		return true;
	secret = backend_secrets_of_backend(snapshot->backend_secrets, backend);
	return secret && secret->proof == proof;
}

void registrar_take_snapshot(struct server *server, const struct snapshot *before)
{
	struct keeper keeper = { .snapshot = server->snapshot };

	collect_proofs(&keeper);
	location_keep(server->location, is_kept, &keeper);
	free(keeper.proofs);
	/* Whom the rules named until now, and the new ones do not, is forgotten. */
	note_all(server, before->rules, loop_now_ms(server->loop));
}
