/* srtp: one direction of SRTP and SRTCP (RFC 3711) under one master key; the only door to
 * libsrtp2. Rollover counters and replay windows live as long as it does, for each SSRC by
 * itself. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/suite.h"
#include "proxy/base/error.h"

struct srtp_way;

enum {
	SRTP_ROOM = 48, /* what protecting may add: tag, MKI, SRTCP index */
	/* under one key; more are refused, since what a forgotten one has sent would be sent
	 * twice */
	SRTP_MAX_SSRCS = 64,
};

enum srtp_result {
	SRTP_DONE,
	SRTP_FORGED,   /* the tag is wrong, or it is no SRTP packet */
	SRTP_REPLAYED, /* it was here before, or is older than the window */
	/* too many SSRCs, or the key has protected all that it may (2^48 packets) */
	SRTP_REFUSED,
};

/* Prepares the library for the process, before any other call; again does nothing. ERR_IO if it
 * refuses. Any thread. */
enum err srtp_start(void) MUST_CHECK;

/* Makes the direction in (we decrypt) or out (we encrypt). Copies the key. before, if not NULL,
 * is the one whose key this replaces: senders that keep their rollover counter over a change of
 * keys (RFC 3711 3.3.1) are understood as well as those that begin at 0 (RFC 4568 7.1.4).
 * ERR_UNSUPPORTED: the library has not this suite; ERR_NO_MEMORY. */
enum err srtp_way_new(const struct srtp_key *key, bool is_in, const struct srtp_way *before,
		      struct srtp_way **out) MUST_CHECK;

/* Wipes the key, frees. Returns NULL; NULL is fine. */
struct srtp_way *srtp_way_free(struct srtp_way *way);

/* Of an incoming way: its key was in use before we had it (a call that is taken up), so an SSRC
 * that is new to us may have any rollover counter up to max_roc. More than 64 are not looked
 * for; and, as each costs a computation that somebody without the key may cause, after a
 * thousand of them only for one packet in sixteen, by a lot that nobody can foresee: strangers
 * can delay what is authentic by that, and not more the more they send. */
void srtp_way_expect_roc(struct srtp_way *way, uint32_t max_roc);

bool srtp_way_has_key(const struct srtp_way *way, const struct srtp_key *key);

/* Encrypts in place: *len grows by at most SRTP_ROOM, for which there is room. What is not
 * SRTP_DONE must not be sent: the bytes may have changed. */
enum srtp_result srtp_way_protect(struct srtp_way *way, uint8_t *bytes, size_t *len,
				  bool is_rtcp);

/* Checks and decrypts in place: *len shrinks. Anything but SRTP_DONE leaves bytes useless. */
enum srtp_result srtp_way_unprotect(struct srtp_way *way, uint8_t *bytes, size_t *len,
				    bool is_rtcp);

/* True if the library can do that suite. Any thread, after srtp_start. */
bool srtp_has_suite(enum srtp_suite suite);
