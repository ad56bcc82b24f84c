#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/commands/args.h"
#include "proxy/commands/client.h"
#include "proxy/commands/output.h"
#include "proxy/commands/partner_check.h"
#include "proxy/commands/partner_text.h"
#include "proxy/commands/record.h"

static const struct option_row
	option_until = { .name = "until",
			 .argument = "DATE",
			 .text = "approve: it ends with this day (UTC), or at "
				 "2031-12-31T12:00:00Z" },
	option_reason = { .name = "reason",
			  .argument = "TEXT",
			  .text = "approve, block: why, for those who ask later" };
static const struct option_row *const options[] = { &option_until,         &option_reason,
						    &option_as_if_allowed, &option_json,
						    &option_control,       &option_color,
						    &option_help,          NULL };
static const struct example_row examples[] = {
	{ "nuncio partner list", "All partners, with what was seen of them." },
	{ "nuncio partner show partner.example", "All that is known of one." },
	{ "nuncio partner check partner.example",
	  "Shows how far one comes towards the partner, and what stops it." },
	{ "nuncio partner approve partner.example --until 2031-12-31",
	  "Lifts the bounds of a discovered partner, until the end of that day." },
	{ "nuncio partner block spam.example --reason \"tries out names\"",
	  "Refuses all that it sends, and all that is sent to it." },
	{ "nuncio partner forget spam.example",
	  "Takes the word back: the domain begins as a new one." },
	{ 0 },
};

/* ---- asking ---- */

static enum exit_code complain(const struct args *args, const struct client_answer *answer)
{
	client_complain(args, answer);
	return answer->status == 400   ? EXIT_USAGE
	       : answer->status >= 500 ? EXIT_NOT_KNOWN
				       : EXIT_NO;
}

/* Asks, then prints by print, or as JSON. */
static enum exit_code ask(const struct args *args, const char *path,
			  const struct client_query *query, const char *body,
			  void (*print)(const struct screen *screen, const json_t *answer))
{
	struct client_answer answer;
	struct screen screen;
	enum exit_code code = client_ask(args, path, query, body, &answer);

	if (code != EXIT_YES)
		return code;
	screen_init(&screen, stdout, args);
	if (answer.status != 200)
		code = complain(args, &answer);
	else if (args_has(args, "json"))
		client_print_json(answer.json);
	else
		print(&screen, answer.json);
	json_decref(answer.json);
	return code;
}

static enum exit_code list(const struct args *args)
{
	return ask(args, "/v1/partners", NULL, NULL, partner_text_list);
}

static enum exit_code show(const struct args *args)
{
	const struct client_query query[] = { { "domain", args->operands[1] }, { 0 } };

	return ask(args, "/v1/partners", query, NULL, partner_text_show);
}

static enum exit_code say(const struct args *args, const char *path)
{
	static const char *const keys[] = { "until", "reason" };
	json_t *body = json_pack("{s:s}", "domain", args->operands[1]);
	enum exit_code code;
	char *text;

	for (size_t i = 0; body && i < COUNT(keys); i++)
		if (args_has(args, keys[i]) &&
		    json_object_set_new(body, keys[i],
					json_string(args_value(args, keys[i], "")))) {
			json_decref(body);
			body = NULL;
		}
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!text) {
		fputs("nuncio partner: a domain or reason that is not text\n", stderr);
		return EXIT_USAGE;
	}
	code = ask(args, path, NULL, text, partner_text_changed);
	free(text);
	return code;
}

static enum exit_code approve(const struct args *args)
{
	return say(args, "/v1/partners/approve");
}

static enum exit_code block(const struct args *args)
{
	return say(args, "/v1/partners/block");
}

static enum exit_code forget(const struct args *args)
{
	return say(args, "/v1/partners/forget");
}

/* ---- the objects ---- */

static enum exit_code check(const struct args *args)
{
	return partner_check_run(args, args->operands[1]);
}

static const struct object {
	const char *name;
	bool has_domain, has_until, has_reason;
	enum exit_code (*run)(const struct args *args);
} objects[] = {
	{ "list", false, false, false, list },    { "show", true, false, false, show },
	{ "approve", true, true, true, approve }, { "block", true, false, true, block },
	{ "forget", true, false, false, forget }, { "check", true, false, false, check },
};

static const struct object *find_object(const char *name)
{
	for (size_t i = 0; i < COUNT(objects); i++)
		if (strcmp(objects[i].name, name) == 0)
			return &objects[i];
	fprintf(stderr,
		"nuncio partner: list, show, approve, block, forget or check, not '%s'\n",
		name);
	return NULL;
}

static bool fits(const struct args *args, const struct object *object)
{
	if ((args->n_operands == 2) != object->has_domain) {
		fprintf(stderr, "nuncio partner %s: %s\n", object->name,
			object->has_domain ? "which DOMAIN?" : "takes no domain");
		return false;
	}
	if ((args_has(args, "until") && !object->has_until) ||
	    (args_has(args, "reason") && !object->has_reason)) {
		fprintf(stderr, "nuncio partner %s: takes no --%s\n", object->name,
			args_has(args, "until") && !object->has_until ? "until" : "reason");
		return false;
	}
	return true;
}

static enum exit_code partner(const struct args *args)
{
	const struct object *object = find_object(args->operands[0]);

	return object && fits(args, object) ? object->run(args) : EXIT_USAGE;
}

const struct verb verb_partner = {
	.name = "partner",
	.operands = "list | show|check|approve|block|forget DOMAIN",
	.summary = "list and check partners; approve or block discovered ones",
	.text = "`list` prints those that have a route and the domains that open federation knows, "
		"with their state, when they were seen last, requests, failures and the days that "
		"their certificates have left. `show` prints all that is known of one. A discovered "
		"domain is new; watched, once a limit was reached or it addressed half as many users as "
		"it may; limited, while most of what it asks for fails or when it has addressed as many "
		"users as it may; approved, which lifts federation.discovered for it; or blocked, so "
		"that nothing is exchanged with it. `approve` and `block` may also name a domain that "
		"was not seen yet; what they say holds over restarts, and `forget` takes it back with "
		"all that was counted. A domain with a route is changed in the configuration. `check` goes "
		"towards the partner stage by stage (policy, DNS, address, TCP, TLS, identity, OPTIONS) as a "
		"request would, and says what a request from there would be taken for; it stops at the "
		"first stage that fails, with who must act and what to do.",
	.min_operands = 1,
	.max_operands = 2,
	.completes = COMPLETES_PARTNER,
	.words = "list show check approve block forget",
	.options = options,
	.examples = examples,
	.output = output_partner,
	.exits = { [EXIT_YES] = "done, or printed",
		   [EXIT_NO] =
			   "nothing is known of the domain, its route decides, it is our own, or a check failed",
		   [EXIT_USAGE] = "wrong usage, or a domain, date or reason that is none",
		   [EXIT_UNREACHABLE] = "the daemon is not running or not reachable",
		   [EXIT_NOT_ALLOWED] =
			   "you may not look (root, group nuncio and group adm may), or not "
			   "change anything (root and group nuncio may)",
		   [EXIT_NOT_KNOWN] =
			   "the daemon or no resolver answered in time, or as many checks are under way as may be" },
	.run = partner,
};
