/* Bodies of several parts (RFC 2046 §5.1), taken apart by Sofia. */
#pragma once

#include <stddef.h>

#include <sofia-sip/msg_mime.h>

#include "proxy/base/error.h"

/* The parts of a body of that type, in their order, which live as long as the home; none (NULL) if there are none, or no end of them.
 * ERR_SYNTAX: it must not be read, as a header field of a part holds a NUL, or the boundary is none; ERR_NO_MEMORY. The home is one on
 * the stack: of one that su_home_new made, Sofia lets the last release forget the home itself where there are many parts. */
enum err multipart_read(su_home_t *home, const msg_content_type_t *type, const char *bytes, size_t len,
			const msg_multipart_t **out) MUST_CHECK;
