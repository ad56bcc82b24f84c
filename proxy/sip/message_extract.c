#include "proxy/sip/message_extract.h"

#include <string.h>

#include <sofia-sip/bnf.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/sip/message.h"
#include "proxy/sip/message_class.h"
#include "proxy/sip/simple_field.h"

enum {
	STRUCT_SIZE = 144, /* of one header about, with the end of its text: From has 168, an unknown one 56 */
	LIST_SIZE = 96,    /* of one header's parameters, about */
};

struct extraction {
	msg_t *msg;
	const msg_mclass_t *class;
	msg_header_t **tail; /* of the chain, where the next header goes */
	char *room;          /* for headers' structs, in one piece: nothing of them is ever given back alone */
	size_t left;
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
	return (msg_header_t **)(void *)((char *)msg_object(extraction->msg) + ref->hr_offset);
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

static msg_header_t *new_header(struct extraction *extraction, msg_hclass_t *class, size_t text_len)
{
	const size_t size = (class->hc_size + text_len + 1 + 7) & ~(size_t)7;
	msg_header_t *header = (msg_header_t *)(void *)extraction->room;

	if (size > extraction->left)
		return msg_header_alloc(msg_home(extraction->msg), class, (isize_t)text_len + 1);
	extraction->room += size;
	extraction->left -= size;
	memset(header, 0, class->hc_size);
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

static enum simple_field read_simple(su_home_t *home, msg_header_t *header, char *text)
{
	sip_header_t *sip_header = (sip_header_t *)header;

	switch (header->sh_class->hc_hash) {
	case sip_request_hash:
		return simple_field_request(sip_header->sh_request, text);
	case sip_route_hash:
	case sip_record_route_hash:
		return simple_field_route(sip_header->sh_route, text); /* the same struct, too */
	case sip_via_hash:
		return simple_field_via(home, sip_header->sh_via, text);
	case sip_from_hash:
	case sip_to_hash:
		return simple_field_address(home, sip_header->sh_from, text); /* To is the same struct */
	case sip_cseq_hash:
		return simple_field_cseq(sip_header->sh_cseq, text);
	case sip_max_forwards_hash:
	case sip_content_length_hash:
		return read_number(header, text);
	default:
		return SIMPLE_NOT;
	}
}

/* A header of that class with a copy of the text, which its parser cuts into pieces. False without memory;
 * *out is NULL if it could not be read. */
static bool parse(struct extraction *extraction, const msg_href_t *ref, const char *text, size_t len,
		  msg_header_t **out)
{
	su_home_t *home = msg_home(extraction->msg);
	msg_hclass_t *class = ref->hr_class;
	msg_header_t *header = new_header(extraction, class, len);

	if (!header)
		return false;
	char *copy = (char *)header + class->hc_size;
	memcpy(copy, text, len);
	copy[len] = '\0';

	*out = header;
	switch (read_simple(home, header, copy)) {
	case SIMPLE_READ:
		return true;
	case SIMPLE_NO_MEMORY:
		return false;
	case SIMPLE_NOT:
		break;
	}
	/* A list on several lines is one. */
	msg_header_t *first = class->hc_kind == msg_kind_list ? *place_of(extraction, ref) : NULL;
	if (class->hc_parse(home, first ? first : header, copy, (isize_t)len) < 0)
		*out = NULL;
	return true;
}

static enum err take_faulty(struct extraction *extraction, const char *name, const struct line *line)
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
	const msg_href_t *ref = message_class_find(text, &after_colon);
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

/* The line at start, to be gone on with at its end. */
static struct line line_at(const char *start)
{
	const char *end = start;

	do
		end = strchr(end, '\n') + 1; /* the bounds have seen that there is one */
	while (*end == ' ' || *end == '\t');
	return (struct line){ start, (size_t)(end - start) };
}

static enum err take_start_line(struct extraction *extraction, const struct line *line)
{
	const msg_mclass_t *class = extraction->class;
	const msg_href_t *ref =
		line->start[span_token(line->start)] == '/' ? class->mc_status : class->mc_request;
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

/* As much as Content-Length says, or all. One that is cut short is left out: message_check will find that. */
static enum err take_body(struct extraction *extraction, const char *bytes, size_t len)
{
	const sip_content_length_t *length = message_sip(extraction->msg)->sip_content_length;
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

static size_t structs_size(size_t body, unsigned n_lines)
{
	return body + (n_lines + 3) * (size_t)STRUCT_SIZE; /* the start line, the separator and the body have one too */
}

size_t message_extract_size(size_t body, unsigned n_lines)
{
	return structs_size(body, n_lines) + n_lines * (size_t)LIST_SIZE;
}

enum err message_extract(msg_t *msg, const char *bytes, size_t len, size_t body, unsigned n_lines)
{
	struct extraction extraction = { .msg = msg, .class = message_class(), .left = structs_size(body, n_lines) };
	const char *empty_line = bytes + body - 2;
	struct line line = line_at(bytes);

	extraction.room = su_alloc(msg_home(msg), (isize_t)extraction.left);
	if (!extraction.room)
		return ERR_NO_MEMORY;
	enum err err = take_start_line(&extraction, &line);
	if (!err)
		err = take_separator(&extraction, empty_line);
	if (err)
		return err;
	/* Sofia makes the chain of these two, so that it knows its end; the headers go between them. */
	if (msg_serialize(msg, NULL) < 0)
		return ERR_INVALID;
	msg_header_t *separator = (msg_header_t *)message_sip(msg)->sip_separator;
	extraction.tail = separator->sh_prev;
	while (!err && line.start + line.len < empty_line) {
		line = line_at(line.start + line.len);
		err = take_header(&extraction, &line);
	}
	*extraction.tail = separator;
	separator->sh_prev = extraction.tail;
	return err ? err : take_body(&extraction, bytes + body, len - body);
}
