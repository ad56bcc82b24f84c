#include "proxy/alg_look.h"

#include <stdio.h>
#include <string.h>

#include "nat/alg.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/peer_stats.h"
#include "proxy/sip/contacts.h"
#include "proxy/sip/message.h"
#include "proxy/sip/sdp_body.h"
#include "proxy/sip/sdp_session.h"

enum { MAX_CANDIDATES = 32 };

static bool is_readable(const struct flow *flow)
{
	return flow->transport == TRANSPORT_UDP || flow->transport == TRANSPORT_TCP;
}

static bool begins_something(const sip_t *sip)
{
	return sip->sip_request->rq_method == sip_method_register ||
	       sip->sip_request->rq_method == sip_method_invite;
}

/* What a datagram has behind its body. Bytes that were kept are no datagram any more. */
static unsigned look_behind_body(const struct arrival *arrival)
{
	const sip_t *sip = arrival->sip;
	const char *head_end = flow_is_reliable(arrival->flow) || !arrival->bytes ||
					       !sip->sip_payload || !sip->sip_content_length
				       ? NULL
				       : memmem(arrival->bytes, arrival->len, "\r\n\r\n", 4);
	size_t used = head_end ? (size_t)(head_end + 4 - (const char *)arrival->bytes) +
					 sip->sip_payload->pl_len
			       : arrival->len;

	return used < arrival->len ? alg_signs_of_surplus((const char *)arrival->bytes + used,
							  arrival->len - used)
				   : 0;
}

static unsigned look_at_media(const sdp_media_t *m)
{
	const sdp_connection_t *connection = sdp_media_connections(m);
	const char *candidates[MAX_CANDIDATES];
	struct alg_media media = { .port = (unsigned)m->m_port, .candidates = candidates };

	for (const sdp_attribute_t *a = m->m_attributes; a; a = a->a_next) {
		if (!a->a_name || strcmp(a->a_name, "candidate") != 0 || !a->a_value)
			continue;
		if (media.n_candidates == COUNT(candidates))
			return 0; /* nobody needs so many: they are not all looked at */
		candidates[media.n_candidates++] = a->a_value;
	}
	if (!connection || connection->c_next || !connection->c_address)
		return 0;
	media.host = connection->c_address;
	return alg_signs_of_media(&media);
}

static unsigned look_at_sdp(const struct arrival *arrival, const struct sdp_body *body)
{
	const sdp_session_t *sdp = NULL;
	unsigned signs = 0;
	bool is_clean = false;
	su_home_t home = { .suh_size = sizeof(home) };

	if (!memmem(body->text, body->len, "a=candidate:", 12) || su_home_init(&home) < 0)
		return 0;
	if (sdp_session_read(&home, body->text, body->len, &sdp, &is_clean) == ERR_OK &&
	    is_clean)
		for (const sdp_media_t *m = sdp->sdp_media; m; m = m->m_next)
			signs |= look_at_media(m);
	su_home_deinit(&home);
	return signs;
}

/* SDP that was changed by half. */
static unsigned look_at_body(const struct arrival *arrival)
{
	struct sdp_body body;

	if (!arrival->sip->sip_payload || sdp_body_find(arrival->msg, &body) != SDP_BODY_ONE)
		return 0;
	return look_behind_body(arrival) | look_at_sdp(arrival, &body);
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
	if (is_from_its_end && !addr_is_private(&flow->remote))
		flow->alg_signs |= (unsigned char)look_at_body(arrival);
	flow->was_looked_for_alg = flow->has_alg_news = true;
}

/* News alone are worth a line. */
static void keep(struct worker *worker, const char *id, unsigned signs,
		 const struct listener *listener, const struct addr *remote)
{
	char text[256], peer[ADDR_TEXT_SIZE];

	if (!peer_stats_alg(worker->server->peer_stats, id, signs) || !signs)
		return;
	log_event(LOG_WARNING, "a router on the way rewrites SIP", "partner", id, "msg",
		  alg_signs_text(signs, text, sizeof(text)), "peer", addr_text(remote, peer),
		  "listener", listener ? listener->name : "", NULL);
}

void alg_look_note(struct worker *worker, struct flow *flow, const char *id)
{
	if (!flow->has_alg_news || !*id)
		return;
	flow->has_alg_news = false;
	keep(worker, id, flow->alg_signs, flow->listener, &flow->remote);
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
	keep(worker, alg_look_listener_id(flow->listener->name, id), signs, flow->listener,
	     &flow->remote);
}

void alg_look_note_handed(struct worker *worker, const struct listener *listener,
			  const struct addr *source, unsigned signs)
{
	char id[ALG_LOOK_ID_SIZE];

	if (signs != ALG_LOOK_NOTHING && listener)
		keep(worker, alg_look_listener_id(listener->name, id), signs, listener, source);
}
