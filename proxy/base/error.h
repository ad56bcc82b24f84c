/* What can fail, as one enum that is passed up unchanged until the roof turns it into a SIP
 * status or a line for a person. What merely is so (partial, repeat, no match) is not here:
 * that is the answering function's own enum. */
#pragma once

#include "proxy/base/macros.h"

enum err {
	ERR_OK = 0,
	ERR_NO_MEMORY,
	ERR_CLOSED,      /* what it needed has ended */
	ERR_LIMIT,       /* a bound of ours was reached */
	ERR_TOO_LARGE,   /* longer than allowed */
	ERR_TIMEOUT,     /* its deadline passed */
	ERR_SYNTAX,      /* bytes that are not what they should be */
	ERR_INVALID,     /* well-formed, but not allowed here */
	ERR_NOT_FOUND,   /* there is no such thing */
	ERR_EXISTS,      /* there is one already */
	ERR_ACCESS,      /* the system forbids it */
	ERR_IO,          /* reading or writing failed */
	ERR_AGAIN,       /* not now: wait until the descriptor is ready */
	ERR_ADDRESS,     /* not an address of this host, or already in use */
	ERR_REFUSED,     /* the peer refused the connection */
	ERR_UNREACHABLE, /* no way to the peer */
	ERR_RESET,       /* the peer broke the connection */
	ERR_TLS,         /* the handshake failed; tls_diagnosis knows why */
	ERR_DNS,         /* the name could not be resolved */
	ERR_UNSUPPORTED, /* not in this version, or not on this system */
};

/* A short text for people, in lower case and without a full stop: "connection refused". Never
 * NULL. */
const char *err_text(enum err err);

/* Turns errno of the system call in the line before into an enum err; unknown ones are
 * ERR_IO. */
enum err err_from_errno(int number);
