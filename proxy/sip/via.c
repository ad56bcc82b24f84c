#include "proxy/sip/via.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_string.h>

#include "proxy/base/text.h"

static bool is_from(const sip_via_t *via, const struct addr *source)
{
	struct addr sent_by;

	return !addr_parse(via->v_host, 0, &sent_by) && addr_same_host(&sent_by, source);
}

/* Replaces or adds one parameter. Vias that stand on one line share its bytes, so all of them
 * are printed anew. */
static enum err set_param(msg_t *msg, sip_via_t *via, const char *param)
{
	if (!param || msg_header_replace_param(msg_home(msg), via->v_common, param) < 0)
		return ERR_NO_MEMORY;
	return ERR_OK;
}

static void forget_line(sip_via_t *via)
{
	const char *end = (const char *)via->v_common->h_data + via->v_common->h_len;

	if (!via->v_common->h_data)
		return;
	for (sip_via_t *other = via->v_next; other; other = other->v_next)
		if ((const char *)other->v_common->h_data + other->v_common->h_len == end)
			sip_fragment_clear(other->v_common);
	sip_fragment_clear(via->v_common);
}

enum err via_stamp(msg_t *msg, const struct addr *source)
{
	sip_via_t *via = message_sip(msg)->sip_via;
	char text[ADDR_TEXT_SIZE];
	bool asks_rport = via->v_rport != NULL;

	/* A received that somebody wrote before us is wrong, or will be right. */
	if (!asks_rport && !via->v_received && is_from(via, source))
		return ERR_OK;

	forget_line(via);
	enum err err = set_param(
		msg, via, su_sprintf(msg_home(msg), "received=%s", addr_host(source, text)));
	if (err || !asks_rport)
		return err;
	return set_param(msg, via, su_sprintf(msg_home(msg), "rport=%u", addr_port(source)));
}

enum err via_push(msg_t *msg, const char *transport, const char *sent_by, const char *branch)
{
	char text[512];
	const char *rport = strcmp(transport, "UDP") == 0 ? ";rport" : "";

	const char *const parts[] = { "SIP/2.0/", transport, " ", sent_by, ";branch=", branch, rport };
	size_t len = 0;

	for (size_t i = 0; i < COUNT(parts); i++)
		len = text_append(text, sizeof(text), len, parts[i]);
	if (len + 1 >= sizeof(text))
		return ERR_SYNTAX;

	sip_via_t *via = sip_via_make(msg_home(msg), text);
	if (!via)
		return ERR_SYNTAX;
	msg_header_t **first = (msg_header_t **)&message_sip(msg)->sip_via;
	return msg_header_prepend(msg, msg_object(msg), first, (msg_header_t *)via) < 0
		       ? ERR_NO_MEMORY
		       : ERR_OK;
}

void via_pop(msg_t *msg)
{
	msg_header_remove(msg, NULL, (msg_header_t *)message_sip(msg)->sip_via);
}

/* The port of sent-by; what is no port number counts as not written. */
static uint16_t sent_by_port(const sip_via_t *via)
{
	unsigned long port = 0;

	if (via->v_port && via->v_port[0] >= '0' && via->v_port[0] <= '9')
		port = strtoul(via->v_port, NULL, 10);
	if (port >= 1 && port <= UINT16_MAX)
		return (uint16_t)port;

	const char *transport = sip_via_transport(via);
	return transport && strcasecmp(transport, "TLS") == 0 ? 5061 : 5060;
}

void via_response_addr(const sip_via_t *via, const struct addr *source, struct addr *out)
{
	*out = *source;
	if (!via->v_rport)
		addr_set_port(out, sent_by_port(via));
}

bool via_is_rfc3261(const sip_via_t *via)
{
	return via->v_branch && strncasecmp(via->v_branch, "z9hG4bK", 7) == 0 &&
	       via->v_branch[7] != '\0'; /* the cookie alone names nothing: RFC 4475 §3.2.1 */
}
