#include "proxy/sip/reply.h"

#include <string.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/sip/message_class.h"

/* Adds headers of the request, which share its strings and bytes. */
static bool take_over(msg_t *reply, const void *header)
{
	msg_header_t *copy = msg_header_copy(msg_home(reply), header);

	return copy && msg_header_insert(reply, NULL, copy) >= 0;
}

static bool set_to_tag(msg_t *reply, const char *tag)
{
	sip_to_t *to = message_sip(reply)->sip_to;

	if (!tag || to->a_tag)
		return true;
	sip_fragment_clear(to->a_common);
	return sip_to_tag(msg_home(reply), to, tag) == 0;
}

static bool set_status(msg_t *reply, int status, const char *phrase)
{
	su_home_t *home = msg_home(reply);
	const char *text = su_strdup(home, phrase ? phrase : sip_status_phrase(status));
	sip_status_t *line = sip_status_create(home, (unsigned)status, text, NULL);

	return text && line && msg_header_insert(reply, NULL, (msg_header_t *)line) >= 0;
}

static bool fill(msg_t *reply, const sip_t *request, int status, const char *phrase,
		 const char *to_tag)
{
	sip_separator_t *separator = sip_separator_create(msg_home(reply));

	return set_status(reply, status, phrase) && take_over(reply, request->sip_via) &&
	       take_over(reply, request->sip_from) && take_over(reply, request->sip_to) &&
	       take_over(reply, request->sip_call_id) && take_over(reply, request->sip_cseq) &&
	       (status != 100 || !request->sip_timestamp ||
		take_over(reply, request->sip_timestamp)) &&
	       set_to_tag(reply, to_tag) && separator &&
	       msg_header_insert(reply, NULL, (msg_header_t *)separator) >= 0 &&
	       msg_serialize(reply, NULL) >= 0;
}

msg_t *reply_new(msg_t *request, int status, const char *phrase, const char *to_tag)
{
	const sip_t *sip = message_sip(request);

	if (!sip->sip_via || !sip->sip_from || !sip->sip_to || !sip->sip_call_id ||
	    !sip->sip_cseq)
		return NULL;
	msg_t *reply = msg_create(message_class(), 0);
	if (!reply)
		return NULL;
	su_home_preload(msg_home(reply), 1, 2048);
	msg_set_parent(reply, request); /* strings of the request live as long as the reply */
	if (!fill(reply, sip, status, phrase, to_tag)) {
		msg_destroy(reply);
		return NULL;
	}
	return reply;
}

void reply_stateless_tag(const sip_t *request, char out_tag[17])
{
	const sip_via_t *via = request->sip_via;
	const char *parts[] = { via->v_host, via->v_port, via->v_branch,
				request->sip_call_id->i_id };
	const uint64_t hashes[] = { random_keyed_hash_texts(parts, COUNT(parts)),
				    request->sip_cseq->cs_seq };
	uint64_t tag = random_keyed_hash(hashes, sizeof(hashes));

	text_hex(&tag, sizeof(tag), out_tag);
}

bool reply_is_acked(const sip_t *ack)
{
	const char *tag = ack->sip_to->a_tag;
	char ours[17];

	if (!tag || strlen(tag) != sizeof(ours) - 1)
		return false;
	reply_stateless_tag(ack, ours);
	return !strcmp(tag, ours);
}
