#include "proxy/alg_look.h"

#include <stdio.h>
#include <string.h>

#include "nat/alg.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/peer_stats.h"
#include "proxy/sip/contacts.h"
#include "proxy/sip/message.h"

static bool is_readable(const struct flow *flow)
{
	return flow->transport == TRANSPORT_UDP || flow->transport == TRANSPORT_TCP;
}

static bool begins_something(const sip_t *sip)
{
	return sip->sip_request->rq_method == sip_method_register || sip->sip_request->rq_method == sip_method_invite;
}

void alg_look_at_request(const struct arrival *arrival)
{
	struct flow *flow = arrival->flow;
	const sip_t *sip = arrival->sip;
	const sip_via_t *via = sip->sip_via;

	char contact[256];
	bool is_from_its_end, has_contact;

	if (!is_readable(flow) || !via || (flow->was_looked_for_alg && !begins_something(sip)))
		return;
	is_from_its_end = !via->v_next;
	has_contact = is_from_its_end && !addr_is_private(&flow->remote) &&
		      contacts_first_host(arrival->msg, contact, sizeof(contact));
	const struct alg_request request = {
		.source = &flow->remote,
		.via_host = via->v_host,
		.via_received = via->v_received,
		.via_rport = via->v_rport,
		.is_from_its_end = is_from_its_end,
		.contact_host = has_contact ? contact : NULL,
	};
	flow->alg_signs = (unsigned char)alg_signs_of_request(&request);
	flow->was_looked_for_alg = flow->has_alg_news = true;
}

/* News alone are worth a line. */
static void keep(struct worker *worker, const char *id, unsigned signs, const struct flow *flow)
{
	char text[256], peer[ADDR_TEXT_SIZE];

	if (!peer_stats_alg(worker->server->peer_stats, id, signs) || !signs)
		return;
	log_event(LOG_WARNING, "a router on the way rewrites SIP", "partner", id, "msg", alg_signs_text(signs, text, sizeof(text)),
		  "peer", addr_text(&flow->remote, peer), "listener", flow->listener ? flow->listener->name : "", NULL);
}

void alg_look_note(struct worker *worker, struct flow *flow, const char *id)
{
	if (!flow->has_alg_news || !*id)
		return;
	flow->has_alg_news = false;
	keep(worker, id, flow->alg_signs, flow);
}

const char *alg_look_listener_id(const char *listener, char out[ALG_LOOK_ID_SIZE])
{
	snprintf(out, ALG_LOOK_ID_SIZE, "listener:%.63s", listener);
	return out;
}

unsigned alg_look_at_response(const struct arrival *arrival)
{
	const sip_via_t *via = arrival->sip->sip_via;
	const struct flow *flow = arrival->flow;

	if (!flow || !flow->listener || !is_readable(flow) || !via || !via->v_received)
		return ALG_LOOK_NOTHING;
	return alg_signs_of_response(&flow->remote, via->v_received);
}

void alg_look_note_response(struct worker *worker, struct flow *flow, unsigned signs)
{
	char id[ALG_LOOK_ID_SIZE];

	if (signs == ALG_LOOK_NOTHING || signs == flow->alg_answer_signs)
		return;
	flow->alg_answer_signs = (unsigned char)signs;
	keep(worker, alg_look_listener_id(flow->listener->name, id), signs, flow);
}
