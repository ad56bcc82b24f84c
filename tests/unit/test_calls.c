/* Offers and answers of whole calls: a row a call, a step a message; what comes out, and what
 * the ends of the relay are told. */
#include "media/calls.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "tests/unit/fake_relay.h"

#define KEY_A "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB" /* thirty times A */
#define KEY_B "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
#define S80   "AES_CM_128_HMAC_SHA1_80"
#define S32   "AES_CM_128_HMAC_SHA1_32"
#define A80   "a=crypto:1 " S80 " inline:" KEY_A "\r\n"
#define B80   "a=crypto:1 " S80 " inline:" KEY_B "\r\n"
#define OURS                                                                                   \
	"a=crypto:1 " S80 " inline:*\r\na=crypto:2 " S32 " inline:*\r\n" /* what we offer */
#define PRINT                                                                                  \
	"a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n"
#define A(port, rest) "m=audio " #port " RTP/AVP 0\r\n" rest
#define S(port, rest) "m=audio " #port " RTP/SAVP 0\r\n" rest
#define V(port, rest) "m=video " #port " RTP/AVP 96\r\n" rest
/* A browser, and what it is told. */
#define WEB(port, setup)                                                                       \
	"m=audio " #port " UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-1 AA\r\na=setup:" setup    \
	"\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\na=rtcp-mux\r\n"
#define WE_MODE(port, setup, mode)                                                                                    \
	"m=audio " #port " UDP/TLS/RTP/SAVPF 0\r\n" mode "a=rtcp-mux\r\n" PRINT                                       \
	"a=setup:" setup "\r\n"                                                                                       \
	"a=ice-ufrag:ufra\r\na=ice-pwd:passwordpasswordpassword\r\na=candidate:1 1 UDP 2130706431 203.0.113.1 " #port \
	" typ host\r\na=end-of-candidates\r\n"
#define WE(port, setup)      WE_MODE(port, setup, "")
#define WE_SEND(port, setup) WE_MODE(port, setup, "a=sendonly\r\n")
#define SAME                 "=" /* goes on untouched */

enum { MAX_STEPS = 9 };

/* what: who sends (> the caller), what, and for a response the method unless it is the first
 * INVITE's; "/tag" for a To tag of its own. in, want: the media part; NULL: no SDP. want "488
 * srtp" and the like: a refusal. */
struct step {
	const char *what, *in, *want;
};

static const char *const verdicts[] = {
	[CALLS_UNTOUCHED] = SAME,
	[CALLS_NOT_SDP] = "!sdp",
	[CALLS_SRTP_REQUIRED] = "!required",
	[CALLS_SRTP_REFUSED] = "!refused",
	[CALLS_FULL] = "!full",
	[CALLS_NO_BANDWIDTH] = "!bandwidth",
	[CALLS_NO_PORTS] = "!ports",
	[CALLS_NO_MEMORY] = "!memory",
};

/* clang-format off */
static const struct {
	const char *name;
	const char *networks; /* caller, callee: w l r; upper case: IPv6 */
	const char *srtp;     /* policy on them: o(ff) t(hrough) p(refer) r(equire) */
	enum conf_hold hold;
	struct step steps[MAX_STEPS];
	const char *ends; /* after the last step */
} rows[] = {
	{ "INVITE and 200, RFC 3264 §5, §6", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "early and final answer are the same, RFC 3261 §13.2.1", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183", A(5000,), A(30000,) }, { "< 180", NULL, SAME }, { "< 200", A(5000,), A(30000,) },
		{ "< 200", A(5000,), A(30000,) }, { "> ACK", NULL, SAME } }, NULL },
	{ "a final answer that is another one", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183", A(5000,), A(30000,) }, { "< 200", A(5006,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5006 plain\n" },
	{ "late offer: 200 and ACK, RFC 3264 §5", "wl", "tt", 0, {
		{ "> INVITE", NULL, SAME }, { "< 200", A(5000,), A(30000,) }, { "< 200", A(5000,), A(30000,) }, { "> ACK", A(4000,), A(30100,) },
		{ "> ACK", A(4000,), A(30100,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "late offer in a reliable 183, answer in PRACK, RFC 3262 §5", "wl", "tt", 0, {
		{ "> INVITE", NULL, SAME }, { "< 183", A(5000,), A(30000,) }, { "> PRACK", A(4000,), A(30100,) }, { "< 200 PRACK", NULL, SAME }, { "< 200", NULL, SAME } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "new offer in PRACK, RFC 3262 §5", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183", A(5000,), A(30000,) }, { "> PRACK", A(4002,), A(30100,) }, { "< 200 PRACK", A(5002,), A(30000,) }, { "< 200", NULL, SAME } },
	  "0> 192.0.2.1:4002 plain\n0< 198.51.100.2:5002 plain\n" },
	{ "UPDATE of the callee, RFC 3311 §5", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183", A(5000,), A(30000,) }, { "< UPDATE", A(5004,), A(30000,) }, { "> 200 UPDATE", A(4004,), A(30100,) } },
	  "0> 192.0.2.1:4004 plain\n0< 198.51.100.2:5004 plain\n" },
	{ "re-INVITE adds video, ports of before stay, RFC 3264 §8.1", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "< reINVITE", A(5000,) V(5002,), A(30000,) V(30002,) }, { "> 200 reINVITE", A(4000,) V(4002,), A(30100,) V(30102,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n1> 192.0.2.1:4002 plain\n1< 198.51.100.2:5002 plain\n" },
	{ "late offer in a re-INVITE", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) }, { "> reINVITE", NULL, SAME },
		{ "< 200 reINVITE", A(5006,), A(30000,) }, { "> ACK", A(4006,), A(30100,) } },
	  "0> 192.0.2.1:4006 plain\n0< 198.51.100.2:5006 plain\n" },
	{ "re-INVITE that is refused changes nothing, RFC 3261 §14.1", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) }, { "> reINVITE", A(4008,), A(30100,) }, { "< 488 reINVITE", NULL, SAME } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "glare: both re-INVITEs fail, RFC 3261 §14.2", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) }, { "> reINVITE", A(4008,), A(30100,) },
		{ "< reINVITE", A(5008,), A(30000,) }, { "> 491 reINVITE", NULL, SAME }, { "< 491 reINVITE", NULL, SAME },
		{ "> reINVITE", A(4010,), A(30100,) }, { "< 200 reINVITE", A(5010,), A(30000,) } },
	  "0> 192.0.2.1:4010 plain\n0< 198.51.100.2:5010 plain\n" },
	{ "offers of both sides under way, one is answered: each by itself", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) }, { "> reINVITE", A(4008,), A(30100,) },
		{ "< reINVITE", A(5008,) V(5012,), A(30000,) V(30002,) }, { "< 200 reINVITE", A(5010,), A(30000,) }, { "> 491 reINVITE", NULL, SAME } },
	  "0> 192.0.2.1:4008 plain\n0< 198.51.100.2:5010 plain\n" },
	{ "the first answer again after an UPDATE of the other side changes nothing, RFC 6337 §3", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183", A(5000,), A(30000,) }, { "< UPDATE", A(5004,), A(30000,) }, { "> 200 UPDATE", A(4004,), A(30100,) },
		{ "< 200", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4004 plain\n0< 198.51.100.2:5004 plain\n" },
	{ "an offer said again after another one of the other side is a new one", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) }, { "< reINVITE", A(5004, "a=sendonly\r\n"), A(30000, "a=sendonly\r\n") },
		{ "> 200 reINVITE", A(4004, "a=recvonly\r\n"), A(30100, "a=recvonly\r\n") }, { "> reINVITE", A(4000,), A(30100,) }, { "< 200 reINVITE", A(5004,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5004 plain\n" },
	{ "a re-INVITE with new m-lines is refused, and one without them answered", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) }, { "> reINVITE", A(4000,) V(4002,), A(30100,) V(30102,) },
		{ "< 488 reINVITE", NULL, SAME }, { "> reINVITE", A(4004,), A(30100,) }, { "< 200 reINVITE", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4004 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "an m-line is switched off and on again: its ports stay, RFC 3264 §8.2, pitfall 18", "wl", "tt", 0, {
		{ "> INVITE", A(4000,) V(4002,), A(30100,) V(30102,) }, { "< 200", A(5000,) V(5002,), A(30000,) V(30002,) },
		{ "> reINVITE", A(4000,) V(0,), A(30100,) V(0,) }, { "< 200 reINVITE", A(5000,) V(0,), A(30000,) V(0,) },
		{ "< reINVITE", A(5000,) V(5006,), A(30000,) V(30002,) }, { "> 200 reINVITE", A(4000,) V(4006,), A(30100,) V(30102,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n1> 192.0.2.1:4006 plain\n1< 198.51.100.2:5006 plain\n" },
	{ "an m-line that the answer rejected stays off until it is offered again", "wl", "tt", 0, {
		{ "> INVITE", A(4000,) V(4002,), A(30100,) V(30102,) }, { "< 200", A(5000,) V(0,), A(30000,) V(0,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n1> - plain blocked\n1< - plain blocked\n" },
	{ "an offer that is switched off from the begin, RFC 3264 §5.1", "wl", "tt", 0, {
		{ "> INVITE", A(0,), A(0,) }, { "< 200", A(0,), A(0,) }, { "> reINVITE", A(4000,), A(30100,) }, { "< 200 reINVITE", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "inactive both ways, and resumed, RFC 3264 §8.4", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "> reINVITE", A(4000, "a=inactive\r\n"), A(30100, "a=inactive\r\n") }, { "< 200 reINVITE", A(5000, "a=inactive\r\n"), A(30000, "a=inactive\r\n") },
		{ "< reINVITE", A(5000,), A(30000,) }, { "> 200 reINVITE", A(4000,), A(30100,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "hold by an address of zeros is answered, and nothing is sent there, RFC 3264 §8.4", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "> reINVITE", A(4000, "c=IN IP4 0.0.0.0\r\n"), A(30100, "c=IN IP4 203.0.113.2\r\na=sendonly\r\n") },
		{ "< 200 reINVITE", A(5000, "a=recvonly\r\n"), A(30000, "a=recvonly\r\n") } },
	  "0> - plain latch anew\n0< 198.51.100.2:5000 plain\n" },
	{ "rejected m-lines keep their place, RFC 3264 §6", "wl", "tt", 0, {
		{ "> INVITE", V(4002,) A(4000,) V(0,), V(30100,) A(30102,) V(0,) }, { "< 200", V(0,) A(5000,) V(0,), V(0,) A(30002,) V(0,) } },
	  "0> - plain blocked\n0< - plain blocked\n1> 192.0.2.1:4000 plain\n1< 198.51.100.2:5000 plain\n" },
	{ "an answer with too many m-lines", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,) V(5002,), "!sdp" } }, NULL },
	{ "an answer with too few, RFC 3264 §6", "wl", "tt", 0, {
		{ "> INVITE", A(4000,) V(4002,), A(30100,) V(30102,) }, { "< 200", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n1> - plain blocked\n1< - plain blocked\n" },
	{ "switched off, and on again as another medium: other ports, RFC 3264 §8.2", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "> reINVITE", V(4000,), V(30102,) }, { "< 200 reINVITE", V(5000,), V(30002,) } }, NULL },
	{ "fax beside speech, and the fax is refused, T.38", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "< reINVITE", A(0,) "m=image 5000 udptl t38\r\n", A(0,) "m=image 30002 udptl t38\r\n" }, { "> 488 reINVITE", NULL, SAME },
		{ "< reINVITE", A(5000,), A(30000,) }, { "> 200 reINVITE", A(4000,), A(30100,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "fax, and back to speech, T.38", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "< reINVITE", "m=image 5000 udptl t38\r\n", "m=image 30002 udptl t38\r\n" }, { "> 200 reINVITE", "m=image 4000 udptl t38\r\n", "m=image 30102 udptl t38\r\n" },
		{ "< reINVITE", A(5000,), A(30004,) }, { "> 200 reINVITE", A(4000,), A(30104,) } },
	  NULL },
	{ "fax after speech, T.38", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "< reINVITE", "m=image 5000 udptl t38\r\na=T38FaxVersion:0\r\n", "m=image 30002 udptl t38\r\na=T38FaxVersion:0\r\n" },
		{ "> 200 reINVITE", "m=image 4000 udptl t38\r\n", "m=image 30102 udptl t38\r\n" } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n1> 192.0.2.1:4000 plain opaque\n1< 198.51.100.2:5000 plain opaque\n" },
	{ "MSRP goes past us", "wl", "tt", 0, {
		{ "> INVITE", A(4000,) "m=message 4002 TCP/MSRP *\r\n", A(30100,) "m=message 4002 TCP/MSRP *\r\nc=IN IP4 192.0.2.1\r\n" },
		/* switched off it needs no address, and tells none */
		{ "< 200", A(5000,) "m=message 0 TCP/MSRP *\r\n", A(30000,) "m=message 0 TCP/MSRP *\r\n" } }, NULL },
	{ "more m-lines than a relay has streams", "wl", "tt", 0, {
		{ "> INVITE", A(2,) A(4,) A(6,) A(8,) A(10,) A(12,) A(14,) A(16,) A(18,),
		  A(30100,) A(30102,) A(30104,) A(30106,) A(30108,) A(30110,) A(30112,) A(30114,) A(0,) } }, NULL },
	{ "two early dialogs of one target, the second answers, pitfall 18", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183/x", A(5000,), A(30000,) }, { "< 183/y", A(5100,), A(30000,) }, { "< 183/x", A(5000,), A(30000,) },
		{ "< 200/y", A(5100,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5100 plain\n" },
	{ "an early answer after the 200 of another does not take the relay", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 183/x", A(5000,), A(30000,) }, { "< 200/y", A(5100,), A(30000,) }, { "< 183/x", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5100 plain\n" },
	{ "two answer, and the caller ends the first, RFC 3261 §13.2.2.4", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200/x", A(5000,), A(30000,) }, { "< 200/y", A(5100,), A(30000,) }, { "> BYE/x", NULL, SAME } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5100 plain\n" },
	{ "rtcp-mux on one side, RFC 5761 §5.1.1", "wl", "tt", 0, {
		{ "> INVITE", A(4000, "a=rtcp-mux\r\n"), A(30100, "a=rtcp-mux\r\n") }, { "< 200", A(5000,), A(30000, "a=rtcp-mux\r\n") } },
	  "0> 192.0.2.1:4000 plain mux\n0< 198.51.100.2:5000 plain\n" },
	{ "rtcp-mux that nobody offered", "wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000, "a=rtcp-mux\r\n"), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "a=rtcp, RFC 3605", "wl", "tt", 0, {
		{ "> INVITE", A(4000, "a=rtcp:4009\r\n"), A(30100, "a=rtcp:30101\r\n") } }, NULL },

	/* SRTP: policies of both sides */
	{ "keys pass through, RFC 4568", "wl", "tt", 0, {
		{ "> INVITE", S(4000, A80), S(30100, A80) }, { "< 200", S(5000, B80), S(30000, B80) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "RTP inside, SRTP outside: from outside, mission 228", "wl", "to", 0, {
		{ "> INVITE", S(4000, A80), A(30100,) }, { "< 200", A(5000,), S(30000, "a=crypto:1 " S80 " inline:*\r\n") } },
	  "0> 192.0.2.1:4000 sdes\n0< 198.51.100.2:5000 plain\n" },
	{ "RTP inside, SRTP outside: from inside", "lw", "or", 0, {
		{ "> INVITE", A(4000,), S(30100, OURS) }, { "< 200", S(5000, B80), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 sdes\n" },
	{ "preferred, and taken, mission 227", "lw", "op", 0, {
		{ "> INVITE", A(4000,), A(30100, OURS) }, { "< 200", A(5000, "a=crypto:2 " S32 " inline:" KEY_B "\r\n"), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 sdes\n" },
	{ "preferred, and not taken", "lw", "op", 0, {
		{ "> INVITE", A(4000,), A(30100, OURS) }, { "< 200", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "AVP with keys is answered with a key where SRTP is preferred", "wl", "po", 0, {
		{ "> INVITE", A(4000, A80), A(30100,) }, { "< 200", A(5000,), A(30000, "a=crypto:1 " S80 " inline:*\r\n") } },
	  "0> 192.0.2.1:4000 sdes\n0< 198.51.100.2:5000 plain\n" },
	{ "SRTP on both sides with other keys", "wl", "pr", 0, {
		{ "> INVITE", S(4000, A80), S(30100, OURS) }, { "< 200", S(5000, B80), S(30000, "a=crypto:1 " S80 " inline:*\r\n") } },
	  "0> 192.0.2.1:4000 sdes\n0< 198.51.100.2:5000 sdes\n" },
	{ "keys of ours stay over a re-INVITE, pitfall 20", "wl", "pr", 0, {
		{ "> INVITE", S(4000, A80), S(30100, OURS) }, { "< 200", S(5000, B80), S(30000, "a=crypto:1 " S80 " inline:*\r\n") },
		{ "> reINVITE", S(4000, A80 "a=sendonly\r\n"), S(30100, "a=sendonly\r\n" OURS) },
		{ "< 200 reINVITE", S(5000, B80 "a=recvonly\r\n"), S(30000, "a=recvonly\r\na=crypto:1 " S80 " inline:*\r\n") } },
	  "0> 192.0.2.1:4000 sdes\n0< 198.51.100.2:5000 sdes\n" },
	{ "plain where SRTP is required", "wl", "ro", 0, { { "> INVITE", A(4000,), "!required" } }, NULL },
	{ "the same as SAVP and as AVP, where SRTP is required: the plain one is off, RFC 3264 §6", "wl", "ro", 0, {
		{ "> INVITE", S(4000, A80) A(4002,), A(30100,) A(0,) }, { "< 200", A(5000,) A(0,), S(30000, "a=crypto:1 " S80 " inline:*\r\n") A(0,) } },
	  "0> 192.0.2.1:4000 sdes\n0< 198.51.100.2:5000 plain\n1> - plain blocked\n1< - plain blocked\n" },
	{ "and where there is none", "wl", "oo", 0, {
		{ "> INVITE", S(4000, A80) A(4002,), S(0,) A(30102,) }, { "< 200", S(0,) A(5002,), S(0,) A(30002,) } }, NULL },
	{ "plain video beside it does not go", "wl", "ro", 0, {
		{ "> INVITE", S(4000, A80) V(4002,), A(30100,) V(0,) } }, NULL },
	{ "nothing of it is taken", "wl", "ro", 0, { { "> INVITE", A(4000,) V(4002,) "m=message 4 TCP/MSRP *\r\n", "!required" } }, NULL },
	{ "SRTP where there is none", "wl", "oo", 0, { { "> INVITE", S(4000, A80), "!refused" } }, NULL },
	{ "SRTP in suites that we do not take", "wl", "to", 0, { { "> INVITE", S(4000, "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" KEY_A "\r\n"), "!refused" } }, NULL },
	{ "SAVP without a key", "wl", "to", 0, { { "> INVITE", S(4000,), "!refused" } }, NULL },
	{ "an answer with a key that was not offered, RFC 4568 §5.1.3", "lw", "or", 0, {
		{ "> INVITE", A(4000,), S(30100, OURS) }, { "< 200", S(5000, "a=crypto:7 " S80 " inline:" KEY_B "\r\n"), A(0,) } },
	  "0> - plain blocked\n0< - plain blocked\n" },
	{ "two m-lines with keys, pitfall 19", "wl", "to", 0, {
		{ "> INVITE", S(4000, A80) S(4002, B80), A(30100,) A(30102,) },
		{ "< 200", A(5000,) A(5002,), S(30000, "a=crypto:1 " S80 " inline:*\r\n") S(30002, "a=crypto:1 " S80 " inline:*\r\n") } }, NULL },
	{ "DTLS with ICE outside, RTP inside, RFC 5763 §5, RFC 8445 §2.5", "wl", "to", 0, {
		{ "> INVITE", "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-1 AA\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\na=rtcp-mux\r\n",
		  "m=audio 30100 RTP/AVP 0\r\na=rtcp-mux\r\n" },
		{ "< 200", "m=audio 5000 RTP/AVP 0\r\n",
		  "a=ice-lite\r\nm=audio 30000 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n" PRINT "a=setup:passive\r\na=ice-ufrag:ufra\r\na=ice-pwd:passwordpasswordpassword\r\n"
		  "a=candidate:1 1 UDP 2130706431 203.0.113.1 30000 typ host\r\na=end-of-candidates\r\n" } },
	  "0> 192.0.2.1:4000 dtls mux ice\n0< 198.51.100.2:5000 plain\n" },
	{ "ICE without rtcp-mux: a candidate for RTCP, too, RFC 8839 §5.1", "wl", "to", 0, {
		{ "> INVITE", "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-1 AA\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\n"
		  "a=candidate:1 1 UDP 2 192.0.2.1 4000 typ host\r\na=candidate:1 2 UDP 1 192.0.2.1 4001 typ host\r\n",
		  "m=audio 30100 RTP/AVP 0\r\n" },
		{ "< 200", "m=audio 5000 RTP/AVP 0\r\n",
		  "a=ice-lite\r\nm=audio 30000 UDP/TLS/RTP/SAVP 0\r\n" PRINT "a=setup:passive\r\na=ice-ufrag:ufra\r\na=ice-pwd:passwordpasswordpassword\r\n"
		  "a=candidate:1 1 UDP 2130706431 203.0.113.1 30000 typ host\r\na=candidate:1 2 UDP 2130706430 203.0.113.1 30001 typ host\r\na=end-of-candidates\r\n" } },
	  "0> 192.0.2.1:4000 dtls ice\n0< 198.51.100.2:5000 plain\n" },
	{ "a hold from inside: who has DTLS and ICE is offered that again, RFC 5763 §5, RFC 8842 §5", "wl", "to", 0, {
		{ "> INVITE", WEB(4000, "actpass"), "m=audio 30100 RTP/AVP 0\r\na=rtcp-mux\r\n" },
		{ "< 200", A(5000,), "a=ice-lite\r\n" WE(30000, "passive") },
		{ "< reINVITE", A(5000, "a=sendonly\r\n"), "a=ice-lite\r\n" WE_SEND(30000, "actpass") },
		{ "> 200 reINVITE", WEB(4000, "active") "a=recvonly\r\n", A(30100, "a=recvonly\r\n") } },
	  "0> 192.0.2.1:4000 dtls mux ice\n0< 198.51.100.2:5000 plain\n" },
	{ "a new m-line from inside as well; one without a fingerprint in the answer is none", "wl", "to", 0, {
		{ "> INVITE", WEB(4000, "actpass"), "m=audio 30100 RTP/AVP 0\r\na=rtcp-mux\r\n" },
		{ "< 200", A(5000,), "a=ice-lite\r\n" WE(30000, "passive") },
		{ "< reINVITE", A(5000,) A(5002,), "a=ice-lite\r\n" WE(30000, "actpass") WE(30002, "actpass") },
		{ "> 200 reINVITE", WEB(4000, "active") "m=audio 4002 UDP/TLS/RTP/SAVPF 0\r\n", A(30100,) A(0,) } },
	  "0> 192.0.2.1:4000 dtls mux ice\n0< 198.51.100.2:5000 plain\n1> - plain blocked\n1< - plain blocked\n" },
	{ "our role stays when the other side offers again, RFC 8842 §5.3", "wl", "to", 0, {
		{ "> INVITE", WEB(4000, "passive"), "m=audio 30100 RTP/AVP 0\r\na=rtcp-mux\r\n" },
		{ "< 200", A(5000,), "a=ice-lite\r\n" WE(30000, "active") },
		{ "< reINVITE", A(5000,), "a=ice-lite\r\n" WE(30000, "actpass") },
		{ "> 200 reINVITE", WEB(4000, "passive"), A(30100,) },
		{ "> reINVITE", WEB(4000, "actpass"), "m=audio 30100 RTP/AVP 0\r\na=rtcp-mux\r\n" },
		{ "< 200 reINVITE", A(5000,), "a=ice-lite\r\n" WE(30000, "active") } },
	  "0> 192.0.2.1:4000 dtls client mux ice\n0< 198.51.100.2:5000 plain\n" },
	{ "a hold from inside takes no SRTP away, pitfall 20", "wl", "to", 0, {
		{ "> INVITE", S(4000, A80), A(30100,) }, { "< 200", A(5000,), S(30000, "a=crypto:1 " S80 " inline:*\r\n") },
		{ "< reINVITE", A(5000, "a=sendonly\r\n"), S(30000, "a=sendonly\r\n" OURS) },
		{ "> 200 reINVITE", S(4000, A80 "a=recvonly\r\n"), A(30100, "a=recvonly\r\n") } },
	  "0> 192.0.2.1:4000 sdes\n0< 198.51.100.2:5000 plain\n" },
	{ "nor does a late offer; and an answer without it is none, RFC 4568 §5.1.3", "wl", "to", 0, {
		{ "> INVITE", S(4000, A80), A(30100,) }, { "< 200", A(5000,), S(30000, "a=crypto:1 " S80 " inline:*\r\n") },
		{ "> reINVITE", NULL, SAME }, { "< 200 reINVITE", A(5000,), S(30000, OURS) }, { "> ACK", A(4000,), A(0,) } },
	  "0> - plain blocked\n0< - plain blocked\n" },
	{ "who answered AVP with a key gets AVP with keys again", "wl", "op", 0, {
		{ "> INVITE", A(4000,), A(30100, OURS) }, { "< 200", A(5000, B80), A(30000,) },
		{ "> reINVITE", A(4000, "a=sendonly\r\n"), A(30100, "a=sendonly\r\n" OURS) }, { "< 200 reINVITE", A(5000, B80 "a=recvonly\r\n"), A(30000, "a=recvonly\r\n") } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 sdes\n" },
	{ "keys of the other side do not go past a leg that has ours", "wl", "tp", 0, {
		{ "> INVITE", WEB(4000, "actpass"), A(30100, "a=rtcp-mux\r\n" OURS) },
		{ "< 200", A(5000, B80), "a=ice-lite\r\n" WE(30000, "passive") },
		{ "< reINVITE", A(5000, B80), "a=ice-lite\r\n" WE(30000, "actpass") },
		{ "> 200 reINVITE", WEB(4000, "active"), A(30100, "a=crypto:1 " S80 " inline:*\r\n") } },
	  "0> 192.0.2.1:4000 dtls mux ice\n0< 198.51.100.2:5000 sdes\n" },
	{ "DTLS under RTP/SAVPF, as Asterisk and older browsers say it, RFC 8829 §5.1.2", "wl", "to", 0, {
		{ "> INVITE", "m=audio 4000 RTP/SAVPF 0\r\na=fingerprint:sha-1 AA\r\na=setup:actpass\r\n", "m=audio 30100 RTP/AVPF 0\r\n" },
		{ "< 200", A(5000,), "m=audio 30000 RTP/SAVPF 0\r\n" PRINT "a=setup:passive\r\n" } },
	  "0> 192.0.2.1:4000 dtls\n0< 198.51.100.2:5000 plain\n" },
	{ "a profile that is offered besides passes through, RFC 5939", "wl", "tt", 0, {
		{ "> INVITE", A(4000, "a=tcap:1 RTP/SAVP\r\na=acap:1 crypto:1 x\r\na=pcfg:1 t=1 a=1\r\n"), A(30100, "a=tcap:1 RTP/SAVP\r\na=acap:1 crypto:1 x\r\na=pcfg:1 t=1 a=1\r\n") },
		{ "< 200", S(5000, "a=acfg:1 t=1 a=1\r\n" B80), S(30000, "a=acfg:1 t=1 a=1\r\n" B80) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "DTLS passes through", "wl", "tt", 0, {
		{ "> INVITE", "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-1 AA\r\na=setup:actpass\r\n", "m=audio 30100 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-1 AA\r\na=setup:actpass\r\n" },
		{ "< 200", "m=audio 5000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-1 BB\r\na=setup:active\r\n", "m=audio 30000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-1 BB\r\na=setup:active\r\n" } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain\n" },

	/* hold, mission 83 */
	{ "hold towards a remote phone: it hears nothing of it", "lr", "oo", CONF_HOLD_SENDRECV, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "> reINVITE", A(4000, "a=sendonly\r\n"), A(30100, "a=sendrecv\r\n") }, { "< 200 reINVITE", A(5000,), A(30000, "a=recvonly\r\n") } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain blocked latch anew\n" },
	{ "and resumes", "lr", "oo", CONF_HOLD_SENDRECV, {
		{ "> INVITE", A(4000, "a=inactive\r\n"), A(30100, "a=sendrecv\r\n") }, { "< 200", A(5000,), A(30000, "a=inactive\r\n") },
		{ "> reINVITE", A(4000,), A(30100,) }, { "< 200 reINVITE", A(5000,), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain latch anew\n" },
	{ "hold by an address of zeros, RFC 3264 §8.4", "lw", "oo", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "> reINVITE", A(4000, "c=IN IP4 0.0.0.0\r\n"), A(30100, "c=IN IP4 203.0.113.2\r\na=sendonly\r\n") } }, NULL },
	{ "hold stays visible, and we keep the router open, RFC 6263", "lr", "oo", CONF_HOLD_KEEPALIVE, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "> reINVITE", A(4000, "a=sendonly\r\n"), A(30100, "a=sendonly\r\n") }, { "< 200 reINVITE", A(5000, "a=recvonly\r\n"), A(30000, "a=recvonly\r\n") } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain latch anew alive\n" },
	{ "hold unchanged", "lr", "oo", CONF_HOLD_UNCHANGED, {
		{ "> INVITE", A(4000, "a=sendonly\r\n"), A(30100, "a=sendonly\r\n") }, { "< 200", A(5000, "a=recvonly\r\n"), A(30000, "a=recvonly\r\n") } },
	  "0> 192.0.2.1:4000 plain\n0< 198.51.100.2:5000 plain latch\n" },

	/* behind a router */
	{ "a remote phone that says its own address, mission 91", "lr", "oo", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000, "c=IN IP4 192.168.1.9\r\n"), A(30000, "c=IN IP4 203.0.113.1\r\n") },
		{ "< reINVITE", A(5002, "c=IN IP4 192.168.1.9\r\n"), A(30000, "c=IN IP4 203.0.113.1\r\n") }, { "> 200 reINVITE", A(4000,), A(30100,) } },
	  "0> 192.0.2.1:4000 plain\n0< 192.168.1.9:5002 plain latch anew\n" },
	{ "another family in SDP than ours: only what comes is answered", "lr", "oo", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000, "c=IN IP6 2001:db8::9\r\n"), A(30000, "c=IN IP4 203.0.113.1\r\n") } },
	  "0> 192.0.2.1:4000 plain\n0< - plain latch\n" },

	/* IPv6 */
	{ "IPv6 outside, IPv4 inside, RFC 4566 §5.7", "Wl", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) } },
	  "0> [2001:db8:a::1]:4000 plain\n0< 198.51.100.2:5000 plain\n" },
	{ "IPv4 outside, IPv6 inside; c= of the m-line, and a=rtcp, RFC 3605", "wL", "tt", 0, {
		{ "> INVITE", A(4000, "c=IN IP4 192.0.2.7\r\na=rtcp:4009 IN IP4 192.0.2.7\r\n"), A(30100, "c=IN IP6 2001:db8::2\r\na=rtcp:30101\r\n") },
		{ "< 200", A(5000, "a=rtcp:5009 IN IP6 2001:db8:b::3\r\n"), A(30000, "a=rtcp:30001\r\n") } },
	  "0> 192.0.2.7:4000 plain\n0< [2001:db8:b::2]:5000 plain\n" },
	{ "IPv6 on both sides, and held by an address of zeros", "WL", "tt", 0, {
		{ "> INVITE", A(4000,), A(30100,) }, { "< 200", A(5000,), A(30000,) },
		{ "< reINVITE", A(5000, "c=IN IP6 ::\r\n"), A(30000, "c=IN IP6 2001:db8::1\r\na=sendonly\r\n") }, { "> 200 reINVITE", A(4000, "a=recvonly\r\n"), A(30100, "a=recvonly\r\n") } },
	  NULL },
	{ "IPv6 with SRTP inside, IPv4 without outside", "wL", "or", 0, {
		{ "> INVITE", A(4000,), S(30100, OURS) }, { "< 200", S(5000, B80), A(30000,) } },
	  "0> 192.0.2.1:4000 plain\n0< [2001:db8:b::2]:5000 sdes\n" },

	/* not SDP */
	{ "an offer that cannot be read", "wl", "tt", 0, { { "> INVITE", "m=audio 4000 RTP/AVP \xe4\r\n", "!sdp" } }, NULL },
};
/* clang-format on */

struct play {
	const char *ours[RELAY_N_LEGS], *theirs[RELAY_N_LEGS]; /* addresses in SDP */
	struct calls *calls;
	struct channels *channels;
	struct settings_media settings;
	struct calls_begin begin;
	char call_id[32];
	bool had_offer;
};

static const struct settings_text suites[] = { { .text = S80 }, { .text = S32 } };

static enum conf_network network_of(char c)
{
	c = (char)tolower((unsigned char)c);
	return c == 'w' ? NETWORK_WAN : c == 'l' ? NETWORK_LAN : NETWORK_REMOTE;
}

static int policy_of(char c)
{
	return c == 'o'   ? CONF_SRTP_OFF
	       : c == 't' ? CONF_SRTP_PASSTHROUGH
	       : c == 'p' ? CONF_SRTP_PREFER
			  : CONF_SRTP_REQUIRE;
}

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, 0, &addr), ERR_OK);
	return addr;
}

static const char *const our_hosts[][RELAY_N_LEGS] = { { "203.0.113.1", "203.0.113.2" },
						       { "2001:db8::1", "2001:db8::2" } };
static const char *const their_hosts[][RELAY_N_LEGS] = { { "192.0.2.1", "198.51.100.2" },
							 { "2001:db8:a::1", "2001:db8:b::2" } };

static void play_init(struct play *play, const char *networks, const char *srtp,
		      enum conf_hold hold)
{

	memset(play, 0, sizeof(*play));
	memset(&fake_relays, 0, sizeof(fake_relays));
	assert_int_equal(channels_new(&play->channels), ERR_OK);
	channels_set_bounds(play->channels, 4, 0);
	assert_int_equal(
		calls_new(&fake_relay_ops, &fake_relays, play->channels, NULL, &play->calls),
		ERR_OK);
	play->settings.suites = suites;
	play->settings.n_suites = COUNT(suites);
	play->settings.hold = hold;
	play->settings.timeout_ms = 60000;
	play->settings.dscp = 46;
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		const enum conf_network network = network_of(networks[leg]);
		const bool is_ipv6 = isupper((unsigned char)networks[leg]) != 0;

		play->begin.sides[leg].network = network;
		play->ours[leg] = our_hosts[is_ipv6][leg];
		play->theirs[leg] = their_hosts[is_ipv6][leg];
		play->begin.sides[leg].bind = play->begin.sides[leg].shown =
			addr_of(play->ours[leg]);
		play->settings.srtp[network] = policy_of(srtp[leg]);
	}
	play->begin.sides[RELAY_CALLER].source = addr_of("192.0.2.77");
	play->begin.settings = &play->settings;
	strcpy(play->call_id, "call-1");
}

static void play_fini(struct play *play)
{
	struct channels_view view;

	calls_close_all(play->calls);
	for (unsigned i = 0; i < fake_relays.n; i++)
		fake_tell(&fake_relays.relays[i], RELAY_CLOSED);
	assert_int_equal(fake_relays.n_open, 0);
	assert_int_equal(calls_count(play->calls), 0);
	channels_look(play->channels, &view);
	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++)
		assert_int_equal(view.n_used[i], 0);
	assert_int_equal(view.kbps_used, 0);
	calls_free(play->calls);
	channels_free(play->channels);
}

static void describe(const struct play *play, const char *what, const char *sdp,
		     char tag[CALLS_TAG_SIZE], struct calls_message *out)
{
	const bool is_caller = *what == '>';
	const char *word = what + 2, *slash = strchr(what, '/');
	const bool is_response = isdigit((unsigned char)*word);

	strcpy(tag, slash ? slash + 1 : "callee");
	*out = (struct calls_message){
		.key = { .call_id = play->call_id, .caller = 1, .callee = 2, .made_at_s = 3 },
		.is_first = !strcmp(word, "INVITE") || (is_response && !strchr(word, ' ')),
		.is_ack = text_starts_with(word, "ACK"),
		.is_prack = text_starts_with(word, "PRACK"),
		.status = is_response ? atoi(word) : 0,
		.had_offer = play->had_offer,
		.source = addr_of(is_caller ? "192.0.2.77" : "198.51.100.77"),
		.sdp = sdp,
		.sdp_len = sdp ? strlen(sdp) : 0,
	};
	/* A response has the tags of its request. */
	out->from_tag = is_caller == !is_response ? "caller" : tag;
	out->to_tag = is_caller == !is_response ? tag : "caller";
	if (!strcmp(word, "INVITE"))
		out->to_tag = "";
}

/* Ours are random. */
static void star_keys(char *text)
{
	for (char *at = text; (at = strstr(at, "inline:"));) {
		at += strlen("inline:");
		const size_t len = strcspn(at, "\r");

		if (text_starts_with(at, KEY_A) || text_starts_with(at, KEY_B))
			continue;
		*at = '*';
		memmove(at + 1, at + len, strlen(at + len) + 1);
	}
}

#define HEAD "v=0\r\no=a 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n%s"

static const char *family(const char *address)
{
	return strchr(address, ':') ? "IP6" : "IP4";
}

static enum calls_verdict send_step(struct play *play, const struct step *step, struct buf *out)
{
	char sdp[4096], tag[CALLS_TAG_SIZE];
	struct calls_message message;

	const char *address = play->theirs[*step->what == '>' ? RELAY_CALLER : RELAY_CALLEE];

	snprintf(sdp, sizeof(sdp), HEAD, family(address), address, step->in ? step->in : "");
	describe(play, step->what, step->in ? sdp : NULL, tag, &message);
	if (!message.status)
		play->had_offer = message.sdp != NULL;
	if (!strcmp(step->what, "> INVITE"))
		return calls_begin(play->calls, &message, &play->begin, 0, out);
	if (text_starts_with(step->what + 2, "BYE")) {
		calls_bye(play->calls, &message);
		return CALLS_UNTOUCHED;
	}
	if (message.status >= 300) { /* told by the request */
		message.status = 0;
		calls_offer_failed(play->calls, &message);
		return CALLS_UNTOUCHED;
	}
	return calls_pass(play->calls, &message, out);
}

static void check_step(struct play *play, const char *name, const struct step *step)
{
	char want[4096];
	struct buf out;

	buf_init(&out, 0);
	const enum calls_verdict verdict = send_step(play, step, &out);
	if (verdict != CALLS_REWRITTEN) {
		if (strcmp(step->want, verdicts[verdict]) != 0)
			fail_msg("%s: %s: %s", name, step->what, verdicts[verdict]);
	} else {
		const char *address =
			play->ours[*step->what == '>' ? RELAY_CALLEE : RELAY_CALLER];

		snprintf(want, sizeof(want), HEAD, family(address), address, step->want);
		star_keys(out.bytes);
		if (strcmp(out.bytes, want) != 0)
			fail_msg("%s: %s came out as\n%s", name, step->what, out.bytes);
	}
	buf_fini(&out);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct play play;
		struct buf ends;

		play_init(&play, rows[i].networks, rows[i].srtp, rows[i].hold);
		for (unsigned n = 0; n < MAX_STEPS && rows[i].steps[n].what; n++)
			check_step(&play, rows[i].name, &rows[i].steps[n]);
		buf_init(&ends, 0);
		fake_print(&fake_relays.relays[0], &ends);
		if (rows[i].ends && strcmp(buf_text(&ends), rows[i].ends) != 0)
			fail_msg("%s: the ends are\n%s", rows[i].name, buf_text(&ends));
		buf_fini(&ends);
		play_fini(&play);
	}
}

static enum calls_verdict step(struct play *play, const char *what, const char *in)
{
	const struct step one = { what, in, NULL };
	struct buf out;

	buf_init(&out, 0);
	const enum calls_verdict verdict = send_step(play, &one, &out);
	buf_fini(&out);
	return verdict;
}

/* The keys that the ends have are those of the SDP, and the same after a hold: else ROC would
 * be lost. */
static void test_keys(void **state)
{
	struct srtp_key ours[RELAY_N_LEGS];
	const struct relay_end(*ends)[RELAY_N_LEGS] = (const void *)fake_relays.relays[0].ends;
	struct play play;
	char text[SRTP_KEY_TEXT_SIZE];

	(void)state;
	play_init(&play, "wl", "pr", 0);
	assert_int_equal(step(&play, "> INVITE", S(4000, A80)), CALLS_REWRITTEN);
	assert_int_equal(step(&play, "< 200", S(5000, B80)), CALLS_REWRITTEN);
	assert_string_equal(suite_key_print(&ends[0][RELAY_CALLER].key_in, text), KEY_A);
	assert_string_equal(suite_key_print(&ends[0][RELAY_CALLEE].key_in, text), KEY_B);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		ours[leg] = ends[0][leg].key_out;
	assert_false(suite_key_equal(&ours[0], &ours[1]));
	assert_int_equal(step(&play, "< reINVITE", S(5000, B80 "a=sendonly\r\n")),
			 CALLS_REWRITTEN);
	assert_int_equal(step(&play, "> 200 reINVITE", S(4000, A80 "a=recvonly\r\n")),
			 CALLS_REWRITTEN);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
		assert_true(suite_key_equal(&ours[leg], &ends[0][leg].key_out));
	play_fini(&play);
}

#define ICE(ufrag)                                                                                            \
	"m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-1 AA\r\na=setup:actpass\r\na=ice-ufrag:" ufrag \
	"\r\na=ice-pwd:x\r\na=rtcp-mux\r\n"

/* What the caller is told after an offer with that ufrag, and the ufrag and pwd of ours that
 * its end has then. */
static void offer_ice(struct play *play, const char *offer, const char *answer, char told[32],
		      struct relay_end *end)
{
	const struct step ask = { "> reINVITE", offer, NULL },
			  reply = { answer, A(5000, ), NULL };
	struct buf out;
	const char *at;

	buf_init(&out, 0);
	assert_int_equal(send_step(play, &ask, &out), CALLS_REWRITTEN);
	buf_clear(&out);
	if (send_step(play, &reply, &out) == CALLS_REWRITTEN) {
		at = strstr(buf_text(&out), "a=ice-ufrag:");
		assert_non_null(at);
		snprintf(told, 32, "%.*s", (int)strcspn(at + 12, "\r"), at + 12);
	}
	buf_fini(&out);
	*end = fake_relays.relays[0].ends[0][RELAY_CALLER];
}

/* RFC 8839 §4.4.1.1.1: another ufrag of theirs begins ICE anew, and then ours are others; the
 * same one changes nothing. */
static void test_ice_restart(void **state)
{
	char first[32] = "", second[32] = "", third[32] = "";
	struct relay_end end;
	struct play play;

	(void)state;
	play_init(&play, "wl", "to", 0);
	assert_int_equal(step(&play, "> INVITE", ICE("abcd")), CALLS_REWRITTEN);
	assert_int_equal(step(&play, "< 200", A(5000, )), CALLS_REWRITTEN);
	offer_ice(&play, ICE("abcd"), "< 200 reINVITE", first, &end);
	assert_string_equal(first, "ufra"); /* of the relay */
	assert_string_equal(end.ice_own_ufrag, "");
	offer_ice(&play, ICE("efgh"), "< 200 reINVITE", second, &end);
	assert_int_equal(strlen(second), 8);
	assert_string_equal(end.ice_own_ufrag, second);
	assert_int_equal(strlen(end.ice_own_pwd), 24);
	assert_string_equal(end.ice_ufrag, "efgh");
	offer_ice(&play, ICE("efgh"), "< 200 reINVITE", third, &end);
	assert_string_equal(third, second);
	offer_ice(&play, ICE("ijkl"), "< 488 reINVITE", third, &end); /* refused: all stays */
	offer_ice(&play, ICE("efgh"), "< 200 reINVITE", third, &end);
	assert_string_equal(third, second);
	assert_string_equal(end.ice_own_ufrag, second);
	play_fini(&play);
}

/* Who rings may be silent for long, also with early media, and so may a call on hold. */
static void test_timeout(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	step(&play, "> INVITE", A(4000, ));
	assert_int_equal(fake_relays.relays[0].timeout_ms, 3600000);
	step(&play, "< 183", A(5000, ));
	assert_int_equal(fake_relays.relays[0].timeout_ms, 3600000);
	step(&play, "< 200", A(5000, ));
	assert_int_equal(fake_relays.relays[0].timeout_ms, 60000);
	step(&play, "> reINVITE", A(4000, "a=sendonly\r\n"));
	step(&play, "< 200 reINVITE", A(5000, "a=recvonly\r\n"));
	assert_int_equal(fake_relays.relays[0].timeout_ms, 3600000);
	step(&play, "> reINVITE", A(4000, ));
	step(&play, "< 200 reINVITE", A(5000, ));
	assert_int_equal(fake_relays.relays[0].timeout_ms, 60000);
	play_fini(&play);
}

static unsigned n_used(struct play *play, enum channel_class channel)
{
	struct channels_view view;

	channels_look(play->channels, &view);
	return view.n_used[channel];
}

/* clang-format off */
static const struct {
	const char *name, *networks;
	unsigned partner, device, inside;
} claims[] = {
	{ "a partner's call takes one, mission 143", "wl", 1, 0, 0 },
	{ "to a partner as well", "lw", 1, 0, 0 },
	{ "between two partners: one call", "ww", 1, 0, 0 },
	{ "a remote phone takes one, mission 144", "rl", 0, 1, 0 },
	{ "two of them take two", "rr", 0, 2, 0 },
	{ "a phone and a partner", "rw", 1, 1, 0 },
	{ "inside", "ll", 0, 0, 1 },
};
/* clang-format on */

static void test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(claims); i++) {
		struct play play;

		play_init(&play, claims[i].networks, "oo", 0);
		assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_REWRITTEN);
		if (n_used(&play, CHANNEL_PARTNER) != claims[i].partner ||
		    n_used(&play, CHANNEL_DEVICE) != claims[i].device ||
		    n_used(&play, CHANNEL_INSIDE) != claims[i].inside)
			fail_msg("%s", claims[i].name);
		step(&play, "< 200", A(5000, ));
		step(&play, "> BYE", NULL);
		assert_int_equal(calls_count(play.calls), 0);
		play_fini(&play);
	}
}

/* The pool is for all; who got nothing holds nothing, and what ends is there for the next. */
static void test_exhaustion(void **state)
{
	struct channels_view view;
	struct play play;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(play.call_id, sizeof(play.call_id), "call-%u", i);
		assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_REWRITTEN);
	}
	strcpy(play.call_id, "one more");
	assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_FULL);
	assert_int_equal(calls_count(play.calls), 4);
	assert_int_equal(fake_relays.n_open, 4);
	strcpy(play.call_id, "call-2");
	step(&play, "< 200", A(5000, ));
	step(&play, "< BYE", NULL);
	assert_int_equal(fake_relays.n_open, 3);
	strcpy(play.call_id, "one more");
	assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_REWRITTEN);
	channels_look(play.channels, &view);
	assert_int_equal(view.n_refused, 1);
	assert_int_equal(view.n_most, 4);
	play_fini(&play);
}

static void test_bandwidth(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	channels_set_bounds(play.channels, 100, 1150);
	strcpy(play.call_id, "a");
	assert_int_equal(step(&play, "> INVITE", A(4000, ) V(4002, )),
			 CALLS_REWRITTEN); /* 1100 as we guess */
	strcpy(play.call_id, "b");
	assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_NO_BANDWIDTH);
	assert_int_equal(step(&play, "> INVITE", A(4000, "b=AS:50\r\n")),
			 CALLS_REWRITTEN); /* as it says */
	play_fini(&play);
}

static unsigned kbps_of(const struct play *play)
{
	struct channels_view view;

	channels_look(play->channels, &view);
	return view.kbps_used;
}

/* Video that comes later takes its room like any other, and gives it back (mission 151). */
static void test_bandwidth_inside(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	channels_set_bounds(play.channels, 100, 1250);
	assert_int_equal(step(&play, "> INVITE", A(4000, ) V(4002, )), CALLS_REWRITTEN);
	assert_int_equal(kbps_of(&play), 1100);
	assert_int_equal(step(&play, "< 183", A(5000, ) V(0, )), CALLS_REWRITTEN);
	assert_int_equal(kbps_of(&play), 1100); /* another fork may take it */
	step(&play, "< 200", NULL);
	assert_int_equal(kbps_of(&play), 100); /* the video was not taken */
	channels_set_bounds(play.channels, 100, 100);
	assert_int_equal(step(&play, "< reINVITE", A(5000, "b=AS:128\r\na=sendonly\r\n")),
			 CALLS_REWRITTEN); /* who adds nothing is never refused */
	step(&play, "> 491 reINVITE", NULL);
	channels_set_bounds(play.channels, 100, 1250);
	assert_int_equal(step(&play, "< reINVITE", A(5000, ) V(5002, "b=AS:2000\r\n")),
			 CALLS_NO_BANDWIDTH);
	assert_int_equal(fake_relays.relays[0].n_streams, 2);
	step(&play, "> 503 reINVITE", NULL);
	assert_int_equal(kbps_of(&play), 100);
	assert_int_equal(step(&play, "< reINVITE", A(5000, ) V(5002, "b=AS:900\r\n")),
			 CALLS_REWRITTEN);
	assert_int_equal(kbps_of(&play), 1000);
	step(&play, "> 488 reINVITE", NULL);
	assert_int_equal(kbps_of(&play), 100);
	assert_int_equal(step(&play, "< reINVITE", A(5000, ) V(5002, "b=AS:900\r\n")),
			 CALLS_REWRITTEN);
	assert_int_equal(step(&play, "> 200 reINVITE", A(4000, ) V(4002, )), CALLS_REWRITTEN);
	assert_int_equal(kbps_of(&play), 1000);
	step(&play, "> reINVITE", NULL);
	assert_int_equal(step(&play, "< 200 reINVITE", A(5000, ) V(5002, "b=AS:5000\r\n")),
			 CALLS_REWRITTEN); /* it cannot be refused */
	assert_int_equal(step(&play, "> ACK", A(4000, ) V(0, )), CALLS_REWRITTEN);
	assert_int_equal(kbps_of(&play), 100);
	step(&play, "> BYE", NULL);
	assert_int_equal(kbps_of(&play), 0);
	play_fini(&play);
}

/* No ports: nothing of the call is kept, its channel least of all (field.md pitfall 22). */
static void test_no_ports(void **state)
{
	struct play play;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	fake_relays.next_err = ERR_LIMIT;
	assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_NO_PORTS);
	assert_int_equal(calls_count(play.calls), 0);
	assert_int_equal(n_used(&play, CHANNEL_PARTNER), 0);
	assert_int_equal(step(&play, "> INVITE", A(4000, )), CALLS_REWRITTEN);
	step(&play, "< 200", A(5000, ));
	/* more streams than there are: the offer is refused, the call goes on */
	fake_relays.next_err = ERR_LIMIT;
	assert_int_equal(step(&play, "> reINVITE", A(4000, ) V(4002, )), CALLS_NO_PORTS);
	assert_int_equal(step(&play, "> reINVITE", A(4004, )), CALLS_REWRITTEN);
	play_fini(&play);
}

static struct calls_key key_of(const struct play *play)
{
	return (struct calls_key){
		.call_id = play->call_id, .caller = 1, .callee = 2, .made_at_s = 3
	};
}

/* Each way in which a call ends gives back its relay. */
static void test_ends(void **state)
{
	struct play play;
	struct calls_key key;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	key = key_of(&play);
	step(&play, "> INVITE", A(4000, ));
	calls_branch_failed(play.calls, &key, 0); /* a refusal, a CANCEL, a timeout */
	assert_int_equal(calls_count(play.calls), 0);

	step(&play, "> INVITE", A(4000, ));
	step(&play, "< 183", A(5000, ));
	calls_branch_failed(play.calls, &key, 0); /* another branch was taken */
	assert_int_equal(calls_count(play.calls), 0);

	step(&play, "> INVITE", A(4000, ));
	step(&play, "< 200", A(5000, ));
	calls_branch_failed(play.calls, &key, 0); /* it was answered: says nothing */
	assert_int_equal(calls_count(play.calls), 1);
	step(&play, "< BYE", NULL);
	assert_int_equal(calls_count(play.calls), 0);

	step(&play, "> INVITE", A(4000, ));
	step(&play, "< 200", A(5000, ));
	fake_tell(&fake_relays.relays[3], RELAY_SILENT);
	assert_int_equal(calls_count(play.calls), 0);
	assert_int_equal(step(&play, "> BYE", NULL), CALLS_UNTOUCHED);
	assert_int_equal(step(&play, "> reINVITE", A(4000, )),
			 CALLS_UNTOUCHED); /* of no call that we know */
	play_fini(&play);
}

/* Two targets of one INVITE: each has ports of its own. */
static void test_targets(void **state)
{
	struct calls_message message;
	char tag[CALLS_TAG_SIZE],
		sdp[] = "v=0\r\no=a 1 1 IN IP4 1.1.1.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" A(
			4000, );
	struct play play;
	struct buf out;

	(void)state;
	play_init(&play, "wl", "tt", 0);
	for (unsigned branch = 0; branch < 2; branch++) {
		describe(&play, "> INVITE", sdp, tag, &message);
		message.branch = branch;
		buf_init(&out, 0);
		assert_int_equal(calls_begin(play.calls, &message, &play.begin, 0, &out),
				 CALLS_REWRITTEN);
		assert_non_null(
			strstr(buf_text(&out), branch ? "m=audio 31100 " : "m=audio 30100 "));
		buf_fini(&out);
	}
	assert_int_equal(n_used(&play, CHANNEL_PARTNER), 1); /* one call */
	message.branch = 0; /* its next hop, on the same network, and then on another one */
	for (unsigned n = 0; n < 2; n++) {
		buf_init(&out, 0);
		assert_int_equal(calls_begin(play.calls, &message, &play.begin, 0, &out),
				 CALLS_REWRITTEN);
		assert_non_null(
			strstr(buf_text(&out), n ? "m=audio 32100 " : "m=audio 30100 "));
		assert_int_equal(fake_relays.n_open, 2);
		buf_fini(&out);
		play.begin.sides[RELAY_CALLEE].bind = addr_of("203.0.113.9");
	}
	play_fini(&play);
}

/* A dialog of before: tags are not signed, so those that somebody makes up open nothing
 * more. */
static enum calls_verdict take_up(struct play *play, const char *what, char *tag,
				  const char *in, struct buf *out)
{
	struct calls_message message;
	char sdp[2048], made_up[CALLS_TAG_SIZE];

	snprintf(sdp, sizeof(sdp),
		 "v=0\r\no=a 1 1 IN IP4 1.1.1.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n%s",
		 in ? in : "");
	describe(play, what, in ? sdp : NULL, made_up, &message);
	message.is_from_callee = *what == '<';
	if (message.is_from_callee)
		message.from_tag = tag;
	else
		message.to_tag = tag;
	play->had_offer = in != NULL;
	play->begin.wall_s = 103;
	buf_init(out, 0);
	return calls_take_up(play->calls, &message, &play->begin, 0, out);
}

static void test_take_up(void **state)
{
	struct play play;
	struct buf out;

	(void)state;
	play_init(&play, "wl", "to", 0);
	assert_int_equal(take_up(&play, "< reINVITE", "callee", A(5000, ), &out),
			 CALLS_REWRITTEN);
	assert_non_null(strstr(buf_text(&out), "o=a 1 101 IN IP4 1.1.1.1\r\n"));
	assert_non_null(strstr(buf_text(&out), "m=audio 30000 ")); /* the caller's leg */
	buf_fini(&out);
	assert_int_equal(n_used(&play, CHANNEL_PARTNER), 1);
	/* somebody may be asked first */
	assert_int_equal(fake_relays.relays[0].timeout_ms, 3600000);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
			take_up(&play, "> reINVITE", i == 1 ? "other" : "", A(4000, ), &out),
			CALLS_UNTOUCHED);
		buf_fini(&out);
	}
	assert_int_equal(fake_relays.n_open, 1);
	assert_int_equal(step(&play, "> 200 reINVITE", A(4000, )), CALLS_REWRITTEN);
	assert_int_equal(fake_relays.relays[0].timeout_ms, 60000);
	assert_true(addr_is_set(&fake_relays.relays[0].ends[0][RELAY_CALLEE].rtp));
	assert_int_equal(step(&play, "> reINVITE", A(4002, )), CALLS_REWRITTEN);
	assert_int_equal(step(&play, "< 488 reINVITE", NULL), CALLS_UNTOUCHED);
	assert_int_equal(fake_relays.n_open, 1); /* it was answered before */
	step(&play, "> BYE", NULL);
	assert_int_equal(fake_relays.n_open, 0);

	assert_int_equal(take_up(&play, "< reINVITE", "callee", A(5000, ), &out),
			 CALLS_REWRITTEN);
	buf_fini(&out);
	step(&play, "> 200 reINVITE", A(4000, A80));
	/* a hundred seconds of speech */
	assert_int_equal(fake_relays.relays[1].ends[0][RELAY_CALLER].max_roc_in, 1);
	step(&play, "> BYE", NULL);

	assert_int_equal(take_up(&play, "> reINVITE", "callee", S(4000, ), &out),
			 CALLS_SRTP_REFUSED);
	assert_int_equal(fake_relays.n_open, 0);
	buf_fini(&out);
	fake_relays.next_err = ERR_LIMIT;
	assert_int_equal(take_up(&play, "> reINVITE", "callee", A(4000, ), &out),
			 CALLS_NO_PORTS);
	assert_int_equal(n_used(&play, CHANNEL_PARTNER), 0);
	buf_fini(&out);
	assert_int_equal(take_up(&play, "> reINVITE", "callee", A(4000, ), &out),
			 CALLS_REWRITTEN);
	buf_fini(&out);
	step(&play, "< 491 reINVITE", NULL);
	assert_int_equal(fake_relays.n_open, 0);
	play_fini(&play);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

/* What was written into the log while a call with keys began, had its source found very often,
 * and ended. */
static void trace_call(unsigned areas, char *text, size_t size)
{
	char directory[] = "/tmp/nuncio-calls-XXXXXX", path[64];
	struct log_settings settings = {
		.level = LOG_ERROR, .n_files = 2, .max_size_bytes = 1 << 20, .trace = areas
	};
	struct relay_event event = { .kind = RELAY_LATCHED };
	struct play play;

	assert_non_null(mkdtemp(directory));
	settings.directory = directory;
	assert_int_equal(log_start(&settings), ERR_OK);
	play_init(&play, "wl", "pr", 0);
	step(&play, "> INVITE", S(4000, A80));
	step(&play, "< 200", S(5000, B80));
	event.user = fake_relays.relays[0].owner.user;
	event.addr = addr_of("192.0.2.9");
	for (unsigned i = 0; i < 300; i++)
		fake_relays.relays[0].owner.on_event(&event, NULL);
	play_fini(&play);
	log_stop();
	snprintf(path, sizeof(path), "%s/nuncio.log", directory);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	rmdir(directory);
}

static void test_trace(void **state)
{
	static char text[256 * 1024];

	(void)state;
	trace_call(0, text, sizeof(text));
	assert_string_equal(text, "");
	trace_call(LOG_TRACE_MEDIA, text, sizeof(text));
	assert_non_null(strstr(
		text,
		"audio 192.0.2.1:4000 SAVP sendrecv keys -> 203.0.113.2:30100 SAVP sendrecv keys\n"));
	assert_non_null(strstr(
		text,
		"audio 198.51.100.2:5000 SAVP sendrecv keys -> 203.0.113.1:30000 SAVP sendrecv keys\n"));
	assert_int_equal(count(text, "relay set"), 2);
	assert_non_null(strstr(text, "198.51.100.2:5000 sdes"));
	assert_int_equal(count(text, "source found"), 100);
	assert_int_equal(count(text, "relay closed"), 1);
	assert_int_equal(count(text, KEY_A) + count(text, KEY_B) + count(text, "inline"), 0);
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) { /* nor those that we made */
		char key[SRTP_KEY_TEXT_SIZE];

		assert_null(strstr(
			text,
			suite_key_print(&fake_relays.relays[0].ends[0][leg].key_out, key)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_keys),
		cmocka_unit_test(test_timeout),   cmocka_unit_test(test_ice_restart),
		cmocka_unit_test(test_claims),    cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_bandwidth), cmocka_unit_test(test_bandwidth_inside),
		cmocka_unit_test(test_no_ports),  cmocka_unit_test(test_ends),
		cmocka_unit_test(test_targets),   cmocka_unit_test(test_take_up),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
