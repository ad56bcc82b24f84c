/* A partner that is not trusted must be authorized (mission 57): RFC 3261 §22, RFC 7616, RFC
 * 8760. */
#include "proxy/base/macros.h"
#include "tests/scenario/scenario.h"

/* clang-format off */
#define CHALLENGED \
	"will > MESSAGE sip:anna@corp.example\n" \
	"will < 407 | Proxy-Authenticate x3\n"

#define WELCOME(algorithm) \
	{ algorithm, CHALLENGED "will > MESSAGE sip:anna@corp.example | Digest: will secret " algorithm "\n" \
				"berlin < MESSAGE | !Proxy-Authorization\n" \
				"berlin > 200\n" \
				"will < 200\n" }

static const struct play plays[] = {
	{ "the strongest first, RFC 8760 §2.3",
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407 |"
	  " Proxy-Authenticate[0]: Digest realm=\"corp.example\",*algorithm=SHA-512-256* |"
	  " Proxy-Authenticate[1]: *algorithm=SHA-256* |"
	  " Proxy-Authenticate[2]: *algorithm=MD5*\n"
	  "why authorization-needed\n" },
	WELCOME("MD5"),
	WELCOME("SHA-256"),
	WELCOME("SHA-512-256"),
	{ "a wrong password",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will guess SHA-256\n"
	  "will < 403\n"
	  "berlin < nothing\n"
	  "why authorization-wrong\n" },
	{ "an unknown user gets the same",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: nobody secret SHA-256\n"
	  "will < 403\n"
	  "why authorization-wrong\n" },
	{ "a replay",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256 00000001\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256 00000001\n"
	  "will < 407 | Proxy-Authenticate: *stale=true*\n"
	  "berlin < nothing\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256 00000001\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n" },
	{ "the next count is no replay",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret MD5 00000001\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret MD5 00000002\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n" },
	{ "a nonce that is too old",
	  CHALLENGED
	  "wait 6m\n"
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "will < 407 | Proxy-Authenticate: *stale=true*\n"
	  "why authorization-stale\n" },
	{ "made for another Request-URI: a proxy of theirs may have changed it, RFC 3261 §22.4 item 8",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256 |"
	  " Request-URI: sip:carl@corp.example\n"
	  "munich < MESSAGE\n"
	  "munich > 200\n"
	  "will < 200\n" },
	{ "the digest was made for another method",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "berlin < MESSAGE\n"
	  "berlin > 200\n"
	  "will < 200\n"
	  "will > PUBLISH sip:anna@corp.example |"
	  " Proxy-Authorization: Digest username=\"will\"\n"
	  "will skips\n"
	  "berlin < nothing\n" },
	{ "credentials for another realm stay",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256 |"
	  " +Proxy-Authorization: Digest username=\"w\", realm=\"x\", nonce=\"1\","
	  " uri=\"sip:y\", response=\"2\"\n"
	  "berlin < MESSAGE | Proxy-Authorization x1 | Proxy-Authorization: *realm=\"x\"*\n"
	  "berlin > 200\n"
	  "will < 200\n" },
	{ "a call: each request but ACK and CANCEL",
	  "will > INVITE sip:anna@corp.example\n"
	  "will < 407\n"
	  "will > ACK\n"
	  "will < nothing\n"
	  "will > INVITE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "will < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 200\n"
	  "will < 200\n"
	  "will > ACK\n"
	  "berlin < ACK\n"
	  "will > BYE\n"
	  "will < 407\n"
	  "will > BYE | Digest: will secret SHA-256\n"
	  "berlin < BYE\n"
	  "berlin > 200\n"
	  "will < 200\n" },
	{ "a CANCEL is not challenged",
	  "will > INVITE sip:anna@corp.example\n"
	  "will < 407\n"
	  "will > ACK\n"
	  "will > INVITE sip:anna@corp.example | Digest: will secret SHA-256\n"
	  "will < 100\n"
	  "berlin < INVITE\n"
	  "berlin > 180\n"
	  "will < 180\n"
	  "will > CANCEL\n"
	  "will < 200 CANCEL\n"
	  "berlin < CANCEL\n"
	  "berlin > 200 CANCEL\n"
	  "berlin > 487 INVITE\n"
	  "berlin < ACK\n"
	  "will < 487\n"
	  "will > ACK\n" },
	{ "what it may not do it may not do with a digest either",
	  "will > MESSAGE sip:bob@partner.example\n"
	  "will < 407\n"
	  "will > MESSAGE sip:bob@partner.example | Digest: will secret SHA-256\n"
	  "will < 403\n"
	  "why no-relay\n" },
	{ "its identity is not asserted",
	  CHALLENGED
	  "will > MESSAGE sip:anna@corp.example | Digest: will secret SHA-256 |"
	  " P-Asserted-Identity: <sip:will@weak.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity\n"
	  "berlin > 200\n"
	  "will < 200\n" },
	{ "too many failures, and the source is ignored for a while",
	  CHALLENGED
	  "times 11 will > MESSAGE sip:anna@corp.example | Digest: will guess SHA-256\n"
	  "will skips\n"
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < nothing\n"
	  "wait 5m\n"
	  "will > MESSAGE sip:anna@corp.example\n"
	  "will < 407\n" },
};
/* clang-format on */

int main(void)
{
	return scenario_main("digest", plays, COUNT(plays));
}
