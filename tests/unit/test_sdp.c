#include "media/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define O    "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
#define C    "c=IN IP4 192.0.2.1\r\n"
#define T    "t=0 0\r\n"
#define HEAD O C T
#define KEY  "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

/* ---- reading ---- */

/* clang-format off */
static const struct {
	const char *name, *text;
	enum err want;
	const char *rtp, *rtcp; /* of the first stream */
	enum sdp_kind kind;
	enum sdp_mode mode;
	bool is_rejected, is_muxed, is_secure, is_dtls, is_feedback;
	unsigned n_crypto;
	uint32_t clock_hz;
} reads[] = {
	{ "audio, RFC 4566 §5", HEAD "m=audio 4000 RTP/AVP 0 8\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "c= of the m-line wins, RFC 4566 §5.7", HEAD "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n", ERR_OK, "192.0.2.9:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "IPv6", O "c=IN IP6 2001:db8::1\r\n" T "m=audio 4000 RTP/AVP 0\r\n", ERR_OK, "[2001:db8::1]:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "no c= anywhere, RFC 4566 §5.7", O T "m=audio 4000 RTP/AVP 0\r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "no c=, but rejected", O T "m=audio 0 RTP/AVP 0\r\n", ERR_OK, "", "", SDP_RTP, SDP_MODE_INACTIVE, .is_rejected = true, .clock_hz = 8000 },
	{ "a name in c=", O "c=IN IP4 media.example\r\n" T "m=audio 4000 RTP/AVP 0\r\n", ERR_OK, "", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "a group", O "c=IN IP4 224.2.1.1/127\r\n" T "m=audio 4000 RTP/AVP 0\r\n", ERR_OK, "", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "hold by address, RFC 3264 §8.4", O "c=IN IP4 0.0.0.0\r\n" T "m=audio 4000 RTP/AVP 0\r\n", ERR_OK, "", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "a=rtcp, RFC 3605", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp:5001\r\n", ERR_OK, "192.0.2.1:4000", "192.0.2.1:5001", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "a=rtcp with an address", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp:5001 IN IP4 192.0.2.5\r\n", ERR_OK, "192.0.2.1:4000", "192.0.2.5:5001", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "a=rtcp that is none", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp:70000\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .clock_hz = 8000 },
	{ "rtcp-mux, RFC 5761", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .is_muxed = true, .clock_hz = 8000 },
	{ "mode of the session, RFC 4566 §6", HEAD "a=recvonly\r\nm=audio 4000 RTP/AVP 0\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_RECVONLY, .clock_hz = 8000 },
	{ "mode of the m-line wins", HEAD "a=recvonly\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_SENDONLY, .clock_hz = 8000 },
	{ "SAVP with keys, RFC 4568", HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:" KEY "\r\na=crypto:2 X inline:y\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .is_secure = true, .n_crypto = 1, .clock_hz = 8000 },
	{ "DTLS with feedback, RFC 5764", HEAD "m=video 4000 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_RTP, SDP_MODE_SENDRECV, .is_secure = true, .is_dtls = true, .is_feedback = true, .clock_hz = 90000 },
	{ "T.38", HEAD "m=image 4000 udptl t38\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_DATAGRAMS, SDP_MODE_SENDRECV },
	{ "a data channel", HEAD "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_DATAGRAMS, SDP_MODE_SENDRECV },
	{ "MSRP", HEAD "m=message 4000 TCP/MSRP *\r\n", ERR_OK, "192.0.2.1:4000", "", SDP_FOREIGN, SDP_MODE_SENDRECV },
	{ "a port that is none", HEAD "m=audio 70000 RTP/AVP 0\r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "a byte above ASCII in m=, pitfall 9", HEAD "m=audio 4000 RTP/AVP 0 \xe4\r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "a port with something behind it", HEAD "m=audio 500g RTP/AVP 0\r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "no protocol", HEAD "m=audio 5000\r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "no format", HEAD "m=audio 5000 RTP/AVP \r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "a line that is none", HEAD "a\r\nm=audio 5000 RTP/AVP 0\r\n", ERR_SYNTAX, "", "", 0, 0 },
	{ "not SDP at all", "hello", ERR_SYNTAX, "", "", 0, 0 },
	{ "nothing", "", ERR_SYNTAX, "", "", 0, 0 },
};
/* clang-format on */

static void check_read(size_t row, const struct sdp *sdp)
{
	const struct sdp_stream *s = sdp_stream(sdp, 0);
	char rtp[ADDR_TEXT_SIZE] = "", rtcp[ADDR_TEXT_SIZE] = "";

	if (addr_is_set(&s->rtp))
		addr_text(&s->rtp, rtp);
	if (addr_is_set(&s->rtcp))
		addr_text(&s->rtcp, rtcp);
	if (strcmp(rtp, reads[row].rtp) != 0 || strcmp(rtcp, reads[row].rtcp) != 0 ||
	    s->kind != reads[row].kind || s->mode != reads[row].mode ||
	    s->is_rejected != reads[row].is_rejected || s->is_muxed != reads[row].is_muxed ||
	    s->profile.is_secure != reads[row].is_secure ||
	    s->profile.is_dtls != reads[row].is_dtls ||
	    s->profile.is_feedback != reads[row].is_feedback ||
	    s->n_crypto != reads[row].n_crypto || s->clock_hz != reads[row].clock_hz)
		fail_msg("%s: %s %s, kind %u, mode %u, crypto %u, clock %u", reads[row].name,
			 rtp, rtcp, s->kind, s->mode, s->n_crypto, s->clock_hz);
}

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reads); i++) {
		struct sdp *sdp = NULL;
		enum err err = sdp_read(reads[i].text, strlen(reads[i].text), &sdp);

		if (err != reads[i].want)
			fail_msg("%s: %s", reads[i].name, err_text(err));
		if (!err)
			check_read(i, sdp);
		sdp_free(sdp);
	}
}

static void test_fingerprint(void **state)
{
	static const char text[] =
		HEAD "a=fingerprint:SHA-1 0A:1B:2C\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\n"
		     "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\nm=audio 4002 UDP/TLS/RTP/SAVP 0\r\n"
		     "a=fingerprint:sha-256 FF\r\na=setup:active\r\na=ice-ufrag:efgh\r\n"
		     "m=audio 4004 RTP/AVP 0\r\na=fingerprint:sha-256 nonsense\r\n";
	struct sdp *sdp = NULL;

	(void)state;
	assert_int_equal(sdp_read(text, strlen(text), &sdp), ERR_OK);
	assert_string_equal(sdp_stream(sdp, 0)->fingerprint.hash, "sha-1"); /* of the session */
	assert_int_equal(sdp_stream(sdp, 0)->fingerprint.len, 3);
	assert_int_equal(sdp_stream(sdp, 0)->fingerprint.bytes[1], 0x1b);
	assert_int_equal(sdp_stream(sdp, 0)->setup, SDP_SETUP_ACTPASS);
	assert_string_equal(sdp_stream(sdp, 0)->ice_ufrag, "abcd");
	assert_int_equal(sdp_stream(sdp, 1)->fingerprint.len, 1);
	assert_int_equal(sdp_stream(sdp, 1)->setup, SDP_SETUP_ACTIVE);
	assert_string_equal(sdp_stream(sdp, 1)->ice_ufrag, "efgh");
	assert_int_equal(sdp_stream(sdp, 2)->fingerprint.len, 0);
	sdp_free(sdp);
}

/* The strongest of those that are understood counts, RFC 8122 §5; and who says SAVP with a
 * fingerprint and no key means DTLS, RFC 8829 §5.1.2. */
static void test_fingerprints(void **state)
{
	static const char text[] = HEAD
		"m=audio 4000 RTP/SAVPF 0\r\na=fingerprint:sha-1 01\r\na=fingerprint:whirlpool 02\r\na=fingerprint:sha-256 03\r\n"
		"a=fingerprint:sha-256 04\r\na=fingerprint:md5 05\r\n"
		"m=audio 4002 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:md5 06\r\n"
		"m=audio 4004 RTP/SAVP 0\r\na=fingerprint:sha-256 07\r\na=crypto:" KEY "\r\n"
		"m=audio 4006 RTP/AVP 0\r\na=fingerprint:sha-256 08\r\n";
	static const struct {
		unsigned len;
		uint8_t first;
		bool uses_dtls;
	} wants[] = { { 1, 3, true }, { 0, 0, true }, { 1, 7, false }, { 1, 8, false } };
	struct sdp *sdp = NULL;

	(void)state;
	assert_int_equal(sdp_read(text, strlen(text), &sdp), ERR_OK);
	for (unsigned i = 0; i < COUNT(wants); i++) {
		assert_int_equal(sdp_stream(sdp, i)->fingerprint.len, wants[i].len);
		assert_int_equal(sdp_stream(sdp, i)->fingerprint.bytes[0], wants[i].first);
		assert_int_equal(sdp_stream(sdp, i)->uses_dtls, wants[i].uses_dtls);
	}
	sdp_free(sdp);
}

static const struct {
	const char *name, *media;
	bool want;
} holds[] = {
	{ "sendrecv", "m=audio 4000 RTP/AVP 0\r\n", false },
	{ "sendonly, RFC 3264 §8.4", "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", true },
	{ "inactive", "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n", true },
	{ "by address, RFC 2543", "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", true },
	{ "no address yet, as ICE will find one, RFC 8839 §4.3.1",
	  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n", false },
	{ "by address, RFC 2543, IPv6", "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ::\r\n", true },
	{ "one of two", "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\nm=video 4002 RTP/AVP 0\r\n",
	  false },
	{ "the other one rejected",
	  "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\nm=video 0 RTP/AVP 0\r\n", true },
	{ "nothing", "", false },
};

static void test_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(holds); i++) {
		struct sdp *sdp = NULL;
		char text[600];

		snprintf(text, sizeof(text), HEAD "%s", holds[i].media);
		assert_int_equal(sdp_read(text, strlen(text), &sdp), ERR_OK);
		if (sdp_is_hold(sdp) != holds[i].want)
			fail_msg("%s", holds[i].name);
		sdp_free(sdp);
	}
}

/* ---- writing: each stream gets 203.0.113.5, ports 30000, 30010, ... ---- */

/* clang-format off */
static const struct {
	const char *name, *in, *want;
	bool is_ipv6, is_muxed, is_kept, has_ice, keeps_security;
	enum sdp_mode mode; /* INACTIVE: as it is */
	uint16_t rtcp_port; /* 0: the next one */
	uint64_t version_plus;
	struct sdp_profile profile;
} writes[] = {
	{ "c= of the session", HEAD "m=audio 4000 RTP/AVP 0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\n" },
	{ "c= of the m-line", O T "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
	  O T "m=audio 30000 RTP/AVP 0\r\nc=IN IP4 203.0.113.5\r\n" },
	{ "c= of both, and i=", HEAD "m=audio 4000 RTP/AVP 0\r\ni=hello\r\nc=IN IP4 192.0.2.1\r\nb=AS:64\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\ni=hello\r\nc=IN IP4 203.0.113.5\r\nb=AS:64\r\n" },
	{ "IPv4 becomes IPv6", HEAD "m=audio 4000 RTP/AVP 0\r\n", O "c=IN IP6 2001:db8::5\r\n" T "m=audio 30000 RTP/AVP 0\r\n", .is_ipv6 = true },
	{ "order and count, and what nobody knows, pitfall 19",
	  HEAD "a=foo:bar\r\nm=audio 4000 RTP/AVP 101 0\r\na=fmtp:101 0-15\r\na=mid:1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 x\r\na=y\r\n"
	  "m=video 0 RTP/AVP 99\r\na=recvonly\r\nm=image 4004 udptl t38\r\na=T38FaxVersion:0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=foo:bar\r\nm=audio 30000 RTP/AVP 101 0\r\na=fmtp:101 0-15\r\na=mid:1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 x\r\na=y\r\n"
	  "m=video 0 RTP/AVP 99\r\na=recvonly\r\nm=image 30020 udptl t38\r\na=T38FaxVersion:0\r\n" },
	{ "a=rtcp, RFC 3605", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp:4007 IN IP4 192.0.2.1\r\na=z\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=z\r\na=rtcp:30001\r\n" },
	{ "rtcp-mux stays", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=rtcp-mux\r\n", .is_muxed = true },
	{ "rtcp-mux goes", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\na=rtcp:4000\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=rtcp:30001\r\n" },
	{ "rtcp-mux comes", HEAD "m=audio 4000 RTP/AVP 0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=rtcp-mux\r\n", .is_muxed = true },
	{ "mode of the session becomes one of each m-line", HEAD "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=sendrecv\r\n", .mode = SDP_MODE_SENDRECV },
	{ "the same mode stays where it is", HEAD "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=sendonly\r\nm=audio 30000 RTP/AVP 0\r\n" },
	{ "ICE and bundle go, RFC 8839, 8843",
	  HEAD "a=group:BUNDLE 1\r\na=group:LS 1\r\na=ice-options:trickle\r\na=ice-lite\r\nm=audio 4000 RTP/AVP 0\r\na=candidate:1 1 UDP 1 10.0.0.1 5 typ host\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=mid:1\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=group:LS 1\r\nm=audio 30000 RTP/AVP 0\r\na=mid:1\r\n" },
	{ "other ways to name addresses go, RFC 6947, RFC 4570", HEAD "a=source-filter: incl IN IP4 * 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"
	  "a=altc:1 IP6 2001:db8::1 45678\r\na=altc:2 IP4 10.0.0.1 12340\r\na=alt:1 1 : a b 10.0.0.1 5000\r\na=alternate:1\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=alternate:1\r\n" },
	{ "other profiles that are offered besides go, with their keys, RFC 5939", HEAD "k=clear:x\r\na=tcap:1 RTP/SAVP\r\nm=audio 4000 RTP/AVP 0\r\n"
	  "a=acap:1 crypto:" KEY "\r\na=pcfg:1 t=1 a=1\r\n", O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\n" },
	{ "but not where security is between the ends", HEAD "a=tcap:1 RTP/SAVP\r\nm=audio 4000 RTP/AVP 0\r\na=acap:1 crypto:" KEY "\r\na=pcfg:1 t=1 a=1\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=tcap:1 RTP/SAVP\r\nm=audio 30000 RTP/AVP 0\r\na=acap:1 crypto:" KEY "\r\na=pcfg:1 t=1 a=1\r\n", .keeps_security = true },
	{ "whatever case they are written in", HEAD "m=audio 4000 RTP/AVP 0\r\na=ICE-ufrag:a\r\na=Crypto:" KEY "\r\na=RTCP:1\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=rtcp:30001\r\n" },
	{ "ICE of ours, RFC 8445 §5.2", HEAD "m=audio 4000 RTP/AVP 0\r\na=candidate:1 1 UDP 1 10.0.0.1 5 typ host\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=ice-lite\r\nm=audio 30000 RTP/AVP 0\r\na=ice-ufrag:uuuu\r\na=ice-pwd:pppp\r\n"
	  "a=candidate:1 1 UDP 2130706431 203.0.113.5 30000 typ host\r\na=candidate:1 2 UDP 2130706430 203.0.113.5 30001 typ host\r\na=end-of-candidates\r\n",
	  .has_ice = true },
	{ "ICE of ours with rtcp-mux: one component, RFC 8445 §5.1.1", HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=ice-lite\r\nm=audio 30000 RTP/AVP 0\r\na=rtcp-mux\r\na=ice-ufrag:uuuu\r\na=ice-pwd:pppp\r\n"
	  "a=candidate:1 1 UDP 2130706431 203.0.113.5 30000 typ host\r\na=end-of-candidates\r\n", .has_ice = true, .is_muxed = true },
	{ "ICE behind a router: RTCP is where it was found, RFC 8839 §5.1, RFC 3605", HEAD "m=audio 4000 RTP/AVP 0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=ice-lite\r\nm=audio 30000 RTP/AVP 0\r\na=rtcp:30007\r\na=ice-ufrag:uuuu\r\na=ice-pwd:pppp\r\n"
	  "a=candidate:1 1 UDP 2130706431 203.0.113.5 30000 typ host\r\na=candidate:1 2 UDP 2130706430 203.0.113.5 30007 typ host\r\na=end-of-candidates\r\n",
	  .has_ice = true, .rtcp_port = 30007 },
	{ "SAVP becomes AVP", HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:" KEY "\r\na=cryptoscale:1 client x\r\na=x\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\na=x\r\n" },
	{ "AVPF becomes SAVPF", HEAD "m=audio 4000 RTP/AVPF 0\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/SAVPF 0\r\n", .profile = { true, true, false } },
	{ "DTLS goes", HEAD "a=fingerprint:sha-1 AB\r\na=setup:actpass\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=setup:active\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVPF 0\r\n", .profile = { false, true, false } },
	{ "passed through", HEAD "a=fingerprint:sha-1 AB\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:" KEY "\r\na=setup:active\r\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "a=fingerprint:sha-1 AB\r\nm=audio 30000 RTP/SAVP 0\r\na=crypto:" KEY "\r\na=setup:active\r\n", .keeps_security = true },
	{ "kept without us", HEAD "m=message 4000 TCP/MSRP *\r\na=path:x\r\n", HEAD "m=message 4000 TCP/MSRP *\r\na=path:x\r\n", .is_kept = true },
	{ "ports in layers, RFC 4566 §5.14", HEAD "m=audio 4000/2 RTP/AVP 0\r\n", O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\n" },
	{ "a higher version, RFC 3264 §8", "v=0\r\no=alice 7 9 IN IP4 192.0.2.1\r\ns=-\r\n" C T "m=audio 4000 RTP/AVP 0\r\n",
	  "v=0\r\no=alice 7 12 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\n", .version_plus = 3 },
	{ "a version without room above it", "v=0\r\no=- 1 18446744073709551615 IN IP4 192.0.2.1\r\ns=-\r\n" C T "m=audio 4000 RTP/AVP 0\r\n",
	  "v=0\r\no=- 1 18446744073709551615 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\n", .version_plus = 3 },
	{ "empty lines go, ends become CRLF", "v=0\no=a 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n\n",
	  O "c=IN IP4 203.0.113.5\r\n" T "m=audio 30000 RTP/AVP 0\r\n" },
};
/* clang-format on */

static void fill(size_t row, const struct sdp *sdp, struct sdp_out *outs)
{
	for (unsigned i = 0; i < sdp_n_streams(sdp); i++) {
		const struct sdp_stream *stream = sdp_stream(sdp, i);
		const uint16_t port = (uint16_t)(30000 + 10 * i);
		struct sdp_out *out = &outs[i];

		out->is_kept = writes[row].is_kept;
		out->is_rejected = stream->is_rejected;
		assert_int_equal(addr_parse(writes[row].is_ipv6 ? "2001:db8::5" : "203.0.113.5",
					    port, &out->rtp),
				 ERR_OK);
		out->rtcp_port =
			writes[row].rtcp_port ? writes[row].rtcp_port : (uint16_t)(port + 1);
		out->is_muxed = writes[row].is_muxed;
		out->mode = writes[row].mode ? writes[row].mode : stream->mode;
		out->profile = writes[row].profile;
		out->keeps_security = writes[row].keeps_security;
		if (writes[row].has_ice) {
			out->ice_ufrag = "uuuu";
			out->ice_pwd = "pppp";
		}
	}
}

static void test_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(writes); i++) {
		struct sdp_out outs[4] = { 0 };
		struct sdp *sdp = NULL;
		struct buf buf;

		buf_init(&buf, 0);
		assert_int_equal(sdp_read(writes[i].in, strlen(writes[i].in), &sdp), ERR_OK);
		fill(i, sdp, outs);
		sdp_write(sdp, outs, writes[i].version_plus, &buf);
		if (strcmp(buf_text(&buf), writes[i].want) != 0)
			fail_msg("%s: came out as\n%s", writes[i].name, buf_text(&buf));
		buf_fini(&buf);
		sdp_free(sdp);
	}
}

/* One that goes past us beside one that does not: its address stands with it, and both have a
 * mode. */
static void test_write_beside_kept(void **state)
{
	static const char in[] = HEAD
		"a=sendonly\r\nm=message 4000 TCP/MSRP *\r\na=path:x\r\nm=audio 4002 RTP/AVP 0\r\n";
	struct sdp_out outs[2] = { { .is_kept = true },
				   { .mode = SDP_MODE_SENDRECV, .rtcp_port = 30001 } };
	uint8_t print[32] = { 0xab };
	struct sdp *sdp = NULL;
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	assert_int_equal(addr_parse("203.0.113.5", 30000, &outs[1].rtp), ERR_OK);
	outs[1].profile = (struct sdp_profile){ true, false, true };
	outs[1].fingerprint = print;
	outs[1].setup = SDP_SETUP_PASSIVE;
	outs[1].n_crypto = 1;
	assert_int_equal(sdes_read(KEY, &outs[1].crypto[0]), ERR_OK);
	assert_int_equal(sdp_read(in, strlen(in), &sdp), ERR_OK);
	sdp_write(sdp, outs, 0, &buf);
	assert_string_equal(
		buf_text(&buf), O
		"c=IN IP4 203.0.113.5\r\n" T
		"m=message 4000 TCP/MSRP *\r\nc=IN IP4 192.0.2.1\r\na=path:x\r\na=sendonly\r\n"
		"m=audio 30000 UDP/TLS/RTP/SAVP 0\r\na=sendrecv\r\na=crypto:" KEY
		"\r\na=fingerprint:sha-256 "
		"AB:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n"
		"a=setup:passive\r\n");
	buf_fini(&buf);
	sdp_free(sdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),         cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_fingerprints), cmocka_unit_test(test_hold),
		cmocka_unit_test(test_write),        cmocka_unit_test(test_write_beside_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
