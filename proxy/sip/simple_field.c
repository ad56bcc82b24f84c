#include "proxy/sip/simple_field.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>

#include "proxy/base/macros.h"

/* Sets of characters, as bits. */
enum {
	DIGIT = 1,
	HOST = 2,  /* of a name or an IPv4 address */
	USER = 4,  /* what needs no escape, and "+" */
	VALUE = 8, /* of a parameter */
	PARAMS = 16,
	WORD = 32, /* RFC 3261 §25.1 */
};

static const unsigned char sets[256] = {
	['0' ... '9'] = DIGIT | HOST | USER | VALUE | PARAMS | WORD,
	['a' ... 'z'] = HOST | USER | VALUE | PARAMS | WORD,
	['A' ... 'Z'] = HOST | USER | VALUE | PARAMS | WORD,
	['-'] = HOST | USER | VALUE | PARAMS | WORD,
	['.'] = HOST | USER | VALUE | PARAMS | WORD,
	['_'] = USER | VALUE | PARAMS | WORD,
	['+'] = USER | WORD,
	['='] = PARAMS,
	[';'] = PARAMS,
	['!'] = WORD,
	['%'] = WORD,
	['*'] = WORD,
	['`'] = WORD,
	['\''] = WORD,
	['~'] = WORD,
	['('] = WORD,
	[')'] = WORD,
	['<'] = WORD,
	['>'] = WORD,
	[':'] = WORD,
	['\\'] = WORD,
	['"'] = WORD,
	['/'] = WORD,
	['['] = WORD,
	[']'] = WORD,
	['?'] = WORD,
	['{'] = WORD,
	['}'] = WORD,
};

/* What follows the characters of the set. */
static char *skip(char *text, unsigned set)
{
	while (sets[(unsigned char)*text] & set)
		text++;
	return text;
}

/* What follows the word, or NULL if the text does not begin with it. */
static char *after_word(char *text, const char *word)
{
	for (; *word; word++, text++)
		if (*text != *word)
			return NULL;
	return text;
}

struct place {
	char *host, *port, *end; /* port: NULL if there is none */
};

static bool find_place(char *text, struct place *out)
{
	struct place place = { .host = text, .end = skip(text, HOST) };

	if (place.end == text)
		return false;
	if (*place.end == ':') {
		place.port = place.end + 1;
		place.end = skip(place.port, DIGIT);
		if (place.end == place.port)
			return false;
	}
	*out = place;
	return true;
}

static void cut_before(char *text)
{
	if (text)
		text[-1] = '\0';
}

/* A URI's parts; those it lacks are NULL. */
struct uri {
	char *start, *user, *params, *end;
	struct place place;
};

static bool find_uri(char *text, struct uri *out)
{
	struct uri uri = { .start = text };
	char *at = after_word(text, "sip:");

	if (!at)
		return false;
	char *user_end = skip(at, USER);
	if (*user_end == '@') {
		if (user_end == at)
			return false;
		uri.user = at;
		at = user_end + 1;
	}
	if (!find_place(at, &uri.place))
		return false;
	uri.end = uri.place.end;
	if (*uri.end == ';') {
		uri.params = uri.end + 1;
		uri.end = skip(uri.params, PARAMS);
	}
	*out = uri;
	return true;
}

/* Cuts it into its parts; the caller cuts behind it. */
static void take_uri(const struct uri *uri, url_t *url)
{
	uri->start[3] = '\0';
	if (uri->user)
		cut_before(uri->place.host);
	cut_before(uri->place.port);
	cut_before(uri->params);
	url->url_type = url_sip;
	url->url_scheme = uri->start;
	url->url_user = uri->user;
	url->url_host = uri->place.host;
	url->url_port = uri->place.port;
	url->url_params = uri->params;
}

/* A quoted display name: where it ends, or NULL. */
static char *skip_quoted(char *text)
{
	char *end = text + 1 + strcspn(text + 1, "\"\\\r\n");

	return *end == '"' ? end + 1 : NULL;
}

enum simple_field simple_field_address(struct header_room *room, sip_addr_t *address,
				       char *text)
{
	char *display_end = *text == '"' ? skip_quoted(text) : NULL;
	char *at = display_end && *display_end == ' ' ? display_end + 1 : text, *tag = NULL;
	struct uri uri;

	if (*at != '<' || !find_uri(at + 1, &uri) || *uri.end != '>')
		return SIMPLE_NOT;
	at = uri.end + 1;
	if (*at) {
		char *value = after_word(at, ";tag=");
		if (!value || skip(value, VALUE) == value || *skip(value, VALUE))
			return SIMPLE_NOT;
		tag = at + 1;
	}

	if (tag && !(address->a_params = header_room_list(room, 1)))
		return SIMPLE_NO_MEMORY;
	if (tag)
		((msg_param_t *)address->a_params)[0] = tag;
	address->a_tag = tag ? tag + strlen("tag=") : NULL;
	*uri.end = '\0';
	take_uri(&uri, address->a_url);
	address->a_display =
		display_end ? text : ""; /* without one the brackets would not be printed */
	cut_before(display_end ? display_end + 1 : NULL);
	return SIMPLE_READ;
}

enum simple_field simple_field_route(sip_route_t *route, char *text)
{
	struct uri uri;

	if (*text != '<' || !find_uri(text + 1, &uri) || uri.end[0] != '>' || uri.end[1])
		return SIMPLE_NOT;
	*uri.end = '\0';
	take_uri(&uri, route->r_url);
	route->r_display = "";
	return SIMPLE_READ;
}

/* Those of requests that come often; the rest is read by Sofia. */
static const struct {
	sip_method_t method;
	unsigned char len;
	char name[10];
} methods[] = {
	{ sip_method_message, 7, "MESSAGE" }, { sip_method_invite, 6, "INVITE" },
	{ sip_method_ack, 3, "ACK" },         { sip_method_bye, 3, "BYE" },
	{ sip_method_notify, 6, "NOTIFY" },   { sip_method_subscribe, 9, "SUBSCRIBE" },
	{ sip_method_options, 7, "OPTIONS" }, { sip_method_cancel, 6, "CANCEL" },
	{ sip_method_publish, 7, "PUBLISH" }, { sip_method_register, 8, "REGISTER" },
};

/* What follows the name of a method, or NULL. */
static char *after_method(char *text, sip_method_t *out)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (methods[i].name[0] != text[0] ||
		    strncmp(text, methods[i].name, methods[i].len) != 0)
			continue;
		*out = methods[i].method;
		return text + methods[i].len;
	}
	return NULL;
}

/* A number of up to nine digits. */
static char *after_number(char *text, uint32_t *out)
{
	char *end = skip(text, DIGIT);
	uint32_t number = 0;

	if (end == text || end - text > 9)
		return NULL;
	for (; text < end; text++)
		number = 10 * number + (uint32_t)(*text - '0');
	*out = number;
	return end;
}

enum simple_field simple_field_number(uint32_t *out, char *text)
{
	char *end = after_number(text, out);

	return end && !*end ? SIMPLE_READ : SIMPLE_NOT;
}

enum simple_field simple_field_cseq(sip_cseq_t *cseq, char *text)
{
	uint32_t number;
	sip_method_t method;
	char *at = after_number(text, &number);

	at = at && *at == ' ' ? after_method(at + 1, &method) : NULL;
	if (!at || *at)
		return SIMPLE_NOT;
	cseq->cs_seq = number;
	cseq->cs_method = method;
	cseq->cs_method_name = sip_method_name(method, NULL);
	return SIMPLE_READ;
}

enum simple_field simple_field_call_id(sip_call_id_t *call_id, char *text)
{
	char *end = skip(text, WORD);

	if (end == text)
		return SIMPLE_NOT;
	if (*end == '@') {
		char *host = end + 1;
		end = skip(host, WORD);
		if (end == host)
			return SIMPLE_NOT;
	}
	if (*end)
		return SIMPLE_NOT;
	call_id->i_id = text;
	return SIMPLE_READ;
}

/* "SIP/2.0 200 OK" */
enum simple_field simple_field_status(sip_status_t *status, char *text)
{
	char *code = after_word(text, "SIP/2.0 ");
	uint32_t number;
	char *at = code ? after_number(code, &number) : NULL;

	if (!at || at != code + 3 || *at != ' ' || !(sets[(unsigned char)at[1]] & VALUE))
		return SIMPLE_NOT;
	status->st_version = sip_version_2_0;
	status->st_status = (int)number;
	status->st_phrase = at + 1;
	return SIMPLE_READ;
}

enum simple_field simple_field_request(sip_request_t *request, char *text)
{
	sip_method_t method;
	char *at = after_method(text, &method);
	struct uri uri;

	if (!at || *at != ' ' || !find_uri(at + 1, &uri) || *uri.end != ' ' ||
	    strcmp(uri.end + 1, sip_version_2_0) != 0)
		return SIMPLE_NOT;
	*uri.end = '\0';
	take_uri(&uri, request->rq_url);
	request->rq_method = method;
	request->rq_method_name = sip_method_name(method, NULL);
	request->rq_version = sip_version_2_0;
	return SIMPLE_READ;
}

static const char *protocol_of(char *text, char **out_end)
{
	enum { LEN = sizeof("SIP/2.0/UDP") - 1 };
	const char *const protocols[] = { sip_transport_udp, sip_transport_tcp,
					  sip_transport_tls };

	for (size_t i = 0; i < COUNT(protocols); i++)
		if (strncmp(text, protocols[i], LEN) == 0 && text[LEN] == ' ') {
			*out_end = text + LEN + 1;
			return protocols[i];
		}
	return NULL;
}

enum { BRANCH, RPORT, RECEIVED, N_PARAMS };

static const char *const via_params[N_PARAMS] = { "branch", "rport", "received" };

/* Where each parameter begins and which it is, in their order. */
struct via_param_list {
	char *texts[N_PARAMS];
	unsigned which[N_PARAMS];
	size_t n;
};

static bool has_param(const struct via_param_list *list, unsigned which)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->which[i] == which)
			return true;
	return false;
}

/* False if there is one that is not read here, or one twice. */
static bool find_via_params(char *at, struct via_param_list *list)
{
	list->n = 0;
	while (*at == ';') {
		char *text = at + 1, *end = NULL;
		unsigned which = 0;

		while (which < N_PARAMS && (*text != *via_params[which] ||
					    !(end = after_word(text, via_params[which]))))
			which++;
		if (!end || has_param(list, which))
			return false;
		at = *end == '=' ? skip(end + 1, VALUE) : end;
		if (at == end + 1)
			return false; /* "branch=" */
		list->texts[list->n] = text;
		list->which[list->n++] = which;
	}
	return *at == '\0';
}

static bool take_via_params(struct header_room *room, sip_via_t *via,
			    const struct via_param_list *list)
{
	const char **const values[N_PARAMS] = { &via->v_branch, &via->v_rport,
						&via->v_received };

	msg_param_t *params = list->n > 0 ? header_room_list(room, list->n) : NULL;

	if (list->n > 0 && !params)
		return false;
	for (size_t i = 0; i < list->n; i++)
		params[i] = list->texts[i];
	via->v_params = params;
	for (size_t i = 0; i < list->n; i++)
		cut_before(list->texts[i]);
	for (size_t i = 0; i < list->n; i++) {
		const char *end = list->texts[i] + strlen(via_params[list->which[i]]);
		*values[list->which[i]] = *end == '=' ? end + 1 : end;
	}
	return true;
}

/* In a Via Sofia's parser looks at the number as well; in a URI it does not. */
static bool is_port(const struct place *place)
{
	uint32_t port;

	return !place->port || (place->end - place->port <= 5 &&
				after_number(place->port, &port) && port <= UINT16_MAX);
}

enum simple_field simple_field_via(struct header_room *room, sip_via_t *via, char *text)
{
	struct via_param_list params;
	struct place place;
	char *at = NULL;
	const char *protocol = protocol_of(text, &at);

	if (!protocol || !find_place(at, &place) || !is_port(&place) ||
	    !find_via_params(place.end, &params))
		return SIMPLE_NOT;
	if (!take_via_params(room, via, &params))
		return SIMPLE_NO_MEMORY;
	cut_before(place.port);
	*place.end = '\0';
	via->v_protocol = protocol;
	via->v_host = place.host;
	via->v_port = place.port;
	return SIMPLE_READ;
}
