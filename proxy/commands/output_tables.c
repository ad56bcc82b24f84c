#include "proxy/commands/output.h"

#include <stddef.h>

/* One row a key. Rows that several verbs share are macros with the path before them. */
/* clang-format off */

#define ALWAYS false
#define OPTIONAL true
#define STATES "up down unknown off"
#define AREAS "registration interconnection media tls dns"

#define HEAD \
	{ "version", OUTPUT_ONE, ALWAYS, "of the form: keys are only added within it", NULL }, \
	{ "ok", OUTPUT_BOOL, ALWAYS, "done, or no problems", NULL }

#define PROBLEMS \
	{ "problems[]", OUTPUT_LIST, ALWAYS, "what is wrong", NULL }, \
	{ "problems[].code", OUTPUT_TEXT, ALWAYS, "stable; nuncio help CODE explains those of refusals and faults", NULL }, \
	{ "problems[].severity", OUTPUT_WORD, ALWAYS, "how bad", "error warning" }, \
	{ "problems[].where", OUTPUT_TEXT, ALWAYS, "the partner, listener, certificate, FILE:LINE:COLUMN, ...", NULL }, \
	{ "problems[].text", OUTPUT_TEXT, ALWAYS, "what it is, for people", NULL }, \
	{ "problems[].act", OUTPUT_TEXT, ALWAYS, "who must act", NULL }, \
	{ "problems[].remedy", OUTPUT_TEXT, ALWAYS, "what to do", NULL }

/* Those of a configuration. */
#define FAULTS(is_optional) \
	PROBLEMS, \
	{ "problems[].file", OUTPUT_TEXT, is_optional, "of the fault", NULL }, \
	{ "problems[].line", OUTPUT_NUMBER, is_optional, "from 1; 0: the file as a whole", NULL }, \
	{ "problems[].column", OUTPUT_NUMBER, is_optional, "from 1", NULL }, \
	{ "problems[].key", OUTPUT_TEXT, is_optional, "of the configuration", NULL }

#define CHANGES(path, is_optional) \
	{ path "[]", OUTPUT_LIST, is_optional, "what changed", NULL }, \
	{ path "[].sign", OUTPUT_WORD, ALWAYS, "new, gone or changed", "+ - ~" }, \
	{ path "[].what", OUTPUT_WORD, ALWAYS, "what kind of thing", "listener domain certificate backend partner settings" }, \
	{ path "[].name", OUTPUT_TEXT, ALWAYS, "its name", NULL }, \
	{ path "[].text", OUTPUT_TEXT, ALWAYS, "what it is and was, for people", NULL }

/* What stands in every decision, and what only in one of real traffic. */
#define DECISION(path) \
	{ path "kind", OUTPUT_WORD, ALWAYS, "of a request, a TLS handshake that failed, or the media of a call", "request handshake media" }, \
	{ path "accepted", OUTPUT_BOOL, ALWAYS, "false: refused for the reason", NULL }, \
	{ path "reason", OUTPUT_TEXT, ALWAYS, "a code of docs/reasons.md; none: accepted", NULL }, \
	{ path "status", OUTPUT_NUMBER, ALWAYS, "of the final response; 0: none", NULL }, \
	{ path "cause", OUTPUT_TEXT, ALWAYS, "of the reason: what happened", NULL }, \
	{ path "act", OUTPUT_TEXT, ALWAYS, "who must act", NULL }, \
	{ path "remedy", OUTPUT_TEXT, ALWAYS, "what to do", NULL }, \
	{ path "method", OUTPUT_TEXT, OPTIONAL, "of the request", NULL }, \
	{ path "from", OUTPUT_TEXT, OPTIONAL, "URI of From", NULL }, \
	{ path "to", OUTPUT_TEXT, OPTIONAL, "URI of To", NULL }, \
	{ path "ruri", OUTPUT_TEXT, OPTIONAL, "the Request-URI", NULL }, \
	{ path "peer", OUTPUT_TEXT, OPTIONAL, "address and port of the other side", NULL }, \
	{ path "listener", OUTPUT_TEXT, OPTIONAL, "by which it came", NULL }, \
	{ path "transport", OUTPUT_WORD, OPTIONAL, "by which it came", "udp tcp tls mtls" }, \
	{ path "cert_names", OUTPUT_TEXT, OPTIONAL, "in the certificate that the other side showed", NULL }, \
	{ path "origin", OUTPUT_TEXT, OPTIONAL, "what the sender is to us", NULL }, \
	{ path "partner", OUTPUT_TEXT, OPTIONAL, "the rule by which the sender is known", NULL }, \
	{ path "target", OUTPUT_TEXT, OPTIONAL, "the rule of where it goes", NULL }, \
	{ path "evidence", OUTPUT_TEXT, OPTIONAL, "what DNS said", NULL }, \
	{ path "peer_diagnostics", OUTPUT_TEXT, OPTIONAL, "what the other side said of its refusal", NULL }, \
	{ path "ms_diagnostics", OUTPUT_OBJECT, OPTIONAL, "what its ms-diagnostics header said", NULL }, \
	{ path "ms_diagnostics.id", OUTPUT_NUMBER, ALWAYS, "the number, of [MS-OCER]", NULL }, \
	{ path "ms_diagnostics.reason", OUTPUT_TEXT, OPTIONAL, "its words", NULL }, \
	{ path "ms_diagnostics.source", OUTPUT_TEXT, OPTIONAL, "the host whose words they are", NULL }, \
	{ path "steps[]", OUTPUT_LIST, ALWAYS, "the rules that were asked, in order", NULL }, \
	{ path "steps[].step", OUTPUT_TEXT, OPTIONAL, "validate, classify, ...", NULL }, \
	{ path "steps[].rule", OUTPUT_TEXT, OPTIONAL, "of the step", NULL }, \
	{ path "steps[].result", OUTPUT_TEXT, ALWAYS, "on what, and what came of it", NULL }, \
	{ path "steps[].place", OUTPUT_TEXT, OPTIONAL, "FILE:LINE:COLUMN of the configuration", NULL }, \
	{ path "hops[]", OUTPUT_LIST, ALWAYS, "the servers that were, or would be, tried", NULL }, \
	{ path "hops[].to", OUTPUT_TEXT, ALWAYS, "transport, address and port", NULL }, \
	{ path "hops[].reason", OUTPUT_TEXT, OPTIONAL, "why it failed", NULL }, \
	{ path "hops[].cause", OUTPUT_TEXT, OPTIONAL, "of the reason", NULL }, \
	{ path "hops[].status", OUTPUT_NUMBER, ALWAYS, "its final status; 0: none", NULL }

#define REAL(path) \
	{ path "id", OUTPUT_NUMBER, ALWAYS, "rises; unique in the process", NULL }, \
	{ path "time", OUTPUT_TIME, ALWAYS, "when the request or call came, or the handshake ended", NULL }, \
	{ path "took_us", OUTPUT_NUMBER, ALWAYS, "until the final response went, or the handshake or relay ended", NULL }, \
	{ path "worker", OUTPUT_NUMBER, ALWAYS, "which worker", NULL }, \
	{ path "call_id", OUTPUT_TEXT, OPTIONAL, "the Call-ID", NULL }

/* Of a handshake that failed. */
#define TLS(path) \
	{ path "tls", OUTPUT_OBJECT, OPTIONAL, "of a handshake: what was seen of it", NULL }, \
	{ path "tls.direction", OUTPUT_WORD, ALWAYS, "in: they dialled us", "in out" }, \
	{ path "tls.sni", OUTPUT_TEXT, OPTIONAL, "the name that was asked for", NULL }, \
	{ path "tls.version", OUTPUT_TEXT, OPTIONAL, "that was agreed", NULL }, \
	{ path "tls.minimum", OUTPUT_TEXT, OPTIONAL, "the version that we ask for at least", NULL }, \
	{ path "tls.offered", OUTPUT_TEXT, OPTIONAL, "the versions that a client offered", NULL }, \
	{ path "tls.cipher", OUTPUT_TEXT, OPTIONAL, "that was agreed", NULL }, \
	{ path "tls.alert", OUTPUT_TEXT, OPTIONAL, "by its name in RFC 8446", NULL }, \
	{ path "tls.alert_from", OUTPUT_WORD, OPTIONAL, "who sent it", "us them" }, \
	{ path "tls.verify", OUTPUT_TEXT, OPTIONAL, "what we found wrong", NULL }, \
	{ path "tls.subject", OUTPUT_TEXT, OPTIONAL, "of the certificate that is wrong", NULL }, \
	{ path "tls.issuer", OUTPUT_TEXT, OPTIONAL, "of that", NULL }, \
	{ path "tls.issuer_url", OUTPUT_TEXT, OPTIONAL, "where that issuer, which is missing, can be fetched", NULL }, \
	{ path "tls.serial", OUTPUT_TEXT, OPTIONAL, "of the certificate that is wrong, in hex", NULL }, \
	{ path "tls.sha256", OUTPUT_TEXT, OPTIONAL, "its fingerprint", NULL }, \
	{ path "tls.not_before", OUTPUT_TIME, OPTIONAL, "since when it is valid", NULL }, \
	{ path "tls.not_after", OUTPUT_TIME, OPTIONAL, "until when", NULL }, \
	{ path "tls.expected", OUTPUT_TEXT, OPTIONAL, "the names that we wanted; cert_names has those that were shown", NULL }, \
	{ path "tls.ca_list", OUTPUT_TEXT, OPTIONAL, "the issuers that they accept", NULL }, \
	{ path "tls.ca_list_has_ours", OUTPUT_BOOL, OPTIONAL, "false: none of these issued our certificate", NULL }, \
	{ path "tls.our_names", OUTPUT_TEXT, OPTIONAL, "in the certificate that we showed", NULL }, \
	{ path "tls.our_issuer", OUTPUT_TEXT, OPTIONAL, "of that", NULL }, \
	{ path "tls.asked_certificate", OUTPUT_BOOL, ALWAYS, "they asked for ours", NULL }, \
	{ path "tls.sent_certificate", OUTPUT_BOOL, ALWAYS, "we had one to send", NULL }, \
	{ path "tls.text", OUTPUT_TEXT, ALWAYS, "the line of the log", NULL }, \
	{ path "tls.n_similar", OUTPUT_NUMBER, ALWAYS, "further ones of the same peer and reason within ten seconds", NULL }

/* Of a call that was relayed. */
#define MEDIA(path) \
	{ path "media", OUTPUT_OBJECT, OPTIONAL, "of the media of a call: what its relay passed on", NULL }, \
	{ path "media.ended", OUTPUT_WORD, ALWAYS, "why the relay ended; refused: no 2xx, moved: by another network, silent: media.timeout", \
	  "bye refused moved silent stopped" }, \
	{ path "media.streams[]", OUTPUT_LIST, ALWAYS, "a row for each m-line that was relayed", NULL }, \
	{ path "media.streams[].type", OUTPUT_TEXT, ALWAYS, "audio, video, ...", NULL }, \
	{ path "media.streams[].sides[]", OUTPUT_LIST, ALWAYS, "the caller's, then the callee's", NULL }, \
	{ path "media.streams[].sides[].side", OUTPUT_WORD, ALWAYS, "whose", "caller callee" }, \
	{ path "media.streams[].sides[].network", OUTPUT_WORD, ALWAYS, "where it is", "wan lan remote" }, \
	{ path "media.streams[].sides[].protection", OUTPUT_WORD, ALWAYS, "end-to-end: SRTP between the ends, which we cannot read", \
	  "none sdes dtls end-to-end" }, \
	{ path "media.streams[].sides[].source", OUTPUT_TEXT, OPTIONAL, "address and port that its media came from", NULL }, \
	{ path "media.streams[].sides[].received_packets", OUTPUT_NUMBER, ALWAYS, "RTP that came from it and was taken", NULL }, \
	{ path "media.streams[].sides[].kernel_packets", OUTPUT_NUMBER, ALWAYS, "of these: passed by the kernel alone, which tells nothing of loss and jitter", NULL }, \
	{ path "media.streams[].sides[].received_bytes", OUTPUT_NUMBER, ALWAYS, "of these, without UDP and IP", NULL }, \
	{ path "media.streams[].sides[].sent_packets", OUTPUT_NUMBER, ALWAYS, "RTP that was sent to it", NULL }, \
	{ path "media.streams[].sides[].sent_bytes", OUTPUT_NUMBER, ALWAYS, "of these, without UDP and IP", NULL }, \
	{ path "media.streams[].sides[].received_rtcp_packets", OUTPUT_NUMBER, ALWAYS, "RTCP that came from it and was taken", NULL }, \
	{ path "media.streams[].sides[].sent_rtcp_packets", OUTPUT_NUMBER, ALWAYS, "RTCP that was sent to it", NULL }, \
	{ path "media.streams[].sides[].lost_packets", OUTPUT_NUMBER, ALWAYS, "that it sent and did not come, by sequence numbers", NULL }, \
	{ path "media.streams[].sides[].jitter_us", OUTPUT_NUMBER, ALWAYS, "of what came from it, at the end (RFC 3550 A.8)", NULL }, \
	{ path "media.streams[].sides[].max_jitter_us", OUTPUT_NUMBER, ALWAYS, "the most of it", NULL }, \
	{ path "media.streams[].sides[].told_lost_packets", OUTPUT_NUMBER, ALWAYS, "what its last RTCP report says it missed", NULL }, \
	{ path "media.streams[].sides[].told_jitter_us", OUTPUT_NUMBER, ALWAYS, "what that says of jitter", NULL }, \
	{ path "media.streams[].sides[].rejected_sources", OUTPUT_NUMBER, ALWAYS, "packets at its port from where none may come", NULL }, \
	{ path "media.streams[].sides[].srtp_failures", OUTPUT_NUMBER, ALWAYS, "packets that were forged, repeated or damaged", NULL }, \
	{ path "media.streams[].sides[].dropped_packets", OUTPUT_NUMBER, ALWAYS, "no RTP, or no way to pass them on", NULL }, \
	{ path "media.streams[].sides[].n_ssrcs", OUTPUT_NUMBER, ALWAYS, "synchronisation sources that it used", NULL }

#define PEER(path) \
	{ path "[].id", OUTPUT_TEXT, ALWAYS, "of the rule", NULL }, \
	{ path "[].state", OUTPUT_WORD, ALWAYS, "as traffic and probes have seen it", STATES }, \
	{ path "[].last_reason", OUTPUT_TEXT, ALWAYS, "of the last failure; none", NULL }, \
	{ path "[].last_seen_s", OUTPUT_NUMBER, ALWAYS, "seconds since it answered last; -1: never", NULL }, \
	{ path "[].last_failure_s", OUTPUT_NUMBER, ALWAYS, "seconds since it failed last; -1: never", NULL }, \
	{ path "[].successes", OUTPUT_NUMBER, ALWAYS, "of all its servers", NULL }, \
	{ path "[].failures", OUTPUT_NUMBER, ALWAYS, "of all its servers", NULL }, \
	{ path "[].server", OUTPUT_TEXT, OPTIONAL, "the first one of the configuration", NULL }, \
	{ path "[].port", OUTPUT_NUMBER, OPTIONAL, "of that; 0: by DNS", NULL }, \
	{ path "[].transport", OUTPUT_WORD, OPTIONAL, "of that", "udp tcp tls mtls" }, \
	{ path "[].n_servers", OUTPUT_NUMBER, OPTIONAL, "how many the configuration names", NULL }, \
	{ path "[].alg", OUTPUT_TEXT, OPTIONAL, "signs that a router on the way rewrites SIP", NULL }, \
	{ path "[].requests_received", OUTPUT_NUMBER, ALWAYS, "since the start", NULL }, \
	{ path "[].requests_sent", OUTPUT_NUMBER, ALWAYS, "since the start", NULL }, \
	{ path "[].failures_by_reason", OUTPUT_COUNTS, ALWAYS, "since the start", NULL }, \
	{ path "[].connections_in", OUTPUT_NUMBER, ALWAYS, "open now, that it opened", NULL }, \
	{ path "[].connections_out", OUTPUT_NUMBER, ALWAYS, "open now, that we opened", NULL }, \
	{ path "[].probe_us", OUTPUT_NUMBER, OPTIONAL, "the last probe that was answered took so long", NULL }, \
	{ path "[].certificate_days_left", OUTPUT_NUMBER, OPTIONAL, "of the certificate that it showed last", NULL }, \
	{ path "[].tried[]", OUTPUT_LIST, ALWAYS, "its servers that were tried", NULL }, \
	{ path "[].tried[].address", OUTPUT_TEXT, ALWAYS, "address and port", NULL }, \
	{ path "[].tried[].transport", OUTPUT_WORD, ALWAYS, "to it", "udp tcp tls mtls" }, \
	{ path "[].tried[].state", OUTPUT_WORD, ALWAYS, "trying: down, and one request may try", "up down unknown trying" }, \
	{ path "[].tried[].last_reason", OUTPUT_TEXT, ALWAYS, "of the last failure; none", NULL }, \
	{ path "[].tried[].last_seen_s", OUTPUT_NUMBER, ALWAYS, "-1: never", NULL }, \
	{ path "[].tried[].last_failure_s", OUTPUT_NUMBER, ALWAYS, "-1: never", NULL }, \
	{ path "[].tried[].successes", OUTPUT_NUMBER, ALWAYS, "since it is known", NULL }, \
	{ path "[].tried[].failures", OUTPUT_NUMBER, ALWAYS, "since it is known", NULL }, \
	{ path "[].tried[].failures_in_a_row", OUTPUT_NUMBER, ALWAYS, "since the last success", NULL }

/* A check of the network. */
#define CHECK_ROWS(is_optional) \
	{ "known", OUTPUT_BOOL, is_optional, "false: what matters could not be found out", NULL }, \
	{ "rows[]", OUTPUT_LIST, is_optional, "one a fact, in order", NULL }, \
	{ "rows[].subject", OUTPUT_TEXT, ALWAYS, "the domain that it is about", NULL }, \
	{ "rows[].state", OUTPUT_WORD, ALWAYS, "how it is", "ok warn fail untested" }, \
	{ "rows[].fact", OUTPUT_TEXT, ALWAYS, "what it is about: SRV, ADDRESS, TLS, ...", NULL }, \
	{ "rows[].code", OUTPUT_TEXT, ALWAYS, "what is wrong, a code of docs/checks.md or docs/reasons.md; empty: nothing", NULL }, \
	{ "rows[].evidence", OUTPUT_TEXT, ALWAYS, "what was seen, for people", NULL }, \
	{ "rows[].means", OUTPUT_TEXT, ALWAYS, "for which partners; empty: nothing is wrong", NULL }, \
	{ "rows[].act", OUTPUT_TEXT, ALWAYS, "who must act; empty: nobody", NULL }, \
	{ "rows[].remedy", OUTPUT_TEXT, ALWAYS, "what to do", NULL }, \
	{ "rows[].paste", OUTPUT_BOOL, ALWAYS, "the remedy is text to paste", NULL }, \
	{ "rows[].took_ms", OUTPUT_NUMBER, OPTIONAL, "so long", NULL }, \
	{ "counts", OUTPUT_OBJECT, is_optional, "of the rows", NULL }, \
	{ "counts.facts", OUTPUT_NUMBER, ALWAYS, "how many", NULL }, \
	{ "counts.failures", OUTPUT_NUMBER, ALWAYS, "of them", NULL }, \
	{ "counts.warnings", OUTPUT_NUMBER, ALWAYS, "of them", NULL }, \
	{ "counts.untested", OUTPUT_NUMBER, ALWAYS, "of them", NULL }

#define COUNT_OF(list, state) { "counts." list "." state, OUTPUT_NUMBER, ALWAYS, "how many are in that state", NULL }
#define COUNTER(key, about) { "counters." key, OUTPUT_NUMBER, ALWAYS, about, NULL }

const struct output_row output_check[] = {
	HEAD,
	{ "errors", OUTPUT_NUMBER, ALWAYS, "how many", NULL },
	{ "warnings", OUTPUT_NUMBER, ALWAYS, "how many", NULL },
	FAULTS(ALWAYS),
	{ 0 },
};

const struct output_row output_reload[] = {
	HEAD,
	FAULTS(OPTIONAL),
	CHANGES("changes", ALWAYS),
	{ "preflight[]", OUTPUT_LIST, OPTIONAL, "what the change may break with partners", NULL },
	{ "preflight[].what", OUTPUT_WORD, ALWAYS, "by what", "tls.trust certificate" },
	{ "preflight[].name", OUTPUT_TEXT, ALWAYS, "the partner, or our certificate", NULL },
	{ "preflight[].text", OUTPUT_TEXT, ALWAYS, "what, for people", NULL },
	{ "preflight[].reason", OUTPUT_TEXT, OPTIONAL, "with which its handshakes would fail", NULL },
	{ "text", OUTPUT_TEXT, ALWAYS, "the faults with their lines, for people", NULL },
	{ "count", OUTPUT_TEXT, ALWAYS, "how many, for people", NULL },
	{ "running_since_us", OUTPUT_NUMBER, ALWAYS, "when the running configuration was loaded, since 1970", NULL },
	{ "n_files", OUTPUT_NUMBER, OPTIONAL, "of the running configuration", NULL },
	{ "kept", OUTPUT_OBJECT, OPTIONAL, "what went on", NULL },
	{ "kept.requests", OUTPUT_NUMBER, ALWAYS, "in progress", NULL },
	{ "kept.connections", OUTPUT_NUMBER, ALWAYS, "that are open", NULL },
	{ "took_ms", OUTPUT_NUMBER, OPTIONAL, "until all workers served by it", NULL },
	{ "confirm", OUTPUT_OBJECT, OPTIONAL, "it is taken back unless it is confirmed", NULL },
	{ "confirm.until", OUTPUT_TIME, ALWAYS, "by then", NULL },
	{ "confirm.left_s", OUTPUT_NUMBER, ALWAYS, "within so many seconds", NULL },
	{ 0 },
};

const struct output_row output_confirm[] = {
	HEAD,
	PROBLEMS,
	CHANGES("changes", OPTIONAL),
	{ "left_s", OUTPUT_NUMBER, OPTIONAL, "it would have been taken back after so many seconds", NULL },
	{ 0 },
};

#define NAT(path, is_optional) \
	{ path, OUTPUT_OBJECT, is_optional, "our place behind a NAT, as STUN servers see it", NULL }, \
	{ path ".detecting", OUTPUT_BOOL, ALWAYS, "a look is under way; what follows is of the one before", NULL }, \
	{ path ".type", OUTPUT_TEXT, ALWAYS, "Full Cone, Restricted Cone, Port Restricted Cone, Symmetric NAT, Open Internet, Firewall blocking UDP, Symmetric UDP Firewall, or Unknown", NULL }, \
	{ path ".mapping", OUTPUT_WORD, ALWAYS, "RFC 5780", "unknown endpoint-independent address-dependent address-and-port-dependent" }, \
	{ path ".filtering", OUTPUT_WORD, ALWAYS, "RFC 5780", "unknown endpoint-independent address-dependent address-and-port-dependent" }, \
	{ path ".confidence", OUTPUT_WORD, ALWAYS, "in all of this", "none low medium high" }, \
	{ path ".inconclusive", OUTPUT_BOOL, ALWAYS, "something was seen, and it proves no kind", NULL }, \
	{ path ".behind_nat", OUTPUT_BOOL, ALWAYS, "the world sees another address than ours", NULL }, \
	{ path ".address", OUTPUT_TEXT, ALWAYS, "as the world sees us; empty: not known", NULL }, \
	{ path ".reason", OUTPUT_TEXT, ALWAYS, "what the verdict rests on, or why there is none", NULL }, \
	{ path ".looked", OUTPUT_TEXT, ALWAYS, "when; empty: never", NULL }, \
	{ path ".addresses[]", OUTPUT_LIST, ALWAYS, "of the listeners with advertise: stun", NULL }, \
	{ path ".addresses[].listener", OUTPUT_TEXT, ALWAYS, "its name", NULL }, \
	{ path ".addresses[].network", OUTPUT_WORD, ALWAYS, "its network", "wan lan remote" }, \
	{ path ".addresses[].state", OUTPUT_WORD, ALWAYS, "lost: no server answers any more, what was known stands", "unknown known lost" }, \
	{ path ".addresses[].address", OUTPUT_TEXT, ALWAYS, "and port; empty: not known", NULL }, \
	{ path ".addresses[].server", OUTPUT_TEXT, ALWAYS, "who said so", NULL }, \
	{ path ".addresses[].checked", OUTPUT_TEXT, ALWAYS, "when a server said so last; empty: never", NULL }, \
	{ path ".addresses[].changed", OUTPUT_TEXT, ALWAYS, "since when it is so; empty: never", NULL }, \
	{ path ".addresses[].changes", OUTPUT_NUMBER, ALWAYS, "since the start", NULL }, \
	{ path ".addresses[].former", OUTPUT_TEXTS, ALWAYS, "what it was before, newest first", NULL }

const struct output_row output_nat[] = {
	HEAD,
	PROBLEMS,
	NAT("nat", ALWAYS),
	{ "nat.servers[]", OUTPUT_LIST, ALWAYS, "that were asked", NULL },
	{ "nat.servers[].name", OUTPUT_TEXT, ALWAYS, "as configured", NULL },
	{ "nat.servers[].address", OUTPUT_TEXT, ALWAYS, "and port", NULL },
	{ "nat.servers[].local", OUTPUT_TEXT, ALWAYS, "from where it was asked, before any NAT", NULL },
	{ "nat.servers[].other", OUTPUT_TEXT, ALWAYS, "the other address that it says it has; empty: none", NULL },
	{ "nat.servers[].tcp", OUTPUT_TEXT, ALWAYS, "not tried, answered, connected, refused, or silent", NULL },
	{ "nat.servers[].tests[]", OUTPUT_LIST, ALWAYS, "in the order in which they were made", NULL },
	{ "nat.servers[].tests[].test", OUTPUT_WORD, ALWAYS, "what was asked", "plain change_address_and_port change_port from_second_socket to_other_address to_other_address_and_port to_other_port from_socket_of_first" },
	{ "nat.servers[].tests[].outcome", OUTPUT_TEXT, ALWAYS, "answered, refused, silent, or not sent", NULL },
	{ "nat.servers[].tests[].from", OUTPUT_TEXT, ALWAYS, "where the answer came from; empty: there was none", NULL },
	{ "nat.servers[].tests[].mapped", OUTPUT_TEXT, ALWAYS, "how the server saw us; empty: it did not say", NULL },
	{ "nat.servers[].tests[].error", OUTPUT_NUMBER, ALWAYS, "of a refusal; 0: none", NULL },
	{ "nat.servers[].tests[].requests", OUTPUT_NUMBER, ALWAYS, "that were sent; more than 1: packets were lost, or late", NULL },
	{ "nat.servers[].tests[].took_ms", OUTPUT_NUMBER, ALWAYS, "since the last of them", NULL },
	{ 0 },
};

const struct output_row output_status[] = {
	HEAD,
	PROBLEMS,
	{ "summary", OUTPUT_BOOL, ALWAYS, "true: lists have their first rows only", NULL },
	{ "program", OUTPUT_TEXT, ALWAYS, "version of the daemon", NULL },
	{ "pid", OUTPUT_NUMBER, ALWAYS, "of the daemon", NULL },
	{ "workers", OUTPUT_NUMBER, ALWAYS, "how many", NULL },
	{ "started", OUTPUT_TIME, ALWAYS, "when it started", NULL },
	{ "uptime_s", OUTPUT_NUMBER, ALWAYS, "seconds since then", NULL },
	{ "draining", OUTPUT_BOOL, ALWAYS, "it ends and takes no new requests", NULL },
	{ "busy", OUTPUT_NUMBER, ALWAYS, "requests in progress", NULL },
	{ "banned_sources", OUTPUT_NUMBER, ALWAYS, "addresses that are not answered", NULL },
	{ "counts", OUTPUT_OBJECT, ALWAYS, "of all, also where a list is short", NULL },
	{ "counts.problems", OUTPUT_OBJECT, ALWAYS, "by severity", NULL },
	COUNT_OF("problems", "error"), COUNT_OF("problems", "warning"),
	{ "counts.listeners", OUTPUT_OBJECT, ALWAYS, "by state", NULL },
	COUNT_OF("listeners", "up"), COUNT_OF("listeners", "down"), COUNT_OF("listeners", "off"),
	{ "counts.partners", OUTPUT_OBJECT, ALWAYS, "by state", NULL },
	COUNT_OF("partners", "up"), COUNT_OF("partners", "down"), COUNT_OF("partners", "unknown"), COUNT_OF("partners", "off"),
	{ "counts.backends", OUTPUT_OBJECT, ALWAYS, "by state", NULL },
	COUNT_OF("backends", "up"), COUNT_OF("backends", "down"), COUNT_OF("backends", "unknown"), COUNT_OF("backends", "off"),
	{ "counts.certificates", OUTPUT_OBJECT, ALWAYS, "by state", NULL },
	COUNT_OF("certificates", "ok"), COUNT_OF("certificates", "warn"), COUNT_OF("certificates", "fail"),
	{ "counts.discovered", OUTPUT_OBJECT, ALWAYS, "domains of open federation, by state", NULL },
	COUNT_OF("discovered", "new"), COUNT_OF("discovered", "watched"), COUNT_OF("discovered", "limited"),
	COUNT_OF("discovered", "blocked"), COUNT_OF("discovered", "approved"),
	{ "media", OUTPUT_OBJECT, ALWAYS, "calls that are relayed", NULL },
	{ "media.on", OUTPUT_BOOL, ALWAYS, "a listener is on a network of media.relay", NULL },
	{ "media.relays", OUTPUT_NUMBER, ALWAYS, "open at the moment: one for each target of a call", NULL },
	{ "media.channels", OUTPUT_OBJECT, ALWAYS, "the pool of media.channels", NULL },
	{ "media.channels.max", OUTPUT_NUMBER, ALWAYS, "its size", NULL },
	{ "media.channels.used", OUTPUT_NUMBER, ALWAYS, "in use", NULL },
	{ "media.channels.partner", OUTPUT_NUMBER, ALWAYS, "of these: calls with partners", NULL },
	{ "media.channels.device", OUTPUT_NUMBER, ALWAYS, "of these: remote phones", NULL },
	{ "media.channels.inside", OUTPUT_NUMBER, ALWAYS, "of these: calls between backends", NULL },
	{ "media.channels.most", OUTPUT_NUMBER, ALWAYS, "in use at a time since the start", NULL },
	{ "media.channels.refused", OUTPUT_NUMBER, ALWAYS, "calls refused since the start", NULL },
	{ "media.bandwidth", OUTPUT_OBJECT, ALWAYS, "the bound of media.bandwidth", NULL },
	{ "media.bandwidth.max_kbps", OUTPUT_NUMBER, ALWAYS, "kbit/s; 0: no bound", NULL },
	{ "media.bandwidth.used_kbps", OUTPUT_NUMBER, ALWAYS, "kbit/s of the calls that are relayed", NULL },
	{ "media.bandwidth.refused", OUTPUT_NUMBER, ALWAYS, "calls refused since the start", NULL },
	{ "media.ports", OUTPUT_OBJECT, ALWAYS, "pairs of ports of media.ports", NULL },
	{ "media.ports.pairs", OUTPUT_NUMBER, ALWAYS, "how many there are, at all addresses that were used", NULL },
	{ "media.ports.used", OUTPUT_NUMBER, ALWAYS, "in use", NULL },
	{ "media.ports.resting", OUTPUT_NUMBER, ALWAYS, "not given again yet", NULL },
	{ "media.ports.least_free", OUTPUT_NUMBER, ALWAYS, "free at the address that has the fewest", NULL },
	{ "media.packets", OUTPUT_NUMBER, ALWAYS, "passed on since the start", NULL },
	{ "media.bytes", OUTPUT_NUMBER, ALWAYS, "of these packets", NULL },
	{ "media.rejected_sources", OUTPUT_NUMBER, ALWAYS, "packets from where none may come", NULL },
	{ "media.srtp_failures", OUTPUT_NUMBER, ALWAYS, "packets that were forged, repeated or damaged", NULL },
	{ "media.dropped", OUTPUT_NUMBER, ALWAYS, "packets that could not be passed on", NULL },
	{ "media.timeouts", OUTPUT_NUMBER, ALWAYS, "relays that ended because nothing came any more", NULL },
	{ "media.kernel", OUTPUT_OBJECT, ALWAYS, "what became of media.kernel", NULL },
	{ "media.kernel.state", OUTPUT_WORD, ALWAYS, "held: on, but IPsec policies forbid it; failed: it should be on", "off on held failed" },
	{ "media.kernel.flows", OUTPUT_NUMBER, ALWAYS, "directions of streams that pass by the kernel alone at the moment", NULL },
	{ "media.kernel.packets", OUTPUT_NUMBER, ALWAYS, "of media.packets: that passed by the kernel alone", NULL },
	{ "media.kernel.entered", OUTPUT_NUMBER, ALWAYS, "flows that entered the kernel since the start", NULL },
	{ "media.kernel.refused", OUTPUT_NUMBER, ALWAYS, "flows that could not: no way that the kernel path knows, or no room", NULL },
	{ "media.kernel.evicted", OUTPUT_NUMBER, ALWAYS, "flows that left since routes, addresses or settings changed", NULL },
	{ "media.kernel.reason", OUTPUT_TEXT, OPTIONAL, "why it failed", NULL },
	{ "configuration", OUTPUT_OBJECT, ALWAYS, "the one that runs", NULL },
	{ "configuration.path", OUTPUT_TEXT, ALWAYS, "of its file", NULL },
	{ "configuration.loaded", OUTPUT_TIME, ALWAYS, "when it was read", NULL },
	{ "configuration.generation", OUTPUT_NUMBER, ALWAYS, "rises with each that is taken into use", NULL },
	{ "configuration.warnings", OUTPUT_NUMBER, ALWAYS, "that it was loaded with", NULL },
	{ "configuration.last_reload_ok", OUTPUT_BOOL, ALWAYS, "false: rejected, or reverted", NULL },
	{ "configuration.last_reload", OUTPUT_TEXT, ALWAYS, "when that was; empty: never", NULL },
	{ "configuration.last_reload_text", OUTPUT_TEXT, ALWAYS, "what came of it", NULL },
	{ "configuration.confirm", OUTPUT_OBJECT, OPTIONAL, "it is taken back unless it is confirmed", NULL },
	{ "configuration.confirm.until", OUTPUT_TIME, ALWAYS, "by then", NULL },
	{ "configuration.confirm.left_s", OUTPUT_NUMBER, ALWAYS, "within so many seconds", NULL },
	CHANGES("configuration.reverted", OPTIONAL),
	{ "state", OUTPUT_OBJECT, ALWAYS, "what must survive a restart", NULL },
	{ "state.kept", OUTPUT_BOOL, ALWAYS, "false: it cannot be written", NULL },
	{ "state.fault", OUTPUT_TEXT, ALWAYS, "the last fault of the disk; empty: none", NULL },
	{ "state.since", OUTPUT_TEXT, ALWAYS, "since when that is so", NULL },
	{ "state.records", OUTPUT_NUMBER, ALWAYS, "in the file", NULL },
	{ "state.waiting", OUTPUT_NUMBER, ALWAYS, "changes that are not yet written", NULL },
	{ "state.written", OUTPUT_NUMBER, ALWAYS, "changes since the start", NULL },
	{ "state.failures", OUTPUT_NUMBER, ALWAYS, "attempts to write that failed", NULL },
	{ "state.dropped", OUTPUT_NUMBER, ALWAYS, "changes that were lost, as too many waited", NULL },
	{ "counters", OUTPUT_OBJECT, ALWAYS, "since the start", NULL },
	COUNTER("requests", "that came"), COUNTER("refusals", "of them"), COUNTER("retransmissions", "repeats"),
	COUNTER("malformed", "what was no SIP"), COUNTER("limited", "over a limit"),
	COUNTER("auth_failures", "wrong digests and forged tokens"), COUNTER("connections", "open now"),
	COUNTER("connections_opened", "since the start"), COUNTER("connection_failures", "since the start"),
	COUNTER("transactions", "open now"), COUNTER("received_bytes", "since the start"),
	COUNTER("sent_bytes", "since the start"),
	{ "listeners[]", OUTPUT_LIST, ALWAYS, "in the order of the configuration", NULL },
	{ "listeners[].name", OUTPUT_TEXT, ALWAYS, "of the configuration", NULL },
	{ "listeners[].network", OUTPUT_WORD, ALWAYS, "which side", "wan lan remote" },
	{ "listeners[].transport", OUTPUT_WORD, ALWAYS, "of it", "udp tcp tls mtls" },
	{ "listeners[].address", OUTPUT_TEXT, ALWAYS, "address and port", NULL },
	{ "listeners[].sent_by", OUTPUT_TEXT, ALWAYS, "what Via says; empty: it is closed", NULL },
	{ "listeners[].state", OUTPUT_WORD, ALWAYS, "off: by the configuration", "up down off" },
	{ "listeners[].phones", OUTPUT_NUMBER, ALWAYS, "that are registered by it; 0 but on network remote", NULL },
	{ "partners[]", OUTPUT_LIST, ALWAYS, "in the order of the configuration", NULL },
	PEER("partners"),
	{ "partners[].domain", OUTPUT_TEXT, ALWAYS, "of the partner", NULL },
	{ "partners[].trustworthy", OUTPUT_BOOL, ALWAYS, "false: its requests need digest", NULL },
	{ "backends[]", OUTPUT_LIST, ALWAYS, "in the order of the configuration", NULL },
	PEER("backends"),
	{ "backends[].name", OUTPUT_TEXT, ALWAYS, "of the configuration", NULL },
	{ "backends[].logs_on", OUTPUT_BOOL, ALWAYS, "it has a username", NULL },
	{ "backends[].log_ons[]", OUTPUT_LIST, ALWAYS, "how it has logged on, in the order in which we try them", NULL },
	{ "backends[].log_ons[].address", OUTPUT_TEXT, ALWAYS, "the other end of its connection, or where it is dialled", NULL },
	{ "backends[].log_ons[].transport", OUTPUT_WORD, ALWAYS, "of that", "udp tcp tls mtls" },
	{ "backends[].log_ons[].by", OUTPUT_WORD, ALWAYS, "how requests reach it", "connection address" },
	{ "backends[].log_ons[].since_s", OUTPUT_NUMBER, ALWAYS, "ago", NULL },
	{ "backends[].log_ons[].expires_s", OUTPUT_NUMBER, ALWAYS, "from now, unless it logs on again", NULL },
	{ "backends[].users_registered", OUTPUT_NUMBER, ALWAYS, "contacts that it registered", NULL },
	{ "backends[].users_seen", OUTPUT_NUMBER, ALWAYS, "users whose learned home it is", NULL },
	{ "certificates[]", OUTPUT_LIST, ALWAYS, "ours", NULL },
	{ "certificates[].name", OUTPUT_TEXT, ALWAYS, "of the configuration", NULL },
	{ "certificates[].not_after", OUTPUT_TIME, ALWAYS, "when it, or the first of its chain, ends", NULL },
	{ "certificates[].days_left", OUTPUT_NUMBER, ALWAYS, "negative: it has ended", NULL },
	{ "certificates[].state", OUTPUT_WORD, ALWAYS, "warn: less than 30 days; fail: less than 7, or ended", "ok warn fail" },
	{ "certificates[].ends_first", OUTPUT_TEXT, OPTIONAL, "the intermediate that ends before it, and then it is of no use", NULL },
	{ "certificates[].names", OUTPUT_TEXT, ALWAYS, "in it", NULL },
	{ "certificates[].issuer", OUTPUT_TEXT, ALWAYS, "of it", NULL },
	{ "certificates[].sha256", OUTPUT_TEXT, ALWAYS, "fingerprint", NULL },
	{ "certificates[].used_by", OUTPUT_TEXTS, ALWAYS, "listeners and partners that are shown it", NULL },
	{ "certificates[].n_used_by", OUTPUT_NUMBER, ALWAYS, "how many there are of those", NULL },
	NAT("nat", ALWAYS),
	{ 0 },
};

const struct output_row output_explain[] = {
	HEAD,
	PROBLEMS,
	{ "decision", OUTPUT_OBJECT, ALWAYS, "what would be done with the request", NULL },
	DECISION("decision."),
	{ 0 },
};

const struct output_row output_why[] = {
	HEAD,
	PROBLEMS,
	{ "decisions[]", OUTPUT_LIST, OPTIONAL, "newest first", NULL },
	DECISION("decisions[]."),
	REAL("decisions[]."),
	TLS("decisions[]."),
	MEDIA("decisions[]."),
	{ 0 },
};

const struct output_row output_selfcheck[] = {
	HEAD,
	PROBLEMS,
	CHECK_ROWS(OPTIONAL),
	{ 0 },
};
#define DISCOVERED(path) \
	{ path "[].domain", OUTPUT_TEXT, ALWAYS, "of the partner", NULL }, \
	{ path "[].state", OUTPUT_WORD, ALWAYS, "what it may", "new watched limited blocked approved" }, \
	{ path "[].why", OUTPUT_TEXT, ALWAYS, "of its last limit, while it is watched or limited; none", NULL }, \
	{ path "[].listed", OUTPUT_WORD, ALWAYS, "by federation.allow and deny", "allowed not-listed denied" }, \
	{ path "[].first_seen", OUTPUT_TEXT, ALWAYS, "when; empty: never", NULL }, \
	{ path "[].last_seen", OUTPUT_TEXT, ALWAYS, "when it sent or answered something; empty: never", NULL }, \
	{ path "[].last_seen_s", OUTPUT_NUMBER, ALWAYS, "seconds since then; -1: never", NULL }, \
	{ path "[].srv_target", OUTPUT_TEXT, ALWAYS, "host and port that DNS named last", NULL }, \
	{ path "[].rule", OUTPUT_TEXT, ALWAYS, "by which its certificate speaks for it", NULL }, \
	{ path "[].requests_received", OUTPUT_NUMBER, ALWAYS, "since it is known", NULL }, \
	{ path "[].requests_refused", OUTPUT_NUMBER, ALWAYS, "of these by its limits, or as it is blocked", NULL }, \
	{ path "[].succeeded", OUTPUT_NUMBER, ALWAYS, "of the others", NULL }, \
	{ path "[].failed", OUTPUT_NUMBER, ALWAYS, "of the others; the rest is neither", NULL }, \
	{ path "[].requests_sent", OUTPUT_NUMBER, ALWAYS, "since it is known", NULL }, \
	{ path "[].sent_failed", OUTPUT_NUMBER, ALWAYS, "of these without an answer from there", NULL }, \
	{ path "[].users", OUTPUT_NUMBER, ALWAYS, "distinct users of ours that it addressed; above 1000 an estimate", NULL }, \
	{ path "[].connections_in", OUTPUT_NUMBER, ALWAYS, "open now, that it opened", NULL }, \
	{ path "[].connections_out", OUTPUT_NUMBER, ALWAYS, "open now, that we opened", NULL }, \
	{ path "[].said", OUTPUT_TIME, OPTIONAL, "when it was approved or blocked", NULL }, \
	{ path "[].until", OUTPUT_TEXT, OPTIONAL, "the approval ends; empty: it does not", NULL }, \
	{ path "[].note", OUTPUT_TEXT, OPTIONAL, "why, as it was said", NULL }, \
	{ path "[].certificate", OUTPUT_OBJECT, OPTIONAL, "that it showed last", NULL }, \
	{ path "[].certificate.names", OUTPUT_TEXT, ALWAYS, "in it", NULL }, \
	{ path "[].certificate.issuer", OUTPUT_TEXT, ALWAYS, "of it", NULL }, \
	{ path "[].certificate.sha256", OUTPUT_TEXT, ALWAYS, "fingerprint", NULL }, \
	{ path "[].certificate.not_after", OUTPUT_TIME, ALWAYS, "when it ends", NULL }, \
	{ path "[].certificate.days_left", OUTPUT_NUMBER, ALWAYS, "negative: it has ended", NULL }

const struct output_row output_partner[] = {
	HEAD,
	PROBLEMS,
	CHECK_ROWS(OPTIONAL),
	{ "routes[]", OUTPUT_LIST, OPTIONAL, "list, show: those with a route", NULL },
	PEER("routes"),
	{ "routes[].domain", OUTPUT_TEXT, ALWAYS, "of the partner", NULL },
	{ "routes[].trustworthy", OUTPUT_BOOL, ALWAYS, "false: its requests need digest", NULL },
	{ "discovered[]", OUTPUT_LIST, OPTIONAL, "domains that open federation knows; after a change, what the one is", NULL },
	DISCOVERED("discovered"),
	{ "before[]", OUTPUT_LIST, OPTIONAL, "after a change: what it was; empty: not known", NULL },
	DISCOVERED("before"),
	{ "open", OUTPUT_BOOL, OPTIONAL, "after a change: federation.open", NULL },
	{ 0 },
};

const struct output_row output_trace[] = {
	HEAD,
	PROBLEMS,
	{ "areas", OUTPUT_WORDS, ALWAYS, "that are traced", AREAS },
	{ "before", OUTPUT_WORDS, ALWAYS, "that were", AREAS },
	{ 0 },
};

const struct output_row output_version[] = {
	HEAD,
	PROBLEMS,
	{ "program", OUTPUT_TEXT, ALWAYS, "version of this program", NULL },
	{ 0 },
};
