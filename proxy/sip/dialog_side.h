/* dialog_side: what we must know of one side of a dialog that goes through us, so that we can
 * end it by a BYE which looks to the other side as if it came from this one (RFC 3261 §12,
 * §15): who it is, where it wants requests, by which proxies, and the highest CSeq that it
 * sent. Learned from the messages that pass; each text is bounded, and one that is too long is
 * not kept. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/sip/message.h"

enum { DIALOG_SIDE_MAX_TEXT = 2048, DIALOG_SIDE_NO_ROUTES = 1000000 };

struct dialog_side {
	char *party;  /* its From or To, tag and all; owned, as those below; NULL: not known */
	char *target; /* the URI of its Contact */
	char *routes; /* from us to it, as the value of a Route; NULL: none */
	bool is_partly_known; /* a text was too long, or there was no memory */
	bool is_from_midway;  /* its first requests were not seen, so cseq 0 says nothing */
	uint32_t cseq;        /* the highest of its requests */
};

void dialog_side_fini(struct dialog_side *side); /* embedded; starts from zeros */
void dialog_side_copy(struct dialog_side *to, const struct dialog_side *from); /* to is empty */

/* The INVITE that makes the dialog, as it came: the caller's side (§12.1.1). */
void dialog_side_of_invite(struct dialog_side *side, const msg_t *invite);
/* A response to it with a To tag: the callee's side (§12.1.2). n_routes: how many Record-Routes
 * stand above ours, */
void dialog_side_of_response(struct dialog_side *side, const msg_t *response,
			     unsigned n_routes);
/* which this says: how many stand above the first that is_ours; if none is,
 * DIALOG_SIDE_NO_ROUTES: nobody knows what would have to stand in a Route. */
typedef bool dialog_side_is_ours(const url_t *route, void *user);
unsigned dialog_side_n_routes(const msg_t *response, dialog_side_is_ours *is_ours, void *user);
/* A request inside the dialog from that side: its CSeq, and where it wants requests now
 * (§12.2.2). */
void dialog_side_of_request(struct dialog_side *side, const msg_t *request);
/* A 2xx from that side to a request that may move it (§12.2.1.2). */
void dialog_side_of_2xx(struct dialog_side *side, const msg_t *response);

/* A request inside a dialog whose beginning was not seen, without our Routes: what there is to
 * know of the side that it goes to says its sender (§12.2.1.1), and of the sender it says who
 * that is. By whom the sender is reached is known only if every proxy on the way has put a
 * Record-Route into it; else when a request of the other side comes. */
void dialog_side_of_midway(struct dialog_side *from, struct dialog_side *to,
			   const msg_t *request);

/* Enough is known for a BYE to it. */
bool dialog_side_is_known(const struct dialog_side *side);

/* A BYE to a side as if it came from the other one, without Via; its CSeq is higher than any
 * that this side saw (§12.2.1.1): the highest that there is (§8.1.1.5), if nobody knows.
 * reason: the value of a Reason (RFC 3326). ERR_INVALID: not enough is known; ERR_SYNTAX;
 * ERR_NO_MEMORY. */
enum err dialog_side_bye(const struct dialog_side *to, const struct dialog_side *from,
			 const char *call_id, const char *reason, msg_t **out) MUST_CHECK;
