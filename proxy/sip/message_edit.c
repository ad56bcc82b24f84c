#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_string.h>

#include "proxy/base/text.h"
#include "proxy/sip/message.h"
#include "proxy/sip/message_chain.h"
#include "proxy/sip/message_class.h"
#include "proxy/sip/simple_field.h"

/* A URI from between angle brackets may be of any scheme and hold spaces, even folds, which
 * would tear the request line. */
static bool fits_request_line(const url_t *uri)
{
	if (uri->url_type != url_sip && uri->url_type != url_sips && uri->url_type != url_tel)
		return false;
	if (uri->url_path) /* no SIP URI has one, and Sofia prints it without its slash */
		return false;
	const char *parts[] = { uri->url_scheme, uri->url_user, uri->url_password,
				uri->url_host,   uri->url_port, uri->url_params };

	for (size_t i = 0; i < COUNT(parts); i++)
		for (const char *c = parts[i]; c && *c; c++)
			if ((unsigned char)*c <= ' ' || strchr("<>\"", *c))
				return false;
	return true;
}

enum err message_set_request_uri(msg_t *msg, const url_t *uri)
{
	sip_request_t *request = message_sip(msg)->sip_request;
	if (!request || !fits_request_line(uri))
		return ERR_SYNTAX;

	url_t *copy = url_hdup(msg_home(msg), uri);
	if (!copy)
		return ERR_NO_MEMORY;
	copy->url_headers = NULL; /* not allowed here: RFC 3261 §19.1.1, table 1 */
	copy->url_fragment = NULL;
	*request->rq_url = *copy;
	sip_fragment_clear(request->rq_common);
	return ERR_OK;
}

/* Text that would end the header line, or the message, is none of ours. */
static bool is_one_line(const char *text)
{
	return !strpbrk(text, "\r\n");
}

/* Inserts what was made of a text; NULL means that it could not be made. */
static enum err insert(msg_t *msg, void *header)
{
	if (!header)
		return ERR_SYNTAX;
	return msg_header_insert(msg, NULL, header) < 0 ? ERR_NO_MEMORY : ERR_OK;
}

enum err message_set_max_forwards(msg_t *msg, unsigned hops)
{
	enum { LINE_SIZE = 48 };
	sip_max_forwards_t *max = message_sip(msg)->sip_max_forwards;
	const size_t name_len = strlen("Max-Forwards: ");
	char number[24], *line;
	size_t len;

	if (!max)
		return insert(msg,
			      sip_max_forwards_make(msg_home(msg), text_number(hops, number)));
	/* Each request has it changed, and Sofia prints numbers with printf. */
	line = su_alloc(msg_home(msg), LINE_SIZE);
	if (!line)
		return ERR_NO_MEMORY;
	memcpy(line, "Max-Forwards: ", name_len);
	len = text_append(line, LINE_SIZE, name_len, text_number(hops, number));
	memcpy(line + len, "\r\n", 3);
	max->mf_count = hops;
	max->mf_common->h_data = line;
	max->mf_common->h_len = (usize_t)len + 2;
	return ERR_OK;
}

static sip_unknown_t *find_unknown(const msg_t *msg, const char *name)
{
	for (sip_unknown_t *header = message_sip(msg)->sip_unknown; header;
	     header = header->un_next)
		if (strcasecmp(header->un_name, name) == 0)
			return header;
	return NULL;
}

enum err message_set_max_breadth(msg_t *msg, unsigned breadth)
{
	sip_unknown_t *header = find_unknown(msg, "Max-Breadth");
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", breadth);
	if (!header)
		return message_add_header(msg, "Max-Breadth", text);

	const char *value = su_strdup(msg_home(msg), text);
	if (!value)
		return ERR_NO_MEMORY;
	header->un_value = value;
	sip_fragment_clear(header->un_common);
	return ERR_OK;
}

bool message_has_max_breadth(const msg_t *msg)
{
	return find_unknown(msg, "Max-Breadth") != NULL;
}

unsigned message_max_breadth(const msg_t *msg, unsigned preset)
{
	const sip_unknown_t *header = find_unknown(msg, "Max-Breadth");
	if (!header || header->un_value[0] < '0' || header->un_value[0] > '9')
		return preset;

	char *end;
	unsigned long value = strtoul(header->un_value, &end, 10);
	return *end == '\0' && value <= INT32_MAX ? (unsigned)value : preset;
}

/* A Route or Record-Route of an entry as ours are, in one piece with the line as it will be
 * sent; NULL without memory or of another text. */
static msg_header_t *plain_route(su_home_t *home, msg_hclass_t *class, const char *value)
{
	const size_t name_len = strlen(class->hc_name), len = strlen(value);
	const size_t n_line = name_len + strlen(": \r\n") + len;
	char *text = su_alloc(home, (isize_t)((size_t) class->hc_size + len + 1 + n_line + 1));
	msg_header_t *header = (msg_header_t *)(void *)text;

	if (!header)
		return NULL;
	memset(header, 0, (size_t) class->hc_size);
	header->sh_class = class;
	text += class->hc_size;
	memcpy(text, value, len + 1);
	if (simple_field_route((sip_route_t *)header, text) != SIMPLE_READ)
		return NULL;

	char *line = text + len + 1;
	memcpy(line, class->hc_name, name_len);
	memcpy(line + name_len, ": ", 2);
	memcpy(line + name_len + 2, value, len);
	memcpy(line + name_len + 2 + len, "\r\n", 3);
	header->sh_data = line;
	header->sh_len = (usize_t)n_line;
	return header;
}

/* Before all others of its kind. */
static enum err push_route(msg_t *msg, msg_hclass_t *class, const char *value,
			   msg_header_t **first)
{
	msg_header_t *header;

	if (!is_one_line(value))
		return ERR_SYNTAX;
	header = plain_route(msg_home(msg), class, value);
	if (!header)
		header = msg_header_make(msg_home(msg), class, value);
	return header ? message_chain_prepend(msg, first, header) : ERR_SYNTAX;
}

enum err message_push_record_route(msg_t *msg, const char *value)
{
	return push_route(msg, sip_record_route_class, value,
			  (msg_header_t **)&message_sip(msg)->sip_record_route);
}

enum err message_push_route(msg_t *msg, const char *value)
{
	return push_route(msg, sip_route_class, value,
			  (msg_header_t **)&message_sip(msg)->sip_route);
}

enum err message_append_route(msg_t *msg, const url_t *uri)
{
	sip_route_t *route = sip_route_create(msg_home(msg), uri, NULL);
	if (!route)
		return ERR_NO_MEMORY;
	route->r_url->url_headers = NULL; /* as in a Request-URI, which it becomes again */
	return insert(msg, route);
}

void message_pop_route(msg_t *msg)
{
	message_chain_remove_first(msg, (msg_header_t **)&message_sip(msg)->sip_route);
}

void message_remove_last_route(msg_t *msg)
{
	sip_route_t *last = message_sip(msg)->sip_route;

	while (last && last->r_next)
		last = last->r_next;
	msg_header_remove(msg, NULL, (msg_header_t *)last);
}

/* Sofia keeps the faulty, and the second of what may be once, on a list that msg_header_remove
 * overlooks. */
static void remove_error(msg_t *msg, const msg_header_t *header)
{
	for (sip_error_t **link = &message_sip(msg)->sip_error; *link; link = &(*link)->er_next)
		if ((const void *)*link == header) {
			*link = (*link)->er_next;
			return;
		}
}

void message_remove_header(msg_t *msg, const char *name)
{
	const char *full_name = message_class_full_name(name);
	msg_header_t *next;

	for (msg_header_t *header = *msg_chain_head(msg); header; header = next) {
		const char *its_name = message_class_name(header);

		next = header->sh_succ;
		if (!its_name || strcasecmp(its_name, full_name) != 0)
			continue;
		remove_error(msg, header);
		msg_header_remove(msg, NULL, header);
	}
}

enum err message_add_header(msg_t *msg, const char *name, const char *value)
{
	su_home_t *home = msg_home(msg);
	const msg_mclass_t *class = message_class();

	if (!is_one_line(value) || !is_one_line(name))
		return ERR_SYNTAX;
	const msg_href_t *ref = msg_find_hclass(class, name, NULL);
	if (ref != class->mc_unknown && ref != class->mc_error)
		return insert(msg, msg_header_make(home, ref->hr_class, value));

	char *line = su_sprintf(home, "%s: %s", name, value);
	if (!line)
		return ERR_NO_MEMORY;
	return insert(msg, sip_unknown_make(home, line));
}
