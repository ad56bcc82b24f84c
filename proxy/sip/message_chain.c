#include "proxy/sip/message_chain.h"

#include <stddef.h>

#include <sofia-sip/msg_header.h>

enum err message_chain_begin(msg_t *msg)
{
	sip_t *sip = message_sip(msg);
	const unsigned size = sip->sip_size;

	/* Sofia looks for headers up to this size. There are none yet but these two, which it
	 * knows. */
	sip->sip_size = offsetof(sip_t, sip_via);
	const bool is_made = msg_serialize(msg, NULL) >= 0;
	sip->sip_size = size;
	return is_made ? ERR_OK : ERR_INVALID;
}

enum err message_chain_prepend(msg_t *msg, msg_header_t **place, msg_header_t *header)
{
	msg_header_t *first = *msg_chain_head(msg);

	if (!first || !first->sh_succ || !message_chain_is_start_line(first) || header->sh_next)
		return msg_header_prepend(msg, msg_object(msg), place, header) < 0
			       ? ERR_NO_MEMORY
			       : ERR_OK;
	header->sh_next = *place;
	*place = header;
	header->sh_succ = first->sh_succ;
	header->sh_prev = &first->sh_succ;
	header->sh_succ->sh_prev = &header->sh_succ;
	first->sh_succ = header;
	return ERR_OK;
}

/* Of one that has bytes. Those that stand on one line have the same. */
static const char *line_end(const msg_header_t *header)
{
	return (const char *)header->sh_data + header->sh_len;
}

void message_chain_remove_first(msg_t *msg, msg_header_t **place)
{
	msg_header_t *header = *place;

	/* Sofia must know of it if it is the last */
	if (!header || !header->sh_prev || !header->sh_succ) {
		(void)msg_header_remove(msg, NULL, header);
		return;
	}
	*place = header->sh_next;
	if (header->sh_data)
		for (msg_header_t *other = *place; other; other = other->sh_next)
			if (other->sh_data && line_end(other) == line_end(header))
				sip_fragment_clear(other->sh_common);
	*header->sh_prev = header->sh_succ;
	header->sh_succ->sh_prev = header->sh_prev;
	header->sh_succ = NULL;
	header->sh_prev = NULL;
}
