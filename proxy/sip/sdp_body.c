#include "proxy/sip/sdp_body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mime.h>
#include <sofia-sip/su_alloc.h>

enum { MAX_PARTS = 16, MAX_DEPTH = 4 };

static bool is_sdp(const msg_content_type_t *type)
{
	return type && type->c_type && strcasecmp(type->c_type, "application/sdp") == 0;
}

static bool is_multipart(const char *type)
{
	return strncasecmp(type, "multipart/", 10) == 0;
}

static bool is_encoded(const msg_t *msg)
{
	const char *encoding = message_header(msg, "Content-Encoding");

	return encoding && strcasecmp(encoding, "identity") != 0;
}

static bool is_part_encoded(const msg_multipart_t *part)
{
	const msg_content_transfer_encoding_t *encoding = part->mp_content_transfer_encoding;
	const msg_content_encoding_t *coding = part->mp_content_encoding;

	if (coding && coding->k_items && coding->k_items[0] && strcasecmp(coding->k_items[0], "identity") != 0)
		return true;
	return encoding && encoding->g_string && strcasecmp(encoding->g_string, "binary") != 0 &&
	       strcasecmp(encoding->g_string, "8bit") != 0 && strcasecmp(encoding->g_string, "7bit") != 0;
}

/* The parser's parts are copies: where one stands says its text, which must be there once. */
static bool find_text(const sip_payload_t *body, const msg_payload_t *part, struct sdp_body *out)
{
	const char *end = body->pl_data + body->pl_len, *at;

	if (!part->pl_len)
		return false;
	at = memmem(body->pl_data, body->pl_len, part->pl_data, part->pl_len);
	if (!at || memmem(at + 1, (size_t)(end - at - 1), part->pl_data, part->pl_len))
		return false;
	*out = (struct sdp_body){ .text = at, .len = part->pl_len, .at = (size_t)(at - body->pl_data) };
	return true;
}

/* What is looked for in parts and the parts of parts. */
struct search {
	su_home_t *home;
	const sip_payload_t *body; /* the whole */
	unsigned n_parts, depth;
	enum sdp_body_kind kind;
	struct sdp_body *out;
};

static void search_in(struct search *search, const msg_content_type_t *type, const char *bytes, size_t len);

/* One of several is not chosen: which of them the other side would take, nobody knows (RFC 5621 §8). */
static void look_at_part(struct search *search, const msg_multipart_t *part)
{
	const msg_content_type_t *type = part->mp_content_type;
	const msg_payload_t *payload = part->mp_payload;

	if (!type || !type->c_type)
		return;
	if (is_multipart(type->c_type) && payload && payload->pl_len) {
		search_in(search, type, payload->pl_data, payload->pl_len);
		return;
	}
	if (!is_sdp(type))
		return;
	if (search->kind != SDP_BODY_NONE || !payload || is_part_encoded(part) || !find_text(search->body, payload, search->out))
		search->kind = SDP_BODY_OPAQUE;
	else
		search->kind = SDP_BODY_ONE;
}

/* The parser writes into what it is given: a copy. */
static void search_in(struct search *search, const msg_content_type_t *type, const char *bytes, size_t len)
{
	msg_payload_t *copy = msg_payload_create(search->home, bytes, (isize_t)len);

	if (++search->depth > MAX_DEPTH || !copy) {
		search->kind = SDP_BODY_OPAQUE;
		return;
	}
	for (const msg_multipart_t *part = msg_multipart_parse(search->home, type, copy); part; part = part->mp_next) {
		if (++search->n_parts > MAX_PARTS)
			search->kind = SDP_BODY_OPAQUE;
		if (search->kind == SDP_BODY_OPAQUE)
			return;
		look_at_part(search, part);
	}
	search->depth--;
}

enum sdp_body_kind sdp_body_find(const msg_t *msg, struct sdp_body *out)
{
	const sip_t *sip = message_sip(msg);
	const sip_payload_t *body = sip->sip_payload;
	const sip_content_type_t *type = sip->sip_content_type;
	struct search search = { .body = body, .kind = SDP_BODY_NONE, .out = out };

	if (!body || body->pl_len == 0 || !type || !type->c_type)
		return SDP_BODY_NONE;
	if (is_sdp((const msg_content_type_t *)type)) {
		*out = (struct sdp_body){ .text = body->pl_data, .len = body->pl_len };
		return is_encoded(msg) ? SDP_BODY_OPAQUE : SDP_BODY_ONE;
	}
	if (!is_multipart(type->c_type))
		return SDP_BODY_NONE;

	search.home = su_home_new(sizeof(*search.home));
	if (!search.home)
		return SDP_BODY_OPAQUE;
	search_in(&search, (const msg_content_type_t *)type, body->pl_data, body->pl_len);
	su_home_unref(search.home);
	/* What is encoded as a whole has no parts that can be seen: whether there is SDP in it, nobody can say. */
	return is_encoded(msg) ? SDP_BODY_OPAQUE : search.kind;
}

/* Whether the part that begins with this line of dashes is still open at the end of bytes. */
static bool is_open(const char *dashes, const char *from, const char *end)
{
	return !memmem(from, (size_t)(end - from), dashes, strcspn(dashes, "\r\n"));
}

/* A Content-Length in the header fields of the part, or of one around it, counts the old bytes: it gets another name, as no part needs
 * one (RFC 2046 §5.1). */
static void rename_lengths(char *bytes, size_t at)
{
	static const char name[] = "content-length:";
	const char *end = bytes + at, *dashes = NULL; /* NULL: not among header fields */
	unsigned n_looks = 0;

	for (char *line = bytes, *next; line && line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : NULL;
		if (end - line >= 2 && line[0] == '-' && line[1] == '-')
			dashes = line;
		else if (*line == '\r' || *line == '\n')
			dashes = NULL;
		if (!dashes || !next || (size_t)(end - line) < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0)
			continue;
		if (++n_looks <= MAX_PARTS && is_open(dashes, next, end))
			memcpy(line, "X-Was-Length:  ", sizeof(name) - 1);
	}
}

enum err sdp_body_replace(msg_t *msg, const struct sdp_body *body, const char *text, size_t len)
{
	sip_t *sip = message_sip(msg);
	const sip_payload_t *old = sip->sip_payload;
	const size_t rest = old->pl_len - body->at - body->len, total = body->at + len + rest;
	sip_payload_t *made = sip_payload_create(msg_home(msg), NULL, (isize_t)total);

	if (!made || !made->pl_data)
		return ERR_NO_MEMORY;
	memcpy(made->pl_data, old->pl_data, body->at);
	if (body->at)
		rename_lengths(made->pl_data, body->at);
	memcpy(made->pl_data + body->at, text, len);
	memcpy(made->pl_data + body->at + len, old->pl_data + body->at + body->len, rest);
	made->pl_common->h_data = made->pl_data;
	made->pl_common->h_len = (usize_t)total;
	msg_header_remove(msg, NULL, (msg_header_t *)sip->sip_payload);
	return msg_header_insert(msg, NULL, (msg_header_t *)made) < 0 ? ERR_NO_MEMORY : ERR_OK;
}
