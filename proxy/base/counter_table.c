#include "proxy/base/counter_table.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/reason.h"

static const char *word(const struct counter_label *label, unsigned i, char *out)
{
	return label->words[i];
}

static const char *reason_value(const struct counter_label *label, unsigned i, char *out)
{
	return reason_code((enum reason)i);
}

static const char *outcome_value(const struct counter_label *label, unsigned i, char *out)
{
	return i == REASON_NONE ? "ok" : reason_code((enum reason)i);
}

/* The IANA registry of response codes, in order; what else comes is told by its class. */
static const short codes[] = {
	100, 180, 181, 182, 183, 199, 200, 202, 204, 300, 301, 302, 305, 380, 400,
	401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 414, 415, 416, 417,
	420, 421, 422, 423, 424, 425, 428, 429, 430, 433, 436, 437, 438, 439, 440,
	469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494,
	500, 501, 502, 503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608,
};
enum { N_CLASSES = 6, N_CODES = COUNT(codes) + N_CLASSES + 1 };

static const char *code_value(const struct counter_label *label, unsigned i, char *out)
{
	if (i < COUNT(codes))
		snprintf(out, COUNTER_VALUE_SIZE, "%d", codes[i]);
	else if (i < COUNT(codes) + N_CLASSES)
		snprintf(out, COUNTER_VALUE_SIZE, "%uxx", (unsigned)(i - COUNT(codes) + 1));
	else
		snprintf(out, COUNTER_VALUE_SIZE, "other");
	return out;
}

unsigned counter_code(int status)
{
	unsigned low = 0, high = COUNT(codes);

	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (codes[middle] < status)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < COUNT(codes) && codes[low] == status)
		return low;
	if (status < 100 || status > 699)
		return N_CODES - 1;
	return (unsigned)COUNT(codes) + (unsigned)(status / 100) - 1;
}

static const char *const methods[] = {
	"ACK",   "BYE",     "CANCEL", "INFO",     "INVITE",    "MESSAGE", "NOTIFY", "OPTIONS",
	"PRACK", "PUBLISH", "REFER",  "REGISTER", "SUBSCRIBE", "UPDATE",  "other",
};

unsigned counter_method(const char *name)
{
	unsigned i = 0;

	while (i < COUNT(methods) - 1 &&
	       (methods[i][0] != name[0] || strcmp(methods[i], name) != 0))
		i++;
	return i;
}

#define WORDS(...)                                                                             \
	.n = COUNT(((const char *[]){ __VA_ARGS__ })), .value = word,                          \
	.words = (const char *const[])                                                         \
	{                                                                                      \
		__VA_ARGS__                                                                    \
	}

static const struct counter_label network = { "network", WORDS("wan", "lan", "remote") };
static const struct counter_label transport = { "transport",
						WORDS("udp", "tcp", "tls", "mtls") };
static const struct counter_label origin = { "origin", WORDS("stranger", "backend", "partner",
							     "partner_untrusted", "discovered",
							     "phone") };
static const struct counter_label method = { "method", COUNT(methods), word, methods };
static const struct counter_label direction = { "direction", WORDS("received", "sent") };
static const struct counter_label side = { "direction", WORDS("inbound", "outbound") };
static const struct counter_label code = { "code", N_CODES, code_value, NULL };
static const struct counter_label reason = { "reason", N_REASONS, reason_value, NULL };
static const struct counter_label outcome = { "result", N_REASONS, outcome_value, NULL };
static const struct counter_label txn_kind = { "kind", WORDS("client", "server") };
static const struct counter_label malformed = { "kind", WORDS("frame", "syntax", "header",
							      "version", "size") };
static const struct counter_label limit = {
	"limit", WORDS("message_size", "connections", "handshakes", "requests", "auth_failures",
		       "transactions", "send_queue", "load")
};
static const struct counter_label shed_cause = { "cause", WORDS("send_queue", "load") };
static const struct counter_label dns_type = { "type",
					       WORDS("a", "aaaa", "srv", "naptr", "other") };
static const struct counter_label dns_result = { "result", WORDS("ok", "nxdomain", "nodata",
								 "servfail", "timeout") };
static const struct counter_label lookup = {
	"result", WORDS("bound", "listed", "learned", "searched", "balanced", "unknown")
};

static const struct counter_label stun_check = { "result", WORDS("answered", "silent") };
static const struct counter_label stun_request = { "result",
						   WORDS("answered", "limited", "malformed") };

/* Told by the caller. */
static const struct counter_label by_version = { .name = "version" };
static const struct counter_label by_commit = { .name = "commit" };
static const struct counter_label by_result = { .name = "result" };
static const struct counter_label by_listener = { .name = "listener" };
static const struct counter_label by_transport = { .name = "transport" };
static const struct counter_label by_certificate = { .name = "certificate" };
static const struct counter_label by_partner = { .name = "partner" };
static const struct counter_label by_state = { .name = "state" };
static const struct counter_label by_kind_of_failure = { .name = "kind" };
static const struct counter_label by_direction = { .name = "direction" };
static const struct counter_label by_reason = { .name = "reason" };
static const struct counter_label by_network = { .name = "network" };
static const struct counter_label by_backend = { .name = "backend" };
static const struct counter_label by_class = { .name = "class" };
static const struct counter_label by_bound = { .name = "bound" };

static const uint64_t short_us[] = { 50,     100,     250,     500,   1000,   2500,
				     5000,   10000,   25000,   50000, 100000, 250000,
				     500000, 1000000, 4000000, 0 };
static const uint64_t long_us[] = { 1000,    5000,     10000,    25000,     50000,
				    100000,  250000,   500000,   1000000,   2500000,
				    5000000, 10000000, 32000000, 180000000, 0 };
static const uint64_t network_us[] = { 500,     1000,    2500,    5000,     10000,
				       25000,   50000,   100000,  250000,   500000,
				       1000000, 2500000, 5000000, 10000000, 0 };

#define KEPT(NAME, TYPE, HELP, ...)                                                            \
	{                                                                                      \
		.name = NAME, .type = COUNTER_TYPE_##TYPE, .help = HELP,                       \
		.labels = { __VA_ARGS__ },                                                     \
	}
#define TIMED(NAME, BOUNDS, HELP, ...)                                                         \
	{                                                                                      \
		.name = NAME, .type = COUNTER_TYPE_HISTOGRAM, .help = HELP,                    \
		.bounds_us = BOUNDS, .labels = { __VA_ARGS__ },                                \
	}
#define TOLD(NAME, TYPE, HELP, ...)                                                            \
	{                                                                                      \
		.name = NAME, .type = COUNTER_TYPE_##TYPE, .help = HELP, .is_callers = true,   \
		.labels = { __VA_ARGS__ },                                                     \
	}

static const struct counter_family families[N_COUNTERS] = {
	[COUNTER_REQUESTS] = KEPT("nuncio_requests_total", COUNTER,
				  "Requests received, without repeats, by who sent them.",
				  &network, &origin, &method),
	[COUNTER_RESPONSES] = KEPT("nuncio_responses_total", COUNTER,
				   "Responses received and sent, without repeats.", &network,
				   &direction, &code),
	[COUNTER_REFUSALS] =
		KEPT("nuncio_refusals_total", COUNTER,
		     "Requests that were refused or challenged here, by the reason's code.",
		     &reason, &network),
	[COUNTER_RETRANSMISSIONS] = KEPT("nuncio_retransmissions_total", COUNTER,
					 "Messages that were repeated, by the peer or by us.",
					 &direction, &transport),
	[COUNTER_TRANSACTIONS] =
		KEPT("nuncio_transactions", GAUGE,
		     "SIP transactions that are kept at the moment.", &txn_kind),
	[COUNTER_MALFORMED] = KEPT("nuncio_malformed_messages_total", COUNTER,
				   "Messages that were not well-formed, by what was wrong.",
				   &network, &malformed),
	[COUNTER_LIMITED] =
		KEPT("nuncio_limited_total", COUNTER,
		     "Messages, connections and handshakes that a limit turned away.", &limit),
	[COUNTER_SHED] = KEPT("nuncio_shed_requests_total", COUNTER,
			      "Requests that gave way to more important ones.", &network,
			      &method, &shed_cause),
	[COUNTER_CONNECTIONS] =
		KEPT("nuncio_connections", GAUGE, "Connections that are open at the moment.",
		     &network, &transport, &side),
	[COUNTER_CONNECTIONS_OPENED] = KEPT("nuncio_connections_opened_total", COUNTER,
					    "Connections that were opened, handshake included.",
					    &network, &transport, &side),
	[COUNTER_CONNECTION_FAILURES] = KEPT("nuncio_connection_failures_total", COUNTER,
					     "Connections that could not be opened or broke.",
					     &network, &transport, &side, &reason),
	[COUNTER_RECEIVED_BYTES] =
		KEPT("nuncio_received_bytes_total", COUNTER,
		     "Bytes of SIP received, without those of TLS.", &network, &transport),
	[COUNTER_SENT_BYTES] =
		KEPT("nuncio_sent_bytes_total", COUNTER,
		     "Bytes of SIP sent, without those of TLS.", &network, &transport),
	[COUNTER_SEND_QUEUE_BYTES] =
		KEPT("nuncio_send_queue_bytes", GAUGE,
		     "Bytes that wait until their connection takes them.", &network),
	[COUNTER_TLS_HANDSHAKES] =
		KEPT("nuncio_tls_handshakes_total", COUNTER,
		     "TLS handshakes that ended, ok or with a reason's code.", &network, &side,
		     &outcome),
	[COUNTER_AUTH_FAILURES] =
		KEPT("nuncio_auth_failures_total", COUNTER,
		     "Requests whose digest credentials were wrong.", &network),
	[COUNTER_DNS_QUERIES] =
		KEPT("nuncio_dns_queries_total", COUNTER,
		     "DNS queries that were answered or gave up.", &dns_type, &dns_result),
	[COUNTER_LOCATION_LOOKUPS] =
		KEPT("nuncio_location_lookups_total", COUNTER,
		     "Requests for users of ours, by how their home was found.", &lookup),
	[COUNTER_STUN_CHECKS] = KEPT(
		"nuncio_stun_checks_total", COUNTER,
		"Looks at the public address of a listener, by whether a STUN server answered.",
		&stun_check),
	[COUNTER_STUN_REQUESTS] = KEPT(
		"nuncio_stun_requests_total", COUNTER,
		"STUN requests to our listeners: those of phones, and while nat.serve is on all.",
		&stun_request),

	[COUNTER_FORWARD_DELAY] = TIMED(
		"nuncio_forward_delay_seconds", short_us,
		"From a request's arrival until it is sent on: our own share, DNS included.",
		&method),
	[COUNTER_RESPONSE_DELAY] = TIMED(
		"nuncio_response_delay_seconds", long_us,
		"From a request's arrival to its final response, for INVITE to the first 18x if there is one.",
		&method),
	[COUNTER_TLS_DURATION] = TIMED("nuncio_tls_handshake_duration_seconds", network_us,
				       "How long TLS handshakes took that succeeded.", &side),
	[COUNTER_DNS_DURATION] = TIMED("nuncio_dns_query_duration_seconds", network_us,
				       "How long DNS queries took.", &dns_type),
	[COUNTER_LOOP_LAG] =
		TIMED("nuncio_loop_lag_seconds", short_us,
		      "How much later than planned a worker's loop ran its timer.", NULL),

	[COUNTER_BUILD_INFO] = TOLD("nuncio_build_info", INFO, "The version that runs.",
				    &by_version, &by_commit),
	[COUNTER_CONFIG_LAST_RELOAD_SUCCESSFUL] =
		TOLD("nuncio_config_last_reload_successful", GAUGE,
		     "1 if the last reload was applied, 0 if it was rejected.", NULL),
	[COUNTER_CONFIG_LAST_RELOAD_TIMESTAMP] =
		TOLD("nuncio_config_last_reload_success_timestamp_seconds", GAUGE,
		     "When the running configuration was loaded.", NULL),
	[COUNTER_CONFIG_RELOADS] = TOLD("nuncio_config_reloads_total", COUNTER,
					"Reloads, by their result.", &by_result),
	[COUNTER_CONFIG_WARNINGS] = TOLD("nuncio_config_warnings", GAUGE,
					 "Warnings of the running configuration.", NULL),
	[COUNTER_LISTENER_UP] = TOLD("nuncio_listener_up", GAUGE, "1 if the listener is bound.",
				     &by_listener, &by_transport),
	[COUNTER_PUBLIC_ADDRESS_CHANGES] = TOLD(
		"nuncio_public_address_changes_total", COUNTER,
		"How often the public address of the listener changed, as STUN servers see it.",
		&by_listener),
	[COUNTER_BANNED_SOURCES] =
		TOLD("nuncio_banned_sources", GAUGE,
		     "Source addresses that are ignored at the moment.", NULL),
	[COUNTER_CERTIFICATE_NOT_AFTER] = TOLD(
		"nuncio_certificate_not_after_timestamp_seconds", GAUGE,
		"When our certificate, or the first of its chain, expires.", &by_certificate),
	[COUNTER_PARTNER_CERTIFICATE_NOT_AFTER] =
		TOLD("nuncio_partner_certificate_not_after_timestamp_seconds", GAUGE,
		     "When the certificate that the partner showed last expires.", &by_partner),
	[COUNTER_PARTNER_UP] = TOLD(
		"nuncio_partner_up", GAUGE,
		"1 if a server of the partner can be reached, as far as we know.", &by_partner),
	[COUNTER_PARTNER_PROBE_DURATION] = TOLD(
		"nuncio_partner_probe_duration_seconds", GAUGE,
		"How long the partner took to answer the last OPTIONS of ours.", &by_partner),
	[COUNTER_PARTNER_LAST_SEEN] =
		TOLD("nuncio_partner_last_seen_timestamp_seconds", GAUGE,
		     "When a server of the partner answered last.", &by_partner),
	[COUNTER_PARTNER_REQUESTS] =
		TOLD("nuncio_partner_requests_total", COUNTER,
		     "Requests from and to the partner.", &by_partner, &by_direction),
	[COUNTER_PARTNER_FAILURES] =
		TOLD("nuncio_partner_failures_total", COUNTER,
		     "Requests from and to the partner that failed, by reason.", &by_partner,
		     &by_reason),
	[COUNTER_PARTNER_CONNECTIONS] =
		TOLD("nuncio_partner_connections", GAUGE,
		     "Connections with the partner that are open at the moment.", &by_partner,
		     &by_direction),
	[COUNTER_DISCOVERED_PARTNERS] =
		TOLD("nuncio_discovered_partners", GAUGE,
		     "Domains that open federation knows, by state.", &by_state),
	[COUNTER_DISCOVERED_FAILURES] = TOLD(
		"nuncio_discovered_failures_total", COUNTER,
		"Requests from and to a domain that open federation found: refused by its limits, failed, or "
		"unanswered there.",
		&by_partner, &by_kind_of_failure),
	[COUNTER_BACKEND_UP] =
		TOLD("nuncio_backend_up", GAUGE,
		     "1 if the backend can be reached, as far as we know.", &by_backend),
	[COUNTER_BACKEND_USERS] =
		TOLD("nuncio_backend_users", GAUGE,
		     "Contacts that the backend registered, and users who were seen there.",
		     &by_backend),
	[COUNTER_REGISTRATIONS] =
		TOLD("nuncio_registrations", GAUGE,
		     "Contacts that are registered at the moment.", &by_network),
	[COUNTER_MEDIA_CHANNELS] =
		TOLD("nuncio_media_channels", GAUGE,
		     "Channels of media.channels that are in use, by class.", &by_class),
	[COUNTER_MEDIA_CHANNELS_LIMIT] =
		TOLD("nuncio_media_channels_limit", GAUGE, "What media.channels allows.", NULL),
	[COUNTER_MEDIA_REFUSED] =
		TOLD("nuncio_media_refused_total", COUNTER,
		     "Calls that were refused, by the bound that was reached.", &by_bound),
	[COUNTER_MEDIA_RELAYS] =
		TOLD("nuncio_media_relays", GAUGE, "Relays that are open at the moment.", NULL),
	[COUNTER_MEDIA_PORT_PAIRS] =
		TOLD("nuncio_media_port_pairs", GAUGE,
		     "Pairs of ports of media.ports, by state.", &by_state),
	[COUNTER_MEDIA_PACKETS] = TOLD("nuncio_media_packets_total", COUNTER,
				       "Packets of media that were passed on.", NULL),
	[COUNTER_MEDIA_BYTES] =
		TOLD("nuncio_media_bytes_total", COUNTER,
		     "Bytes of media that were passed on, without those of UDP and IP.", NULL),
	[COUNTER_MEDIA_REJECTED_SOURCES] =
		TOLD("nuncio_media_rejected_sources_total", COUNTER,
		     "Packets of media from where none may come.", NULL),
	[COUNTER_MEDIA_SRTP_FAILURES] =
		TOLD("nuncio_media_srtp_failures_total", COUNTER,
		     "Packets of media that were forged, repeated or damaged.", NULL),
	[COUNTER_MEDIA_DROPPED] = TOLD("nuncio_media_dropped_packets_total", COUNTER,
				       "Packets of media that could not be passed on.", NULL),
	[COUNTER_MEDIA_TIMEOUTS] =
		TOLD("nuncio_media_timeouts_total", COUNTER,
		     "Relays that ended because nothing came any more.", NULL),
	[COUNTER_MEDIA_KERNEL_UP] =
		TOLD("nuncio_media_kernel_up", GAUGE,
		     "1 while media.kernel is auto and flows may enter the kernel.", NULL),
	[COUNTER_MEDIA_KERNEL_FLOWS] =
		TOLD("nuncio_media_kernel_flows", GAUGE,
		     "Directions of streams whose packets pass by the kernel alone.", NULL),
	[COUNTER_MEDIA_KERNEL_PACKETS] = TOLD(
		"nuncio_media_kernel_packets_total", COUNTER,
		"Packets of media that passed by the kernel alone; nuncio_media_packets_total has them, too.",
		NULL),
	[COUNTER_STATE_FAILURES] = TOLD("nuncio_state_failures_total", COUNTER,
					"Attempts to write the state file that failed.", NULL),
	[COUNTER_STATE_DROPPED] = TOLD(
		"nuncio_state_dropped_changes_total", COUNTER,
		"Changes of state that will not survive a restart, as too many waited.", NULL),
	[COUNTER_LOG_LINES_DROPPED] = TOLD(
		"nuncio_log_lines_dropped_total", COUNTER,
		"Log lines that were lost because the disk or the journal was too slow.", NULL),
	[COUNTER_PROCESS_CPU] = TOLD("process_cpu_seconds_total", COUNTER,
				     "User and system CPU time spent.", NULL),
	[COUNTER_PROCESS_MEMORY] =
		TOLD("process_resident_memory_bytes", GAUGE, "Resident memory size.", NULL),
	[COUNTER_PROCESS_OPEN_FDS] =
		TOLD("process_open_fds", GAUGE, "Open file descriptors.", NULL),
	[COUNTER_PROCESS_MAX_FDS] =
		TOLD("process_max_fds", GAUGE, "The limit of open file descriptors.", NULL),
	[COUNTER_PROCESS_START_TIME] =
		TOLD("process_start_time_seconds", GAUGE,
		     "When the process was started, in seconds since 1970.", NULL),
};

const struct counter_family *counter_family(enum counter counter)
{
	return &families[counter];
}

unsigned counter_n_labels(const struct counter_family *family)
{
	unsigned n = 0;

	while (n < COUNTER_MAX_LABELS && family->labels[n])
		n++;
	return n;
}

unsigned counter_n_series(const struct counter_family *family)
{
	unsigned n_labels = counter_n_labels(family), n = 1;

	for (unsigned i = 0; i < n_labels; i++)
		n *= family->labels[i]->n;
	return n;
}

unsigned counter_n_slots(const struct counter_family *family)
{
	unsigned n = 0;

	if (family->type != COUNTER_TYPE_HISTOGRAM)
		return 1;
	while (family->bounds_us[n])
		n++;
	return n + 2;
}
