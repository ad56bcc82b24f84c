/* Phones on the internet register: RFC 3261 §10, RFC 3581, RFC 5626 §4 and §6, RFC 7616. */
#include "proxy/base/macros.h"
#include "tests/scenario/phones.h"

/* clang-format off */
#define HERE phones_house, phones_users, phones_cast

#define TO " | To: <sip:168@corp.example>"
#define AGAIN(rest) "ann > REGISTER sip:corp.example" TO " | Call-ID: same@ann | CSeq: " rest

#define INSTANCE ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\""
#define OUTBOUND(who, user, auth, password, contact, reg_id) \
	REGISTER(who, user, auth, password, "<" contact ">" INSTANCE ";reg-id=" reg_id, " | Supported: path, outbound")

static const char *const others[] = {
	PHONES_TOP PHONES_LISTENERS PHONES_REST,
	/* 1: no listener for datagrams any more */
	PHONES_TOP "  - { name: phones-tcp, network: remote, bind: 127.0.2.10, port: 5070, transport: tcp }\n" PHONES_REST,
	/* 2: something else changed */
	PHONES_TOP PHONES_LISTENERS PHONES_REST "federation: { open: false }\n",
	NULL,
};

static const struct play plays[] = {
	{ "a phone registers, and the answer goes where it came from, RFC 3581 §4",
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@192.168.1.10:5060> |"
	  " Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\n"
	  "ann < 401 | Via: *;received=198.51.100.10* | Via: *;rport=40000*\n"
	  "why log-on-needed\n", HERE },
	{ "by UDP",
	  ANN_IS_THERE
	  "why none\n"
	  "because 168@corp.example: 1 contact\n", HERE },
	{ "by TCP", TOM_IS_THERE, HERE },
	{ "by TLS", REGISTER("tess", "169", "169", "pass169", "<sip:169@10.1.1.8:1;transport=tls>", "") "tess < 200\n", HERE },
	{ "an address is no proof: a known phone is asked again, §22",
	  ANN_IS_THERE
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@192.168.1.10:5060>\n"
	  "ann < 401\n", HERE },
	{ "a wrong password",
	  ASKED("ann", "168")
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@1.1.1.1> | Digest: SIP-168 guess SHA-256\n"
	  "ann < 403 | !Warning\n"
	  "why authorization-wrong\n", HERE },
	{ "an unknown user looks like a wrong password",
	  ASKED("ann", "168")
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@1.1.1.1> | Digest: nobody pass168 SHA-256\n"
	  "ann < 403 | !Warning\n"
	  "why authorization-wrong\n", HERE },
	{ "who guesses is banned",
	  ASKED("ann", "168")
	  "times 11 ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@1.1.1.1> | Digest: SIP-168 guess SHA-256\n"
	  "ann skips\n"
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@1.1.1.1> | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < nothing\n", HERE },
	{ "credentials that answer no challenge ban nobody: the source of a datagram is easily another's",
	  "times 15 ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@1.1.1.1> |"
	  " Authorization: Digest username=\"SIP-168\", realm=\"corp.example\", nonce=\"0\", uri=\"sip:corp.example\","
	  " response=\"00000000000000000000000000000000\", algorithm=MD5\n"
	  "ann skips\n"
	  ANN_IS_THERE, HERE },
	{ "a replayed nonce, RFC 7616 §3.4",
	  ANN_IS_THERE
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:evil@6.6.6.6> | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < 401 | WWW-Authenticate: *stale=true*\n"
	  "why log-on-stale\n", HERE },
	{ "a flood of REGISTER without credentials costs less and less",
	  "times 400 mallory > REGISTER sip:corp.example | To: <sip:168@corp.example>\n"
	  "mallory skips\n"
	  "mallory > REGISTER sip:corp.example | To: <sip:168@corp.example>\n"
	  "mallory < nothing\n", HERE },
	{ "another user's address of record, §10.3 item 3",
	  ASKED("tom", "168")
	  "tom > REGISTER sip:corp.example | From: <sip:169@corp.example>;tag=1 | To: <sip:168@corp.example> | Contact: <sip:evil@6.6.6.6> |"
	  " Digest: 169 pass169 SHA-256\n"
	  "tom < 403 | !Warning\n"
	  "why phone-identity\n", HERE },
	{ "another user in From",
	  ASKED("tom", "169")
	  "tom > REGISTER sip:corp.example | From: <sip:168@corp.example>;tag=1 | To: <sip:169@corp.example> | Contact: <sip:evil@6.6.6.6> |"
	  " Digest: 169 pass169 SHA-256\n"
	  "tom < 403\n"
	  "why phone-identity\n", HERE },
	{ "a user of one domain is none of another",
	  ASKED("tom", "169")
	  "tom > REGISTER sip:other.example | From: <sip:169@other.example>;tag=1 | To: <sip:169@other.example> | Contact: <sip:evil@6.6.6.6> |"
	  " Digest: 169 pass169 SHA-256\n"
	  "tom < 403\n"
	  "why phone-identity\n", HERE },
	{ "a foreign registrar, §10.3 item 1",
	  ASKED("tom", "169")
	  "tom > REGISTER sip:nowhere.example | To: <sip:169@corp.example> | Contact: <sip:169@1.1.1.1> | Digest: 169 pass169 SHA-256\n"
	  "tom < 403\n"
	  "why no-relay\n", HERE },
	{ "who may not come from the internet",
	  REGISTER("nina", "170", "170", "pass170", "<sip:170@10.0.0.9>", "")
	  "nina < 403\n"
	  "why phone-not-allowed\n", HERE },
	{ "who is locked",
	  REGISTER("lou", "171", "171", "pass171", "<sip:171@10.0.0.9>", "")
	  "lou < 403\n"
	  "why phone-not-allowed\n", HERE },
	{ "credentials of a phone are no backend's, and the other way round",
	  "berlin > REGISTER sip:corp.example" TO " | Contact: <sip:168@10.0.1.1>\n"
	  "berlin < 405\n", HERE },
	{ "too short, §10.3 item 7",
	  ANN_SAYS("<sip:168@192.168.1.10>", " | Expires: 30")
	  "ann < 423 | Min-Expires: 60\n"
	  "why registration-brief\n", HERE },
	{ "too long",
	  ANN_SAYS("<sip:168@192.168.1.10>;expires=7200", "")
	  "ann < 200 | Contact: <sip:168@192.168.1.10>;expires=3600\n"
	  ANN_SAYS("<sip:168@192.168.1.10>;expires=0", "") "ann < 200\n", HERE },
	{ "a look: no Contact, §10.2.3",
	  ANN_IS_THERE ASKED("other", "168")
	  "other > REGISTER sip:corp.example" TO " | -Contact | Digest: SIP-168 pass168 SHA-256\n"
	  "other < 200 | Contact: <sip:168@192.168.1.10:5060>;expires=*\n", HERE },
	{ "it goes: Expires 0",
	  ANN_IS_THERE ASKED("ann", "168")
	  "ann > REGISTER sip:corp.example" TO " | Contact: <sip:168@192.168.1.10:5060> | Expires: 0 | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < 200 | !Contact\n", HERE },
	{ "all go: Contact *, §10.2.2",
	  ANN_IS_THERE
	  REGISTER("other", "168", "SIP-168", "pass168", "<sip:168@192.168.1.11>", "") "other < 200 | Contact x2\n"
	  ASKED("ann", "168")
	  "ann > REGISTER sip:corp.example" TO " | Contact: * | Expires: 0 | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < 200 | !Contact\n", HERE },
	{ "Contact * that does not go",
	  ANN_SAYS("*", "")
	  "ann < 400\n", HERE },
	{ "overtaken by a newer one of its series, §10.3 item 7",
	  ASKED("ann", "168")
	  AGAIN("8 REGISTER") " | Contact: <sip:168@192.168.1.10> | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < 200\n"
	  ASKED("ann", "168")
	  AGAIN("7 REGISTER") " | Contact: <sip:168@192.168.1.10>;expires=0 | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < 500\n"
	  "why registration-old\n", HERE },
	{ "more phones than max_contacts",
	  ANN_IS_THERE
	  REGISTER("other", "168", "SIP-168", "pass168", "<sip:168@192.168.1.11>", "") "other < 200 | Contact x2\n"
	  REGISTER("other", "168", "SIP-168", "pass168", "<sip:168@192.168.1.12>", "")
	  "other < 503 | Retry-After: 60\n"
	  "why registration-full\n"
	  ANN_SAYS("<sip:168@192.168.1.10:5060>", "") "ann < 200 | Contact x2\n", HERE },
	{ "a bomb of Contacts",
	  ANN_SAYS("<sip:1@1.1.1.1>, <sip:2@1.1.1.1>, <sip:3@1.1.1.1>, <sip:4@1.1.1.1>, <sip:5@1.1.1.1>, <sip:6@1.1.1.1>, <sip:7@1.1.1.1>,"
		   " <sip:8@1.1.1.1>, <sip:9@1.1.1.1>", "")
	  "ann < 503\n"
	  "why registration-full\n"
	  ANN_SAYS("<sip:1@1.1.1.1>, <sip:2@1.1.1.1>, <sip:3@1.1.1.1>", "")
	  "ann < 503\n", HERE },
	{ "a Contact that is no SIP URI",
	  ANN_SAYS("<tel:+49301>", "")
	  "ann < 400\n", HERE },
	{ "bulk registration is for servers, RFC 6140",
	  ANN_SAYS("<sip:192.168.1.10;bnc>", " | Require: gin")
	  "ann < 420 | Unsupported: gin\n", HERE },
	{ "outbound, RFC 5626 §6",
	  OUTBOUND("ann", "168", "SIP-168", "pass168", "sip:168@192.168.1.10;ob", "1")
	  "ann < 200 | Require: outbound | Flow-Timer: 25 |"
	  " Contact: <sip:168@192.168.1.10;ob>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\";reg-id=1;expires=300\n", HERE },
	{ "over a connection keepalives may be rarer, RFC 5626 §4.4.1",
	  OUTBOUND("tom", "169", "169", "pass169", "sip:169@10.1.1.7;transport=tcp;ob", "1")
	  "tom < 200 | Require: outbound | Flow-Timer: 120\n", HERE },
	{ "a reg-id without Supported: outbound is none, RFC 5626 §6",
	  ANN_SAYS("<sip:168@192.168.1.10>" INSTANCE ";reg-id=1", "")
	  "ann < 200 | !Require | !Flow-Timer | !Contact: *reg-id*\n", HERE },
	{ "another proxy stands between: no flow of the phone, RFC 5626 §6",
	  ANN_SAYS("<sip:168@192.168.1.10>" INSTANCE ";reg-id=1", " | Supported: outbound | +Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bKx")
	  "ann < 200 | !Require\n", HERE },
	{ "two flows of one instance, and the newest of a reg-id, RFC 5626 §6",
	  OUTBOUND("ann", "168", "SIP-168", "pass168", "sip:168@192.168.1.10;ob", "1")
	  "ann < 200 | Contact x1\n"
	  OUTBOUND("other", "168", "SIP-168", "pass168", "sip:168@192.168.1.10;ob", "2")
	  "other < 200 | Contact x2\n"
	  OUTBOUND("other", "168", "SIP-168", "pass168", "sip:168@192.168.1.10:999;ob", "1")
	  "other < 200 | Contact x2 | Contact: *:999*\n", HERE },
	{ "one flow at a time, RFC 5626 §6",
	  ANN_SAYS("<sip:1@1.1.1.1>" INSTANCE ";reg-id=1, <sip:2@1.1.1.1>" INSTANCE ";reg-id=2", " | Supported: outbound")
	  "ann < 400\n", HERE },
	{ "what outbound is under Require, it gets",
	  ANN_SAYS("<sip:168@192.168.1.10>" INSTANCE ";reg-id=1", " | Supported: outbound | Require: outbound")
	  "ann < 200 | Require: outbound\n", HERE },
	{ "a connection that ends takes its phones along",
	  TOM_IS_THERE
	  "tom closes\n"
	  REGISTER("tess", "169", "169", "pass169", "<sip:169@10.1.1.8:1;transport=tls>", "")
	  "tess < 200 | Contact x1\n", HERE },
	{ "over a reload all stays",
	  ANN_IS_THERE TOM_IS_THERE
	  "reload 2\n"
	  REGISTER("tess", "169", "169", "pass169", "<sip:169@10.1.1.8:1;transport=tls>", "")
	  "tess < 200 | Contact x2\n"
	  ASKED("other", "168")
	  "other > REGISTER sip:corp.example" TO " | -Contact | Digest: SIP-168 pass168 SHA-256\n"
	  "other < 200 | Contact x1\n", others, phones_users, phones_cast },
	{ "over a restart datagrams find the phone again, connections do not",
	  "keep state\n"
	  ANN_IS_THERE TOM_IS_THERE
	  "restart proxy\n"
	  ASKED("other", "168")
	  "other > REGISTER sip:corp.example" TO " | -Contact | Digest: SIP-168 pass168 SHA-256\n"
	  "other < 200 | Contact: <sip:168@192.168.1.10:5060>;*\n"
	  ASKED("tess", "169")
	  "tess > REGISTER sip:corp.example | To: <sip:169@corp.example> | -Contact | Digest: 169 pass169 SHA-256\n"
	  "tess < 200 | !Contact\n", HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("phones", plays, COUNT(plays));
}
