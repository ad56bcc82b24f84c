#include "proxy/sip/derived_request.h"

#include <stdbool.h>

#include <sofia-sip/msg_header.h>

#include "proxy/sip/message_class.h"

static bool add(msg_t *msg, void *header)
{
	return header && msg_header_insert(msg, NULL, header) >= 0;
}

/* Adds the INVITE's headers of one kind, which share its strings and bytes. */
static bool take_over(msg_t *msg, const void *header)
{
	return !header || add(msg, msg_header_copy(msg_home(msg), header));
}

/* The topmost Via alone. It is printed anew, as its bytes may belong to others on its line
 * too. */
static bool take_over_top_via(msg_t *msg, const sip_via_t *via)
{
	msg_header_t *copy =
		via ? msg_header_copy_one(msg_home(msg), (const msg_header_t *)via) : NULL;

	if (copy)
		msg_fragment_clear(copy->sh_common);
	return add(msg, copy);
}

static bool fill(msg_t *msg, const sip_t *invite, sip_method_t method, const sip_to_t *to)
{
	su_home_t *home = msg_home(msg);
	const char *name = sip_method_name(method, NULL);
	const url_string_t *uri = (const url_string_t *)invite->sip_request->rq_url;

	return add(msg, sip_request_create(home, method, name, uri, NULL)) &&
	       take_over_top_via(msg, invite->sip_via) && take_over(msg, invite->sip_route) &&
	       add(msg, sip_max_forwards_make(home, "70")) &&
	       take_over(msg, invite->sip_from) && add(msg, sip_to_dup(home, to)) &&
	       take_over(msg, invite->sip_call_id) &&
	       add(msg, sip_cseq_create(home, invite->sip_cseq->cs_seq, method, name)) &&
	       add(msg, sip_separator_create(home)) && msg_serialize(msg, NULL) >= 0;
}

static msg_t *derive(msg_t *invite, sip_method_t method, const sip_to_t *to)
{
	msg_t *msg = msg_create(message_class(), 0);
	if (!msg)
		return NULL;

	su_home_preload(msg_home(msg), 1, 2048);
	msg_set_parent(msg, invite); /* its strings live as long as the new one */
	if (!fill(msg, message_sip(invite), method, to)) {
		msg_destroy(msg);
		return NULL;
	}
	return msg;
}

msg_t *derived_request_ack(msg_t *invite, const sip_t *response)
{
	return derive(invite, sip_method_ack, response->sip_to);
}

msg_t *derived_request_cancel(msg_t *invite, const char *reason)
{
	msg_t *msg = derive(invite, sip_method_cancel, message_sip(invite)->sip_to);

	if (msg && reason && message_add_header(msg, "Reason", reason)) {
		msg_destroy(msg);
		return NULL;
	}
	return msg;
}
