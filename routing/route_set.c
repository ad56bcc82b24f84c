#include "routing/route_set.h"

#include <string.h>

#include <sofia-sip/su_alloc.h>

#include "proxy/sip/uri.h"

static const char *call_id_of(const sip_t *sip)
{
	return sip->sip_call_id && sip->sip_call_id->i_id ? sip->sip_call_id->i_id : "";
}

/* A strict router puts the next Route into the Request-URI and the target last into Route (RFC
 * 2543). What it put there is ours only if we signed it: our host alone may stand in a
 * Request-URI for other reasons. */
static enum err repair_strict(msg_t *msg, const struct self_names *names,
			      const struct record_route_keys *keys, struct route_view *view)
{
	sip_t *sip = message_sip(msg);
	const url_t *uri = sip->sip_request->rq_url;
	struct listener *listener;

	if (!sip->sip_route || !self_names_has(names, uri, &listener))
		return ERR_OK;
	enum record_route_verdict verdict =
		record_route_verify(keys, uri, call_id_of(sip), &view->token);
	if (verdict == RECORD_ROUTE_NONE)
		return ERR_OK;

	const sip_route_t *last = sip->sip_route;
	while (last->r_next)
		last = last->r_next;
	enum err err = message_set_request_uri(msg, last->r_url);
	if (err != ERR_OK)
		return err;
	message_remove_last_route(msg);
	view->was_strict = view->had_own = true;
	view->token_verdict = verdict;
	view->in = view->out = listener;
	return ERR_OK;
}

/* RFC 3261 §16.4: a maddr that names us is taken away, with the port and transport that were
 * meant for it. */
static enum err strip_maddr(msg_t *msg, const struct self_names *names)
{
	const url_t *uri = message_sip(msg)->sip_request->rq_url;
	char maddr[256];

	if (!uri->url_params || !url_has_param(uri, "maddr") ||
	    !uri_param(uri, "maddr", maddr, sizeof(maddr)))
		return ERR_OK;
	url_t there = *uri;
	there.url_host = maddr;
	if (!self_names_has(names, &there, NULL))
		return ERR_OK;

	url_t *plain = url_hdup(msg_home(msg), uri);
	if (!plain)
		return ERR_NO_MEMORY;
	char *params = su_strdup(msg_home(msg), plain->url_params);
	if (!params)
		return ERR_NO_MEMORY;
	params = url_strip_param_string(params, "maddr");
	params = url_strip_param_string(params, "transport");
	plain->url_params = params;
	plain->url_port = NULL;
	return message_set_request_uri(msg, plain);
}

static bool same_token(const struct record_route_token *a, const struct record_route_token *b)
{
	return a->caller == b->caller && a->callee == b->callee &&
	       a->made_at_s == b->made_at_s && a->worker == b->worker;
}

/* Takes our topmost Route away. */
static void take_first(msg_t *msg, const struct record_route_keys *keys,
		       struct listener *listener, struct route_view *view)
{
	const sip_t *sip = message_sip(msg);

	view->had_own = true;
	view->token_verdict =
		record_route_verify(keys, sip->sip_route->r_url, call_id_of(sip), &view->token);
	view->in = view->out = listener;
	/* the message's, also when popped */
	view->first_user = sip->sip_route->r_url->url_user;
	message_pop_route(msg);
}

/* Takes the second entry that we put beside the first (RFC 5658). One with another token of
 * ours is of another pass of the same dialog, and stays for that. */
static void take_second(msg_t *msg, const struct record_route_keys *keys,
			struct listener *listener, struct route_view *view)
{
	const sip_t *sip = message_sip(msg);
	struct record_route_token token;

	/* Nearly always the very text of the first: it was proved already. */
	if (view->token_verdict == RECORD_ROUTE_VALID && view->first_user &&
	    sip->sip_route->r_url->url_user &&
	    strcmp(view->first_user, sip->sip_route->r_url->url_user) == 0) {
		view->out = listener;
		message_pop_route(msg);
		return;
	}
	switch (record_route_verify(keys, sip->sip_route->r_url, call_id_of(sip), &token)) {
	case RECORD_ROUTE_VALID:
		if (view->token_verdict == RECORD_ROUTE_VALID &&
		    !same_token(&token, &view->token))
			return;
		if (view->token_verdict == RECORD_ROUTE_NONE) {
			view->token = token;
			view->token_verdict = RECORD_ROUTE_VALID;
		}
		break;
	case RECORD_ROUTE_NONE:
		break;
	case RECORD_ROUTE_FORGED: /* it would only come back to us */
		view->token_verdict = RECORD_ROUTE_FORGED;
		break;
	}
	view->out = listener;
	message_pop_route(msg);
}

/* What names us, or what we signed: a reload may have taken away the listener that a dialog of
 * before names, and the request would go out to an address where nobody is any more. */
static bool is_ours(const sip_t *sip, const struct self_names *names,
		    const struct record_route_keys *keys, struct listener **out)
{
	struct record_route_token ignored;

	if (!sip->sip_route)
		return false;
	if (self_names_has(names, sip->sip_route->r_url, out))
		return true;
	*out = NULL;
	return record_route_verify(keys, sip->sip_route->r_url, call_id_of(sip), &ignored) ==
	       RECORD_ROUTE_VALID;
}

enum err route_set_take(msg_t *msg, const struct self_names *names,
			const struct record_route_keys *keys, struct route_view *out)
{
	const sip_t *sip = message_sip(msg);
	struct route_view view = { .token_verdict = RECORD_ROUTE_NONE };
	struct listener *listener;

	enum err err = repair_strict(msg, names, keys, &view);
	if (err == ERR_OK)
		err = strip_maddr(msg, names);
	if (err != ERR_OK)
		return err;

	if (!view.had_own && is_ours(sip, names, keys, &listener))
		take_first(msg, keys, listener, &view);
	if (view.had_own && is_ours(sip, names, keys, &listener))
		take_second(msg, keys, listener, &view);
	*out = view;
	return ERR_OK;
}

/* Some write "sip:host;lr" without brackets: then it stands among the header's parameters. */
static bool is_loose(const sip_route_t *route)
{
	return url_has_param(route->r_url, "lr") || msg_params_find(route->r_params, "lr");
}

enum err route_set_prepare_next(msg_t *msg)
{
	const sip_t *sip = message_sip(msg);

	if (!sip->sip_route || is_loose(sip->sip_route))
		return ERR_OK;
	enum err err = message_append_route(msg, sip->sip_request->rq_url);
	if (err != ERR_OK)
		return err;
	err = message_set_request_uri(msg, sip->sip_route->r_url);
	if (err != ERR_OK) {
		message_remove_last_route(msg);
		return err;
	}
	message_pop_route(msg);
	return ERR_OK;
}
