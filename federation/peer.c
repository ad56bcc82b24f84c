#include "federation/peer.h"

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
	}
	return "stranger";
}
