#include "media/end_flow.h"

#include <stdlib.h>

#include "media/end.h"
#include "media/kernel_path.h"
#include "media/worker.h"
#include "proxy/base/macros.h"

enum {
	AGAIN_MS = 1000,    /* what did not fit may do so soon */
	REFUSED_MS = 30000, /* a way that the kernel path does not know stays so */
	RETRY_MS = 20,      /* a full mailbox */
};

enum state {
	OUT,
	ENTERING,
	IN,
	LEAVING,
};

struct end_flow {
	struct kernel_flow kernel;
	struct relay_end_state *end;
	enum state state;
	bool is_unwanted; /* while it enters: leaves as soon as it is in */
	struct timer retry;
};

static struct loop *loop_of(const struct relay_end_state *end)
{
	return end->stream->relay->worker->loop;
}

/* NULL where flows can only be out: none was ever switched on, or the workers have ended. */
static struct kernel_path *path_of(const struct relay_end_state *end)
{
	return atomic_load_explicit(&end->stream->relay->relays->kernel, memory_order_acquire);
}

/* ---- does it fit? ---- */

static bool is_settled(const struct latch *latch)
{
	return latch->is_locked && addr_is_set(&latch->source);
}

/* An end between which and us nothing is looked at but where packets come from. */
static bool is_plain(const struct relay_end_state *end)
{
	return end->security == RELAY_PLAIN && !end->is_opaque && !end->has_ice;
}

bool end_flow_fits(const struct relay_end_state *end, uint64_t now_ms, struct kernel_ends *out)
{
	const struct relay_stream *stream = end->stream;
	const struct relay_end_state *to =
		&stream->ends[end->leg == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER];
	const struct latch *from = &end->sockets[PORT_RTP].latch,
			   *towards = &to->sockets[PORT_RTP].latch;
	const struct addr *target = latch_target(towards);

	if (!is_plain(end) || !is_plain(to) || end->is_blocked || to->keepalive_ms > 0 ||
	    stream->relay->is_silent)
		return false;
	if (!is_settled(from) || !target || (towards->is_latching && !is_settled(towards)))
		return false;
	if (now_ms < stream->changed_ms + END_FLOW_SETTLE_MS)
		return false;
	if (from->source.sa.sa_family != target->sa.sa_family ||
	    end->pair.bind.sa.sa_family != to->pair.bind.sa.sa_family ||
	    from->source.sa.sa_family != end->pair.bind.sa.sa_family)
		return false;
	*out = (struct kernel_ends){ .source = from->source,
				     .ours = end->pair.bind,
				     .sender = to->pair.bind,
				     .target = *target,
				     .dscp = stream->relay->settings.dscp[to->leg] };
	addr_set_port(&out->ours, end->pair.port);
	addr_set_port(&out->sender, to->pair.port);
	return true;
}

/* ---- orders and answers ---- */

static void order_out(struct end_flow *flow);

static void on_retry(struct timer *timer)
{
	order_out(container_of(timer, struct end_flow, retry));
}

static bool is_quiet(const struct end_flow *flow)
{
	return flow->state == OUT &&
	       !atomic_load_explicit(&flow->kernel.is_noticed, memory_order_relaxed);
}

static void now_out(struct end_flow *flow)
{
	flow->state = OUT;
	flow->is_unwanted = false;
	flow->end->is_away = false;
}

/* A relay that ends waits for its flows. The flow may be gone afterwards. */
static void go_on(struct relay *relay)
{
	if (relay->is_ending && end_flow_leave_all(relay))
		end_relay(relay);
}

static void order_out(struct end_flow *flow)
{
	struct kernel_path *path = path_of(flow->end);

	if (flow->state != IN)
		return;
	if (!path) {
		now_out(flow);
		return;
	}
	flow->kernel.is_leaving = true;
	if (kernel_path_order(path, &flow->kernel))
		timer_start(loop_of(flow->end), &flow->retry, RETRY_MS, on_retry);
	else
		flow->state = LEAVING;
}

static void leave(struct end_flow *flow)
{
	switch (flow->state) {
	case OUT:
	case LEAVING:
		return;
	case ENTERING:
		flow->is_unwanted = true;
		return;
	case IN:
		order_out(flow);
		return;
	}
}

static void on_entered(struct end_flow *flow)
{
	if (flow->kernel.err) {
		now_out(flow);
		flow->end->flow_due_ms =
			loop_now_ms(loop_of(flow->end)) +
			(flow->kernel.err == ERR_UNSUPPORTED || flow->kernel.err == ERR_LIMIT
				 ? REFUSED_MS
				 : AGAIN_MS);
		return;
	}
	flow->state = IN;
	if (flow->is_unwanted)
		order_out(flow);
}

static void on_answer(struct kernel_flow *kernel)
{
	struct end_flow *flow = container_of(kernel, struct end_flow, kernel);
	struct relay *relay = flow->end->stream->relay;

	if (flow->state == ENTERING)
		on_entered(flow);
	else
		now_out(flow);
	go_on(relay);
}

/* The kernel path took it out by itself. */
static void on_notice(struct kernel_flow *kernel)
{
	struct end_flow *flow = container_of(kernel, struct end_flow, kernel);
	struct relay *relay = flow->end->stream->relay;

	flow->end->flow_due_ms = loop_now_ms(loop_of(flow->end)) + AGAIN_MS;
	leave(flow);
	go_on(relay);
}

static struct end_flow *flow_of(struct relay_end_state *end)
{
	struct end_flow *flow = end->flow;

	if (flow)
		return flow;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->end = end;
	flow->kernel.mailbox = end->stream->relay->worker->mailbox;
	flow->kernel.on_answer = on_answer;
	flow->kernel.on_notice = on_notice;
	return end->flow = flow;
}

void end_flow_look(struct relay_end_state *end, uint64_t now_ms)
{
	struct kernel_path *path = path_of(end);
	struct kernel_ends ends;
	struct end_flow *flow;

	end->flow_due_ms = now_ms + AGAIN_MS;
	if (!path || !kernel_path_is_open(path) || end->stream->relay->is_ending ||
	    !end_flow_fits(end, now_ms, &ends))
		return;
	flow = flow_of(end);
	if (!flow || !is_quiet(flow))
		return;
	flow->kernel.ends = ends;
	flow->kernel.is_leaving = false;
	if (kernel_path_order(path, &flow->kernel))
		return;
	flow->state = ENTERING;
	end->is_away = true;
	rtp_stream_rest(&end->counts.stream);
}

/* ---- leaving ---- */

void end_flow_leave(struct relay_stream *stream)
{
	stream->changed_ms = loop_now_ms(stream->relay->worker->loop);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		struct relay_end_state *end = &stream->ends[leg];

		end->flow_due_ms = stream->changed_ms + END_FLOW_SETTLE_MS;
		if (end->flow)
			leave(end->flow);
	}
}

bool end_flow_leave_all(struct relay *relay)
{
	bool are_out = true;

	for (unsigned i = 0; i < relay->n_open; i++) {
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
			struct end_flow *flow = relay->streams[i]->ends[leg].flow;

			if (!flow)
				continue;
			leave(flow);
			are_out &= is_quiet(flow);
		}
	}
	return are_out;
}

void end_flow_free(struct relay_end_state *end)
{
	if (end->flow)
		timer_stop(&end->flow->retry);
	free(end->flow);
	end->flow = NULL;
}

/* ---- questions ---- */

static uint64_t seen_ms(const struct relay_end_state *end)
{
	return end->flow
		       ? atomic_load_explicit(&end->flow->kernel.seen_ms, memory_order_relaxed)
		       : 0;
}

uint64_t end_flow_seen_ms(const struct relay *relay)
{
	uint64_t last_ms = 0;

	for (unsigned i = 0; i < relay->n_open; i++) {
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
			const uint64_t at_ms = seen_ms(&relay->streams[i]->ends[leg]);

			if (at_ms > last_ms)
				last_ms = at_ms;
		}
	}
	return last_ms;
}

struct end_flow_counts end_flow_counts(const struct relay_end_state *end)
{
	struct end_flow_counts counts = { 0, 0 };

	if (end->flow) {
		counts.packets =
			atomic_load_explicit(&end->flow->kernel.packets, memory_order_relaxed);
		counts.bytes =
			atomic_load_explicit(&end->flow->kernel.bytes, memory_order_relaxed);
	}
	return counts;
}

uint64_t end_last_sent_ms(const struct relay_end_state *end, unsigned component)
{
	const struct relay_end_state *from =
		&end->stream->ends[end->leg == RELAY_CALLER ? RELAY_CALLEE : RELAY_CALLER];
	const uint64_t by_kernel_ms = component == PORT_RTP ? seen_ms(from) : 0;

	return by_kernel_ms > end->last_sent_ms[component] ? by_kernel_ms
							   : end->last_sent_ms[component];
}
