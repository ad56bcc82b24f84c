/* rtp_nuncio: nuncio's media workers with so many calls up, for tests/bench/media. No SIP: the
 * relays are opened and told their ends as the SIP side does it.
 *
 *   rtp_nuncio --relay 127.0.8.1 --ports 20000-29999 --caller 127.0.8.2:40000 --callee
 * 127.0.8.3:40000 --calls N [--srtp] [--relay-callee 127.0.8.4] [--kernel]
 *
 * --relay-callee is the relay's address towards callees, without it that of --relay. With
 * --kernel settled calls go by the kernel; when all do, it prints "all in the kernel".
 *
 * Call n has the caller at 40000 + 2n and the callee the same. Prints for each call the relay's
 * addresses towards caller and callee (with --srtp: the keys of both directions of the caller's
 * side in hex), then "ready", and stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/relay.h"
#include "proxy/base/loop.h"
#include "proxy/base/timer.h"
#include "proxy/base/text.h"

static struct {
	struct addr relay, relay_callee, caller, callee;
	unsigned first_port, last_port, n_calls;
	bool is_srtp, is_kernel;
} options;

static struct loop *loop;
static struct relays *relays;
static struct timer look;

static void on_look(struct timer *timer)
{
	struct kernel_path_view view;

	relays_kernel_view(relays, &view);
	if (view.n_flows < 2 * options.n_calls) {
		timer_start(loop, timer, 100, on_look);
		return;
	}
	puts("all in the kernel");
	fflush(stdout);
}

static void on_event(const struct relay_event *event, void *owner)
{
}

static struct addr read_addr(const char *text)
{
	struct addr addr;

	if (addr_parse_port(text, 0, &addr)) {
		fprintf(stderr, "rtp_nuncio: '%s' is no address\n", text);
		exit(2);
	}
	return addr;
}

static void parse_args(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--srtp")) {
			options.is_srtp = true;
			continue;
		}
		if (!strcmp(argv[i], "--kernel")) {
			options.is_kernel = true;
			continue;
		}
		i++;
		if (!strcmp(argv[i - 1], "--relay"))
			options.relay = read_addr(value);
		else if (!strcmp(argv[i - 1], "--relay-callee"))
			options.relay_callee = read_addr(value);
		else if (!strcmp(argv[i - 1], "--caller"))
			options.caller = read_addr(value);
		else if (!strcmp(argv[i - 1], "--callee"))
			options.callee = read_addr(value);
		else if (!strcmp(argv[i - 1], "--calls"))
			options.n_calls = (unsigned)atoi(value);
		else if (!strcmp(argv[i - 1], "--ports") &&
			 sscanf(value, "%u-%u", &options.first_port, &options.last_port) == 2)
			;
		else
			exit(2);
	}
}

static struct addr plus(struct addr addr, unsigned n)
{
	addr_set_port(&addr, (uint16_t)(addr_port(&addr) + n));
	return addr;
}

static void print_call(const struct relay *relay, const struct relay_end *caller)
{
	char host[ADDR_TEXT_SIZE], callee_host[ADDR_TEXT_SIZE],
		in[2 * SRTP_KEY_SIZE + 1] = "", out[2 * SRTP_KEY_SIZE + 1] = "";

	addr_host(&options.relay, host);
	addr_host(&options.relay_callee, callee_host);
	text_hex(caller->key_in.bytes, suite_key_len(caller->key_in.suite), in);
	text_hex(caller->key_out.bytes, suite_key_len(caller->key_out.suite), out);
	printf("%s:%u %s:%u %s %s\n", host, relay_port(relay, 0, RELAY_CALLER), callee_host,
	       relay_port(relay, 0, RELAY_CALLEE), in, out);
}

static bool open_call(const struct relay_owner *owner, unsigned call)
{
	struct relay_settings settings = { .bind = { options.relay, options.relay_callee },
					   .n_streams = 1,
					   .timeout_ms = 60000 };
	struct relay_end caller = { .rtp = plus(options.caller, 2 * call) },
			 callee = { .rtp = plus(options.callee, 2 * call) };
	struct relay *relay;

	if (options.is_srtp) {
		caller.security = RELAY_SDES;
		suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &caller.key_in);
		suite_key_random(SRTP_AES_CM_128_HMAC_SHA1_80, &caller.key_out);
	}
	if (relay_open(relays, &settings, owner, &relay) ||
	    relay_set(relay, 0, RELAY_CALLER, &caller) ||
	    relay_set(relay, 0, RELAY_CALLEE, &callee))
		return false;
	print_call(relay, &caller);
	return true;
}

int main(int argc, char **argv)
{
	struct relays_settings settings = { .n_workers = 1 };
	struct relay_owner owner = { .on_event = on_event };

	parse_args(argc, argv);
	if (!addr_is_set(&options.relay_callee))
		options.relay_callee = options.relay;
	settings.first_port = (uint16_t)options.first_port;
	settings.last_port = (uint16_t)options.last_port;
	if (loop_new(&loop) || mailbox_new(loop, NULL, &owner.mailbox) ||
	    relays_new(&settings, &relays) || relays_set_kernel(relays, options.is_kernel))
		return 2;
	for (unsigned call = 0; call < options.n_calls; call++) {
		if (!open_call(&owner, call)) {
			fprintf(stderr, "rtp_nuncio: call %u cannot be opened\n", call);
			return 2;
		}
	}
	puts("ready");
	fflush(stdout);
	if (options.is_kernel)
		on_look(&look);
	loop_run(loop);
	return 0;
}
