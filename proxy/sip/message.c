#include "proxy/sip/message.h"

#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/text.h"
#include "proxy/sip/header_room.h"
#include "proxy/sip/message_bounds.h"
#include "proxy/sip/message_class.h"
#include "proxy/sip/message_extract.h"

enum {
	EDITS_SIZE = 256,
	MAX_PRELOAD = 65528, /* su_home's bound */
};

/* One piece holds the bytes, the headers' structs and their private copies. Of the message's
 * home it is one that frees them at once, with some room for edits, if it is not too large. */
static enum err take_apart(msg_t *msg, const char *bytes, size_t len,
			   const struct message_bounds *bounds)
{
	const size_t whole = (len + 1 + 7) & ~(size_t)7;
	struct header_room room = { .home = msg_home(msg),
				    .left = message_extract_size(bounds) };

	if (whole + room.left + EDITS_SIZE <= MAX_PRELOAD)
		su_home_preload(room.home, 1, (isize_t)(whole + room.left + EDITS_SIZE));
	char *copy = su_alloc(room.home, (isize_t)(whole + room.left));
	if (!copy)
		return ERR_NO_MEMORY;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	room.at = copy + whole;
	return message_extract(msg, copy, len, bounds, &room);
}

static unsigned n_fields(const void *first)
{
	unsigned n = 0;

	for (const msg_header_t *header = first; header; header = header->sh_next)
		n++;
	return n;
}

static enum err check_parsed(const sip_t *sip)
{
	if (!sip->sip_via || !sip->sip_from || !sip->sip_to || !sip->sip_call_id ||
	    !sip->sip_cseq)
		return ERR_SYNTAX;
	if (n_fields(sip->sip_via) > MESSAGE_MAX_VIAS ||
	    n_fields(sip->sip_route) > MESSAGE_MAX_ROUTES ||
	    n_fields(sip->sip_record_route) > MESSAGE_MAX_ROUTES)
		return ERR_LIMIT;
	return ERR_OK;
}

enum err message_parse(const void *bytes, size_t len, msg_t **out)
{
	struct message_bounds bounds;
	const msg_mclass_t *class = message_class();

	if (!class)
		return ERR_NO_MEMORY;
	enum err err = message_bounds_find(bytes, len, &bounds);
	if (err)
		return err;

	msg_t *msg = msg_create(class, 0);
	if (!msg)
		return ERR_NO_MEMORY;
	err = take_apart(msg, (const char *)bytes + bounds.start, len - bounds.start, &bounds);
	if (!err)
		err = check_parsed(message_sip(msg));
	if (err) {
		msg_destroy(msg);
		return err;
	}
	*out = msg;
	return ERR_OK;
}

msg_t *message_ref(msg_t *msg)
{
	return msg_ref_create(msg);
}

msg_t *message_unref(msg_t *msg)
{
	msg_destroy(msg);
	return NULL;
}

/* Sets Content-Length to what the body has. */
static enum err correct_content_length(msg_t *msg)
{
	sip_t *sip = message_sip(msg);
	size_t len = sip->sip_payload ? sip->sip_payload->pl_len : 0;
	sip_content_length_t *length = sip->sip_content_length;

	if (length && length->l_length == len)
		return ERR_OK;
	if (length) {
		length->l_length = (uint32_t)len;
		sip_fragment_clear(length->l_common);
		return ERR_OK;
	}

	length = sip_content_length_create(msg_home(msg), (uint32_t)len);
	if (!length || msg_header_insert(msg, NULL, (msg_header_t *)length) < 0)
		return ERR_NO_MEMORY;
	return ERR_OK;
}

/* Room for all that keeps its bytes, and a guess for the rest. */
static size_t guess_size(const msg_t *msg)
{
	size_t size = 64;

	for (const msg_header_t *header = *msg_chain_head(msg); header;
	     header = header->sh_succ)
		size += header->sh_data ? header->sh_len : 192;
	return size;
}

/* Prints into wire; ERR_LIMIT when it is too small. */
static enum err print_headers(const msg_t *msg, struct wire *wire)
{
	for (const msg_header_t *header = *msg_chain_head(msg); header;
	     header = header->sh_succ) {
		size_t room = wire->size - wire->len;

		if (header->sh_data) {
			if (header->sh_len > room)
				return ERR_LIMIT;
			memcpy(wire->bytes + wire->len, header->sh_data, header->sh_len);
			wire->len += header->sh_len;
			continue;
		}
		issize_t len = msg_header_e(wire->bytes + wire->len, (isize_t)room, header, 0);
		if (len < 0 || (size_t)len + 1 >= room)
			return ERR_LIMIT;
		wire->len += (size_t)len;
	}
	return ERR_OK;
}

/* What was parsed has its chain, and all that was added since went into it, too. */
static enum err complete_chain(msg_t *msg)
{
	sip_t *sip = message_sip(msg);

	if (sip->sip_separator && sip->sip_separator->sep_common->h_prev)
		return ERR_OK;
	if (!sip->sip_separator)
		sip->sip_separator = sip_separator_create(msg_home(msg));
	if (!sip->sip_separator)
		return ERR_NO_MEMORY;
	return msg_serialize(msg, NULL) < 0 ? ERR_INVALID : ERR_OK;
}

enum err message_print(msg_t *msg, struct wire **out)
{
	enum err err = complete_chain(msg);
	if (err)
		return err;
	err = correct_content_length(msg);
	if (err)
		return err;

	for (size_t size = guess_size(msg); size <= 4 * (size_t)MESSAGE_MAX_BYTES; size *= 2) {
		struct wire *wire = wire_new(size);
		if (!wire)
			return ERR_NO_MEMORY;
		if (!print_headers(msg, wire)) {
			*out = wire;
			return ERR_OK;
		}
		wire_unref(wire);
	}
	return ERR_TOO_LARGE;
}

/* A header's text after its colon, unfolded and trimmed, in the message's memory. */
static const char *raw_value(const msg_t *msg, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	if (!colon)
		return NULL;

	const char *start = colon + 1, *end = line + len;
	while (start < end && strchr(" \t\r\n", *start))
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	char *value = su_strndup(msg_home(msg), start, (isize_t)(end - start));
	for (char *c = value; c && *c; c++)
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	return value;
}

const char *message_header_at(const msg_t *msg, const char *name, unsigned n)
{
	const char *full_name = message_class_full_name(name);

	for (const msg_header_t *header = *msg_chain_head(msg); header;
	     header = header->sh_succ) {
		const char *its_name = message_class_name(header);
		if (!its_name || strcasecmp(its_name, full_name) != 0 || n-- > 0)
			continue;
		if (header->sh_class->hc_hash == sip_unknown_class->hc_hash &&
		    !strpbrk(header->sh_unknown->un_value, "\r\n"))
			return header->sh_unknown->un_value;
		if (header->sh_data)
			return raw_value(msg, header->sh_data, header->sh_len);

		char *line = sip_header_as_string(msg_home(msg), (const sip_header_t *)header);
		return line;
	}
	return NULL;
}

const char *message_header(const msg_t *msg, const char *name)
{
	return message_header_at(msg, name, 0);
}

const char *message_method(const sip_t *sip)
{
	return sip->sip_request ? sip->sip_request->rq_method_name
				: sip->sip_cseq->cs_method_name;
}

static bool unescape(const char *text, char *out, size_t size)
{
	if (!text)
		text = "";
	if (!strchr(text, '%'))
		return text_copy(out, size, text);
	size_t len = url_unescape_to(NULL, text, strlen(text) + 1);
	if (len >= size)
		return false;
	url_unescape_to(out, text, strlen(text) + 1);
	out[len] = '\0';
	return memchr(out, '\0', len) == NULL; /* %00: what follows would be hidden */
}

static bool is_our_scheme(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips ||
	       url->url_type == url_tel;
}

bool message_uri_parts(const url_t *url, char *user, size_t user_size, char *host,
		       size_t host_size)
{
	if (!is_our_scheme(url) || !unescape(url->url_user, user, user_size))
		return false;
	if (url->url_type == url_tel) {
		host[0] = '\0';
		return true;
	}
	return url->url_host && text_domain(url->url_host, host, host_size);
}
