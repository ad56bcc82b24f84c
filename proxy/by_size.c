#include "proxy/by_size.h"

#include "proxy/base/log.h"
#include "proxy/forward.h"

enum {
	CONNECT_MS = 2000,         /* the first choice still waits */
	NO_TCP_MS = 5 * 60 * 1000, /* for so long it is not tried again */
};

/* In the table of health, under a name that no peer has: what is not configured is no server of
 * the peer's. */
static const char no_peer[] = "requests too large for a datagram";

static uint64_t now_ms(const struct branch *branch)
{
	return loop_now_ms(branch->context->worker->loop);
}

static const struct hop *listed(const struct branch *branch, const struct hop *hop)
{
	size_t i;

	for (i = 0; i < branch->n_hops; i++)
		if (branch->hops[i].transport == TRANSPORT_TCP && !branch->hops[i].flow_id &&
		    addr_same_host(&branch->hops[i].remote, &hop->remote))
			return &branch->hops[i];
	return NULL;
}

/* The same place by TCP. False if no listener of ours could stand in the Via there. */
static bool make(const struct branch *branch, const struct hop *hop, struct hop *out)
{
	const struct rule *rule = branch->target.rule;
	struct listener *listener = rules_listener(rule, TRANSPORT_TCP, &hop->remote);

	if (!listener || listener->network != hop->listener->network ||
	    (addr_is_ipv6(&hop->remote) && !addr_is_ipv6(&listener->addr)))
		return false;
	hop_copy(out, hop);
	out->transport = TRANSPORT_TCP;
	out->listener = listener;
	/* it was the other listener's */
	if (!addr_is_set(&rule->bind) && addr_is_set(&out->bind)) {
		out->bind = addr_is_wildcard(&listener->addr) ? (struct addr){ .len = 0 }
							      : listener->addr;
		if (addr_is_set(&out->bind))
			addr_set_port(&out->bind, 0);
	}
	out->health = health_of(branch->context->worker->server->health, no_peer, &hop->remote,
				TRANSPORT_TCP);
	return true;
}

static void note(const struct branch *branch, size_t len, size_t max, const char *how)
{
	if (branch->context->decision)
		decision_add(branch->context->decision, "forward", "too-large-for-a-datagram",
			     NULL, "%zu bytes, %zu fit: %s", len, max, how);
}

bool by_size_other(struct branch *branch, const struct hop *hop, size_t len, struct hop *out)
{
	const struct hop *other;
	char text[96];
	size_t max;

	/* A phone is reached by its flow alone (RFC 5626 §5.3). */
	if (hop->transport != TRANSPORT_UDP || branch->target.n_flows)
		return false;
	max = transport_max_datagram(branch->context->worker->transport, hop);
	if (len <= max)
		return false;
	other = listed(branch, hop);
	branch->by_size.is_listed = other != NULL;
	if (other) {
		*out = *other;
	} else if (!make(branch, hop, out)) {
		note(branch, len, max, "udp, for want of a listener for tcp");
		return false;
	}
	if (!health_may_try(out->health, now_ms(branch))) {
		note(branch, len, max, "udp, as tcp failed lately");
		return false;
	}
	out->connect_ms = CONNECT_MS;
	branch->by_size.health = out->health;
	note(branch, len, max, forward_hop_text(out, text));
	return true;
}

static bool is_for_want_of_tcp(enum reason reason)
{
	return reason == REASON_CONNECT_REFUSED || reason == REASON_CONNECT_UNREACHABLE ||
	       reason == REASON_CONNECT_TIMEOUT;
}

static void remember(const struct branch *branch, enum reason reason)
{
	struct health *health = branch->by_size.health;

	if (branch->by_size.is_listed)
		health_failed(health, reason, now_ms(branch));
	else
		health_rest(health, now_ms(branch) + NO_TCP_MS, reason);
}

bool by_size_failed(struct branch *branch, const struct hop *hop, enum reason reason)
{
	char peer[ADDR_TEXT_SIZE];

	if (!is_for_want_of_tcp(reason))
		return false;
	/* Once for each target: from the second time on it is known to be down. */
	if (!health_is_down(branch->by_size.health, now_ms(branch)))
		log_event(LOG_WARNING,
			  "no TCP for large requests, which go by UDP in fragments", "reason",
			  reason_code(reason), "peer", addr_text(&hop->remote, peer), "target",
			  branch->target.rule->id, NULL);
	remember(branch, reason);
	if (branch->is_cancelled || branch->context->has_final ||
	    branch->state != BRANCH_CALLING)
		return false;
	if (branch->context->decision)
		decision_add(branch->context->decision, "forward", "too-large-for-a-datagram",
			     NULL, "%s: udp after all", reason_code(reason));
	return true;
}

void by_size_succeeded(struct branch *branch)
{
	health_succeeded(branch->by_size.health, now_ms(branch));
}
