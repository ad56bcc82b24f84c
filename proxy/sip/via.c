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

/* Replaces or adds the parameter with that name, which ends in "="; the value that it then has, or NULL without memory. */
static const char *set_param(msg_t *msg, sip_via_t *via, const char *name, const char *value)
{
	const size_t len = strlen(name), value_len = strlen(value);
	char *param = su_alloc(msg_home(msg), (isize_t)(len + value_len + 1));

	if (!param)
		return NULL;
	memcpy(param, name, len);
	memcpy(param + len, value, value_len + 1);
	if ( msg_params_replace(msg_home(msg), (msg_param_t **)&via->v_params, param) < 0)
		return NULL;
	return param + len;
}

/* Vias that stand on one line share its bytes, so all of them are printed anew. */
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
	via->v_received = set_param(msg, via, "received=", addr_host(source, text));
	if (!via->v_received)
		return ERR_NO_MEMORY;
	if (asks_rport)
		via->v_rport = set_param(msg, via, "rport=", text_number(addr_port(source), text));
	return !asks_rport || via->v_rport ? ERR_OK : ERR_NO_MEMORY;
}

void via_want_rport(msg_t *msg)
{
	sip_via_t *via = message_sip(msg)->sip_via;

	if (!via->v_rport)
		via->v_rport = "";
}

static const char *protocol_of(const char *transport)
{
	if (strcmp(transport, "UDP") == 0)
		return sip_transport_udp;
	return strcmp(transport, "TCP") == 0 ? sip_transport_tcp : sip_transport_tls;
}

static bool set_sent_by(su_home_t *home, sip_via_t *via, const char *sent_by)
{
	char *host = su_strdup(home, sent_by);
	char *colon = host ? strrchr(host, ':') : NULL;

	via->v_host = host;
	if (colon && !strchr(colon, ']')) { /* none of an IPv6 address */
		*colon = '\0';
		via->v_port = colon + 1;
	}
	return host != NULL;
}

static bool set_branch(msg_t *msg, sip_via_t *via, const char *branch)
{
	via->v_branch = set_param(msg, via, "branch=", branch);
	return via->v_branch != NULL;
}

static bool ask_rport(su_home_t *home, sip_via_t *via)
{
	via->v_rport = "";
	return msg_params_add(home, (msg_param_t **)&via->v_params, "rport") >= 0;
}

/* The line as it will be sent: Sofia's printing of one took seven hundred instructions at each request. */
static bool set_line(su_home_t *home, sip_via_t *via, const char *sent_by, const char *branch)
{
	const char *const parts[] = { "Via: ", via->v_protocol, " ", sent_by, ";branch=", branch, via->v_rport ? ";rport\r\n" : "\r\n" };
	size_t size = 1, len = 0;
	char *line;

	for (size_t i = 0; i < COUNT(parts); i++)
		size += strlen(parts[i]);
	line = su_alloc(home, (isize_t)size);
	if (!line)
		return false;
	for (size_t i = 0; i < COUNT(parts); i++)
		len = text_append(line, size, len, parts[i]);
	via->v_common->h_data = line;
	via->v_common->h_len = (usize_t)len;
	return true;
}

enum err via_push(msg_t *msg, const char *transport, const char *sent_by, const char *branch)
{
	su_home_t *home = msg_home(msg);
	sip_via_t *via = (sip_via_t *)msg_header_alloc(home, sip_via_class, 0);

	if (!via || !set_sent_by(home, via, sent_by) || !set_branch(msg, via, branch))
		return ERR_NO_MEMORY;
	via->v_protocol = protocol_of(transport);
	if (via->v_protocol == sip_transport_udp && !ask_rport(home, via))
		return ERR_NO_MEMORY;
	if (!set_line(home, via, sent_by, branch))
		return ERR_NO_MEMORY;
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
