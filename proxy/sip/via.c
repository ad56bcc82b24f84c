#include "proxy/sip/via.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_string.h>

#include "proxy/base/text.h"
#include "proxy/sip/message_chain.h"

static bool is_from(const sip_via_t *via, const struct addr *source)
{
	struct addr sent_by;

	return !addr_parse(via->v_host, 0, &sent_by) && addr_same_host(&sent_by, source);
}

/* Sets the parameter "NAME=VALUE", which lives as long as the message, in the place of the one
 * with its name, or as the last. By hand, as Sofia's way took four hundred instructions for
 * each of three in every request. */
static bool set_param(msg_t *msg, sip_via_t *via, const char *param, size_t name_len)
{
	msg_param_t *params = (msg_param_t *)via->v_params;

	for (; params && *params; params++)
		if (strncasecmp(*params, param, name_len) == 0 &&
		    ((*params)[name_len] == '=' || (*params)[name_len] == '\0')) {
			*params = param;
			return true;
		}
	return msg_params_add(msg_home(msg), (msg_param_t **)&via->v_params, param) >= 0;
}

/* Vias that stand on one line share its bytes, so all of them are printed anew. */
static void forget_line(sip_via_t *via)
{
	const char *line = via->v_common->h_data;

	if (!line)
		return;
	for (sip_via_t *other = via->v_next; other; other = other->v_next) {
		const char *others = other->v_common->h_data;

		if (others && others + other->v_common->h_len == line + via->v_common->h_len)
			sip_fragment_clear(other->v_common);
	}
	sip_fragment_clear(via->v_common);
}

/* Writes len bytes of text and its end; what follows. */
static char *put_text(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	to[len] = '\0';
	return to + len;
}

enum err via_stamp(msg_t *msg, const struct addr *source)
{
	enum {
		RECEIVED_SIZE = sizeof("received=") + ADDR_TEXT_SIZE,
		RPORT_SIZE = sizeof("rport=65535")
	};
	sip_via_t *via = message_sip(msg)->sip_via;
	const bool asks_rport = via->v_rport != NULL;
	char host[ADDR_TEXT_SIZE], number[24], *received, *rport;
	const char *port;

	/* A received that somebody wrote before us is wrong, or will be right. */
	if (!asks_rport && !via->v_received && is_from(via, source))
		return ERR_OK;

	forget_line(via);
	received = su_alloc(msg_home(msg), RECEIVED_SIZE + RPORT_SIZE);
	if (!received)
		return ERR_NO_MEMORY;
	(void)addr_host(source, host);
	put_text(put_text(received, "received=", strlen("received=")), host, strlen(host));
	if (!set_param(msg, via, received, strlen("received")))
		return ERR_NO_MEMORY;
	via->v_received = received + strlen("received=");
	if (!asks_rport)
		return ERR_OK;
	rport = received + RECEIVED_SIZE;
	port = text_number(addr_port(source), number);
	put_text(put_text(rport, "rport=", strlen("rport=")), port, strlen(port));
	if (!set_param(msg, via, rport, strlen("rport")))
		return ERR_NO_MEMORY;
	via->v_rport = rport + strlen("rport=");
	return ERR_OK;
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

/* The host and port of a Via of ours, which it cuts. */
static void set_sent_by(sip_via_t *via, char *sent_by)
{
	char *colon = strrchr(sent_by, ':');

	via->v_host = sent_by;
	if (colon && !strchr(colon, ']')) { /* none of an IPv6 address */
		*colon = '\0';
		via->v_port = colon + 1;
	}
}

/* Our Via in one piece: the struct, its list of parameters, their texts, and the line as it
 * will be sent. Sofia's printing of it took seven hundred instructions at each request, and a
 * piece for each of its parts as much again. NULL: no memory. */
static sip_via_t *new_via(su_home_t *home, const char *protocol, const char *sent_by,
			  const char *branch)
{
	const size_t protocol_len = strlen(protocol), sent_by_len = strlen(sent_by),
		     branch_len = strlen(branch);
	const size_t n_texts = sent_by_len + 1 + sizeof("branch=") + branch_len;
	const size_t n_line =
		sizeof("Via:  ;branch=;rport\r\n") + protocol_len + sent_by_len + branch_len;
	const bool asks_rport = protocol == sip_transport_udp;
	sip_via_t *via = su_alloc(home, (isize_t)(sizeof(*via) +
						  MSG_PARAMS_NUM(3) * sizeof(msg_param_t) +
						  n_texts + n_line));

	if (!via)
		return NULL;
	msg_param_t *params = (msg_param_t *)(via + 1);
	char *host = (char *)(params + MSG_PARAMS_NUM(3)), *param = host + sent_by_len + 1,
	     *line = host + n_texts, *at;
	memset(via, 0, sizeof(*via));
	via->v_common->h_class = sip_via_class;
	via->v_protocol = protocol;
	put_text(host, sent_by, sent_by_len);
	set_sent_by(via, host);
	put_text(put_text(param, "branch=", strlen("branch=")), branch, branch_len);
	via->v_branch = param + strlen("branch=");
	via->v_params = params;
	params[0] = param;
	params[1] = asks_rport ? "rport" : NULL;
	params[2] = NULL;
	if (asks_rport)
		via->v_rport = "";

	at = put_text(line, "Via: ", strlen("Via: "));
	at = put_text(at, protocol, protocol_len);
	*at++ = ' ';
	at = put_text(at, sent_by, sent_by_len);
	*at++ = ';';
	at = put_text(at, param, strlen("branch=") + branch_len);
	at = asks_rport ? put_text(at, ";rport\r\n", strlen(";rport\r\n"))
			: put_text(at, "\r\n", 2);
	via->v_common->h_data = line;
	via->v_common->h_len = (usize_t)(at - line);
	return via;
}

enum err via_push(msg_t *msg, const char *transport, const char *sent_by, const char *branch)
{
	sip_via_t *via = new_via(msg_home(msg), protocol_of(transport), sent_by, branch);

	if (!via)
		return ERR_NO_MEMORY;
	return message_chain_prepend(msg, (msg_header_t **)&message_sip(msg)->sip_via,
				     (msg_header_t *)via);
}

void via_pop(msg_t *msg)
{
	message_chain_remove_first(msg, (msg_header_t **)&message_sip(msg)->sip_via);
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
