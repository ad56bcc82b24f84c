#include "proxy/sip/dialog_side.h"

#include <stdlib.h>
#include <string.h>

#include <sofia-sip/sip_protos.h>

#include "proxy/base/buf.h"
#include "proxy/sip/contacts.h"
#include "proxy/sip/via.h"

void dialog_side_fini(struct dialog_side *side)
{
	free(side->party);
	free(side->target);
	free(side->routes);
	*side = (struct dialog_side){ 0 };
}

static char *copy(struct dialog_side *side, const char *text)
{
	char *made = text && strlen(text) < DIALOG_SIDE_MAX_TEXT ? strdup(text) : NULL;

	if (text && !made)
		side->is_partly_known = true;
	return made;
}

void dialog_side_copy(struct dialog_side *to, const struct dialog_side *from)
{
	*to = (struct dialog_side){ .is_partly_known = from->is_partly_known,
				    .is_from_midway = from->is_from_midway,
				    .cseq = from->cseq };
	to->party = copy(to, from->party);
	to->target = copy(to, from->target);
	to->routes = copy(to, from->routes);
}

/* Puts text in the place of what was there, unless it cannot be kept. */
static void set(struct dialog_side *side, char **place, const char *text)
{
	char *made = text ? copy(side, text) : NULL;

	if (text && !made)
		return;
	free(*place);
	*place = made;
}

/* The value of a header on one line: what was folded must not begin a header of ours. */
static void set_party(struct dialog_side *side, const char *value)
{
	set(side, &side->party, value);
	for (char *at = side->party; at && *at; at++)
		if (*at == '\r' || *at == '\n')
			*at = ' ';
}

static void set_target(struct dialog_side *side, const msg_t *msg)
{
	struct contact contacts[CONTACTS_MAX];

	if (contacts_read(msg, contacts) == 0)
		return;
	if (contacts[0].is_sip && *contacts[0].uri)
		set(side, &side->target, contacts[0].uri);
	else
		side->is_partly_known = true;
}

/* ---- routes ---- */

unsigned dialog_side_n_routes(const msg_t *response, dialog_side_is_ours *is_ours, void *user)
{
	unsigned n = 0;

	for (const sip_record_route_t *route = message_sip(response)->sip_record_route; route;
	     route = route->r_next, n++)
		if (is_ours(route->r_url, user))
			return n;
	return DIALOG_SIDE_NO_ROUTES;
}

static void put_route(struct buf *out, const url_t *url)
{
	char text[DIALOG_SIDE_MAX_TEXT];
	const issize_t len = url_e(text, sizeof(text), url);

	if (len <= 0 || (size_t)len >= sizeof(text)) {
		out->err = out->err ? out->err : ERR_TOO_LARGE;
		return;
	}
	buf_puts(out, out->len ? ", <" : "<");
	buf_add(out, text, (size_t)len);
	buf_puts(out, ">");
}

static void set_routes(struct dialog_side *side, struct buf *text)
{
	if (text->err)
		side->is_partly_known = true;
	else
		set(side, &side->routes, text->len ? buf_text(text) : NULL);
	buf_fini(text);
}

/* §12.1.1: whoever was asked keeps them as they stand. */
static void set_routes_of_invite(struct dialog_side *side, const sip_t *sip)
{
	struct buf text;

	buf_init(&text, DIALOG_SIDE_MAX_TEXT);
	for (const sip_record_route_t *route = sip->sip_record_route; route;
	     route = route->r_next)
		put_route(&text, route->r_url);
	set_routes(side, &text);
}

/* What a sender says of the way to the other side. */
static void set_routes_of_request(struct dialog_side *side, const sip_t *sip)
{
	struct buf text;

	buf_init(&text, DIALOG_SIDE_MAX_TEXT);
	for (const sip_route_t *route = sip->sip_route; route; route = route->r_next)
		put_route(&text, route->r_url);
	set_routes(side, &text);
}

/* §12.1.2: whoever asked keeps them in reverse. A message has few (message_check), so that it
 * is no matter to count anew. */
static void set_routes_of_response(struct dialog_side *side, const sip_t *sip, unsigned n)
{
	struct buf text;

	buf_init(&text, DIALOG_SIDE_MAX_TEXT);
	while (n-- > 0) {
		const sip_record_route_t *route = sip->sip_record_route;

		for (unsigned i = 0; route && i < n; i++)
			route = route->r_next;
		if (route)
			put_route(&text, route->r_url);
	}
	set_routes(side, &text);
}

/* ---- what passes ---- */

static void note_cseq(struct dialog_side *side, const sip_t *sip)
{
	if (sip->sip_cseq && sip->sip_cseq->cs_seq > side->cseq)
		side->cseq = sip->sip_cseq->cs_seq;
}

void dialog_side_of_invite(struct dialog_side *side, const msg_t *invite)
{
	const sip_t *sip = message_sip(invite);

	set_party(side, message_header(invite, "From"));
	set_target(side, invite);
	set_routes_of_invite(side, sip);
	note_cseq(side, sip);
}

void dialog_side_of_response(struct dialog_side *side, const msg_t *response, unsigned n_routes)
{
	/* each says all anew: early ones often without Record-Route (§13.2.2.4) */
	side->is_partly_known = false;
	set_party(side, message_header(response, "To"));
	set_target(side, response);
	if (n_routes == DIALOG_SIDE_NO_ROUTES)
		side->is_partly_known = true;
	else
		set_routes_of_response(side, message_sip(response), n_routes);
}

/* RFC 3261 §12.2, RFC 3311 §5. */
static bool may_move(const sip_t *sip)
{
	return sip->sip_cseq && (sip->sip_cseq->cs_method == sip_method_invite ||
				 sip->sip_cseq->cs_method == sip_method_update);
}

void dialog_side_of_request(struct dialog_side *side, const msg_t *request)
{
	const sip_t *sip = message_sip(request);

	note_cseq(side, sip);
	if (may_move(sip))
		set_target(side, request);
}

void dialog_side_of_2xx(struct dialog_side *side, const msg_t *response)
{
	if (may_move(message_sip(response)))
		set_target(side, response);
}

static void set_target_of_uri(struct dialog_side *side, const url_t *uri)
{
	char text[DIALOG_SIDE_MAX_TEXT];
	const issize_t len = url_e(text, sizeof(text), uri);

	if (len <= 0 || (size_t)len >= sizeof(text))
		side->is_partly_known = true;
	else
		set(side, &side->target, text);
}

/* One Via is the sender's; each proxy has put another one, and, if it still wants to be passed,
 * its Record-Route (§16.6). */
static bool has_all_routes(const sip_t *sip)
{
	unsigned n_vias = 0, n_routes = 0;

	for (const sip_via_t *via = sip->sip_via; via; via = via->v_next)
		n_vias++;
	for (const sip_record_route_t *route = sip->sip_record_route; route;
	     route = route->r_next)
		n_routes++;
	return n_vias == n_routes + 1;
}

void dialog_side_of_midway(struct dialog_side *from, struct dialog_side *to,
			   const msg_t *request)
{
	const sip_t *sip = message_sip(request);

	from->is_from_midway = to->is_from_midway = true;
	if (!dialog_side_is_known(to)) {
		to->is_partly_known = false;
		set_party(to, message_header(request, "To"));
		set_target_of_uri(to, sip->sip_request->rq_url);
		set_routes_of_request(to, sip);
	}
	if (dialog_side_is_known(from))
		return;
	from->is_partly_known = !has_all_routes(sip);
	set_party(from, message_header(request, "From"));
	set_target(from, request);
	set_routes_of_invite(from, sip);
}

bool dialog_side_is_known(const struct dialog_side *side)
{
	return side->party && side->target && !side->is_partly_known;
}

enum err dialog_side_bye(const struct dialog_side *to, const struct dialog_side *from,
			 const char *call_id, const char *reason, msg_t **out)
{
	const bool is_any_cseq = from->is_from_midway && !from->cseq;
	struct buf text;
	enum err err;

	if (!dialog_side_is_known(to) || !from->party ||
	    from->cseq >= INT32_MAX) /* §8.1.1.5: below 2**31 */
		return ERR_INVALID;
	buf_init(&text, 4 * DIALOG_SIDE_MAX_TEXT + 1024);
	buf_printf(&text,
		   "BYE %s SIP/2.0\r\n"
		   "Via: SIP/2.0/TCP placeholder.invalid;branch=z9hG4bK-none\r\n"
		   "Max-Forwards: 70\r\n",
		   to->target);
	if (to->routes)
		buf_printf(&text, "Route: %s\r\n", to->routes);
	buf_printf(&text,
		   "From: %s\r\n"
		   "To: %s\r\n"
		   "Call-ID: %s\r\n"
		   "CSeq: %u BYE\r\n"
		   "Reason: %s\r\n"
		   "Content-Length: 0\r\n\r\n",
		   from->party, to->party, call_id, is_any_cseq ? INT32_MAX : from->cseq + 1,
		   reason);
	err = text.err ? text.err : message_parse(text.bytes, text.len, out);
	buf_fini(&text);
	if (err)
		return err;
	if (message_check(message_sip(*out), NULL)) {
		*out = message_unref(*out);
		return ERR_SYNTAX;
	}
	via_pop(*out); /* the sender puts its own */
	return ERR_OK;
}
