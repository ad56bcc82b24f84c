#include "proxy/sip/message_chain.h"

#include <stddef.h>

enum err message_chain_begin(msg_t *msg)
{
	sip_t *sip = message_sip(msg);
	const unsigned size = sip->sip_size;

	/* Sofia looks for headers up to this size. There are none yet but these two, which it knows. */
	sip->sip_size = offsetof(sip_t, sip_via);
	const bool is_made = msg_serialize(msg, NULL) >= 0;
	sip->sip_size = size;
	return is_made ? ERR_OK : ERR_INVALID;
}
