#include "proxy/phone_watch.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/own_request.h"

enum {
	/* routers forget a silent mapping after 30 s at the earliest */
	INTERVAL_MS = 25 * 1000,
	MAX_A_TICK = 256,
	MAX_AT_A_TIME = 4096,
};

struct phone_watch {
	struct worker *worker;
	struct list asks;
	unsigned n_asks;
};

/* One OPTIONS under way. */
struct ask {
	struct list link;
	struct phone_watch *watch;
	struct snapshot *snapshot; /* counted: the hop's listener is its */
	struct phone_flow flow;
	struct client_txn *txn;
};

static void ask_free(struct ask *ask)
{
	list_remove(&ask->link);
	ask->watch->n_asks--;
	client_txn_detach(ask->txn);
	snapshot_unref(ask->snapshot);
	free(ask);
}

static void forget(struct phone_watch *watch, const struct phone_flow *flow, const char *why)
{
	char peer[ADDR_TEXT_SIZE];

	if (location_phone_flow_gone(watch->worker->server->location, flow))
		log_event(LOG_INFO, "the flow of a phone is gone", "peer",
			  addr_text(&flow->remote, peer), "listener", flow->listener,
			  "transport", conf_transport_text(flow->transport), "reason", why,
			  NULL);
}

static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	struct ask *ask = user;

	if (response->sip->sip_status->st_status < 200)
		return;
	location_phone_answered(ask->watch->worker->server->location, &ask->flow);
	ask_free(ask);
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	struct ask *ask = user;

	/* Some phones answer no OPTIONS at all: of those silence says nothing. */
	if (reason == REASON_NO_ANSWER &&
	    location_phone_has_answered(ask->watch->worker->server->location, &ask->flow))
		forget(ask->watch, &ask->flow, reason_code(reason));
	ask_free(ask);
}

static void on_ended(void *user, struct client_txn *txn)
{
	struct ask *ask = user;

	ask->txn = NULL;
	ask_free(ask);
}

static enum err send_ask(struct ask *ask, const struct hop *hop)
{
	const struct client_txn_user user = { .user = ask,
					      .on_response = on_response,
					      .on_failure = on_failure,
					      .on_ended = on_ended };
	char to[ADDR_TEXT_SIZE];
	msg_t *msg;
	enum err err = own_request_options(ask->snapshot->settings, hop,
					   addr_text(&hop->remote, to), &msg);

	if (err)
		return err;
	err = own_request_send(ask->watch->worker, msg, hop, &user, &ask->txn);
	message_unref(msg);
	return err;
}

static struct listener *find_listener(const struct snapshot *snapshot, const char *name)
{
	size_t i;

	for (i = 0; i < snapshot->n_open_listeners; i++)
		if (snapshot->open_listeners[i]->network == NETWORK_REMOTE &&
		    snapshot->open_listeners[i]->transport == TRANSPORT_UDP &&
		    !strcmp(snapshot->open_listeners[i]->name, name))
			return snapshot->open_listeners[i];
	return NULL;
}

static void ask_phone(struct phone_watch *watch, const struct phone_flow *flow)
{
	struct snapshot *snapshot = watch->worker->snapshot;
	struct listener *listener = find_listener(snapshot, flow->listener);
	struct ask *ask;
	struct hop hop;

	if (!listener) {
		forget(watch, flow, reason_code(REASON_NO_LISTENER));
		return;
	}
	ask = watch->n_asks < MAX_AT_A_TIME ? calloc(1, sizeof(*ask)) : NULL;
	if (!ask)
		return; /* its turn comes again */
	ask->watch = watch;
	ask->snapshot = snapshot_ref(snapshot);
	ask->flow = *flow;
	list_append(&watch->asks, &ask->link);
	watch->n_asks++;
	hop_clear(&hop);
	hop.transport = TRANSPORT_UDP;
	hop.remote = flow->remote;
	hop.listener = listener;
	hop.peer = "phones";
	hop.importance = IMPORTANCE_NOTICE;
	if (addr_is_set(&flow->local) && !addr_is_wildcard(&flow->local))
		hop.bind = flow->local;
	if (send_ask(ask, &hop))
		ask_free(ask);
}

void phone_watch_tick(struct phone_watch *watch)
{
	const uint64_t now_ms = loop_now_ms(watch->worker->loop);
	struct phone_flow due[MAX_A_TICK];
	size_t n, i;

	if (watch->worker->is_draining)
		return;
	n = location_phones_due(watch->worker->server->location, now_ms, INTERVAL_MS, due,
				COUNT(due));
	for (i = 0; i < n; i++)
		ask_phone(watch, &due[i]);
}

struct phone_watch *phone_watch_new(struct worker *worker)
{
	struct phone_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->worker = worker;
	list_init(&watch->asks);
	return watch;
}

struct phone_watch *phone_watch_free(struct phone_watch *watch)
{
	struct list *link, *following;

	if (!watch)
		return NULL;
	list_for_each(link, following, &watch->asks)
		ask_free(container_of(link, struct ask, link));
	free(watch);
	return NULL;
}
