/* sdes: the a=crypto lines of SDP (RFC 4568): read, and printed. Keys in them are secrets:
 * nobody logs them, and who is done with one wipes it. */
#pragma once

#include <stddef.h>

#include "media/suite.h"
#include "proxy/base/buf.h"
#include "proxy/base/error.h"

struct sdes {
	unsigned tag;        /* 0 to 999999999 (RFC 4568 §9.1) */
	struct srtp_key key; /* with the MKI, if there is one */
};

/* Reads what follows "a=crypto:". ERR_SYNTAX if it is none; ERR_UNSUPPORTED if it asks for what
 * we do not do: another suite, several keys, a key derivation rate, streams that are not
 * encrypted or not authenticated, FEC. WSH is a hint, and the lifetime of a key is longer than
 * any call of ours: both are read over (RFC 4568 §6.1, §6.3). */
enum err sdes_read(const char *text, struct sdes *out) MUST_CHECK;

/* "1 AES_CM_128_HMAC_SHA1_80 inline:..." */
void sdes_print(const struct sdes *sdes, struct buf *out);
