#include "proxy/sip/dialog_id.h"

#include <string.h>

#include "proxy/base/random.h"

bool dialog_id_is_inside(const sip_t *sip)
{
	return sip->sip_to && sip->sip_to->a_tag && sip->sip_to->a_tag[0] != '\0';
}

static uint64_t hash_text(const char *text)
{
	return text ? random_keyed_hash(text, strlen(text)) : 0;
}

uint64_t dialog_id_hash(const sip_t *sip)
{
	uint64_t from = hash_text(sip->sip_from ? sip->sip_from->a_tag : NULL);
	uint64_t to = hash_text(sip->sip_to ? sip->sip_to->a_tag : NULL);
	uint64_t parts[] = {
		hash_text(sip->sip_call_id ? sip->sip_call_id->i_id : NULL),
		from < to ? from : to, /* who sends does not matter */
		from < to ? to : from,
	};

	return random_keyed_hash(parts, sizeof(parts));
}
