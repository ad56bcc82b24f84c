/* Bodies of several parts (RFC 2046 §5.1), taken apart by Sofia, and the only door to that. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sofia-sip/msg_mime.h>

#include "proxy/base/error.h"

enum {
	MULTIPART_MAX_PARTS = 16,
	/* lines of header fields of all parts of a body, as many as a message may have */
	MULTIPART_MAX_FIELDS = 256,
};

bool multipart_is_type(const msg_content_type_t *type); /* "multipart/..."; NULL is none */

/* Its bytes are not what its type says: Content-Encoding, or a transfer encoding other than
 * 7bit, 8bit and binary. */
bool multipart_is_encoded(const msg_multipart_t *part);

/* Sees one part that has no parts itself; around is the type of the body that it stands in.
 * False: no more of them. */
typedef bool multipart_visit(void *user, const msg_content_type_t *around,
			     const msg_multipart_t *part);

/* Shows the parts of a body of that type, and the parts of its parts, in their order; they
 * live until it returns. What it cannot show may hold anything: ERR_LIMIT, more than
 * sixteen, deeper than four, or with too many header fields; ERR_SYNTAX, no boundary or no
 * end, parts that are encoded together, one whose Content-Type or another Content- field is
 * damaged or there twice, or a NUL among the header fields of one, at which Sofia would end
 * the program; ERR_NO_MEMORY. */
enum err multipart_walk(const msg_content_type_t *type, const char *bytes, size_t len,
			multipart_visit *visit, void *user) MUST_CHECK;
