#include "proxy/sip/multipart.h"

#include <stdbool.h>
#include <string.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mime.h>

enum { MAX_BOUNDARY = 256 }; /* RFC 2046 §5.1.1 has 70 characters; some may be quoted */

/* Sofia reads the header fields of a part as texts, and asserts that none ends before its line does: one NUL there would end the program.
 * Lines of dashes count as boundaries here, whether they are or not, as which are is what Sofia finds out. */
static bool has_nul_in_fields(const char *bytes, size_t len)
{
	const char *const end = bytes + len;
	bool is_among_fields = false;

	if (!memchr(bytes, '\0', len))
		return false;
	for (const char *line = bytes, *next; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		if (next - line >= 2 && line[0] == '-' && line[1] == '-')
			is_among_fields = true;
		else if (*line == '\r' || *line == '\n')
			is_among_fields = false;
		if (is_among_fields && memchr(line, '\0', (size_t)(next - line)))
			return true;
	}
	return false;
}

enum err multipart_read(su_home_t *home, const msg_content_type_t *type, const char *bytes, size_t len, const msg_multipart_t **out)
{
	const char *boundary = msg_header_find_param(type->c_common, "boundary=");
	msg_payload_t *copy;

	*out = NULL;
	/* Without one Sofia guesses; and it compares the body's beginning with it without a look at the body's length. */
	if (!boundary || strlen(boundary) > MAX_BOUNDARY || has_nul_in_fields(bytes, len))
		return ERR_SYNTAX;
	if (len < strlen("--") + strlen(boundary))
		return ERR_OK;
	copy = msg_payload_create(home, bytes, (isize_t)len); /* which is written into */
	if (!copy)
		return ERR_NO_MEMORY;
	*out = msg_multipart_parse(home, type, copy);
	return ERR_OK;
}
