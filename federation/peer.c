#include "federation/peer.h"

#include <stddef.h>
#include <string.h>

void origin_clear(struct origin *origin)
{
	memset(origin, 0, offsetof(struct origin, id));
	origin->rule = "";
	origin->id[0] = origin->domain[0] = origin->server[0] = origin->evidence[0] = '\0';
}

void origin_copy(struct origin *to, const struct origin *from)
{
	memcpy(to, from, offsetof(struct origin, id));
	strcpy(to->id, from->id);
	strcpy(to->domain, from->domain);
	strcpy(to->server, from->server);
	strcpy(to->evidence, from->evidence);
}

const char *origin_kind_text(enum origin_kind kind)
{
	switch (kind) {
	case ORIGIN_STRANGER:
		return "stranger";
	case ORIGIN_BACKEND:
		return "backend";
	case ORIGIN_PARTNER:
		return "partner";
	case ORIGIN_PARTNER_UNTRUSTED:
		return "partner-untrusted";
	case ORIGIN_DISCOVERED:
		return "discovered";
	case ORIGIN_PHONE:
		return "phone";
	}
	return "stranger";
}
