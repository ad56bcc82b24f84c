/* Strangers' bytes through everything that a proxy does with a message: parse, check, read,
 * copy, edit, reply, print, and parse what was printed. What passed the check must parse again
 * after the edits and mean the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/sip/derived_request.h"
#include "proxy/sip/dialog_id.h"
#include "proxy/sip/digest.h"
#include "proxy/sip/message.h"
#include "proxy/sip/reply.h"
#include "proxy/sip/uri.h"
#include "proxy/sip/via.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static msg_t *print_and_parse(msg_t *msg, bool is_good)
{
	struct wire *wire;
	msg_t *again = NULL;

	if (message_print(msg, &wire))
		return NULL;
	enum err err = message_parse(wire->bytes, wire->len, &again);
	must(!is_good || !err || err == ERR_LIMIT ||
	     err == ERR_NO_MEMORY); /* ours may be one too many */
	wire_unref(wire);
	return again;
}

static void read_uri(const url_t *url)
{
	char user[128], host[256], value[64];

	if (message_uri_parts(url, user, sizeof(user), host, sizeof(host)))
		must(strlen(user) < sizeof(user) && strlen(host) < sizeof(host));
	(void)uri_transport(url);
	must(uri_port(url) >= -1 && uri_port(url) <= UINT16_MAX);
	(void)uri_param(url, "lr", value, sizeof(value));
	(void)uri_equal(url, url);
}

static void read_all(msg_t *msg)
{
	static const char *const names[] = {
		"Subject", "Via", "X", "Content-Type", "P-Asserted-Identity", "m"
	};
	const sip_t *sip = message_sip(msg);
	char user[256];

	for (size_t i = 0; i < COUNT(names); i++)
		(void)message_header(msg, names[i]);
	(void)message_method(sip);
	(void)message_max_breadth(msg, 60);
	(void)dialog_id_hash(sip);
	(void)digest_claimed_user(sip, true, "a", user);
	(void)digest_claimed_user(sip, false, "a", user);
	read_uri(sip->sip_from->a_url);
	read_uri(sip->sip_to->a_url);
	if (sip->sip_request)
		read_uri(sip->sip_request->rq_url);
	for (const sip_route_t *route = sip->sip_route; route; route = route->r_next)
		read_uri(route->r_url);
}

static enum err edit(msg_t *copy)
{
	const sip_route_t *route = message_sip(copy)->sip_route;
	struct addr source, out;

	if (addr_parse_port("192.0.2.77:7777", 0, &source))
		abort();
	via_response_addr(message_sip(copy)->sip_via, &source, &out);
	enum err err = via_stamp(copy, &source);
	if (!err && route && message_sip(copy)->sip_request) {
		err = message_set_request_uri(copy, route->r_url);
		if (err == ERR_SYNTAX)
			err = ERR_OK;
	}
	message_pop_route(copy);
	message_remove_last_route(copy);
	message_remove_header(copy, "P-Asserted-Identity");
	message_remove_header(copy, "Subject");
	digest_strip(copy, true, "a");
	if (!err)
		err = message_set_max_forwards(copy, 12);
	if (!err)
		err = message_set_max_breadth(copy, 3);
	if (!err)
		err = message_push_record_route(copy, "<sip:us.example;lr>");
	if (!err)
		err = message_add_header(copy, "P-Asserted-Identity", "<sip:a@us.example>");
	if (!err)
		err = via_push(copy, "TCP", "us.example:5060", "z9hG4bKus");
	return err;
}

static void forward(msg_t *msg, bool is_good)
{
	msg_t *copy = message_copy(msg);
	if (!copy)
		return;

	msg_t *again = edit(copy) ? NULL : print_and_parse(copy, is_good);
	if (again && is_good) {
		const sip_t *sip = message_sip(again);
		must(message_check(sip, NULL) == REASON_NONE);
		must(strcmp(sip->sip_via->v_branch, "z9hG4bKus") == 0);
		must(strcmp(sip->sip_call_id->i_id, message_sip(msg)->sip_call_id->i_id) == 0);
		must(sip->sip_max_forwards->mf_count == 12);
		must(strcmp(message_header(again, "P-Asserted-Identity"),
			    "<sip:a@us.example>") == 0);
		must(strcmp(message_method(sip), message_method(message_sip(msg))) == 0);
	}
	if (again)
		via_pop(again);
	message_unref(again);
	message_unref(copy);
}

static void answer(msg_t *msg)
{
	char tag[17];

	reply_stateless_tag(message_sip(msg), tag);
	msg_t *made[] = { reply_new(msg, 100, "Trying", NULL), reply_new(msg, 404, NULL, tag),
			  derived_request_cancel(msg, "SIP;cause=200"),
			  derived_request_ack(msg, message_sip(msg)) };

	for (size_t i = 0; i < COUNT(made); i++) {
		if (made[i])
			message_unref(print_and_parse(made[i], true));
		message_unref(made[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	msg_t *msg = NULL;

	if (message_parse(bytes, len, &msg))
		return 0;
	bool is_good = message_check(message_sip(msg), NULL) == REASON_NONE;
	read_all(msg);
	if (is_good && message_sip(msg)->sip_request)
		answer(msg);
	forward(msg, is_good);
	message_unref(print_and_parse(msg, is_good));
	message_unref(msg);
	return 0;
}
