/* sdp: session descriptions (RFC 4566, 8866) as a relay sees them. What a line means says Sofia
 * (proxy/sip/sdp_session); the lines themselves keep their bytes and their order, but for those
 * that a relay must change (sdp_write): Sofia's printer sorts attributes, and leaves out those
 * that do not fit the formats of their m-line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/relay.h"
#include "media/sdes.h"
#include "proxy/base/addr.h"
#include "proxy/base/buf.h"
#include "proxy/base/error.h"

enum { SDP_MAX_CRYPTO = 8, SDP_TYPE_SIZE = 32 };

enum sdp_kind {
	SDP_RTP,       /* RTP/AVP and its kin */
	SDP_DATAGRAMS, /* udptl, UDP/...: relayed without a look inside */
	SDP_FOREIGN,   /* TCP/..., and what is no transport that we know: cannot be relayed */
};

enum sdp_mode { SDP_MODE_INACTIVE, SDP_MODE_SENDONLY, SDP_MODE_RECVONLY, SDP_MODE_SENDRECV };

enum sdp_setup {
	SDP_SETUP_NONE,
	SDP_SETUP_ACTIVE,
	SDP_SETUP_PASSIVE,
	SDP_SETUP_ACTPASS,
	SDP_SETUP_HOLDCONN
};

/* RTP/AVP, RTP/SAVPF, UDP/TLS/RTP/SAVP, ...: what the protocol of an m-line says. */
struct sdp_profile {
	bool is_secure;   /* S: RFC 3711 */
	bool is_feedback; /* F: RFC 4585 */
	bool is_dtls;     /* RFC 5764 */
};

/* One m-line with what is under it, and what it inherits from the session. */
struct sdp_stream {
	char type[SDP_TYPE_SIZE]; /* "audio" */
	enum sdp_kind kind;
	bool is_rejected; /* port 0 (RFC 3264 §6) */
	struct sdp_profile profile;
	/* unset: a name, a multicast group, or of another family than we know */
	struct addr rtp;
	struct addr rtcp;        /* of a=rtcp (RFC 3605); unset: none is written */
	bool is_held_by_address; /* c=0.0.0.0, as RFC 2543 asked for hold */
	bool is_muxed;           /* a=rtcp-mux (RFC 5761) */
	enum sdp_mode mode;
	unsigned n_crypto; /* those that we understand, in their order */
	struct sdes crypto[SDP_MAX_CRYPTO];
	/* also those that we do not understand, and offers of other profiles (RFC 5939) */
	bool has_crypto_lines;
	/* the strongest of those that we understand; len 0: none (RFC 8122) */
	struct relay_fingerprint fingerprint;
	/* by its profile; or by one without TLS in its name, without keys but with a
	 * fingerprint (RFC 8829 §5.1.2) */
	bool uses_dtls;
	enum sdp_setup setup;
	char ice_ufrag[RELAY_ICE_TEXT_SIZE]; /* "": no ICE */
	uint32_t clock_hz;                   /* of the first format; 0: not known */
	unsigned kbps;                       /* b=AS or b=TIAS; 0: not said */
};

struct sdp;

/* Reads len bytes and takes copies. ERR_SYNTAX if it is no SDP, or an m-line that is not
 * rejected has no c=, or one of m=, c=, o= holds bytes that no such line can; ERR_LIMIT over
 * the bounds of proxy/sip/sdp_session; ERR_NO_MEMORY. Any thread. */
enum err sdp_read(const char *bytes, size_t len, struct sdp **out) MUST_CHECK;
struct sdp *sdp_free(struct sdp *sdp); /* wipes the keys; NULL is fine; returns NULL */

unsigned sdp_n_streams(const struct sdp *sdp);
const struct sdp_stream *sdp_stream(const struct sdp *sdp, unsigned i);

/* True if nothing of it asks for the sender's media to be played: every stream that is not
 * rejected is sendonly, inactive, or held by its address. False if there is none. */
bool sdp_is_hold(const struct sdp *sdp);

/* What one m-line becomes. */
struct sdp_out {
	bool is_kept;     /* stays as it is, with its own address */
	bool is_rejected; /* port 0 */
	struct addr rtp;  /* our address and port */
	/* for a=rtcp, where the m-line had one, or where it is not the next one */
	uint16_t rtcp_port;
	bool is_muxed;
	enum sdp_mode mode;  /* written if it is another than the m-line has */
	bool keeps_security; /* profile, crypto, fingerprint stay as they are */
	struct sdp_profile profile;
	unsigned n_crypto;
	struct sdes crypto[SDP_MAX_CRYPTO];
	const uint8_t *fingerprint; /* 32 bytes, sha-256; NULL: none */
	enum sdp_setup setup;
	const char *ice_ufrag, *ice_pwd; /* NULL: no ICE */
};

/* Prints sdp with outs[i] for stream i. Lines of ICE, of a bundle and of DTLS go where the outs
 * have none: we relay each m-line by itself. The version of o= is by version_plus higher than
 * it was (RFC 3264 §8; 0: it stays). Ends every line with CRLF. An error stands in out. */
void sdp_write(const struct sdp *sdp, const struct sdp_out *outs, uint64_t version_plus,
	       struct buf *out);
