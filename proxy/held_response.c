#include "proxy/held_response.h"

#include <stdlib.h>

#include "proxy/call_media.h"

enum {
	LOOK_MS = 20,
	MAX_WAIT_MS = 2000, /* the question has a deadline of its own, whose end may be lost */
	/* a callee repeats what it hears nothing of (RFC 3261 §13.3.1.4, RFC 3262 §3) */
	MAX_HELD = 8,
};

struct held {
	struct list link; /* held_responses.list */
	msg_t *msg;
	struct flow *flow; /* counted; NULL: another worker heard it */
	uint64_t at_ms;
	bool is_late;
	held_response_deliver *deliver;
};

struct held_responses {
	struct branch *branch;
	struct list list;
	unsigned n;
	struct timer look;
	uint64_t ends_ms;
};

static void on_look(struct timer *timer);

static void held_free(struct held *held)
{
	list_remove(&held->link);
	message_unref(held->msg);
	if (held->flow)
		flow_unref(held->flow);
	free(held);
}

void held_response_drop(struct branch *branch)
{
	struct held_responses *all = branch->held;
	struct list *link, *following;

	if (!all)
		return;
	list_for_each(link, following, &all->list) {
		struct held *held = container_of(link, struct held, link);

		if (held->is_late)
			continue;
		held_free(held);
		all->n--;
	}
	if (!all->n)
		held_response_end(branch);
}

void held_response_end(struct branch *branch)
{
	struct held_responses *all = branch->held;
	struct list *link, *following;

	if (!all)
		return;
	timer_stop(&all->look);
	list_for_each(link, following, &all->list)
		held_free(container_of(link, struct held, link));
	free(all);
	branch->held = NULL;
}

bool held_response_has_late(const struct branch *branch)
{
	const struct list *link;

	if (!branch->held)
		return false;
	for (link = branch->held->list.next; link != &branch->held->list; link = link->next)
		if (container_of(link, struct held, link)->is_late)
			return true;
	return false;
}

static uint64_t now_of(const struct branch *branch)
{
	return loop_now_ms(branch->context->worker->loop);
}

static bool add(struct held_responses *all, const struct arrival *arrival, bool is_late,
		held_response_deliver *deliver)
{
	struct held *held = all->n < MAX_HELD ? calloc(1, sizeof(*held)) : NULL;

	if (!held)
		return false;
	held->msg = message_ref(arrival->msg);
	held->flow = arrival->flow ? flow_ref(arrival->flow) : NULL;
	held->at_ms = arrival->at_ms;
	held->is_late = is_late;
	held->deliver = deliver;
	list_append(&all->list, &held->link);
	all->n++;
	return true;
}

static struct held_responses *begin(struct branch *branch)
{
	struct held_responses *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->branch = branch;
	all->ends_ms = now_of(branch) + MAX_WAIT_MS;
	list_init(&all->list);
	timer_start(branch->context->worker->loop, &all->look, LOOK_MS, on_look);
	branch->held = all;
	return all;
}

bool held_response_keep(struct branch *branch, struct arrival *arrival, bool is_late,
			held_response_deliver *deliver)
{
	struct held_responses *all = branch->held;

	if (all) {
		(void)add(all, arrival, is_late, deliver); /* too many: it is repeated */
		return true;
	}
	if (!call_media_response(branch, arrival, true))
		return false;
	all = begin(branch);
	if (all && add(all, arrival, is_late, deliver))
		return true;
	held_response_end(branch);
	(void)call_media_response(branch, arrival, false); /* no memory: as it is known now */
	return false;
}

/* Taken off first: what it leads to may drop the others. */
static void deliver_first(struct held_responses *all)
{
	struct branch *branch = all->branch;
	struct held *held = container_of(all->list.next, struct held, link);
	struct arrival arrival = { .flow = held->flow,
				   .msg = held->msg,
				   .sip = message_sip(held->msg),
				   .at_ms = held->at_ms };

	list_remove(&held->link);
	list_init(&held->link);
	all->n--;
	held->deliver(branch, &arrival);
	held_free(held);
}

static void on_look(struct timer *timer)
{
	struct held_responses *all = container_of(timer, struct held_responses, look);
	struct branch *branch = all->branch;
	const bool may_wait = now_of(branch) < all->ends_ms;

	while (branch->held == all && all->n > 0) {
		struct held *first = container_of(all->list.next, struct held, link);
		struct arrival arrival = { .flow = first->flow,
					   .msg = first->msg,
					   .sip = message_sip(first->msg),
					   .at_ms = first->at_ms };

		if ((may_wait && call_media_waits(branch)) ||
		    call_media_response(branch, &arrival, may_wait)) {
			timer_start(branch->context->worker->loop, timer, LOOK_MS, on_look);
			return;
		}
		deliver_first(all);
	}
	if (branch->held == all)
		held_response_end(branch);
}
