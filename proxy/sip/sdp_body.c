#include "proxy/sip/sdp_body.h"

#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>

#include "proxy/sip/message_class.h"
#include "proxy/sip/multipart.h"

bool sdp_body_is_type(const msg_content_type_t *type)
{
	return type && type->c_type && strcasecmp(type->c_type, "application/sdp") == 0;
}

bool sdp_body_is_encoded(const msg_t *msg)
{
	const char *encoding;

	for (unsigned i = 0; (encoding = message_header_at(msg, "Content-Encoding", i)); i++)
		if (strcasecmp(encoding, "identity") != 0)
			return true;
	return false;
}

bool sdp_body_has_type(const msg_t *msg)
{
	const sip_t *sip = message_sip(msg);

	for (const msg_header_t *error = (const msg_header_t *)sip->sip_error; error;
	     error = error->sh_next) {
		const char *name = message_class_name(error);

		if (name && strcasecmp(name, "Content-Type") == 0)
			return false; /* Sofia could not read it, or it is there twice */
	}
	return sip->sip_content_type && sip->sip_content_type->c_type;
}

/* The parser's parts are copies: where one stands says its text, which must be there once. */
static bool find_text(const sip_payload_t *body, const msg_payload_t *part,
		      struct sdp_body *out)
{
	const char *end = body->pl_data + body->pl_len, *at;

	if (!part->pl_len)
		return false;
	at = memmem(body->pl_data, body->pl_len, part->pl_data, part->pl_len);
	if (!at || memmem(at + 1, (size_t)(end - at - 1), part->pl_data, part->pl_len))
		return false;
	out->text = at;
	out->len = part->pl_len;
	out->at = (size_t)(at - body->pl_data);
	return true;
}

/* Parts come in the order of their bytes. */
static bool is_behind_cuts(const struct sdp_body *body)
{
	return !body->n_cuts ||
	       body->at >= body->cuts[body->n_cuts - 1].at + body->cuts[body->n_cuts - 1].len;
}

/* What was found is an alternative to what comes: its part goes, from its line of dashes to the
 * next one. */
static bool cut(const sip_payload_t *body, struct sdp_body *out)
{
	const char *bytes = body->pl_data;
	size_t from = out->at, until = out->at + out->len;

	while (from > 1 &&
	       !(bytes[from - 1] == '\n' && bytes[from] == '-' && bytes[from + 1] == '-'))
		from--;
	if (from == 1)
		from = 0; /* the very first line */
	until += until < body->pl_len && bytes[until] == '\r';
	until += until < body->pl_len && bytes[until] == '\n';
	if (out->n_cuts == SDP_BODY_MAX_CUTS || until + 2 > body->pl_len ||
	    memcmp(bytes + from, "--", 2) != 0 || memcmp(bytes + until, "--", 2) != 0)
		return false;
	out->cuts[out->n_cuts++] = (struct sdp_body_cut){ from, until - from };
	return true;
}

/* What is looked for in parts. */
struct search {
	const sip_payload_t *body; /* the whole */
	enum sdp_body_kind kind;
	/* of what was found: the type of the body around it, if they are; else NULL */
	const msg_content_type_t *alternatives;
	struct sdp_body *out;
};

/* One of several that are no alternatives is not chosen: which of them the other side would
 * take, nobody knows (RFC 5621 §8). */
static bool may_take(struct search *search, const msg_content_type_t *around)
{
	if (search->kind == SDP_BODY_NONE)
		return true;
	return search->kind == SDP_BODY_ONE && search->alternatives == around &&
	       cut(search->body, search->out);
}

static bool look_at_part(void *user, const msg_content_type_t *around,
			 const msg_multipart_t *part)
{
	struct search *search = user;

	if (!sdp_body_is_type(part->mp_content_type))
		return true;
	if (!part->mp_payload || multipart_is_encoded(part) || !may_take(search, around) ||
	    !find_text(search->body, part->mp_payload, search->out) ||
	    !is_behind_cuts(search->out))
		search->kind = SDP_BODY_OPAQUE;
	else
		search->kind = SDP_BODY_ONE;
	search->alternatives =
		strcasecmp(around->c_type, "multipart/alternative") == 0 ? around : NULL;
	return search->kind == SDP_BODY_ONE;
}

enum sdp_body_kind sdp_body_find(const msg_t *msg, struct sdp_body *out)
{
	const sip_t *sip = message_sip(msg);
	const sip_payload_t *body = sip->sip_payload;
	const sip_content_type_t *type = sip->sip_content_type;
	struct search search = { .body = body, .kind = SDP_BODY_NONE, .out = out };

	*out = (struct sdp_body){ .text = NULL };

	if (!body || body->pl_len == 0)
		return SDP_BODY_NONE;
	if (!sdp_body_has_type(msg))
		return SDP_BODY_OPAQUE;
	if (sdp_body_is_type((const msg_content_type_t *)type)) {
		out->text = body->pl_data;
		out->len = body->pl_len;
		return sdp_body_is_encoded(msg) ? SDP_BODY_OPAQUE : SDP_BODY_ONE;
	}
	if (!multipart_is_type((const msg_content_type_t *)type))
		return SDP_BODY_NONE;
	if (multipart_walk((const msg_content_type_t *)type, body->pl_data, body->pl_len,
			   look_at_part, &search))
		return SDP_BODY_OPAQUE;
	/* What is encoded as a whole has no parts that can be seen: whether there is SDP in it,
	 * nobody can say. */
	return sdp_body_is_encoded(msg) ? SDP_BODY_OPAQUE : search.kind;
}

/* Whether the part that begins with this line of dashes is still open at the end of bytes. */
static bool is_open(const char *dashes, const char *from, const char *end)
{
	return !memmem(from, (size_t)(end - from), dashes, strcspn(dashes, "\r\n"));
}

/* A Content-Length in the header fields of the part, or of one around it, counts the old bytes:
 * it gets another name, as no part needs one (RFC 2046 §5.1). */
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
		if (!dashes || !next || (size_t)(end - line) < sizeof(name) ||
		    strncasecmp(line, name, sizeof(name) - 1) != 0)
			continue;
		if (++n_looks <= MULTIPART_MAX_PARTS && is_open(dashes, next, end))
			memcpy(line, "X-Was-Length:  ", sizeof(name) - 1);
	}
}

/* What stands before the part, without those that go. Returns its length; out NULL: only
 * that. */
static size_t copy_before(const struct sdp_body *body, const char *bytes, char *out)
{
	size_t at = 0, len = 0;

	for (unsigned i = 0; i <= body->n_cuts; i++) {
		const size_t end = i < body->n_cuts ? body->cuts[i].at : body->at;

		if (out)
			memcpy(out + len, bytes + at, end - at);
		len += end - at;
		at = i < body->n_cuts ? end + body->cuts[i].len : end;
	}
	return len;
}

enum err sdp_body_replace(msg_t *msg, const struct sdp_body *body, const char *text, size_t len)
{
	sip_t *sip = message_sip(msg);
	const sip_payload_t *old = sip->sip_payload;
	const size_t before = copy_before(body, old->pl_data, NULL);
	const size_t rest = old->pl_len - body->at - body->len, total = before + len + rest;
	sip_payload_t *made = sip_payload_create(msg_home(msg), NULL, (isize_t)total);

	if (!made || !made->pl_data)
		return ERR_NO_MEMORY;
	copy_before(body, old->pl_data, made->pl_data);
	if (before)
		rename_lengths(made->pl_data, before);
	memcpy(made->pl_data + before, text, len);
	memcpy(made->pl_data + before + len, old->pl_data + body->at + body->len, rest);
	made->pl_common->h_data = made->pl_data;
	made->pl_common->h_len = (usize_t)total;
	msg_header_remove(msg, NULL, (msg_header_t *)sip->sip_payload);
	return msg_header_insert(msg, NULL, (msg_header_t *)made) < 0 ? ERR_NO_MEMORY : ERR_OK;
}
