/* The messages of RFC 4475 and RFC 5118, as a server of our own sends them: none does harm, and
 * each gets what the RFC says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "tests/scenario/scenario.h"
#include "tests/world/script_inside.h"
#include "tests/world/sip_text.h"

enum { MAX_FILE = 65536, FORWARDED = 1, DROPPED = 0 };

static const char *const configs[] = {
	"version: 1\n"
	"domains: [example.com, example.net, example.org, company.com, chair-dnrc.example.com, "
	"host.example.net,"
	" client.example.net, ift.client.example.net]\n"
	"listeners:\n"
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n"
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n"
	"backends:\n"
	"  - { name: caller, address: 'sip:10.0.1.1:5060;transport=tcp', listener: lan, probe: 0, users: "
	"[caller-only] }\n"
	"  - { name: callee, address: 'sip:10.0.1.2:5060;transport=tcp', listener: lan, probe: 0, users: "
	"['*'] }\n",
	NULL,
};

static const struct role cast[] = {
	{ "caller", "10.0.1.1:5060", "lan", "", "sip:caller@example.com" },
	{ "callee", "10.0.1.2:5060", "lan", "", "sip:callee@example.com" },
	{ 0 },
};

static const struct play play = {
	"torture",
	"caller > MESSAGE sip:callee@example.com\n"
	"callee < MESSAGE\n"
	"callee > 200\n"
	"caller < 200\n",
	configs,
	NULL,
	cast,
};

/* The section, and what comes of it: the status of our answer, or forwarded, or dropped without
 * a word. */
/* clang-format off */
static const struct row {
	const char *file, *section;
	int want;
} rows[] = {
	{ "wsinv.sip", "RFC 4475 §3.1.1.1", FORWARDED },
	{ "intmeth.sip", "RFC 4475 §3.1.1.2", DROPPED }, /* valid, but its Request-URI is more than Sofia reads */
	{ "esc01.sip", "RFC 4475 §3.1.1.3", FORWARDED },
	{ "escnull.sip", "RFC 4475 §3.1.1.4", 403 }, /* no host that could be compared */
	{ "esc02.sip", "RFC 4475 §3.1.1.5", 404 },
	{ "lwsdisp.sip", "RFC 4475 §3.1.1.6", FORWARDED },
	{ "longreq.sip", "RFC 4475 §3.1.1.7", 403 }, /* valid, but its From is longer than any domain of ours */
	{ "dblreq.sip", "RFC 4475 §3.1.1.8", 405 },
	{ "semiuri.sip", "RFC 4475 §3.1.1.9", FORWARDED },
	{ "transports.sip", "RFC 4475 §3.1.1.10", FORWARDED },
	{ "mpart01.sip", "RFC 4475 §3.1.1.11", FORWARDED },
	{ "unreason.sip", "RFC 4475 §3.1.1.12", DROPPED },
	{ "noreason.sip", "RFC 4475 §3.1.1.13", DROPPED },
	{ "badinv01.sip", "RFC 4475 §3.1.2.1", DROPPED },
	{ "clerr.sip", "RFC 4475 §3.1.2.2", 400 },
	{ "ncl.sip", "RFC 4475 §3.1.2.3", 400 },
	{ "scalar02.sip", "RFC 4475 §3.1.2.4", DROPPED },
	{ "scalarlg.sip", "RFC 4475 §3.1.2.5", DROPPED },
	{ "quotbal.sip", "RFC 4475 §3.1.2.6", DROPPED },
	{ "ltgtruri.sip", "RFC 4475 §3.1.2.7", DROPPED },
	{ "lwsruri.sip", "RFC 4475 §3.1.2.8", DROPPED },
	{ "lwsstart.sip", "RFC 4475 §3.1.2.9", DROPPED },
	{ "trws.sip", "RFC 4475 §3.1.2.10", DROPPED },
	{ "escruri.sip", "RFC 4475 §3.1.2.11", 400 },
	{ "baddate.sip", "RFC 4475 §3.1.2.12", FORWARDED },
	{ "regbadct.sip", "RFC 4475 §3.1.2.13", 405 },
	{ "badaspec.sip", "RFC 4475 §3.1.2.14", FORWARDED },
	{ "baddn.sip", "RFC 4475 §3.1.2.15", DROPPED }, /* a comma without quotes */
	{ "badvers.sip", "RFC 4475 §3.1.2.16", 505 },
	{ "mismatch01.sip", "RFC 4475 §3.1.2.17", 400 },
	{ "mismatch02.sip", "RFC 4475 §3.1.2.18", 400 },
	{ "bigcode.sip", "RFC 4475 §3.1.2.19", DROPPED },
	{ "badbranch.sip", "RFC 4475 §3.2.1", FORWARDED },
	{ "insuf.sip", "RFC 4475 §3.3.1", DROPPED },
	{ "unkscm.sip", "RFC 4475 §3.3.2", 416 },
	{ "novelsc.sip", "RFC 4475 §3.3.3", 416 },
	{ "unksm2.sip", "RFC 4475 §3.3.4", 403 },
	{ "bext01.sip", "RFC 4475 §3.3.5", 420 },
	{ "invut.sip", "RFC 4475 §3.3.6", FORWARDED },
	{ "regaut01.sip", "RFC 4475 §3.3.7", 405 },
	{ "multi01.sip", "RFC 4475 §3.3.8", 400 },
	{ "mcl01.sip", "RFC 4475 §3.3.9", 400 },
	{ "bcast.sip", "RFC 4475 §3.3.10", DROPPED },
	{ "zeromf.sip", "RFC 4475 §3.3.11", 200 },
	{ "cparam01.sip", "RFC 4475 §3.3.12", 405 },
	{ "cparam02.sip", "RFC 4475 §3.3.13", 405 },
	{ "regescrt.sip", "RFC 4475 §3.3.14", 405 },
	{ "sdp01.sip", "RFC 4475 §3.3.15", FORWARDED },
	{ "inv2543.sip", "RFC 4475 §3.4.1", FORWARDED },
	{ "ipv6-good.sip", "RFC 5118 §4.1", 405 },
	{ "ipv6-bad.sip", "RFC 5118 §4.2", DROPPED },
	{ "port-ambiguous.sip", "RFC 5118 §4.3", 405 },
	{ "port-unambiguous.sip", "RFC 5118 §4.4", 405 },
	{ "via-received-param-no-delim.sip", "RFC 5118 §4.5", 404 },
	{ "via-received-param-with-delim.sip", "RFC 5118 §4.5", 404 },
	{ "ipv6-in-sdp.sip", "RFC 5118 §4.6", 404 },
	{ "mult-ip-in-header.sip", "RFC 5118 §4.7", FORWARDED },
	{ "mult-ip-in-sdp.sip", "RFC 5118 §4.8", 404 },
	{ "ipv4-mapped-ipv6.sip", "RFC 5118 §4.9", 404 },
	{ "ipv6-bug-abnf-3-colons.sip", "RFC 5118 §4.10", 416 },
	{ "ipv6-correct-abnf-2-colons.sip", "RFC 5118 §4.10", 404 },
};
/* clang-format on */

static size_t read_file(const char *name, char *out)
{
	char path[512];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), TESTS_DIR "/fuzz/corpus/message/%s", name);
	file = fopen(path, "rb");
	assert_non_null(file);
	len = fread(out, 1, MAX_FILE, file);
	fclose(file);
	return len;
}

/* What became of it; takes it out of the inboxes. */
static int outcome(struct stage *stage)
{
	struct party *caller = &stage->agents[0]->party, *callee = &stage->agents[1]->party;
	int status = party_first(callee) ? FORWARDED : DROPPED;

	for (; party_first(caller); party_take(caller))
		if (sip_text_status(party_first(caller)->text) > 100)
			status = sip_text_status(party_first(caller)->text);
	while (party_first(callee)) {
		agent_learn(stage->agents[1], party_first(callee));
		party_take(callee);
	}
	return status;
}

/* Sends the file and looks; then an honest message must get through, and nothing may stay. */
static int torture(const char *name, const char *listener, unsigned n_workers)
{
	static char bytes[MAX_FILE], fault[80000];
	size_t len = read_file(name, bytes);
	struct stage *stage = stage_new(&play, n_workers, fault, sizeof(fault));
	int got;

	if (!stage)
		fail_msg("%s", fault);
	assert_true(network_send(stage->world.network, &stage->agents[0]->party, 0,
				 world_listener(&stage->world, listener), 0, bytes, len));
	world_turn(&stage->world, 0);
	got = outcome(stage);
	network_close(stage->world.network, &stage->agents[0]->party, ALL_CONNECTIONS);
	if (!stage_play(stage, false, fault, sizeof(fault)) && !strstr(fault, "nowhere"))
		fail_msg("%s, afterwards: %s", name, fault);
	if (!stage_settle(stage, fault, sizeof(fault)))
		fail_msg("%s, at the end: %s", name, fault);
	stage_free(stage);
	return got;
}

static void test_rows(void **state)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int got = torture(rows[i].file, "lan", 1);

		if (got == rows[i].want)
			continue;
		print_error("%s (%s): %d instead of %d\n", rows[i].file, rows[i].section, got,
			    rows[i].want);
		n_wrong++;
	}
	assert_int_equal(n_wrong, 0);
}

/* Every file of the corpus, as a datagram, and with two workers. */
static void test_corpus(void **state)
{
	DIR *directory = opendir(TESTS_DIR "/fuzz/corpus/message");
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		torture(entry->d_name, "lan-udp", 2);
		n++;
	}
	closedir(directory);
	assert_true(n >= COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_corpus),
	};

	int result;

	if (log_start(&(struct log_settings){ .level = LOG_ERROR }))
		return 1;
	result = cmocka_run_group_tests_name("torture", tests, NULL, NULL);
	log_stop();
	return result;
}
