/* load: drives a SIP proxy from both ends and tells what one transaction cost it.
 *
 *   load --transport udp --proxy 127.0.1.1:5060 --uac 127.0.1.2:0 --uas 127.0.1.3:5080 \
 *        --count 20000 --rate 2000 --pid 4711
 *
 * The caller's end sends MESSAGEs or makes calls to --to through the proxy, the answering end
 * plays the server behind it; both run in this one thread, so that the proxy has the other
 * processor. One JSON line says how many there were, what failed, what was repeated, how long
 * it took and how much processor time the proxy (--pid) used. Exits 1 if anything failed, 2 on
 * wrong usage. */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/cpu.h"
#include "tests/bench/link.h"
#include "tests/bench/uac.h"
#include "tests/bench/uas.h"

#define SECOND_NS 1000000000LL

enum { TICK_NS = 20000000, LINKS_MAX = 1024 };

struct options {
	enum transport transport;
	struct uac_settings uac;
	struct sockaddr_in uac_addr, uas_addr;
	bool has_uac, has_uas;
	uint64_t count, warmup;
	double rate;
	uint64_t in_flight;
	unsigned connections;
	double settle_s;
	pid_t pid;
	const char *cert, *key, *ca, *label;
};

struct run {
	struct options options;
	struct net net; /* both ends */
	struct uac *uac;
	struct uas *uas;
	struct link *links[LINKS_MAX];
	int64_t next_tick_ns;
};

static const char usage[] =
	"usage: load --proxy ADDR:PORT [--uac ADDR[:PORT]] [--uas ADDR:PORT] [options]\n"
	"  --transport udp|tcp|tls   default udp\n"
	"  --calls                   INVITE, ACK, BYE instead of MESSAGE\n"
	"  --count N                 transactions or calls that are measured (10000)\n"
	"  --warmup N                as many before, not measured (0)\n"
	"  --rate N                  start N a second whatever happens (open loop)\n"
	"  --in-flight N             else keep N going (closed loop, 16)\n"
	"  --connections N           of the calling end, TCP and TLS (1)\n"
	"  --from URI, --to URI      sip:bob@partner.example, sip:anna@corp.example\n"
	"  --cert FILE --key FILE    TLS: certificate chain and key of both ends\n"
	"  --ca FILE                 TLS: the answering end asks for a client certificate\n"
	"  --pid PID                 the proxy, for its processor time and memory\n"
	"  --settle S                seconds to wait before the last look at it (0)\n"
	"  --timeout S               when a request is given up (32)\n"
	"  --label TEXT              copied into the result\n"
	"without --uac only the answering end runs, until SIGTERM; without --uas only the calling one\n";

static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
	is_stopped = 1;
}

static struct sockaddr_in parse_addr(const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	if (len < sizeof(host)) {
		memcpy(host, text, len);
		host[len] = '\0';
		addr.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 0));
		if (inet_pton(AF_INET, host, &addr.sin_addr) == 1)
			return addr;
	}
	fprintf(stderr, "load: '%s' is not ADDRESS:PORT\n", text);
	exit(2);
}

static enum transport parse_transport(const char *text)
{
	static const char *const names[] = { "udp", "tcp", "tls" };

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(text, names[i]))
			return (enum transport)i;
	fprintf(stderr, "load: no transport '%s'\n", text);
	exit(2);
}

enum {
	OPTION_FIRST = 256,
	TRANSPORT,
	CALLS,
	COUNT_,
	WARMUP,
	RATE,
	IN_FLIGHT,
	CONNECTIONS,
	FROM,
	TO,
	CERT,
	KEY,
	CA,
	PID,
	SETTLE,
	TIMEOUT,
	LABEL,
	PROXY,
	UAC,
	UAS
};

static const struct option long_options[] = {
	{ "transport", 1, NULL, TRANSPORT },
	{ "calls", 0, NULL, CALLS },
	{ "count", 1, NULL, COUNT_ },
	{ "warmup", 1, NULL, WARMUP },
	{ "rate", 1, NULL, RATE },
	{ "in-flight", 1, NULL, IN_FLIGHT },
	{ "connections", 1, NULL, CONNECTIONS },
	{ "from", 1, NULL, FROM },
	{ "to", 1, NULL, TO },
	{ "cert", 1, NULL, CERT },
	{ "key", 1, NULL, KEY },
	{ "ca", 1, NULL, CA },
	{ "pid", 1, NULL, PID },
	{ "settle", 1, NULL, SETTLE },
	{ "timeout", 1, NULL, TIMEOUT },
	{ "label", 1, NULL, LABEL },
	{ "proxy", 1, NULL, PROXY },
	{ "uac", 1, NULL, UAC },
	{ "uas", 1, NULL, UAS },
	{ NULL, 0, NULL, 0 },
};

static void take_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case TRANSPORT:
		options->transport = parse_transport(value);
		break;
	case CALLS:
		options->uac.makes_calls = true;
		break;
	case COUNT_:
		options->count = strtoull(value, NULL, 10);
		break;
	case WARMUP:
		options->warmup = strtoull(value, NULL, 10);
		break;
	case RATE:
		options->rate = atof(value);
		break;
	case IN_FLIGHT:
		options->in_flight = strtoull(value, NULL, 10);
		break;
	case CONNECTIONS:
		options->connections = (unsigned)atoi(value);
		break;
	case FROM:
		options->uac.from_uri = value;
		break;
	case TO:
		options->uac.to_uri = value;
		break;
	case CERT:
		options->cert = value;
		break;
	case KEY:
		options->key = value;
		break;
	case CA:
		options->ca = value;
		break;
	case PID:
		options->pid = atoi(value);
		break;
	case SETTLE:
		options->settle_s = atof(value);
		break;
	case TIMEOUT:
		options->uac.timeout_ns = (int64_t)(atof(value) * SECOND_NS);
		break;
	case LABEL:
		options->label = value;
		break;
	case PROXY:
		options->uac.proxy = parse_addr(value);
		break;
	case UAC:
		options->uac_addr = parse_addr(value);
		options->has_uac = true;
		break;
	case UAS:
		options->uas_addr = parse_addr(value);
		options->has_uas = true;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static void parse_options(int argc, char **argv, struct options *options)
{
	int option;

	*options = (struct options){
		.uac = { .from_uri = "sip:bob@partner.example",
			 .to_uri = "sip:anna@corp.example",
			 .timeout_ns = 32 * SECOND_NS },
		.count = 10000,
		.in_flight = 16,
		.connections = 1,
		.label = "",
	};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(options, option, optarg);
	if (optind < argc || (!options->has_uac && !options->has_uas) ||
	    (options->has_uac && !options->uac.proxy.sin_port) || !options->connections ||
	    options->connections > LINKS_MAX) {
		fputs(usage, stderr);
		exit(2);
	}
	if (options->transport == TRANSPORT_UDP)
		options->connections = 1;
}

/* Serves the sockets for at most wait_ns, and the timers when they are due. */
static void turn(struct run *run, int64_t wait_ns)
{
	int64_t now = now_ns();

	if (now >= run->next_tick_ns) {
		run->next_tick_ns = now + TICK_NS;
		if (run->uac)
			uac_tick(run->uac, now);
		if (run->uas)
			uas_tick(run->uas, now);
	}
	if (wait_ns > run->next_tick_ns - now)
		wait_ns = run->next_tick_ns - now;
	net_poll(&run->net, wait_ns > 0 ? wait_ns : 0);
}

static void pass_time(struct run *run, double seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * SECOND_NS);

	while (!is_stopped && now_ns() < end)
		turn(run, TICK_NS);
}

/* Starts what is due now; returns how long until the next one is. */
static int64_t start_due(struct run *run, uint64_t count, int64_t began)
{
	const struct options *options = &run->options;
	const struct tally *tally = uac_tally(run->uac);
	int64_t now = now_ns();

	if (options->rate <= 0) {
		while (tally->n_started < count &&
		       tally->n_started - tally->n_finished < options->in_flight)
			if (!uac_start(run->uac, now))
				break;
		return TICK_NS;
	}
	while (tally->n_started < count) {
		int64_t due = began + (int64_t)((double)tally->n_started / options->rate * 1e9);

		if (due > now)
			return due - now;
		if (!uac_start(run->uac, now))
			return TICK_NS;
	}
	return TICK_NS;
}

/* Runs count transactions to their end. False if there is no memory. */
static bool run_phase(struct run *run, uint64_t count)
{
	const struct tally *tally = uac_tally(run->uac);
	int64_t began = now_ns();

	if (!uac_begin(run->uac, count))
		return false;
	if (run->uas)
		uas_begin(run->uas);
	while (!is_stopped && tally->n_finished < count)
		turn(run, start_due(run, count, began));
	return true;
}

static bool open_ends(struct run *run)
{
	const struct options *options = &run->options;
	char host[64];

	if (options->has_uas) {
		inet_ntop(AF_INET, &options->uas_addr.sin_addr, host, sizeof(host));
		snprintf(host + strlen(host), 8, ":%u", ntohs(options->uas_addr.sin_port));
		run->uas = uas_new(options->transport, host);
		if (!run->uas ||
		    !link_listen(&run->net, &options->uas_addr, uas_on_message, run->uas))
			return false;
	}
	if (!options->has_uac)
		return true;
	run->uac = uac_new(&run->options.uac, options->transport);
	if (!run->uac)
		return false;
	uac_set_links(run->uac, run->links, options->connections);
	for (unsigned i = 0; i < options->connections; i++) {
		run->links[i] = link_connect(&run->net, &options->uac_addr, &options->uac.proxy,
					     uac_on_message, run->uac);
		if (!run->links[i])
			return false;
	}
	for (unsigned i = 0; i < options->connections; i++)
		while (!is_stopped && link_is_open(run->links[i]) &&
		       !link_is_ready(run->links[i]))
			turn(run, TICK_NS);
	return true;
}

static void print_statuses(const struct tally *tally)
{
	const char *comma = "";

	printf("\"statuses\":{");
	for (unsigned status = 0; status < STATUS_MAX; status++) {
		if (!tally->statuses[status])
			continue;
		printf("%s\"%u\":%u", comma, status, tally->statuses[status]);
		comma = ",";
	}
	printf("}");
}

static void print_result(struct run *run, double wall_s, int64_t used_ns)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	static const struct uas_tally no_uas;
	const struct options *options = &run->options;
	const struct tally *tally = uac_tally(run->uac);
	const struct uas_tally *uas = run->uas ? uas_tally(run->uas) : &no_uas;
	double n = tally->n_finished ? (double)tally->n_finished : 1;

	printf("{\"label\":\"%s\",\"transport\":\"%s\",\"kind\":\"%s\",", options->label,
	       names[options->transport], options->uac.makes_calls ? "call" : "message");
	printf("\"transactions\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"timeouts\":%" PRIu64
	       ",",
	       tally->n_finished, tally->n_failures, tally->n_timeouts);
	printf("\"retransmissions\":%" PRIu64 ",\"proxy_retransmissions\":%" PRIu64
	       ",\"answer_repeats\":%" PRIu64 ",\"never_acked\":%" PRIu64 ",",
	       tally->n_retransmissions, uas->n_repeats, uas->n_answer_repeats,
	       uas->n_never_acked);
	printf("\"late\":%" PRIu64 ",\"unexpected\":%" PRIu64 ",\"lost_connections\":%" PRIu64
	       ",",
	       tally->n_late, tally->n_unexpected + uas->n_unexpected,
	       run->net.n_lost_connections);
	printf("\"wall_s\":%.3f,", wall_s);
	if (used_ns >= 0)
		printf("\"cpu_us_per_transaction\":%.2f,\"cpu_share\":%.3f,\"memory_kib\":%" PRId64
		       ",",
		       (double)used_ns / 1e3 / n, (double)used_ns / 1e9 / wall_s,
		       memory_kib(options->pid));
	printf("\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,", uac_latency_us(run->uac, 0.5),
	       uac_latency_us(run->uac, 0.99), uac_latency_us(run->uac, 1));
	print_statuses(tally);
	printf("}\n");
}

static int measure(struct run *run)
{
	const struct options *options = &run->options;
	int64_t used_before, used_after, began;
	double wall_s;

	if (options->warmup && !run_phase(run, options->warmup))
		return 1;
	used_before = options->pid ? cpu_ns(options->pid) : -1;
	began = now_ns();
	if (!run_phase(run, options->count))
		return 1;
	wall_s = (double)(now_ns() - began) / 1e9;
	pass_time(run, options->settle_s);
	used_after = options->pid ? cpu_ns(options->pid) : -1;
	print_result(run, wall_s,
		     used_before < 0 || used_after < 0 ? -1 : used_after - used_before);
	return uac_tally(run->uac)->n_failures ||
	       uac_tally(run->uac)->n_finished < options->count;
}

int main(int argc, char **argv)
{
	static struct run run;
	int result = 1;

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	parse_options(argc, argv, &run.options);
	if (!net_init(&run.net, run.options.transport, run.options.cert, run.options.key,
		      run.options.ca))
		return 1;
	if (open_ends(&run)) {
		while (!run.options.has_uac && !is_stopped)
			turn(&run, TICK_NS);
		result = run.options.has_uac ? measure(&run) : 0;
	}
	uac_free(run.uac);
	uas_free(run.uas);
	net_fini(&run.net);
	return result;
}
