#include "proxy/base/reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/random.h"

/* Texts are for administrators: "we" is this proxy, "the partner" the organisation at the other
 * end. */
static const struct reason_row rows[N_REASONS] = {
	[REASON_NONE] = { "none", 0, "", ACT_NOBODY,
		"The request was accepted.", "Nothing has to be done.", 0, },

	[REASON_MALFORMED] = { "malformed", 400, "Bad Request", ACT_SENDER,
		"The message breaks the grammar of RFC 3261, or lacks a header that "
		"every request must have.",
		"Correct the sending program. `nuncio why` shows the header that was "
		"refused.", 0, },
	[REASON_MESSAGE_TOO_LARGE] = { "message-too-large", 513, "Message Too Large",
		ACT_EITHER,
		"The message is longer than limits.message_size.",
		"Raise limits.message_size if such messages are wanted; otherwise "
		"make the sender send less.", 0, },
	[REASON_VERSION] = { "version", 505, "Version Not Supported", ACT_SENDER,
		"The message does not say SIP/2.0.",
		"Find out what was sent to the SIP port: it was not a SIP program of "
		"our time.", 0, },
	[REASON_URI_SCHEME] = { "uri-scheme", 416, "Unsupported URI Scheme", ACT_SENDER,
		"The Request-URI is neither a sip:, sips: nor tel: URI; or it is a sips: "
		"URI, and the partner is not reached by TLS.",
		"Make the sender address users as sip:user@domain; for sips: set "
		"transport: tls or mtls in the partner's route.", 0, },
	[REASON_TOO_MANY_HOPS] = { "too-many-hops", 483, "Too Many Hops", ACT_EITHER,
		"Max-Forwards reached 0: the request passed too many proxies, which "
		"mostly means a loop.",
		"Look at the Via headers with `nuncio why`: hosts that repeat route "
		"the domain to each other; correct one of them.", 0, },
	[REASON_LOOP] = { "loop", 482, "Loop Detected", ACT_YOU,
		"The request came back to us unchanged: a server that we sent it to "
		"routes it to us again.",
		"Compare the backend's or partner's routing for this domain with "
		"ours; one of the two must keep the request.", 0, },
	[REASON_MAX_BREADTH] = { "max-breadth", 440, "Max-Breadth Exceeded", ACT_EITHER,
		"The request was forked so often on its way that its Max-Breadth is "
		"used up (RFC 5393).",
		"Reduce the number of devices or servers that one address rings at "
		"once, or raise sip.max_breadth.", 0, },
	[REASON_PROXY_REQUIRE] = { "proxy-require", 420, "Bad Extension", ACT_SENDER,
		"The request demands with Proxy-Require an extension that we do not have.",
		"Switch that extension off at the sender; the Unsupported header of "
		"our answer names it.", 0, },
	[REASON_METHOD] = { "method", 405, "Method Not Allowed", ACT_SENDER,
		"The request is addressed to this proxy itself, with a method that "
		"it does not serve; or it is a REGISTER, and neither from a backend that "
		"logs on nor at a remote listener.",
		"Address a user instead. A backend that is to log on needs username: "
		"and password_file: in its entry, and a lan listener.", 0, },
	[REASON_NO_TRANSACTION] = { "no-transaction", 481, "Call/Transaction Does Not Exist",
		ACT_NOBODY,
		"A CANCEL came for a request that we do not have, or no longer have.",
		"Nothing, if it is rare: the call ended at the same moment. If not, "
		"the sender uses another branch or path than for its INVITE.", 0, },

	[REASON_STRANGER] = { "stranger", 403, "Forbidden", ACT_EITHER,
		"The sender is no partner and no backend, or "
		"did not come the way on which we know it.",
		"If it should be known, add a route under partners.routes or a "
		"backend; a backend without an address must log on first. `nuncio "
		"explain` shows what the sender was compared with.", 1002 },
	[REASON_NOT_A_PARTNER] = { "not-a-partner", 403, "Forbidden", ACT_YOU,
		"No route under partners.routes is for the domain of the From header.",
		"Add a route for the domain if it is to be a partner.", 1002 },
	[REASON_ROUTE_DISABLED] = { "route-disabled", 403, "Forbidden", ACT_YOU,
		"The route for this domain is switched off with enabled: false, or a reload took it away while "
		"the request was under way.",
		"Set enabled: true in the route and reload.", 1002 },
	[REASON_IDENTITY_MISMATCH] = { "identity-mismatch", 403, "Forbidden", ACT_EITHER,
		"The certificate of the connection is valid, but none of its names "
		"may speak for the domain of the From header.",
		"The partner needs a certificate with its SIP domain as a name; or, "
		"if you know the server, list its name under identity in the route.", 1002 },
	[REASON_NO_CERTIFICATE] = { "no-certificate", 403, "Forbidden", ACT_PARTNER,
		"The partner is trusted by its certificate, but came over a "
		"connection on which it showed none.",
		"The partner must connect to the mtls listener and present its "
		"certificate; check the port that it uses.", 1002 },
	[REASON_WILDCARD_CERTIFICATE] = { "wildcard-certificate", 403, "Forbidden", ACT_EITHER,
		"Only a wildcard name of the certificate would fit the domain, and "
		"RFC 5922 section 7.2 does not let wildcards speak for a domain.",
		"The partner should get a certificate with the full name; or set "
		"wildcard: true in its route.", 1002 },
	[REASON_ADDRESS_MISMATCH] = { "address-mismatch", 403, "Forbidden", ACT_EITHER,
		"The partner is trusted by the addresses of its servers, and this "
		"request came from another address.",
		"If the address is the partner's, add it to the servers of the "
		"route; better, use transport: mtls, which trusts the certificate.", 1002 },
	[REASON_OWN_DOMAIN_FROM_OUTSIDE] = { "own-domain-from-outside", 403, "Forbidden",
		ACT_EITHER,
		"A request from outside carries one of our own domains in its From "
		"header, which a partner may not speak for.",
		"If a server of yours sent it, make it a backend and let it use the "
		"lan listener; otherwise somebody pretends to be you.", 1002 },
	[REASON_FOREIGN_DOMAIN_FROM_INSIDE] = { "foreign-domain-from-inside", 403, "Forbidden",
		ACT_YOU,
		"A backend sent a request whose From domain, or registered somebody "
		"whose domain, is not one of those that it serves.",
		"Add the domain to domains: and to the backend's own domains:, or "
		"correct the address in the backend.", 1002 },
	[REASON_WRONG_LISTENER] = { "wrong-listener", 403, "Forbidden", ACT_EITHER,
		"The sender is known, but may not use the listener on which its request came.",
		"Partners must use a wan listener, backends a lan listener, and log on "
		"at the one that their entry names; correct the address or port at the "
		"sender.", 1012 },
	[REASON_AUTHORIZATION_NEEDED] = { "authorization-needed", 407,
		"Proxy Authentication Required", ACT_NOBODY,
		"The sender is a phone, or a partner whose route is not trustworthy, so the "
		"request needs digest credentials; the sender was asked for them.",
		"Nothing, if the sender repeats the request with credentials. If it "
		"cannot, give it a user with `nuncio passwd`, or trust the route.", 0, },
	[REASON_AUTHORIZATION_WRONG] = { "authorization-wrong", 403, "Forbidden", ACT_SENDER,
		"The digest credentials do not fit: unknown user, wrong password, "
		"wrong realm, or another user's address.",
		"Correct user name and password at the sender; or set the password "
		"anew, of a partner's user with `nuncio passwd`, of a backend in its "
		"password_file, and reload.", 0, },
	[REASON_AUTHORIZATION_STALE] = { "authorization-stale", 407,
		"Proxy Authentication Required", ACT_NOBODY,
		"The credentials were right, but their nonce is too old; the sender "
		"was given a new one.",
		"Nothing: the sender repeats the request by itself.", 0, },
	[REASON_ROUTE_TOKEN_FORGED] = { "route-token-forged", 403, "Forbidden", ACT_SENDER,
		"The Route header names us, but its token does not carry our "
		"signature: it was changed, or never ours.",
		"If several proxies share the domain, give them the same key file in "
		"service.state_dir; otherwise look for a device that rewrites Route.", 1004 },
	[REASON_DIALOG_IDENTITY] = { "dialog-identity", 403, "Forbidden", ACT_PARTNER,
		"A request inside a dialog came from another identity than the two "
		"between whom the dialog began.",
		"The partner must send the whole dialog from servers with the same "
		"certificate names; otherwise somebody tries to break into a call.", 1002 },
	[REASON_UNKNOWN_DIALOG] = { "unknown-dialog", 481, "Call/Transaction Does Not Exist",
		ACT_SENDER,
		"The request claims to belong to a dialog (it has a To tag), but "
		"carries no Route header of ours.",
		"The sender must use the route set of the dialog (RFC 3261 section "
		"12.2.1.1), or the dialog did not go through us.", 1004 },

	[REASON_LOG_ON_NEEDED] = { "log-on-needed", 401, "Unauthorized", ACT_NOBODY,
		"A backend or phone wants to register, which needs digest credentials; it "
		"was asked for them.",
		"Nothing, if it repeats the request with credentials. If it does not, give it "
		"the username and password of its entry under backends, or of users_file.", 0, },
	[REASON_LOG_ON_STALE] = { "log-on-stale", 401, "Unauthorized", ACT_NOBODY,
		"The credentials of a backend or phone that registers were right, but their nonce is too "
		"old or was used before; it was given a new one.",
		"Nothing: it repeats the request by itself.", 0, },
	[REASON_REGISTRATION_BRIEF] = { "registration-brief", 423, "Interval Too Brief",
		ACT_NOBODY,
		"A backend or phone registered for a shorter time than registrar.min_expires.",
		"Nothing: it repeats the request with the time that our answer "
		"names. If it does not, set a longer one there, or lower "
		"registrar.min_expires.", 0, },
	[REASON_REGISTRATION_OLD] = { "registration-old", 500, "Server Internal Error",
		ACT_SENDER,
		"A registration came after a newer one of the same series (same Call-ID, "
		"CSeq not higher), so it was not followed (RFC 3261 section 10.3).",
		"Nothing, if it is rare. If not, two servers log on with one Call-ID: look "
		"for a copy of the backend that was cloned while it ran.", 0, },
	[REASON_REGISTRATION_FULL] = { "registration-full", 503, "Service Unavailable",
		ACT_EITHER,
		"The user has as many contacts, or the backend as many connections, as are "
		"kept, or the user as many phones as max_contacts allows; or the table of registrations is full.",
		"Let the backend or phone end registrations that it does not need any more; they end "
		"by themselves when their time is over.", 1007 },

	[REASON_PHONE_NOT_ALLOWED] = { "phone-not-allowed", 403, "Forbidden", ACT_YOU,
		"The password was right, but the user is locked, or may not come from the "
		"internet.",
		"If the user may: `nuncio passwd USER --internet yes`, or `--unlock`, and reload.", 0, },
	[REASON_PHONE_IDENTITY] = { "phone-identity", 403, "Forbidden", ACT_SENDER,
		"A phone proved one user, and named another one in From, or in To of its "
		"registration.",
		"Set user name and domain in the phone to those of the account; a user without a "
		"domain in users_file belongs to the first of domains.", 0, },
	[REASON_SRV_ELSEWHERE] = { "srv-elsewhere", 403, "Forbidden", ACT_PARTNER,
		"The sender has no route here, and the _sipfederationtls._tcp record of its domain "
		"leads to other servers than the one whose certificate we saw.",
		"The partner must let its SRV record lead to the server that it sends from, or use "
		"a certificate that names its domain; or somebody pretends to be the partner.", 1009 },
	[REASON_SRV_TARGET_OUTSIDE] = { "srv-target-outside", 403, "Forbidden", ACT_EITHER,
		"The SRV record of the sender's domain leads to the server that sent this, but that "
		"server lies outside of the domain, and is not one of federation.hosters.",
		"The partner needs a server name inside its domain, or a certificate that names the "
		"domain. If the server is a hoster that you trust to keep its customers apart, add it "
		"to federation.hosters.", 1009 },
	[REASON_PARTNER_NOT_ALLOWED] = { "partner-not-allowed", 403, "Forbidden", ACT_YOU,
		"The domain has no route, and open federation is not for it: federation.deny "
		"names it, or federation.allow does not.",
		"Add the domain to federation.allow, or take it out of federation.deny, if it "
		"is to be a partner.", 1002 },
	[REASON_PARTNER_BLOCKED] = { "partner-blocked", 403, "Forbidden", ACT_YOU,
		"The domain was found by open federation, and an administrator has blocked it.",
		"`nuncio partner show DOMAIN` says why; `nuncio partner approve DOMAIN` or "
		"`nuncio partner forget DOMAIN` ends the block.", 1002 },

	[REASON_RATE_LIMITED] = { "rate-limited", 503, "Service Unavailable", ACT_EITHER,
		"The source sent more requests than limits.requests or its route allows.",
		"Raise the limit if this is wanted traffic; a partner who sends much "
		"should have a route of its own.", 1007 },
	[REASON_BANNED] = { "banned", 0, "", ACT_EITHER,
		"The source is ignored for limits.ban, because too many of its "
		"attempts to log on failed or it did not slow down. On the lan only "
		"its attempts to log on are.",
		"Correct the credentials at the source; the ban ends by itself.", 0, },
	[REASON_TOO_MANY_TRANSACTIONS] = { "too-many-transactions", 503, "Service Unavailable",
		ACT_YOU,
		"limits.transactions is reached: as many requests wait for their "
		"answers as are allowed at once.",
		"Look with `nuncio status` which partner or backend does not answer; "
		"raise limits.transactions if memory allows.", 1007 },
	[REASON_TOO_MANY_CONNECTIONS] = { "too-many-connections", 0, "", ACT_EITHER,
		"A connection was closed at once: limits.connections, or "
		"limits.connections_per_source for its source, is reached.",
		"Raise the limit if the source is a partner with many servers behind "
		"one address; otherwise find out why it opens so many.", 0, },
	[REASON_TOO_MANY_HANDSHAKES] = { "too-many-handshakes", 0, "", ACT_EITHER,
		"A connection was closed at once: its source begins more TLS "
		"handshakes a second than limits.handshakes.",
		"Mostly the partner's program connects anew after each refusal: look "
		"at the refusals before. Raise limits.handshakes if not.", 0, },
	[REASON_OVERLOAD] = { "overload", 503, "Service Unavailable", ACT_YOU,
		"Memory or an internal queue of this proxy is used up.",
		"Give the proxy more memory or workers, or lower limits.transactions "
		"and limits.connections so that it refuses earlier.", 1007 },
	[REASON_SHED_LOAD] = { "shed-load", 503, "Service Unavailable", ACT_YOU,
		"This proxy has more to do than it has time or transactions for, and sheds NOTIFY first, then MESSAGE, "
		"SUBSCRIBE and PUBLISH, then new calls; of those first who asks for most.",
		"Give it more processors and service.workers, or raise limits.transactions; see nuncio_loop_lag_seconds, "
		"and with `nuncio status partners` who sends so much.", 1007 },
	[REASON_DRAINING] = { "draining", 503, "Service Unavailable", ACT_NOBODY,
		"The proxy is being stopped: it finishes what it has and takes nothing new.",
		"Nothing: the sender tries again, or another server.", 1007 },

	[REASON_PARTNER_RATE_LIMITED] = { "partner-rate-limited", 503, "Service Unavailable",
		ACT_YOU,
		"A domain that nobody approved sent more requests than "
		"federation.discovered.rate.",
		"If the traffic is wanted, approve the domain with `nuncio partner approve "
		"DOMAIN`, or give it a route.", 0, },
	[REASON_PARTNER_SUSPICIOUS] = { "partner-suspicious", 503, "Service Unavailable",
		ACT_YOU,
		"Most of what a domain asked for that nobody approved failed, so it is held to "
		"federation.discovered.suspicious_rate.",
		"Look with `nuncio partner show DOMAIN` and `nuncio why` what fails; approve "
		"the domain if it means well, block it if it tries out names.", 0, },
	[REASON_PARTNER_TOO_MANY_USERS] = { "partner-too-many-users", 503,
		"Service Unavailable", ACT_YOU,
		"A domain that nobody approved has addressed as many distinct users as "
		"federation.discovered.max_users; those that it addressed before still go through.",
		"Approve the domain with `nuncio partner approve DOMAIN` if it has that many "
		"contacts here; block it if it tries out names.", 0, },

	[REASON_SERVICE_NOT_ALLOWED] = { "service-not-allowed", 403, "Forbidden", ACT_YOU,
		"The route of this partner does not list the service (presence, im, "
		"audio, video) that the request belongs to.",
		"Add the service to services: in the route if it is to be exchanged "
		"with this partner.", 1027 },
	[REASON_NO_RELAY] = { "no-relay", 403, "Forbidden", ACT_SENDER,
		"The request comes from outside and goes outside: we forward to "
		"foreign domains only for our own users.",
		"Address a user of one of our domains; if the Request-URI's domain "
		"is yours, add it to domains:.", 1005 },
	[REASON_DIAL_DENIED] = { "dial-denied", 403, "Forbidden", ACT_YOU,
		"The class of service of the user forbids to dial that.",
		"If the user may dial it, change deny: of the class, or give the user another "
		"class in users_file.", 0, },
	[REASON_UNKNOWN_USER] = { "unknown-user", 404, "Not Found", ACT_EITHER,
		"The domain is ours, but nobody knows the user: no backend registered it, "
		"no users: names it, it was seen nowhere, and by placement no backend "
		"is left to ask (the one that asks us is not asked itself); or all were "
		"asked within the last 5 s, and none has the user.",
		"Correct the address, or add the user to users: of the backend that "
		"is its home.", 1003 },
	[REASON_NO_ROUTE] = { "no-route", 404, "Not Found", ACT_YOU,
		"The domain of the Request-URI is neither ours nor a partner's.",
		"Correct the address, or add a route for the domain under "
		"partners.routes.", 1005 },
	[REASON_PARTNERS_SWITCHED_OFF] = { "partners-switched-off", 403, "Forbidden", ACT_YOU,
		"All static routes are switched off by partners.enabled: false.",
		"Set partners.enabled: true and reload.", 1027 },
	[REASON_EXTENSION_UNSUPPORTED] = { "extension-unsupported", 420, "Bad Extension",
		ACT_SENDER,
		"The request is for this proxy itself and demands with Require an "
		"extension that we do not have.",
		"Switch that extension off at the sender; the Unsupported header of "
		"our answer names it.", 0, },

	[REASON_REDIRECT_LOOP] = { "redirect-loop", 0, "", ACT_PARTNER,
		"A partner redirected a request (3xx) to a target that it had been sent to "
		"already; that target was not asked again.",
		"The partner must correct its forwarding: two of its users or servers lead to "
		"each other. `nuncio why` shows the whole way.", 0, },
	[REASON_REDIRECT_LIMIT] = { "redirect-limit", 0, "", ACT_EITHER,
		"A target that a partner named in a redirect (3xx) was not asked: redirects "
		"are followed 5 times in a row, to 8 targets in all.",
		"Look with `nuncio why` where the redirects lead; the partner should name the "
		"last one at once. redirect: forward leaves it to the one who asks.", 0, },
	[REASON_REDIRECT_NUMBER] = { "redirect-to-number", 0, "", ACT_NOBODY,
		"A partner redirected a request (3xx) to a telephone number that the sender "
		"had not asked for; it was not called, as it may cost money.",
		"Nothing: the redirect goes back to the sender, who may call the number "
		"itself.", 0, },

	[REASON_DNS_NO_ADDRESS] = { "dns-no-address", 503, "Service Unavailable", ACT_EITHER,
		"The name of the next server exists no more, or has no SRV, A or "
		"AAAA record that we can use.",
		"Check server: in the route, or the host of the backend, with `dig`; if it "
		"is right, its administrator must publish the record.", 1014 },
	[REASON_DNS_FAILED] = { "dns-failed", 503, "Service Unavailable", ACT_EITHER,
		"The DNS servers answered the query for the next server with an error.",
		"Try the name with `dig` at the servers of dns.servers; a SERVFAIL "
		"for this name alone is the partner's zone, otherwise the resolver "
		"is yours.", 1008 },
	[REASON_DNS_TIMEOUT] = { "dns-timeout", 503, "Service Unavailable", ACT_YOU,
		"No DNS server answered within dns.budget.",
		"Check that the servers of dns.servers, or those of "
		"/etc/resolv.conf, can be reached from this host.", 1008 },
	[REASON_CONNECT_REFUSED] = { "connect-refused", 503, "Service Unavailable", ACT_EITHER,
		"The host of the next server refused the connection: nothing listens "
		"on that port.",
		"Check server: and port: of the route, or address: of the backend; if "
		"they are right, the other server is down.", 1007 },
	[REASON_CONNECT_UNREACHABLE] = { "connect-unreachable", 503, "Service Unavailable",
		ACT_EITHER,
		"The network has no way to the next server.",
		"Check this host's routes and firewall with `ip route get ADDRESS`, "
		"and bind: of the route.", 1007 },
	[REASON_CONNECT_TIMEOUT] = { "connect-timeout", 503, "Service Unavailable", ACT_EITHER,
		"The next server did not answer the attempt to connect: a firewall "
		"drops the packets, or the host is down.",
		"Open the port in both firewalls: outgoing at yours, incoming at the "
		"partner's.", 1007 },
	[REASON_CONNECTION_LOST] = { "connection-lost", 503, "Service Unavailable", ACT_EITHER,
		"The connection broke before the request was answered.",
		"If it happens again, look at the other server's log at the same "
		"time, and for a firewall between that ends idle connections.", 1007 },
	[REASON_SEND_QUEUE_FULL] = { "send-queue-full", 503, "Service Unavailable", ACT_PARTNER,
		"The next server reads too slowly, and what waits for it leaves no room for a request of "
		"this kind: NOTIFY is shed first, then MESSAGE, SUBSCRIBE and PUBLISH, then new calls.",
		"The administrator of that server must find out why it is too slow; `connections:` of "
		"the route may let it read several connections at a time.", 1007 },
	[REASON_PEER_NOT_READING] = { "peer-not-reading", 503, "Service Unavailable", ACT_PARTNER,
		"The next server read less than 16 KB in 20 seconds while more waited for it, so its "
		"connection was ended.",
		"The administrator of that server must find out why it does not read.", 1007 },
	[REASON_NO_ANSWER] = { "no-answer", 408, "Request Timeout", ACT_EITHER,
		"No server of the next hop answered the request in time (Timer B or F).",
		"Check with `nuncio status` whether the server answers anything at "
		"all; over UDP, whether answers pass the firewall.", 1007 },
	[REASON_ALL_SERVERS_DOWN] = { "all-servers-down", 503, "Service Unavailable",
		ACT_EITHER,
		"Every server of the next hop failed a short time ago, so none was tried.",
		"See `nuncio status partners` or `nuncio status backends` for the last "
		"failure; we try them again by ourselves.", 1007 },
	[REASON_NEXT_HOP_503] = { "next-hop-503", 500, "Server Internal Error", ACT_PARTNER,
		"Every server of the next hop answered 503; RFC 3261 section 16.7 "
		"lets a proxy pass that on only as 500.",
		"The administrator of that server must see to its load or maintenance.", 1007 },
	[REASON_TIMER_C] = { "timer-c", 408, "Request Timeout", ACT_NOBODY,
		"The call rang longer than sip.timer_c without any news, and was ended.",
		"Raise sip.timer_c if calls may ring longer.", 0, },
	[REASON_CANCELLED] = { "cancelled", 487, "Request Terminated", ACT_NOBODY,
		"The caller gave up before the call was answered.",
		"Nothing has to be done.", 0, },
	[REASON_NO_LISTENER] = { "no-listener", 500, "Server Internal Error", ACT_YOU,
		"No listener can send by the transport and address family of the next hop.",
		"Add a listener with that transport on the right network, or change "
		"transport: or bind: of the route.", 1007 },

	[REASON_NOT_LOGGED_ON] = { "not-logged-on", 503, "Service Unavailable", ACT_YOU,
		"The user's home is a backend without an address of its own, and it has not "
		"logged on, or its connection has ended.",
		"See with `nuncio status backends` since when; start the backend, and check "
		"the address, user name and password with which it logs on. `nuncio why` with "
		"its address shows a log-on that was refused.", 1007 },
	[REASON_FLOW_FAILED] = { "flow-failed", 430, "Flow Failed", ACT_NOBODY,
		"The request is inside a dialog with a phone, and the connection or address by "
		"which the phone was reached is gone (RFC 5626).",
		"Nothing: the phone registers anew by itself, and is reached again for new calls. "
		"If it happens often, let it register more often, or by TLS.", 0, },
	[REASON_PHONE_UNREACHABLE] = { "phone-unreachable", 480, "Temporarily Unavailable",
		ACT_NOBODY,
		"Every connection or address by which the user's phone had registered is gone.",
		"Nothing: the phone registers anew by itself. If it happens often, let it "
		"register more often, or by TLS.", 0, },
	[REASON_NO_FEDERATION_RECORD] = { "no-federation-record", 404, "Not Found", ACT_PARTNER,
		"The domain has no route here, and DNS has no _sipfederationtls._tcp record for it: it "
		"does not federate openly, or its name is mistyped.",
		"Check the name; else the partner must publish the record, or you add a route under "
		"partners.routes.", 1008 },
	[REASON_SEARCH_INCOMPLETE] = { "search-incomplete", 503, "Service Unavailable", ACT_YOU,
		"No backend that answered has the user, but some could not be asked, or not "
		"in time: the user may live there.",
		"`nuncio why` with the Call-ID shows which ones; the user is found as soon as "
		"they answer. With users: for each backend nobody has to be asked.", 1007 },
	[REASON_SDP_UNREADABLE] = { "sdp-unreadable", 488, "Not Acceptable Here", ACT_SENDER,
		"The media of this call are to be relayed, but its SDP cannot be read: it breaks RFC 4566, "
		"is larger than 64 KB, encoded, or there are several of it in one message.",
		"Correct the sending program; `nuncio trace interconnection` shows what it sent. Calls that "
		"need no relay are not looked at: media.relay says which networks do.", 0, },
	[REASON_SRTP_REQUIRED] = { "srtp-required", 488, "Not Acceptable Here", ACT_EITHER,
		"media.srtp says require for the network that the offer came from, and it offers RTP "
		"without encryption.",
		"Switch SRTP on at the caller, or set media.srtp to prefer.", 0, },
	[REASON_SRTP_NOT_TAKEN] = { "srtp-not-taken", 488, "Not Acceptable Here", ACT_EITHER,
		"SRTP was offered where media.srtp says off, or with suites that are not in media.suites, or "
		"without a key.",
		"Set media.srtp of the network to passthrough or prefer, or add the caller's suite to "
		"media.suites.", 0, },
	[REASON_CHANNELS_FULL] = { "channels-full", 503, "Service Unavailable", ACT_YOU,
		"As many calls as media.channels allows are being relayed: one for each partner's call, one "
		"for each remote phone.",
		"Raise media.channels, and media.ports with it, if the line and this host carry more calls; "
		"`nuncio status` shows who uses them.", 0, },
	[REASON_BANDWIDTH_FULL] = { "bandwidth-full", 503, "Service Unavailable", ACT_YOU,
		"The calls that are being relayed take as much as media.bandwidth allows.",
		"Raise media.bandwidth if the line carries more.", 0, },
	[REASON_NO_MEDIA_PORTS] = { "no-media-ports", 503, "Service Unavailable", ACT_YOU,
		"No ports for media could be opened: all of media.ports are in use or rest after a call, or "
		"the address they belong to is not on this host any more.",
		"Widen media.ports; `nuncio status` shows how many are in use, and whether the listener's "
		"address is up.", 0, },
	[REASON_MEDIA_TIMEOUT] = { "media-timeout", 0, "", ACT_EITHER,
		"Nothing came on any stream of a relayed call for media.timeout, so its relay was closed.",
		"Mostly a side went away without BYE, and nothing is to be done. If people were talking: "
		"`nuncio why` with the Call-ID shows from which side nothing came; look whether a firewall or "
		"NAT on its way drops UDP, and whether its packets were rejected because of their source.", 0, },

	[REASON_TLS_EXPIRED] = { "tls-expired", 0, "", ACT_PARTNER,
		"A certificate of the other side has expired.",
		"The other side must renew the certificate; if the date looks right, "
		"check the clock of this host.", 1010 },
	[REASON_TLS_NOT_YET_VALID] = { "tls-not-yet-valid", 0, "", ACT_EITHER,
		"A certificate of the other side becomes valid only later.",
		"Check the clock of this host first; if it is right, the other side "
		"must use a certificate that is valid already.", 1010 },
	[REASON_TLS_NAME_MISMATCH] = { "tls-name-mismatch", 0, "", ACT_EITHER,
		"The certificate of the server that we called holds neither the "
		"partner's domain, nor the server's name, nor a pinned identity.",
		"The partner needs a certificate with its domain or server name; or "
		"list the name that it has under identity in the route.", 1010 },
	[REASON_TLS_WILDCARD] = { "tls-wildcard", 0, "", ACT_EITHER,
		"Only a wildcard name of the other side's certificate would fit, and "
		"RFC 5922 section 7.2 forbids that.",
		"The partner should get a certificate with the full name; or set "
		"wildcard: true in its route.", 1010 },
	[REASON_TLS_NO_CLIENT_CERTIFICATE] = { "tls-no-client-certificate", 0, "", ACT_PARTNER,
		"The other side connected to an mtls listener, but presented no certificate.",
		"The partner must configure a certificate for its outgoing "
		"connections (mutual TLS), whose CA is one that we trust.", 1010 },
	[REASON_TLS_UNKNOWN_CA] = { "tls-unknown-ca", 0, "", ACT_YOU,
		"The certificate of the other side comes from a CA that is not in tls.trust.",
		"Get the CA's root certificate from the partner, check it, and add "
		"the file to tls.trust.", 1010 },
	[REASON_TLS_SELF_SIGNED] = { "tls-self-signed", 0, "", ACT_EITHER,
		"The other side presented a self-signed certificate that is not in tls.trust.",
		"The partner should use a certificate of a CA; or get this "
		"certificate by a safe way and add it to tls.trust.", 1010 },
	[REASON_TLS_INCOMPLETE_CHAIN] = { "tls-incomplete-chain", 0, "", ACT_PARTNER,
		"The other side sent its certificate without the intermediates that "
		"lead to its CA.",
		"The partner must install the intermediate certificates of its CA "
		"beside its own; until then you may add them to tls.trust.", 1010 },
	[REASON_TLS_USAGE] = { "tls-usage", 0, "", ACT_PARTNER,
		"The certificate of the other side is not meant for this use (key "
		"usage or extended key usage).",
		"The partner needs a certificate with serverAuth and clientAuth; "
		"tls.client_eku: any-tls accepts serverAuth alone.", 1010 },
	[REASON_TLS_REVOKED] = { "tls-revoked", 0, "", ACT_PARTNER,
		"A certificate of the other side is on a revocation list of tls.crl.",
		"The partner must get a new certificate. Do not work around this: "
		"its key may have been stolen.", 1010 },
	[REASON_TLS_WEAK_KEY] = { "tls-weak-key", 0, "", ACT_PARTNER,
		"A key in the other side's certificate chain is shorter than tls.min_key_bits.",
		"The partner must get a certificate with a longer key (RSA of 2048 "
		"bits, or ECDSA).", 1010 },
	[REASON_TLS_WEAK_SIGNATURE] = { "tls-weak-signature", 0, "", ACT_PARTNER,
		"A certificate in the other side's chain is signed with an algorithm "
		"that is broken, such as MD5 or SHA-1.",
		"The partner must get a certificate that is signed with SHA-256 or "
		"better.", 1010 },
	[REASON_TLS_CONSTRAINTS] = { "tls-constraints", 0, "", ACT_PARTNER,
		"A certificate of the other side was signed by one that may not sign it: "
		"it is no CA, or its constraints forbid these names or this many "
		"certificates below it.",
		"The partner must get a certificate of a CA that may issue it; the record "
		"of the handshake names the certificate that is at fault.", 1010 },
	[REASON_TLS_BAD_CERTIFICATE] = { "tls-bad-certificate", 0, "", ACT_PARTNER,
		"A certificate of the other side cannot be read, or its signature does not "
		"hold.",
		"The partner must install its certificates anew; `gnutls-cli` or "
		"`openssl s_client` shows what is sent.", 1010 },
	[REASON_TLS_VERSION] = { "tls-version", 0, "", ACT_PARTNER,
		"The other side offers only TLS versions older than tls.minimum.",
		"The partner must switch on TLS 1.2 or 1.3.", 1047 },
	[REASON_TLS_NO_CIPHER] = { "tls-no-cipher", 0, "", ACT_EITHER,
		"The other side offers no cipher suite, group or signature algorithm "
		"that we accept.",
		"Compare tls.priority with what the other side offers; its program "
		"or policy is mostly the older one.", 1047 },
	[REASON_TLS_NOT_TLS] = { "tls-not-tls", 0, "", ACT_PARTNER,
		"The other side sent something else than TLS to a TLS port, mostly plain SIP.",
		"The other side must set its transport to TLS, or use the port of a "
		"tcp listener.", 1047 },
	[REASON_TLS_PEER_NOT_TLS] = { "tls-peer-not-tls", 0, "", ACT_EITHER,
		"We began a TLS handshake, and the other side answered with "
		"something else: its port does not speak TLS.",
		"Check port: and transport: of the route; SIP over TLS is mostly on "
		"port 5061.", 1047 },
	[REASON_TLS_TIMEOUT] = { "tls-timeout", 0, "", ACT_EITHER,
		"The handshake was begun and not finished in time.",
		"Look for a firewall that inspects TLS or drops large packets "
		"between the two sides; if there is none, the other server hangs.", 1047 },
	[REASON_TLS_PEER_CLOSED] = { "tls-peer-closed", 0, "", ACT_PARTNER,
		"The other side closed or reset the connection in the middle of the "
		"handshake, without saying why.",
		"The partner must look into its log. Often it does not trust our "
		"certificate's CA, or does not allow our address.", 1047 },
	[REASON_TLS_PEER_UNKNOWN_CA] = { "tls-peer-unknown-ca", 0, "", ACT_PARTNER,
		"The other side refused our certificate: it does not know the CA "
		"that issued it.",
		"Check with `nuncio check` that our chain holds its intermediates; "
		"then the partner must add our CA to its trusted ones.", 1010 },
	[REASON_TLS_PEER_EXPIRED] = { "tls-peer-expired", 0, "", ACT_YOU,
		"The other side refused our certificate as expired.",
		"Renew our certificate and reload; if it is still valid, the clock "
		"of the other side is wrong.", 1010 },
	[REASON_TLS_PEER_REVOKED] = { "tls-peer-revoked", 0, "", ACT_YOU,
		"The other side refused our certificate as revoked.",
		"Get a new certificate with a new key from our CA, and find out why "
		"the old one was revoked.", 1010 },
	[REASON_TLS_PEER_BAD_CERTIFICATE] = { "tls-peer-bad-certificate", 0, "", ACT_EITHER,
		"The other side refused our certificate as bad, unknown or unsupported.",
		"Check names, usage (serverAuth and clientAuth) and chain of our "
		"certificate; the partner's log says what it expected.", 1010 },
	[REASON_TLS_PEER_WANTS_CERTIFICATE] = { "tls-peer-wants-certificate", 0, "", ACT_YOU,
		"The other side demands a client certificate, and we presented none.",
		"Set transport: mtls and certificate: in the route of this partner.", 1010 },
	[REASON_TLS_PEER_VERSION] = { "tls-peer-version", 0, "", ACT_PARTNER,
		"The other side accepts none of the TLS versions that we offer.",
		"The partner must switch on TLS 1.2 or 1.3, or its policy excludes "
		"what tls.minimum allows.", 1047 },
	[REASON_TLS_PEER_NO_CIPHER] = { "tls-peer-no-cipher", 0, "", ACT_EITHER,
		"The other side accepts none of the cipher suites, groups or "
		"signature algorithms that we offer.",
		"Compare tls.priority and the key type of our certificate (RSA or "
		"ECDSA) with what the other side accepts.", 1047 },
	[REASON_TLS_PEER_UNKNOWN_NAME] = { "tls-peer-unknown-name", 0, "", ACT_EITHER,
		"The other side does not know the server name (SNI) by which we called it.",
		"Check server: of the route: it must be the name that the partner's "
		"server has a certificate for.", 1047 },
	[REASON_TLS_PEER_ACCESS_DENIED] = { "tls-peer-access-denied", 0, "", ACT_PARTNER,
		"The other side accepted our certificate as valid, but does not let "
		"its owner in.",
		"The partner must add our domain or certificate name to its allowed "
		"partners.", 1010 },
	[REASON_TLS_ALERT] = { "tls-alert", 0, "", ACT_EITHER,
		"The other side ended the handshake with a TLS alert; the log line names it.",
		"Look into the other side's log at the same time; the alert says "
		"what it did not like.", 1047 },
	[REASON_TLS_INTERNAL] = { "tls-internal", 0, "", ACT_YOU,
		"The handshake failed on this side for a reason that is not the "
		"other side's; the log line has the TLS library's words.",
		"Check our certificate and key with `nuncio check`, tls.priority, "
		"and the memory of this host.", 1047 },
};

const struct reason_row *reason_row(enum reason reason)
{
	return &rows[reason];
}

const char *reason_code(enum reason reason)
{
	return rows[reason].code;
}

bool reason_is_challenge(enum reason reason)
{
	return reason == REASON_AUTHORIZATION_NEEDED || reason == REASON_AUTHORIZATION_STALE ||
	       reason == REASON_LOG_ON_NEEDED || reason == REASON_LOG_ON_STALE;
}

enum reason reason_by_code(const char *code)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(rows[i].code, code) == 0)
			return (enum reason)i;
	}
	return REASON_NONE;
}

const char *reason_message_id(enum reason reason, char out[REASON_MESSAGE_ID_SIZE])
{
	static const uint64_t high[2] = { 0x6e756e63696f2d68, 0x72656173 },
			      low[2] = { 0x6e756e63696f2d6c, 0x72656173 };
	const char *code = rows[reason].code;
	size_t len = strlen(code);

	snprintf(out, REASON_MESSAGE_ID_SIZE, "%016" PRIx64 "%016" PRIx64,
		 random_siphash(high, code, len), random_siphash(low, code, len));
	return out;
}

const char *actor_text(enum actor actor)
{
	switch (actor) {
	case ACT_NOBODY:
		return "nobody";
	case ACT_YOU:
		return "you";
	case ACT_PARTNER:
		return "the partner";
	case ACT_EITHER:
		return "you or the partner";
	case ACT_SENDER:
		return "the sender";
	}
	return "nobody";
}
