#include "proxy/hold.h"

#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/text.h"
#include "proxy/receive.h"

/* The bytes are those of one worker, and of one connection, which may hold one message of any
 * size: by as many connections as one address may have (limits.connections_per_source) it must
 * not take all of them. */
enum {
	MAX_LINES = 1000,
	MAX_IN_LINE = 64,
	MAX_BYTES = 32 * 1024 * 1024,
	MAX_BYTES_IN_LINE = 128 * 1024
};

/* One request that waits. */
struct held {
	struct list link;
	msg_t *msg;
	size_t len; /* of its bytes */
	uint64_t at_ms;
	char domain[256]; /* whose record it needs; "" while those before it wait */
};

/* All of one connection, in the order in which they came. */
struct line {
	struct list link; /* worker->lines */
	struct worker *worker;
	struct flow *flow; /* counted */
	struct flow_user flow_user;
	struct list held; /* held.link */
	unsigned n;
	size_t n_bytes;
	struct dns_query query; /* for the first */
};

static void serve(struct line *line, const struct trust_srv *srv);

bool hold_is_waiting(const struct flow *flow)
{
	return flow->waiting != NULL;
}

static void held_free(struct line *line, struct held *held)
{
	line->n--;
	line->n_bytes -= held->len;
	line->worker->n_held_bytes -= held->len;
	list_remove(&held->link);
	message_unref(held->msg);
	free(held);
}

static void line_free(struct line *line)
{
	struct list *link, *following;

	dns_cancel(&line->query);
	flow_unwatch(&line->flow_user);
	list_for_each(link, following, &line->held)
		held_free(line, container_of(link, struct held, link));
	list_remove(&line->link);
	line->worker->n_lines--;
	line->flow->waiting = NULL;
	flow_unref(line->flow);
	free(line);
}

/* Nobody is left to be answered. */
static void on_closed(struct flow_user *user, enum err err, enum reason reason)
{
	line_free(container_of(user, struct line, flow_user));
}

static struct line *line_new(struct worker *worker, struct flow *flow)
{
	struct line *line;

	if (worker->n_lines >= MAX_LINES)
		return NULL;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->worker = worker;
	list_init(&line->held);
	list_init(&line->flow_user.link);
	if (flow_watch(flow, &line->flow_user, on_closed)) {
		free(line);
		return NULL;
	}
	line->flow = flow_ref(flow);
	list_append(&worker->lines, &line->link);
	worker->n_lines++;
	flow->waiting = line;
	return line;
}

void hold_read_srv(const struct dns_answer *answer, struct trust_srv *out)
{
	size_t i;

	out->n = 0;
	switch (answer->status) {
	case DNS_FOUND:
		out->state = TRUST_SRV_FOUND;
		for (i = 0; i < answer->n && i < TRUST_MAX_SRV; i++)
			text_copy(out->targets[out->n++], sizeof(out->targets[0]),
				  answer->srv[i].target);
		break;
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		out->state = TRUST_SRV_NONE;
		break;
	case DNS_SERVER_FAILED:
		out->state = TRUST_SRV_FAILED;
		break;
	case DNS_TIMEOUT:
		out->state = TRUST_SRV_TIMEOUT;
		break;
	}
}

static void on_answer(struct dns_query *query, const struct dns_answer *answer)
{
	struct line *line = container_of(query, struct line, query);
	struct trust_srv srv;

	hold_read_srv(answer, &srv);
	serve(line, &srv);
}

static void ask(struct line *line, const char *domain)
{
	const struct settings *settings = line->worker->snapshot->settings;
	char name[300];

	snprintf(name, sizeof(name), "_sipfederationtls._tcp.%s", domain);
	dns_ask(line->worker->dns, &line->query, name, DNS_SRV, settings->dns.budget_ms,
		on_answer);
}

/* Receives those that waited, in order, until one needs another record. */
static void serve(struct line *line, const struct trust_srv *srv)
{
	struct flow *flow = flow_ref(line->flow);

	while (!list_is_empty(&line->held)) {
		struct held *held = container_of(line->held.next, struct held, link);
		struct arrival arrival = { .flow = flow,
					   .msg = held->msg,
					   .sip = message_sip(held->msg),
					   .at_ms = held->at_ms };

		if (!receive_held(line->worker, &arrival, srv, held->domain,
				  sizeof(held->domain))) {
			ask(line, held->domain);
			flow_unref(flow);
			return;
		}
		/* it was asked for the first alone; what the cache knows is looked up by the
		 * others */
		srv = NULL;
		held_free(line, held);
		if (flow->is_closed)
			break;
	}
	line_free(line);
	flow_unref(flow);
}

bool hold_request(struct worker *worker, const struct arrival *arrival, const char *domain)
{
	struct line *line = arrival->flow->waiting;
	const bool is_first = !line;
	struct held *held;

	if (line &&
	    (line->n >= MAX_IN_LINE || line->n_bytes + arrival->len > MAX_BYTES_IN_LINE))
		return false;
	if (worker->n_held_bytes + arrival->len > MAX_BYTES)
		return false;
	held = calloc(1, sizeof(*held));
	if (!held)
		return false;
	if (!line)
		line = line_new(worker, arrival->flow);
	if (!line) {
		free(held);
		return false;
	}
	held->msg = message_ref(arrival->msg);
	held->at_ms = arrival->at_ms;
	text_copy(held->domain, sizeof(held->domain), domain);
	held->len = arrival->len;
	list_append(&line->held, &held->link);
	line->n++;
	line->n_bytes += held->len;
	worker->n_held_bytes += held->len;
	if (is_first)
		ask(line, domain);
	return true;
}

void hold_abort(struct worker *worker)
{
	struct list *link, *following;

	list_for_each(link, following, &worker->lines)
		line_free(container_of(link, struct line, link));
}
