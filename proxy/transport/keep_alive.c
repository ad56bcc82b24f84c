#include "proxy/transport/transport_inside.h"

/* Silence is looked for when it may have lasted long enough, not measured with every
 * message. */
static void on_keep_alive(struct timer *timer)
{
	struct flow *flow = container_of(timer, struct flow, keep_alive);
	struct transport *transport = flow->owner;
	uint64_t now_ms = loop_now_ms(transport->loop);
	uint64_t last_ms = flow->last_received_ms > flow->last_sent_ms ? flow->last_received_ms
								       : flow->last_sent_ms;
	uint64_t silent_ms = now_ms - last_ms;

	if (silent_ms < flow->keep_alive_ms) {
		timer_start(transport->loop, timer, flow->keep_alive_ms - silent_ms,
			    on_keep_alive);
		return;
	}
	/* Where bytes wait already, they will do; and nobody awaits this one. */
	if (flow->n_queued_bytes == 0 && !flow->is_half_closed)
		(void)!flow_send(flow, transport->ping);
	timer_start(transport->loop, timer, flow->keep_alive_ms, on_keep_alive);
}

enum err transport_keep_alive(struct transport *transport, uint64_t flow_id,
			      uint64_t interval_ms)
{
	struct flow *flow = transport_find_flow(transport, flow_id);

	if (!flow || flow_id >> FLOW_ID_WORKER_SHIFT != transport->worker)
		return ERR_CLOSED;
	flow->keep_alive_ms = interval_ms;
	if (interval_ms)
		timer_start(transport->loop, &flow->keep_alive, interval_ms, on_keep_alive);
	else
		timer_stop(&flow->keep_alive);
	return ERR_OK;
}
