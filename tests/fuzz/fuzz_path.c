/* Anybody's bytes through a whole proxy (tests/world): received, judged, screened,
 * forwarded; then what the other side says to it, by a response and by a request inside the
 * dialog. The first byte says who begins, the second what the other side answers. "\n\0"
 * ends a part of the input; the first one is a message as it comes, of the others only what
 * stands behind the headers that they must have.
 *
 * The world is made once. What an input leaves there ends as the clock is turned, and each
 * has branches of its own. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "tests/scenario/phones.h"
#include "tests/scenario/scenario.h"
#include "tests/world/script_inside.h"
#include "tests/world/sip_text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { N_PARTS = 3, MAX_STEPS = 24, SETTLE_EVERY = 256 };

/* clang-format off */
static const char *const configs[] = {
	"version: 1\n"
	"domains: [corp.example]\n"
	"listeners:\n"
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n"
	"  - { name: wan-udp, network: wan, bind: 127.0.2.10, port: 5060, transport: udp }\n"
	"  - { name: wan-tcp, network: wan, bind: 127.0.2.10, port: 5060, transport: tcp }\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n"
	"  - { name: phones, network: remote, bind: 127.0.2.10, port: 5070, transport: udp }\n"
	"certificates:\n"
	"  edge: { chain: edge.pem, key: edge.key }\n"
	"tls: { trust: [ca.pem] }\n"
	"realm: corp.example\n"
	"users_file: users.yaml\n"
	"classes: { inside: { deny: ['+*', '00*'] } }\n"
	"placement: search\n"
	"federation: { open: true, listener: wan }\n"
	"limits: { requests: 1000000/s, auth_failures: 1000000/s, handshakes: 1000000/s, ban: 0 }\n"
	"media: { relay: [wan], bind: { wan: 127.0.2.11, lan: 127.0.1.3 }, on_timeout: bye }\n"
	"partners:\n"
	"  routes:\n"
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0, redirect: follow }\n"
	"    - { domain: plain.example, server: 203.0.113.20, port: 5060, transport: udp, trustworthy: true, probe: 0, redirect: follow,\n"
	"        services: { in: [audio, im, presence], out: [audio, im] } }\n"
	"    - { domain: weak.example, server: 203.0.113.30, port: 5060, transport: tcp, trustworthy: false, probe: 0 }\n"
	"backends:\n"
	"  - { name: berlin, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: [anna, 'team*'] }\n"
	"  - { name: munich, address: 'sip:10.0.1.2:5060;transport=udp', listener: lan-udp, probe: 0, users: [carl, 'team*'] }\n",
	NULL,
};

static const struct role cast[] = {
	{ "mallory", "203.0.113.67:5060", "wan-udp", "", "sip:mallory@nowhere.example" },
	{ "dora", "203.0.113.20:5060", "wan-udp", "", "sip:dora@plain.example" },
	{ "munich", "10.0.1.2:5060", "lan-udp", "", "sip:carl@corp.example" },
	{ "bob", "203.0.113.10:5061", "wan", "partner.example", "sip:bob@partner.example" },
	{ "berlin", "10.0.1.1:5060", "lan", "", "sip:anna@corp.example" },
	{ "will", "203.0.113.30:5060", "wan-tcp", "", "sip:will@weak.example" },
	{ "eve", "203.0.113.66:5061", "wan", "evil.example", "sip:eve@evil.example" },
	{ "ann", "198.51.100.10:40000", "phones", "", "sip:168@corp.example" },
	{ 0 },
};

static const char zone[] =
	"dns _sipfederationtls._tcp.evil.example SRV 1 1 5061 evil.example\n"
	"dns evil.example A 203.0.113.66\n";
/* clang-format on */

static const struct play play = { "path", "", configs, phones_users, cast };

static const int statuses[] = { 200, 180, 183, 100, 302, 300, 404, 401,
				407, 422, 486, 488, 500, 503, 603, 481 };
static const char *const methods[] = { "BYE",   "INVITE", "UPDATE", "INFO",
				       "REFER", "NOTIFY", "ACK",    "PRACK" };

static struct stage *stage;

struct part {
	const char *bytes;
	size_t len;
};

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void say(const char *script)
{
	char line[STAGE_LINE];

	for (size_t n; *script; script += n + 1) {
		n = strcspn(script, "\n");
		must(text_copy_len(line, sizeof(line), script, n) && stage_line(stage, line),
		     stage->fault);
	}
}

static void settle(void)
{
	static char fault[1000];

	must(stage_settle(stage, fault, sizeof(fault)), fault);
	for (unsigned i = 0; i < stage->n_agents; i++) {
		network_close(stage->world.network, &stage->agents[i]->party, ALL_CONNECTIONS);
		agent_forget(stage->agents[i]);
	}
	world_turn(&stage->world, 0);
}

/* What an input leaves behind is no leak, and looking for some took half of the time, as did
 * libFuzzer's statistics over all that a proxy runs through. */
static void add_options(int *argc, char ***argv)
{
	static char options[][20] = { "-detect_leaks=0", "-entropic=0" };
	const size_t n = (size_t)*argc;
	char **all = calloc(n + COUNT(options) + 1, sizeof(*all));

	must(all, "no memory");
	all[0] = (*argv)[0];
	for (size_t i = 0; i < COUNT(options); i++)
		all[1 + i] = options[i];
	memcpy(all + 1 + COUNT(options), *argv + 1, (n - 1) * sizeof(*all));
	*argc += (int)COUNT(options);
	*argv = all;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char fault[8192];

	add_options(argc, argv);
	must(!log_start(&(struct log_settings){ .level = LOG_ERROR }), "no log");
	stage = stage_new(&play, 1, fault, sizeof(fault));
	must(stage, fault);
	say(zone);
	return 0;
}

/* Each of up to n_parts parts ends before "\n\0". */
static size_t cut(const uint8_t *bytes, size_t len, struct part parts[N_PARTS])
{
	const char *at = (const char *)bytes, *end = at + len;
	size_t n = 0;

	for (; n < N_PARTS - 1; n++) {
		const char *mark = memmem(at, (size_t)(end - at), "\n\0", 2);

		if (!mark)
			break;
		parts[n] = (struct part){ at, (size_t)(mark + 1 - at) };
		at = mark + 2;
	}
	parts[n] = (struct part){ at, (size_t)(end - at) };
	return n + 1;
}

/* Branches become others, so that nothing is taken for what came before; and a stream is told
 * where the body ends, if the input is not. */
static void add_message(struct buf *out, const struct part *part)
{
	static const char branch[] = "z9hG4bK";
	const char *at = part->bytes, *end = at + part->len,
		   *head_end = memmem(at, part->len, "\r\n\r\n", 4), *next;

	while ((next = memmem(at, (size_t)(end - at), branch, sizeof(branch) - 1)) &&
	       (!head_end || next < head_end)) {
		next += sizeof(branch) - 1;
		buf_add(out, at, (size_t)(next - at));
		buf_printf(out, "%llx.", (unsigned long long)stage->counter++);
		at = next;
	}
	if (head_end && head_end >= at &&
	    !memmem(part->bytes, (size_t)(head_end - part->bytes), "ontent-Length", 13)) {
		buf_add(out, at, (size_t)(head_end + 2 - at));
		buf_printf(out, "Content-Length: %zu\r\n", (size_t)(end - head_end - 4));
		at = head_end + 2;
	}
	buf_add(out, at, (size_t)(end - at));
}

/* The headers that text has but the last, which is Content-Length, and the part's bytes for the
 * rest. */
static void add_rest(struct buf *out, const char *text, const struct part *part)
{
	const char *length = strstr(text, "Content-Length:");
	const char *body = memmem(part->bytes, part->len, "\r\n\r\n", 4);

	buf_add(out, text, length ? (size_t)(length - text) : strlen(text));
	if (body)
		buf_printf(out, "Content-Length: %zu\r\n",
			   (size_t)(part->bytes + part->len - body - 4));
	buf_add(out, part->bytes, part->len);
	if (!body)
		buf_puts(out, "\r\nContent-Length: 0\r\n\r\n");
}

static void send_bytes(struct agent *agent, const char *listener, uint64_t flow_id,
		       const struct buf *text)
{
	struct listener *ours = world_listener(&stage->world, listener);

	if (ours && !text->err)
		network_send(stage->world.network, &agent->party, 0, ours, flow_id,
			     (const char *)text->bytes, text->len);
	world_turn(&stage->world, 0);
}

static void answer(struct agent *agent, int status, const struct part *part)
{
	struct buf draft, text;
	uint64_t flow_id;
	unsigned worker;
	char listener[64];

	if (!agent_where(agent, "", &flow_id, &worker, listener))
		return;
	buf_init(&draft, 0);
	buf_init(&text, 0);
	if (agent_response(agent, status, "Fuzzed", "", NULL, 0, &draft)) {
		add_rest(&text, buf_text(&draft), part);
		send_bytes(agent, listener, flow_id, &text);
	}
	buf_fini(&text);
	buf_fini(&draft);
}

static void ask_inside(struct agent *agent, const char *method, const struct part *part)
{
	struct buf draft, text;

	buf_init(&draft, 0);
	buf_init(&text, 0);
	if (agent_request(agent, method, "", NULL, 0,
			  strstr(agent->party.listener, "udp") ? "UDP" : "TCP", &draft)) {
		add_rest(&text, buf_text(&draft), part);
		send_bytes(agent, agent->party.listener, 0, &text);
	}
	buf_fini(&text);
	buf_fini(&draft);
}

/* Whoever was asked says what the parts say. */
static void react(struct agent *agent, uint8_t how, const struct part *parts, size_t n_parts)
{
	struct received *received = party_first(&agent->party);
	const bool is_request = !sip_text_status(received->text);
	char method[32];

	sip_text_method(received->text, method, sizeof(method));
	agent_learn(agent, received);
	party_take(&agent->party);
	if (!is_request || !strcmp(method, "ACK"))
		return;
	if (!strcmp(method, "CANCEL")) {
		answer(agent, 200, &(struct part){ "", 0 });
		return;
	}
	if (n_parts > 1)
		answer(agent, statuses[how % COUNT(statuses)], &parts[1]);
	if (n_parts > 2)
		ask_inside(agent, methods[how / COUNT(statuses) % COUNT(methods)], &parts[2]);
}

static void converse(uint8_t how, const struct part *parts, size_t n_parts)
{
	unsigned n = 0;

	for (bool is_any = true; is_any && n < MAX_STEPS;) {
		is_any = false;
		for (unsigned i = 0; i < stage->n_agents; i++)
			for (; n < MAX_STEPS && party_first(&stage->agents[i]->party); n++) {
				react(stage->agents[i], how, parts, n_parts);
				is_any = true;
			}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static unsigned n_inputs;
	struct part parts[N_PARTS];
	struct agent *agent;
	struct buf text;

	if (len < 3)
		return 0;
	if (n_inputs++ % SETTLE_EVERY == 0) {
		if (n_inputs > 1)
			settle();
		say(ANN_IS_THERE);
	}
	const size_t n_parts = cut(bytes + 2, len - 2, parts);

	agent = stage->agents[bytes[0] % stage->n_agents];
	buf_init(&text, 0);
	add_message(&text, &parts[0]);
	send_bytes(agent, agent->party.listener, 0, &text);
	buf_fini(&text);
	converse(bytes[1], parts, n_parts);
	world_turn(&stage->world, 33000); /* longer than what waits for an answer (64*T1) */
	converse(bytes[1], parts, n_parts);
	return 0;
}
