/* Phones on the internet call and are called: RFC 3261 §16, RFC 5626 §5.3 and §7, class of
 * service. */
#include "proxy/base/macros.h"
#include "tests/scenario/phones.h"

/* clang-format off */
#define HERE phones_house, phones_users, phones_cast

#define PROVED(method, who, uri, auth, password, more) \
	who " > " method " " uri more "\n" \
	who " < 407 | Proxy-Authenticate x3\n"
#define ANN_ASKS(method, uri, more) \
	PROVED(method, "ann", uri, "SIP-168", "pass168", more) \
	ANN_PROVES(method, uri, more)
#define ANN_PROVES(method, uri, more) "ann > " method " " uri more " | Digest: SIP-168 pass168 SHA-256\n"
#define ANN_ACKS_407 "ann > ACK\n"

#define INSTANCE ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\""

static const char *const configs[] = {
	PHONES_TOP PHONES_LISTENERS PHONES_REST,
	/* 1: berlin is the home of ann, too */
	PHONES_TOP PHONES_LISTENERS PHONES_REST_OF("corp.example", "'2*', '168'"),
	/* 2: another realm: nobody's password fits */
	PHONES_TOP PHONES_LISTENERS PHONES_REST_OF("other.example", "'2*'"),
	/* 3: no datagrams */
	PHONES_TOP "  - { name: phones-tcp, network: remote, bind: 127.0.2.10, port: 5070, transport: tcp }\n" PHONES_REST,
	NULL,
};

static const char *const relaying[] = {
	PHONES_TOP PHONES_LISTENERS PHONES_REST_WITH("corp.example", "'2*'", "{ relay: [remote], srtp: { remote: off, wan: off }, on_timeout: bye }"),
	NULL,
};

#define SDP(host, way) \
	" | Content-Type: application/sdp | body: v=0$no=- 1 1 IN IP4 " host "$ns=-$nc=IN IP4 " host "$nt=0 0$nm=audio 4000 RTP/AVP 0$na=" way "$n"

static const struct play plays[] = {
	{ "by UDP digest is asked for each time: a source is easily forged",
	  ANN_IS_THERE
	  "ann > MESSAGE sip:bob@partner.example\n"
	  "ann < 407 | Proxy-Authenticate x3\n"
	  "why authorization-needed\n"
	  ANN_PROVES("MESSAGE", "sip:bob@partner.example", "")
	  "bob < MESSAGE sip:bob@partner.example | From: *sip:168@corp.example* | !Proxy-Authorization\n"
	  "bob > 200\n"
	  "ann < 200\n"
	  "why none partner:partner.example\n", HERE },
	{ "a connection that registered proves its user",
	  TOM_IS_THERE
	  "tom > MESSAGE sip:bob@partner.example\n"
	  "bob < MESSAGE sip:bob@partner.example\n"
	  "bob > 200\n"
	  "tom < 200\n"
	  "because *phone:169@corp.example*\n", HERE },
	{ "but no other user",
	  TOM_IS_THERE
	  "tom is sip:168@corp.example\n"
	  "tom > MESSAGE sip:bob@partner.example\n"
	  "tom < 407\n"
	  "tom > MESSAGE sip:bob@partner.example | Digest: 169 pass169 SHA-256\n"
	  "tom < 403 | !Warning\n"
	  "why phone-identity\n", HERE },
	{ "who has not registered proves itself as well",
	  ANN_ASKS("MESSAGE", "sip:bob@partner.example", "")
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "ann < 200\n", HERE },
	{ "a spoofed From, with a password of its own",
	  "mallory is sip:169@corp.example\n"
	  "mallory > MESSAGE sip:bob@partner.example\n"
	  "mallory < 407\n"
	  "mallory > MESSAGE sip:bob@partner.example | Digest: SIP-168 pass168 SHA-256\n"
	  "mallory < 403\n"
	  "why phone-identity\n", HERE },
	{ "a spoofed source of a phone that is registered",
	  ANN_IS_THERE
	  "ann > MESSAGE sip:00900123@partner.example\n" /* whoever it was */
	  "ann < 407\n", HERE },
	{ "a user whom nobody knows is asked like others",
	  "mallory is sip:nobody@corp.example\n"
	  "mallory > MESSAGE sip:bob@partner.example\n"
	  "mallory < 407\n"
	  "mallory > MESSAGE sip:bob@partner.example | Digest: nobody guess SHA-256\n"
	  "mallory < 403 | !Warning\n"
	  "why authorization-wrong\n", HERE },
	{ "strangers get a bare status",
	  "mat > MESSAGE sip:bob@partner.example\n"
	  "mat < 403 | !Warning | !Server\n"
	  "why stranger\n"
	  "mat > OPTIONS sip:127.0.2.10\n"
	  "mat < 403 | !Warning\n", HERE },
	{ "a partner's address or a backend's is nothing among the phones",
	  "mat is sip:bob@partner.example\n"
	  "mat > MESSAGE sip:200@corp.example\n"
	  "mat < 403\n"
	  "why stranger\n", HERE },
	{ "no open relay: where no route leads",
	  TOM_IS_THERE
	  "tom > MESSAGE sip:x@elsewhere.example\n"
	  "tom < 404 | Warning: *no-route*\n", HERE },
	{ "no open relay: a Route that leads elsewhere",
	  TOM_IS_THERE
	  "tom > MESSAGE sip:bob@partner.example | Route: <sip:10.0.1.1;lr>\n"
	  "tom < 403 | Warning: *no-relay*\n", HERE },
	{ "class of service, mission: toll fraud",
	  ANN_ASKS("INVITE", "sip:+493012345@partner.example", "")
	  "ann < 403 | Warning: *dial-denied*\n"
	  "why dial-denied\n"
	  "because *forbids user '168'*\n"
	  "ann > ACK\n", HERE },
	{ "class of service: escapes and signs between the digits",
	  ANN_ASKS("MESSAGE", "sip:%30(0)49-30@partner.example", "")
	  "ann < 403 | Warning: *dial-denied*\n"
	  "ann > MESSAGE tel:00-49-30\n"
	  "ann < 407\n"
	  "ann > MESSAGE tel:00-49-30 | Digest: SIP-168 pass168 SHA-256\n"
	  "ann < 403 | Warning: *dial-denied*\n", HERE },
	{ "class of service: a backend is asked no more than a partner",
	  ANN_ASKS("MESSAGE", "sip:0049@corp.example", "")
	  "ann < 403 | Warning: *dial-denied*\n", HERE },
	{ "a class is its own users'",
	  TOM_IS_THERE
	  "tom > MESSAGE sip:+493012345@partner.example\n"
	  "bob < MESSAGE\n"
	  "bob > 200\n"
	  "tom < 200\n", HERE },
	{ "from a partner to a phone, over its flow, to its contact",
	  ANN_IS_THERE
	  "bob > MESSAGE sip:168@corp.example\n"
	  "ann < MESSAGE sip:168@192.168.1.10:5060\n"
	  "ann > 200\n"
	  "bob < 200\n"
	  "why none phone:168@corp.example\n", HERE },
	{ "over a connection",
	  TOM_IS_THERE
	  "bob > MESSAGE sip:169@corp.example\n"
	  "tom < MESSAGE sip:169@10.1.1.7:40001;transport=tcp\n"
	  "tom > 200\n"
	  "bob < 200\n"
	  "tom has 1\n", HERE },
	{ "nobody there",
	  "bob > MESSAGE sip:168@corp.example\n"
	  "bob < 404\n"
	  "why unknown-user\n", HERE },
	{ "several phones ring at a time",
	  TOM_IS_THERE
	  REGISTER("tess", "169", "169", "pass169", "<sip:169@10.1.1.8:1;transport=tls>", "") "tess < 200\n"
	  "bob > INVITE sip:169@corp.example\n"
	  "bob < 100\n"
	  "tom < INVITE\n"
	  "tess < INVITE\n"
	  "tom > 180\n"
	  "bob < 180\n"
	  "tess > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "tess < ACK\n"
	  "tom < CANCEL\n"
	  "tom > 200 CANCEL\n"
	  "tom > 487 INVITE\n"
	  "tom < ACK\n"
	  "bob > BYE\n"
	  "tess < BYE\n"
	  "tess > 200\n"
	  "bob < 200\n", HERE },
	{ "from phone to phone, and back inside the dialog, RFC 5626 §5.3",
	  ANN_IS_THERE TOM_IS_THERE
	  "tom > INVITE sip:168@corp.example\n"
	  "tom < 100\n"
	  "ann < INVITE sip:168@192.168.1.10:5060 | Record-Route x2 | Record-Route[0]: <sip:*@127.0.2.10:5070;lr>\n"
	  "ann > 200\n"
	  "tom < 200\n"
	  "tom > ACK\n"
	  "ann < ACK\n"
	  "ann > INFO | body: x\n" /* by the flow of the dialog: no digest */
	  "tom < INFO | !Route\n"
	  "tom > 200\n"
	  "ann < 200\n"
	  "tom > BYE\n"
	  "ann < BYE\n"
	  "ann > 200\n"
	  "tom < 200\n"
	  "tom has 1\n", HERE },
	{ "a phone that is not registered has a flow in its dialog as well",
	  "ann > INVITE sip:bob@partner.example\n"
	  "ann < 407\n"
	  "ann > ACK\n"
	  ANN_PROVES("INVITE", "sip:bob@partner.example", "")
	  "ann < 100\n"
	  "bob < INVITE\n"
	  "bob > 200\n"
	  "ann < 200\n"
	  "ann > ACK\n"
	  "bob < ACK\n"
	  "bob > BYE\n"
	  "ann < BYE\n"
	  "ann > 200\n"
	  "bob < 200\n", HERE },
	{ "the connection is gone: 430 inside, and no new connection, RFC 5626 §5.3",
	  TOM_IS_THERE
	  "bob > INVITE sip:169@corp.example\n"
	  "bob < 100\n"
	  "tom < INVITE\n"
	  "tom > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "tom < ACK\n"
	  "tom closes\n"
	  "bob > BYE\n"
	  "bob < 430\n"
	  "why flow-failed\n"
	  "tom < nothing\n"
	  "tom has 0\n", HERE },
	{ "registered, and gone: nobody dials its port",
	  TOM_IS_THERE
	  "tom closes\n"
	  "bob > MESSAGE sip:169@corp.example\n"
	  "bob < 404\n"
	  "tom has 0\n", HERE },
	{ "the phone has another address now: its dialogs follow it",
	  ANN_IS_THERE
	  "bob > INVITE sip:168@corp.example\n"
	  "bob < 100\n"
	  "ann < INVITE\n"
	  "ann > 200 | Contact: <sip:168@192.168.1.10:5060>\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "ann < ACK\n"
	  REGISTER("other", "168", "SIP-168", "pass168", "<sip:168@192.168.1.10:5060>", "") "other < 200 | Contact x1\n"
	  "bob > BYE\n"
	  "other < BYE\n"
	  "other > 200\n"
	  "bob < 200\n"
	  "because *at udp 198.51.100.10:41000*\n", HERE },
	{ "two flows of one instance: one after the other, RFC 5626 §7",
	  REGISTER("tom", "169", "169", "pass169", "<sip:169@10.1.1.7;transport=tcp;ob>" INSTANCE ";reg-id=1", " | Supported: outbound")
	  "tom < 200\n"
	  REGISTER("tess", "169", "169", "pass169", "<sip:169@10.1.1.7;transport=tls;ob>" INSTANCE ";reg-id=2", " | Supported: outbound")
	  "tess < 200 | Contact x2\n"
	  "bob > MESSAGE sip:169@corp.example\n"
	  "tess < MESSAGE\n"
	  "tom < nothing\n"
	  "tess > 200\n"
	  "bob < 200\n"
	  "tess closes\n"
	  "bob > MESSAGE sip:169@corp.example\n"
	  "tom < MESSAGE\n"
	  "tom > 200\n"
	  "bob < 200\n", HERE },
	{ "a forged token",
	  TOM_IS_THERE
	  "bob > INVITE sip:169@corp.example\n"
	  "bob < 100\n"
	  "tom < INVITE\n"
	  "tom > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "tom < ACK\n"
	  "bob > INFO | Route: <sip:$forged@127.0.2.10:5061;lr;transport=tls>\n"
	  "bob < 403 | Warning: *route-token-forged*\n"
	  "tom > INFO | Route: <sip:$forged@127.0.2.10:5070;lr;transport=tcp>\n"
	  "tom < 403\n", HERE },
	{ "a token in somebody else's hands",
	  TOM_IS_THERE
	  "bob > INVITE sip:169@corp.example\n"
	  "bob < 100\n"
	  "tom < INVITE\n"
	  "tom > 200\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "tom < ACK\n"
	  "mallory > BYE sip:bob@partner.example | Call-ID: $tom.callid | Route: <sip:$tom.token@127.0.2.10:5070;lr> | To: <sip:bob@partner.example>;tag=1\n"
	  "mallory < 407\n"
	  "mallory > BYE sip:bob@partner.example | Call-ID: $tom.callid | Route: <sip:$tom.token@127.0.2.10:5070;lr> | To: <sip:bob@partner.example>;tag=1 |"
	  " Digest: SIP-168 pass168 SHA-256\n"
	  "mallory < 403 | Warning: *dialog-identity*\n", HERE },
	{ "a dialog that did not pass here",
	  TOM_IS_THERE
	  "tom > BYE sip:bob@partner.example | To: <sip:bob@partner.example>;tag=1\n"
	  "tom < 481\n", HERE },
	{ "a backend's user with a phone: the partner gets to the backend, and the backend to the phone",
	  "reload 1\n"
	  ANN_IS_THERE
	  "bob > MESSAGE sip:168@corp.example\n"
	  "berlin < MESSAGE sip:168@corp.example\n"
	  "berlin > 200\n"
	  "bob < 200\n"
	  "berlin > MESSAGE sip:168@corp.example\n"
	  "ann < MESSAGE sip:168@192.168.1.10:5060\n"
	  "ann > 200\n"
	  "berlin < 200\n"
	  "berlin > INVITE sip:168@corp.example | From: <sip:bob@partner.example>;tag=7\n"
	  "berlin < 100\n"
	  "ann < INVITE sip:168@192.168.1.10:5060 | From: *bob@partner.example*\n"
	  "ann > 200\n"
	  "berlin < 200\n"
	  "berlin > ACK | From: <sip:bob@partner.example>;tag=7\n"
	  "ann < ACK\n"
	  "berlin > BYE | From: <sip:bob@partner.example>;tag=7\n"
	  "ann < BYE\n"
	  "ann > 200\n"
	  "berlin < 200\n", configs, phones_users, phones_cast },
	{ "with a foreign From a backend reaches phones, and nobody else",
	  ANN_IS_THERE
	  "berlin > MESSAGE sip:bob@partner.example | From: <sip:eve@elsewhere.example>;tag=7\n"
	  "berlin < 403\n"
	  "berlin > MESSAGE sip:169@corp.example | From: <sip:eve@elsewhere.example>;tag=7\n"
	  "berlin < 403\n", HERE },
	{ "a phone's user calls a backend's",
	  ANN_ASKS("MESSAGE", "sip:200@corp.example", "")
	  "berlin < MESSAGE sip:200@corp.example | From: *168@corp.example*\n"
	  "berlin > 200\n"
	  "ann < 200\n", HERE },
	{ "its flow is kept open, and when nobody answers by it any more, it is gone",
	  ANN_IS_THERE
	  "wait 25s\n"
	  "ann < OPTIONS sip:198.51.100.10:40000 | From: *corp.example*\n"
	  "ann > 200\n"
	  "wait 25s\n"
	  "ann < OPTIONS\n"
	  "wait 33s\n"
	  "ann skips\n"
	  "bob > MESSAGE sip:168@corp.example\n"
	  "bob < 404\n", HERE },
	{ "a phone that never answers OPTIONS stays where it is",
	  ANN_IS_THERE
	  "wait 70s\n"
	  "ann skips\n"
	  "bob > MESSAGE sip:168@corp.example\n"
	  "ann < MESSAGE\n"
	  "ann > 200\n"
	  "bob < 200\n", HERE },
	{ "a connection is kept open by empty lines, RFC 5626 §4.4.1",
	  TOM_IS_THERE
	  "wait 100s\n"
	  "bob > MESSAGE sip:169@corp.example\n"
	  "tom < MESSAGE\n"
	  "tom > 200\n"
	  "bob < 200\n", HERE },
	{ "media of phones pass through the relay, and a hold is not shown to them, mission 83",
	  ANN_IS_THERE
	  "bob > INVITE sip:168@corp.example" SDP("203.0.113.99", "sendrecv") "\n"
	  "bob < 100\n"
	  "media holds 1\n"
	  "ann < INVITE | body: *c=IN IP4 127.0.2.10*\n"
	  "ann > 200" SDP("192.168.1.10", "sendrecv") "\n"
	  "bob < 200 | body: *c=IN IP4 127.0.2.10*\n"
	  "bob > ACK\n"
	  "ann < ACK\n"
	  "bob > INVITE" SDP("203.0.113.99", "sendonly") "\n"
	  "bob < 100\n"
	  "ann < INVITE | body: *a=sendrecv*\n"
	  "ann > 200" SDP("192.168.1.10", "sendrecv") "\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "ann < ACK\n"
	  "bob > BYE\n"
	  "ann < BYE\n"
	  "ann > 200\n"
	  "bob < 200\n"
	  "media holds 0\n", relaying, phones_users, phones_cast },
	{ "nothing comes any more: a BYE to the phone, too, by its flow",
	  ANN_IS_THERE
	  "bob > INVITE sip:168@corp.example" SDP("203.0.113.99", "sendrecv") "\n"
	  "bob < 100\n"
	  "ann < INVITE\n"
	  "ann > 200 | Contact: <sip:168@192.168.1.10:5060>" SDP("192.168.1.10", "sendrecv") "\n"
	  "bob < 200\n"
	  "bob > ACK\n"
	  "ann < ACK\n"
	  "media falls silent\n"
	  "ann < BYE sip:168@192.168.1.10:5060\n"
	  "ann > 200\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "media holds 0\n", relaying, phones_users, phones_cast },
	{ "a phone calls by the relay",
	  TOM_IS_THERE
	  "tom > INVITE sip:bob@partner.example" SDP("10.1.1.7", "sendrecv") "\n"
	  "tom < 100\n"
	  "bob < INVITE | body: *c=IN IP4 127.0.2.10*\n"
	  "bob > 200" SDP("203.0.113.99", "sendrecv") "\n"
	  "tom < 200 | body: *c=IN IP4 127.0.2.10*\n"
	  "tom > ACK\n"
	  "bob < ACK\n"
	  "tom > BYE\n"
	  "bob < BYE\n"
	  "bob > 200\n"
	  "tom < 200\n"
	  "media holds 0\n", relaying, phones_users, phones_cast },
	{ "a phone's call is taken up after a restart, from either side, and a hold is not shown to it",
	  ANN_IS_THERE
	  "bob > INVITE sip:168@corp.example" SDP("203.0.113.99", "sendrecv") "\n"
	  "bob < 100\n"
	  "ann < INVITE | body: *c=IN IP4 127.0.2.10*\n"
	  "ann > 200" SDP("192.168.1.10", "sendrecv") "\n"
	  "bob < 200 | body: *c=IN IP4 127.0.2.10*\n"
	  "bob > ACK\n"
	  "ann < ACK\n"
	  "keep state\n"
	  "restart proxy\n"
	  "media holds 0\n"
	  "ann > INVITE" SDP("192.168.1.10", "sendrecv") "\n"
	  "ann < 100\n"
	  "bob < INVITE | body: *c=IN IP4 127.0.2.10*\n"
	  "media holds 1\n"
	  "bob > 200" SDP("203.0.113.99", "sendrecv") "\n"
	  "ann < 200 | body: *c=IN IP4 127.0.2.10*\n"
	  "ann > ACK\n"
	  "bob < ACK\n"
	  "restart proxy\n"
	  "bob > INVITE" SDP("203.0.113.99", "sendonly") "\n"
	  "bob < 100\n"
	  "ann < INVITE | body: *a=sendrecv*\n"
	  "ann > 200" SDP("192.168.1.10", "sendrecv") "\n"
	  "bob < 200 | body: *a=recvonly*\n"
	  "bob > ACK\n"
	  "ann < ACK\n"
	  "media holds 1\n"
	  "bob > BYE\n"
	  "ann < BYE\n"
	  "ann > 200\n"
	  "bob < 200\n"
	  "media holds 0\n", relaying, phones_users, phones_cast },
	{ "what a phone asserts of itself is worth nothing, RFC 3325 §5",
	  TOM_IS_THERE
	  "tom > MESSAGE sip:200@corp.example | P-Asserted-Identity: <sip:ceo@corp.example>\n"
	  "berlin < MESSAGE | !P-Asserted-Identity\n"
	  "berlin > 200\n"
	  "tom < 200\n", HERE },
	{ "whose password does not hold any more is reached no more, and may not call",
	  ANN_IS_THERE TOM_IS_THERE
	  "reload 2\n"
	  "bob > MESSAGE sip:169@corp.example\n"
	  "bob < 404\n"
	  "tom > MESSAGE sip:bob@partner.example\n"
	  "tom < 407\n", configs, phones_users, phones_cast },
	{ "the listener is no more",
	  ANN_IS_THERE
	  "reload 3\n"
	  "bob > MESSAGE sip:168@corp.example\n"
	  "bob < 404\n", configs, phones_users, phones_cast },
	{ "too large for a datagram: in fragments, and not by a connection to its port",
	  ANN_IS_THERE
	  "bob > MESSAGE sip:168@corp.example | fill: 3000\n"
	  "ann < MESSAGE\n"
	  "ann > 200\n"
	  "bob < 200\n"
	  "ann has 0\n", HERE },
};
/* clang-format on */

int main(void)
{
	return scenario_main("phones_calls", plays, COUNT(plays));
}
