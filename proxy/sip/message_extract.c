#include "proxy/sip/message_extract.h"

#include <string.h>

#include <sofia-sip/bnf.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/sip/header_room.h"
#include "proxy/sip/message.h"
#include "proxy/sip/message_chain.h"
#include "proxy/sip/message_class.h"
#include "proxy/sip/simple_field.h"

enum {
	/* of one header about, with the end of its text and its parameters: From has 168 and
	 * 64, an unknown one 56 */
	HEADER_SIZE = 192,
	OTHERS_SIZE = 512, /* start line, separator and body */
};

struct extraction {
	msg_t *msg;
	sip_t *sip; /* of msg */
	const msg_mclass_t *class;
	msg_header_t **tail; /* of the chain, where the next header goes */
	struct header_room room;
};

/* One line, with those that continue it and its CRLF, as it stands in the message. */
struct line {
	const char *start;
	size_t len;
};

static bool is_lws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static msg_header_t **place_of(const struct extraction *extraction, const msg_href_t *ref)
{
	return (msg_header_t **)(void *)((char *)extraction->sip + ref->hr_offset);
}

/* The entries of one line share its bytes: the first has all of them. */
static void set_bytes(msg_header_t *header, const struct line *line)
{
	header->sh_data = line->start;
	header->sh_len = (usize_t)line->len;
	while ((header = header->sh_next))
		header->sh_data = line->start + line->len;
}

static void append_to_chain(struct extraction *extraction, msg_header_t *header)
{
	*extraction->tail = header;
	header->sh_prev = extraction->tail;
	while (header->sh_succ)
		header = header->sh_succ;
	extraction->tail = &header->sh_succ;
}

/* The second of what may be once counts as an error. */
static void append(struct extraction *extraction, const msg_href_t *ref, msg_header_t *header)
{
	msg_header_t **place = place_of(extraction, ref);

	append_to_chain(extraction, header);
	if (*place && ref->hr_class->hc_kind == msg_kind_single)
		place = place_of(extraction, extraction->class->mc_error);
	while (*place)
		place = &(*place)->sh_next;
	*place = header;
}

/* Where there is room, so many bytes are cleared whatever the struct is: that takes no call and
 * no loop, and what lies behind it is written later. What finds no room in it any more is
 * longer. */
static msg_header_t *new_header(struct extraction *extraction, msg_hclass_t *class,
				size_t text_len)
{
	enum { CLEARED = 176 };
	const bool has_room =
		extraction->room.left >= CLEARED && (size_t) class->hc_size <= CLEARED;
	msg_header_t *header =
		header_room_take(&extraction->room, (size_t) class->hc_size + text_len + 1);

	if (!header)
		return NULL;
	if (has_room)
		memset(header, 0, CLEARED);
	else
		memset(header, 0, (size_t) class->hc_size);
	header->sh_class = class;
	return header;
}

static enum simple_field read_number(msg_header_t *header, char *text)
{
	sip_header_t *sip_header = (sip_header_t *)header;
	uint32_t number;
	enum simple_field read = simple_field_number(&number, text);

	if (read == SIMPLE_READ && header->sh_class->hc_hash == sip_max_forwards_hash)
		sip_header->sh_max_forwards->mf_count = number;
	else if (read == SIMPLE_READ)
		sip_header->sh_content_length->l_length = number;
	return read;
}

static enum simple_field read_simple(struct header_room *room, msg_header_t *header, char *text)
{
	sip_header_t *sip_header = (sip_header_t *)header;

	switch (header->sh_class->hc_hash) {
	case sip_request_hash:
		return simple_field_request(sip_header->sh_request, text);
	case sip_status_hash:
		return simple_field_status(sip_header->sh_status, text);
	case sip_route_hash:
	case sip_record_route_hash:
		/* the same struct, too */
		return simple_field_route(sip_header->sh_route, text);
	case sip_via_hash:
		return simple_field_via(room, sip_header->sh_via, text);
	case sip_from_hash:
	case sip_to_hash:
		/* To is the same struct */
		return simple_field_address(room, sip_header->sh_from, text);
	case sip_cseq_hash:
		return simple_field_cseq(sip_header->sh_cseq, text);
	case sip_call_id_hash:
		return simple_field_call_id(sip_header->sh_call_id, text);
	case sip_max_forwards_hash:
	case sip_content_length_hash:
		return read_number(header, text);
	default:
		return SIMPLE_NOT;
	}
}

/* A header of that class with a copy of the text, which its parser cuts into pieces. False
 * without memory; *out is NULL if it could not be read. */
static bool parse(struct extraction *extraction, const msg_href_t *ref, const char *text,
		  size_t len, msg_header_t **out)
{
	msg_hclass_t *class = ref->hr_class;
	msg_header_t *header = new_header(extraction, class, len);

	if (!header)
		return false;
	char *copy = (char *)header + class->hc_size;
	memcpy(copy, text, len);
	copy[len] = '\0';

	*out = header;
	switch (read_simple(&extraction->room, header, copy)) {
	case SIMPLE_READ:
		return true;
	case SIMPLE_NO_MEMORY:
		return false;
	case SIMPLE_NOT:
		break;
	}
	/* A list on several lines is one. */
	msg_header_t *first =
		class->hc_kind == msg_kind_list ? *place_of(extraction, ref) : NULL;
	if (class->hc_parse(extraction->room.home, first ? first : header, copy, (isize_t)len) <
	    0)
		*out = NULL;
	return true;
}

static enum err take_faulty(struct extraction *extraction, const char *name,
			    const struct line *line)
{
	const msg_href_t *ref = extraction->class->mc_error;
	msg_header_t *header = new_header(extraction, ref->hr_class, 0);

	if (!header)
		return ERR_NO_MEMORY;
	header->sh_error->er_name = name;
	set_bytes(header, line);
	append(extraction, ref, header);
	return ERR_OK;
}

static enum err take_header(struct extraction *extraction, const struct line *line)
{
	const char *text = line->start, *end = line->start + line->len;
	isize_t after_colon;
	const msg_href_t *ref = message_class_find(text, line->len, &after_colon);
	msg_header_t *header;

	if (after_colon == 0)
		return take_faulty(extraction, NULL, line);
	if (ref != extraction->class->mc_unknown) /* which takes its name from the text */
		text += after_colon;
	while (end > text && is_lws(end[-1]))
		end--;
	while (text < end && is_lws(*text))
		text++;

	if (!parse(extraction, ref, text, (size_t)(end - text), &header))
		return ERR_NO_MEMORY;
	if (!header)
		return take_faulty(extraction, ref->hr_class->hc_name, line);
	set_bytes(header, line);
	append(extraction, ref, header);
	return ERR_OK;
}

static enum err take_start_line(struct extraction *extraction, const struct line *line)
{
	const msg_mclass_t *class = extraction->class;
	const msg_href_t *ref = line->start[span_token(line->start)] == '/' ? class->mc_status
									    : class->mc_request;
	msg_header_t *header;

	if (!parse(extraction, ref, line->start, line->len - 2, &header))
		return ERR_NO_MEMORY;
	if (!header)
		return ERR_SYNTAX;
	set_bytes(header, line);
	*place_of(extraction, ref) = header;
	return ERR_OK;
}

static enum err take_separator(struct extraction *extraction, const char *empty_line)
{
	const msg_href_t *ref = extraction->class->mc_separator;
	const struct line line = { empty_line, 2 };
	msg_header_t *header;

	if (!parse(extraction, ref, line.start, line.len, &header) || !header)
		return ERR_NO_MEMORY;
	set_bytes(header, &line);
	*place_of(extraction, ref) = header;
	return ERR_OK;
}

/* As much as Content-Length says, or all. One that is cut short is left out: message_check will
 * find that. */
static enum err take_body(struct extraction *extraction, const char *bytes, size_t len)
{
	const sip_content_length_t *length = extraction->sip->sip_content_length;
	msg_header_t *header;

	if (length && length->l_length > len)
		return ERR_OK;
	if (length)
		len = length->l_length;
	if (len == 0)
		return ERR_OK;
	header = new_header(extraction, extraction->class->mc_payload->hr_class, 0);
	if (!header)
		return ERR_NO_MEMORY;
	header->sh_payload->pl_data = (char *)bytes;
	header->sh_payload->pl_len = (usize_t)len;
	set_bytes(header, &(struct line){ bytes, len });
	return msg_header_insert(extraction->msg, NULL, header) < 0 ? ERR_NO_MEMORY : ERR_OK;
}

size_t message_extract_size(const struct message_bounds *bounds)
{
	return bounds->body + bounds->n_lines * (size_t)HEADER_SIZE + OTHERS_SIZE;
}

static enum err take_headers(struct extraction *extraction, const char *bytes,
			     const struct message_bounds *bounds)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; !err && i < bounds->n_lines; i++) {
		const size_t at = bounds->lines[i];
		const struct line line = { bytes + at, bounds->lines[i + 1] - at };

		err = take_header(extraction, &line);
	}
	return err;
}

enum err message_extract(msg_t *msg, const char *bytes, size_t len,
			 const struct message_bounds *bounds, struct header_room *room)
{
	struct extraction extraction = {
		.msg = msg, .sip = message_sip(msg), .class = message_class(), .room = *room
	};
	const struct line start_line = { bytes, bounds->lines[0] };

	enum err err = take_start_line(&extraction, &start_line);
	if (!err)
		err = take_separator(&extraction, bytes + bounds->body - 2);
	if (!err)
		err = message_chain_begin(msg);
	if (err)
		return err;
	msg_header_t *separator = (msg_header_t *)extraction.sip->sip_separator;
	extraction.tail = separator->sh_prev; /* the headers go between these two */
	err = take_headers(&extraction, bytes, bounds);
	*extraction.tail = separator;
	separator->sh_prev = extraction.tail;
	return err ? err : take_body(&extraction, bytes + bounds->body, len - bounds->body);
}
