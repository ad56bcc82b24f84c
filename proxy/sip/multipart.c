#include "proxy/sip/multipart.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mime.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/sip/message_class.h"

enum {
	MAX_DEPTH = 4,
	MAX_BOUNDARY = 256, /* RFC 2046 §5.1.1 has 70 characters; some may be quoted */
};

bool multipart_is_type(const msg_content_type_t *type)
{
	return type && type->c_type && strncasecmp(type->c_type, "multipart/", 10) == 0;
}

bool multipart_is_encoded(const msg_multipart_t *part)
{
	const msg_content_transfer_encoding_t *encoding = part->mp_content_transfer_encoding;
	const msg_content_encoding_t *coding = part->mp_content_encoding;

	if (coding && coding->k_items && coding->k_items[0] &&
	    strcasecmp(coding->k_items[0], "identity") != 0)
		return true;
	return encoding && encoding->g_string &&
	       strcasecmp(encoding->g_string, "binary") != 0 &&
	       strcasecmp(encoding->g_string, "8bit") != 0 &&
	       strcasecmp(encoding->g_string, "7bit") != 0;
}

/* The boundary without its quotes; false if there is none (Sofia would guess), or it is longer
 * or has other bytes than one may (RFC 2046 §5.1.1): of one with a byte above ASCII, Sofia's
 * table for the search is written far behind its end. */
static bool read_boundary(const msg_content_type_t *type, char out[MAX_BOUNDARY + 1])
{
	const char *param = msg_header_find_param(type->c_common, "boundary=");

	if (!param || strlen(param) > MAX_BOUNDARY)
		return false;
	if (*param != '"')
		strcpy(out, param);
	else if (!msg_unquote(out, param))
		return false;
	for (const char *at = out; *at; at++)
		if (*at < ' ' || *at > '~')
			return false;
	return true;
}

/* How many ends of lines, of which one may be CR, LF or both. */
static unsigned n_line_ends(const char *line, const char *next)
{
	unsigned n = 0;

	for (; line < next; line++)
		n += *line == '\n' || (*line == '\r' && (line + 1 == next || line[1] != '\n'));
	return n;
}

/* What Sofia would not bear. It reads the header fields of a part as texts, and asserts that
 * none ends before its line does: one NUL there would end the program. And for each field it
 * walks through all others of its part, and it takes all parts apart before anybody can say
 * that they are too many. */
static enum err check_fields(const char *boundary, const char *bytes, size_t len)
{
	const size_t boundary_len = strlen(boundary);
	const char *const end = bytes + len;
	unsigned n_fields = 0, n_delimiters = 0;
	bool is_among_fields = false;

	for (const char *line = bytes, *next; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		if ((size_t)(next - line) >= 2 + boundary_len && line[0] == '-' &&
		    line[1] == '-' && memcmp(line + 2, boundary, boundary_len) == 0) {
			is_among_fields = true;
			if (++n_delimiters > MULTIPART_MAX_PARTS + 1)
				return ERR_LIMIT;
		} else if (*line == '\r' || *line == '\n')
			is_among_fields = false;
		if (!is_among_fields)
			continue;
		if (memchr(line, '\0', (size_t)(next - line)))
			return ERR_SYNTAX;
		n_fields += n_line_ends(line, next);
		if (n_fields > MULTIPART_MAX_FIELDS)
			return ERR_LIMIT;
	}
	return ERR_OK;
}

struct walk {
	su_home_t *home;
	unsigned n_parts;
	bool is_over; /* the visitor has seen enough */
	multipart_visit *visit;
	void *user;
};

/* The parts of one body. Without an end there are none to Sofia, while others may take what
 * they find. */
static enum err read_parts(su_home_t *home, const msg_content_type_t *type, const char *bytes,
			   size_t len, const msg_multipart_t **out)
{
	char boundary[MAX_BOUNDARY + 1];
	msg_payload_t *copy;
	enum err err;

	/* Sofia compares the body's beginning with it without a look at the body's length. */
	if (!read_boundary(type, boundary) || len < strlen("--") + strlen(boundary))
		return ERR_SYNTAX;
	err = check_fields(boundary, bytes, len);
	if (err)
		return err;
	copy = msg_payload_create(home, bytes, (isize_t)len); /* which is written into */
	if (!copy)
		return ERR_NO_MEMORY;
	*out = msg_multipart_parse(home, type, copy);
	return *out ? ERR_OK : ERR_SYNTAX;
}

/* What says how the bytes of a part are to be read cannot be read itself, or is there twice. */
static bool is_damaged(const msg_multipart_t *part)
{
	for (const msg_header_t *error = (const msg_header_t *)part->mp_error; error;
	     error = error->sh_next) {
		const char *name = message_class_name(error);

		if (!name || strncasecmp(name, "Content-", 8) == 0)
			return true;
	}
	return false;
}

static enum err walk_in(struct walk *walk, const msg_content_type_t *type, const char *bytes,
			size_t len, unsigned depth)
{
	const msg_multipart_t *part;
	enum err err =
		depth > MAX_DEPTH ? ERR_LIMIT : read_parts(walk->home, type, bytes, len, &part);

	if (err)
		return err;
	for (; part && !err && !walk->is_over; part = part->mp_next) {
		const msg_payload_t *payload = part->mp_payload;

		if (++walk->n_parts > MULTIPART_MAX_PARTS)
			return ERR_LIMIT;
		if (is_damaged(part))
			return ERR_SYNTAX;
		if (!multipart_is_type(part->mp_content_type))
			walk->is_over = !walk->visit(walk->user, type, part);
		else if (multipart_is_encoded(part))
			return ERR_SYNTAX;
		else if (payload && payload->pl_len)
			err = walk_in(walk, part->mp_content_type, payload->pl_data,
				      payload->pl_len, depth + 1);
	}
	return err;
}

enum err multipart_walk(const msg_content_type_t *type, const char *bytes, size_t len,
			multipart_visit *visit, void *user)
{
	/* On the stack: of one that su_home_new made, Sofia lets the last release forget the
	 * home itself where there are many parts. */
	su_home_t home[1] = { SU_HOME_INIT(home) };
	struct walk walk = { .home = home, .visit = visit, .user = user };
	enum err err;

	if (su_home_init(home) < 0)
		return ERR_NO_MEMORY;
	err = walk_in(&walk, type, bytes, len, 1);
	su_home_deinit(home);
	return err;
}
