#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proxy/base/macros.h"
#include "proxy/commands/client.h"
#include "proxy/commands/grid.h"
#include "proxy/commands/nat_text.h"
#include "proxy/commands/output.h"
#include "proxy/commands/record.h"

/* A look takes 14 s at most; names that are looked up before, a few more. */
enum { ASK_AGAIN_MS = 250, WAIT_MS = 40000 };

static const struct option_row option_again = {
	.name = "again", .text = "look anew, and wait for what comes of it"
};
static const struct option_row *const options[] = { &option_again,   &option_json,
						    &option_control, &option_color,
						    &option_help,    NULL };
static const struct example_row examples[] = {
	{ "nuncio nat", "Tells which kind of NAT is in front of us, and what it rests on." },
	{ "nuncio nat --again", "The same after a new look, some seconds later." },
	{ "nuncio nat --json", "For a program: every answer of every server." },
	{ 0 },
};

static const struct {
	const char *test, *text;
} tests[] = {
	{ "plain", "asked plainly" },
	{ "change_address_and_port", "answer from another address and port" },
	{ "change_port", "answer from another port" },
	{ "from_second_socket", "asked from a second socket" },
	{ "to_other_address", "its other address asked" },
	{ "to_other_address_and_port", "its other address and port asked" },
	{ "to_other_port", "its other port asked" },
	{ "from_socket_of_first", "asked from that of the first server" },
};

static void print_test(struct grid *grid, const json_t *test)
{
	const char *name = record_text(test, "test"), *outcome = record_text(test, "outcome");
	const char *text = name;
	char took[GRID_CELL] = "";

	for (size_t i = 0; i < COUNT(tests); i++)
		if (strcmp(tests[i].test, name) == 0)
			text = tests[i].text;
	if (strcmp(outcome, "answered") == 0)
		snprintf(took, sizeof(took), "%lld ms, %lld sent",
			 record_number(test, "took_ms"), record_number(test, "requests"));
	else
		snprintf(took, sizeof(took), "%lld sent", record_number(test, "requests"));
	grid_add(grid, strcmp(outcome, "answered") == 0 ? INK_OK : INK_DETAIL, 1, text, outcome,
		 record_text(test, "mapped"), took, NULL);
}

static void print_server(const struct screen *screen, const json_t *server)
{
	const json_t *test;
	struct grid grid;
	size_t i;

	screen_print(screen, INK_STRONG, "%s", record_text(server, "name"));
	fprintf(screen->file, "  %s, asked from %s", record_text(server, "address"),
		record_text(server, "local"));
	if (strcmp(record_text(server, "tcp"), "not tried") != 0)
		fprintf(screen->file, "; by TCP: %s", record_text(server, "tcp"));
	fputc('\n', screen->file);
	grid_init(&grid, screen);
	json_array_foreach(json_object_get(server, "tests"), i, test)
		print_test(&grid, test);
	grid_print(&grid);
}

static void print_all(const struct screen *screen, const json_t *answer)
{
	const json_t *nat = json_object_get(answer, "nat"), *server;
	size_t i;

	nat_text_print(screen, nat);
	json_array_foreach(json_object_get(nat, "servers"), i, server)
		print_server(screen, server);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
		  NULL);
}

static bool is_detecting(const struct client_answer *answer)
{
	return json_is_true(json_object_get(json_object_get(answer->json, "nat"), "detecting"));
}

/* Until the look that is under way has ended. */
static enum exit_code ask(const struct args *args, struct client_answer *out)
{
	for (long waited_ms = 0;; waited_ms += ASK_AGAIN_MS) {
		enum exit_code code = client_ask(args, "/v1/nat", NULL, NULL, out);

		if (code != EXIT_YES || !is_detecting(out) || waited_ms >= WAIT_MS)
			return code;
		json_decref(out->json);
		pause_ms(ASK_AGAIN_MS);
	}
}

/* The daemon has begun when it answers; a look that was under way already will do. */
static enum exit_code look(const struct args *args)
{
	struct client_answer answer;
	enum exit_code code = client_ask(args, "/v1/nat", NULL, "", &answer);

	if (code != EXIT_YES)
		return code;
	if (answer.status != 200) {
		client_complain(args, &answer);
		code = EXIT_NOT_KNOWN;
	}
	json_decref(answer.json);
	return code;
}

static enum exit_code nat(const struct args *args)
{
	struct client_answer answer;
	struct screen screen;
	enum exit_code code = args_has(args, "again") ? look(args) : EXIT_YES;
	const json_t *object;

	if (code == EXIT_YES)
		code = ask(args, &answer);
	if (code != EXIT_YES)
		return code;
	object = json_object_get(answer.json, "nat");
	if (args_has(args, "json")) {
		client_print_json(answer.json);
	} else {
		screen_init(&screen, stdout, args);
		print_all(&screen, answer.json);
	}
	if (is_detecting(&answer))
		code = EXIT_NOT_KNOWN;
	else if (json_is_true(json_object_get(object, "inconclusive")) ||
		 !*record_text(object, "looked") ||
		 !json_is_true(json_object_get(answer.json, "ok")))
		code = EXIT_NO;
	json_decref(answer.json);
	return code;
}

const struct verb verb_nat = {
	.name = "nat",
	.operands = "",
	.summary = "tell which kind of NAT is in front of us",
	.text = "Prints what STUN servers made known last: the kind of NAT by its usual name, how it maps and filters (RFC 5780), "
		"how sure that is and why, the public address of each listener with advertise: stun, and every answer that the "
		"verdict rests on. The daemon looks when it starts, when an address changes, and with --again. A kind is told "
		"only where it was proved: where servers cannot answer from another address, disagree, or packets were lost, it "
		"is Unknown, with the reason.",
	.options = options,
	.examples = examples,
	.output = output_nat,
	.exits = { [EXIT_YES] = "the kind of NAT is known, and so are the public addresses",
		   [EXIT_NO] = "it is not known, or a public address is not",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not (root and group nuncio may look anew, group adm may read)",
		   [EXIT_NOT_KNOWN] = "the look took too long" },
	.run = nat,
};
