#include "proxy/sip/sdp_body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mime.h>
#include <sofia-sip/su_alloc.h>

enum { MAX_PARTS = 16 };

static bool is_sdp(const msg_content_type_t *type)
{
	return type && type->c_type && strcasecmp(type->c_type, "application/sdp") == 0;
}

static bool is_encoded(const msg_t *msg)
{
	const char *encoding = message_header(msg, "Content-Encoding");

	return encoding && strcasecmp(encoding, "identity") != 0;
}

static bool is_part_encoded(const msg_multipart_t *part)
{
	const msg_content_transfer_encoding_t *encoding = part->mp_content_transfer_encoding;

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

static enum sdp_body_kind find_part(su_home_t *home, const sip_t *sip, struct sdp_body *out)
{
	const sip_payload_t *body = sip->sip_payload;
	msg_payload_t *copy = msg_payload_create(home, body->pl_data, body->pl_len);
	msg_multipart_t *parts =
		copy ? msg_multipart_parse(home, (const msg_content_type_t *)sip->sip_content_type, copy) : NULL;
	enum sdp_body_kind kind = SDP_BODY_NONE;
	unsigned n = 0;

	for (const msg_multipart_t *part = parts; part; part = part->mp_next) {
		const msg_payload_t *payload = part->mp_payload;

		if (++n > MAX_PARTS)
			return SDP_BODY_OPAQUE;
		if (!is_sdp(part->mp_content_type))
			continue;
		if (kind != SDP_BODY_NONE || !payload || is_part_encoded(part) || !find_text(body, payload, out))
			return SDP_BODY_OPAQUE;
		kind = SDP_BODY_ONE;
	}
	return kind;
}

enum sdp_body_kind sdp_body_find(const msg_t *msg, struct sdp_body *out)
{
	const sip_t *sip = message_sip(msg);
	const sip_payload_t *body = sip->sip_payload;
	const sip_content_type_t *type = sip->sip_content_type;
	enum sdp_body_kind kind = SDP_BODY_NONE;

	if (!body || body->pl_len == 0 || !type || !type->c_type)
		return SDP_BODY_NONE;
	if (is_sdp((const msg_content_type_t *)type)) {
		*out = (struct sdp_body){ .text = body->pl_data, .len = body->pl_len };
		return is_encoded(msg) ? SDP_BODY_OPAQUE : SDP_BODY_ONE;
	}
	if (strncasecmp(type->c_type, "multipart/", 10) != 0)
		return SDP_BODY_NONE;

	su_home_t *home = su_home_new(sizeof(*home));
	if (!home)
		return SDP_BODY_OPAQUE;
	kind = find_part(home, sip, out);
	su_home_unref(home);
	return kind == SDP_BODY_ONE && is_encoded(msg) ? SDP_BODY_OPAQUE : kind;
}

/* A Content-Length in the part's own header fields counts the old bytes: it gets another name, as no part needs one (RFC 2046 §5.1). */
static void rename_length(char *bytes, size_t at)
{
	static const char name[] = "\ncontent-length:";
	size_t from = at;

	/* Back to the line of dashes that begins the part. */
	while (from > 2 && !(bytes[from - 1] == '\n' && bytes[from] == '-' && bytes[from + 1] == '-'))
		from--;
	for (size_t i = from; i + sizeof(name) <= at; i++) {
		if (strncasecmp(bytes + i, name, sizeof(name) - 1) != 0)
			continue;
		memcpy(bytes + i + 1, "X-Was-Length:  ", sizeof(name) - 2);
		return;
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
		rename_length(made->pl_data, body->at);
	memcpy(made->pl_data + body->at, text, len);
	memcpy(made->pl_data + body->at + len, old->pl_data + body->at + body->len, rest);
	made->pl_common->h_data = made->pl_data;
	made->pl_common->h_len = (usize_t)total;
	msg_header_remove(msg, NULL, (msg_header_t *)sip->sip_payload);
	return msg_header_insert(msg, NULL, (msg_header_t *)made) < 0 ? ERR_NO_MEMORY : ERR_OK;
}
