#include "tests/world/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"
#include "proxy/base/text.h"
#include "proxy/partners.h"
#include "proxy/reload_confirm.h"
#include "proxy/worker.h"
#include "tests/world/script_inside.h"
#include "tests/world/sip_text.h"

enum { MAX_DECISIONS = 16 };

struct stage *stage_new(const struct play *play, unsigned n_workers, char *out_fault,
			size_t size)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	enum err err;

	if (!stage)
		abort();
	stage->play = play;
	err = world_init(&stage->world, play->configs[0], play->users ? play->users : "",
			 n_workers);
	if (err) {
		snprintf(out_fault, size, "the world cannot be built: %s\n%s", err_text(err),
			 stage->world.fault);
		return stage_free(stage);
	}
	for (const struct role *role = play->cast; role->name; role++) {
		struct agent *agent = calloc(1, sizeof(*agent));

		if (!agent)
			abort();
		if (stage->n_agents == STAGE_MAX_AGENTS ||
		    !agent_init(agent, role->name, role->address, role->listener, role->names,
				role->user, &stage->counter)) {
			snprintf(out_fault, size, "%s: not an address: %s", role->name,
				 role->address);
			free(agent);
			return stage_free(stage);
		}
		stage->agents[stage->n_agents++] = agent;
		network_add(stage->world.network, &agent->party);
	}
	return stage;
}

struct stage *stage_free(struct stage *stage)
{
	unsigned i;

	if (!stage)
		return NULL;
	world_fini(&stage->world);
	for (i = 0; i < stage->n_agents; i++) {
		agent_fini(stage->agents[i]);
		free(stage->agents[i]);
	}
	free(stage);
	return NULL;
}

void stage_reset(struct stage *stage)
{
	const struct role *role = stage->play->cast;
	unsigned i;

	for (i = 0; i < stage->n_agents; i++, role++) {
		struct agent *agent = stage->agents[i];

		network_read(stage->world.network, &agent->party);
		agent_forget(agent);
		agent->party.manner = ACCEPTS;
		text_copy(agent->party.listener, sizeof(agent->party.listener), role->listener);
		text_copy(agent->user, sizeof(agent->user), role->user);
	}
	resolver_clear(stage->world.resolver);
	network_forget(stage->world.network);
}

struct world *stage_world(struct stage *stage)
{
	return &stage->world;
}

bool stage_fault(struct stage *stage, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(stage->fault, sizeof(stage->fault), format, args);
	va_end(args);
	return false;
}

/* ---- statements without an agent ---- */

static bool read_time(const char *text, uint64_t *out_ms)
{
	char *unit;
	unsigned long n = strtoul(text, &unit, 10);

	if (!strcmp(unit, "ms"))
		*out_ms = n;
	else if (!strcmp(unit, "s"))
		*out_ms = n * 1000;
	else if (!strcmp(unit, "m"))
		*out_ms = n * 60000;
	else
		return false;
	return true;
}

static bool do_wait(struct stage *stage, char *rest)
{
	uint64_t ms;

	if (!read_time(rest, &ms))
		return stage_fault(stage, "not a time: %s", rest);
	world_turn(&stage->world, ms);
	return true;
}

static bool do_dns(struct stage *stage, char *rest)
{
	char name[256], type[16], data[320];

	if (sscanf(rest, "%255s %15s %319[^\n]", name, type, data) != 3 ||
	    !resolver_add(stage->world.resolver, name, type, data))
		return stage_fault(stage, "not a record: %s", rest);
	return true;
}

static bool do_forget(struct stage *stage, char *rest)
{
	resolver_forget(stage->world.resolver, rest);
	return true;
}

static bool is_as_told(const struct decision *decision, const char *code,
		       const char *destination)
{
	const char *found = decision->reason ? reason_code(decision->reason) : "none";

	return !strcmp(found, code) &&
	       (!*destination ||
		text_glob(destination, decision_text(decision, DECISION_DESTINATION)));
}

static bool do_why(struct stage *stage, char *rest)
{
	struct decision *decisions = calloc(MAX_DECISIONS, sizeof(*decisions));
	size_t n = world_decisions(&stage->world, decisions, MAX_DECISIONS), i;
	char code[64] = "", destination[128] = "";
	bool is_fine = false;

	if (!decisions)
		abort();
	sscanf(rest, "%63s %127s", code, destination);
	for (i = 0; i < n; i++)
		is_fine |= is_as_told(&decisions[i], code, destination);
	if (!n)
		stage_fault(stage, "there is no decision");
	else if (!is_fine)
		stage_fault(
			stage, "the reason is %s, to '%s', status %d; the last step said: %s",
			reason_code(decisions[0].reason),
			decision_text(&decisions[0], DECISION_DESTINATION), decisions[0].status,
			decisions[0].n_steps
				? decision_step_result(&decisions[0], decisions[0].n_steps - 1)
				: "");
	free(decisions);
	return is_fine;
}

static bool has_step(const struct decision *decision, const char *pattern)
{
	char hop[160];
	char said[320];
	unsigned i;

	for (i = 0; i < decision->n_hops; i++) {
		snprintf(hop, sizeof(hop), "%s: %s", decision_hop_to(decision, i),
			 reason_code(decision->hops[i].reason));
		if (text_glob(pattern, hop))
			return true;
	}
	for (i = 0; i < decision->n_steps; i++)
		if (text_glob(pattern, decision_step_result(decision, i)))
			return true;
	snprintf(said, sizeof(said), "they say %u of %s: %s", decision->ms_id,
		 decision_text(decision, DECISION_MS_SOURCE),
		 decision_text(decision, DECISION_MS_REASON));
	return decision->ms_id && text_glob(pattern, said);
}

static bool do_because(struct stage *stage, char *rest)
{
	struct decision *decisions = calloc(MAX_DECISIONS, sizeof(*decisions));
	size_t n = world_decisions(&stage->world, decisions, MAX_DECISIONS), i;
	bool is_fine = false;

	if (!decisions)
		abort();
	for (i = 0; i < n; i++)
		is_fine |= has_step(&decisions[i], rest);
	if (!is_fine)
		stage_fault(
			stage, "no step says %s; the last one said: %s", rest,
			n && decisions[0].n_steps
				? decision_step_result(&decisions[0], decisions[0].n_steps - 1)
				: "nothing");
	free(decisions);
	return is_fine;
}

static bool do_reload(struct stage *stage, char *rest)
{
	const char *const *config = stage->play->configs;
	char *for_ms;
	long n = strtol(rest, &for_ms, 10);
	uint64_t confirm_ms;

	while (n-- > 0 && *config)
		config++;
	if (!*config)
		return stage_fault(stage, "no such configuration");
	if (text_starts_with(for_ms, " for ")) {
		bool ok = value_duration(for_ms + strlen(" for "), &confirm_ms) == ERR_OK &&
			  world_reload_for(&stage->world, *config, confirm_ms) == ERR_OK;

		return ok ||
		       stage_fault(stage, "the reload was refused:\n%s", stage->world.fault);
	}
	if (world_reload(&stage->world, *config))
		return stage_fault(stage, "the configuration is wrong:\n%s",
				   stage->world.fault);
	return true;
}

static bool do_confirm(struct stage *stage, char *rest)
{
	json_t *answer;

	if (strcmp(rest, "reload"))
		return stage_fault(stage, "not a statement");
	answer = reload_confirm_keep(stage->world.server);
	json_decref(answer);
	return answer || stage_fault(stage, "nothing waits for a confirmation");
}

static bool do_keep(struct stage *stage, char *rest)
{
	if (strcmp(rest, "state"))
		return stage_fault(stage, "not a statement");
	return !world_keep_state(&stage->world) || stage_fault(stage, "it cannot be kept");
}

static bool do_restart(struct stage *stage, char *rest)
{
	unsigned i;

	if (strcmp(rest, "proxy"))
		return stage_fault(stage, "not a statement");
	if (world_restart(&stage->world))
		return stage_fault(stage, "%s", stage->world.fault);
	for (i = 0; i < stage->n_agents; i++)
		stage->agents[i]->flow_id = 0;
	return true;
}

static bool do_drain(struct stage *stage, char *rest)
{
	unsigned i;

	if (strcmp(rest, "proxy"))
		return stage_fault(stage, "not a statement");
	for (i = 0; i < stage->world.n_workers; i++)
		worker_post_drain(stage->world.server->workers[i]);
	world_turn(&stage->world, 0);
	return true;
}

static bool do_load(struct stage *stage, char *rest)
{
	uint64_t ms;

	if (!read_time(rest, &ms))
		return stage_fault(stage, "not a time: %s", rest);
	for (unsigned i = 0; i < stage->world.n_workers; i++)
		for (unsigned j = 0; j < 2; j++)
			stage->world.server->workers[i]->lag_ms[j] = ms;
	return true;
}

static bool say(struct stage *stage, enum partners_word word, const char *domain)
{
	char body[300], text[256] = "";
	json_t *json = NULL;

	snprintf(body, sizeof(body), "{\"domain\": \"%.200s\"}", domain);
	if (partners_say(stage->world.server, word, body, strlen(body), &json, text) !=
	    PARTNERS_DONE)
		return stage_fault(stage, "it cannot be said: %s", text);
	json_decref(json);
	world_turn(&stage->world, 0);
	return true;
}

static bool do_block(struct stage *stage, char *rest)
{
	return say(stage, PARTNERS_BLOCK, rest);
}

static bool do_approve(struct stage *stage, char *rest)
{
	return say(stage, PARTNERS_APPROVE, rest);
}

static bool do_forget_partner(struct stage *stage, char *rest)
{
	return say(stage, PARTNERS_FORGET, rest);
}

static bool do_times(struct stage *stage, char *rest)
{
	char *line;
	unsigned long n = strtoul(rest, &line, 10);

	while (n-- > 0) {
		char copy[STAGE_LINE];

		text_copy(copy, sizeof(copy), line);
		if (!stage_line(stage, copy))
			return false;
	}
	return true;
}

/* Whoever was asked something says 200, until nobody is asked any more. */
static bool do_everybody(struct stage *stage, char *rest)
{
	char line[64];
	unsigned i, n_rounds = 0;
	bool is_over;

	if (strcmp(rest, "answers"))
		return stage_fault(stage, "not a statement");
	do {
		is_over = true;
		for (i = 0; i < stage->n_agents; i++) {
			struct agent *agent = stage->agents[i];

			while (party_first(&agent->party)) {
				bool is_request =
					!sip_text_status(party_first(&agent->party)->text);

				agent_learn(agent, party_first(&agent->party));
				party_take(&agent->party);
				snprintf(line, sizeof(line), "%s > 200", agent->party.name);
				is_over = false;
				if (is_request && !stage_line(stage, line))
					return false;
			}
		}
	} while (!is_over && ++n_rounds < 20);
	return true;
}

/* Whether a router on the way of that peer rewrites SIP, as status would tell. */
static bool is_suspected(const struct stage *stage, const char *id)
{
	struct peer_stat stat;

	return peer_stats_look(stage->world.server->peer_stats, id, &stat) && stat.alg_signs;
}

static bool do_suspect(struct stage *stage, char *rest)
{
	return is_suspected(stage, rest) || stage_fault(stage, "no router is suspected");
}

static bool do_acquit(struct stage *stage, char *rest)
{
	return !is_suspected(stage, rest) || stage_fault(stage, "a router is suspected");
}

/* The newest record of a relay says so. */
static bool check_media_end(struct stage *stage, const char *how)
{
	struct media_record *found = calloc(2, sizeof(*found)), *newest = found + 1;
	bool is_so;

	for (unsigned i = 0; found && i < stage->world.server->n_workers; i++)
		if (media_records_find(stage->world.server->workers[i]->media_records, NULL,
				       found, 1) &&
		    found->id > newest->id)
			*newest = *found;
	is_so = found && newest->id && !strcmp(calls_end_text(newest->how), how);
	if (!is_so)
		stage_fault(stage, "the newest relay ended by %s",
			    found && newest->id ? calls_end_text(newest->how) : "nothing");
	free(found);
	return is_so;
}

static bool do_media(struct stage *stage, char *rest)
{
	unsigned n = 0, is_open = world_media_n_open(stage->world.media);

	if (!strcmp(rest, "falls silent")) {
		world_media_fall_silent(stage->world.media);
		world_turn(&stage->world, 0);
		return true;
	}
	if (!strcmp(rest, "has no ports") || !strcmp(rest, "has ports")) {
		world_media_refuse(stage->world.media, !strcmp(rest, "has no ports"));
		return true;
	}
	if (text_starts_with(rest, "seen at ")) {
		char host[64] = "";
		int offset = 0;

		sscanf(rest, "seen at %63s +%d", host, &offset);
		world_media_map(stage->world.media, strcmp(host, "nothing") ? host : NULL,
				offset);
		world_turn(&stage->world, 50);
		return true;
	}
	if (text_starts_with(rest, "ended "))
		return check_media_end(stage, rest + strlen("ended "));
	if (sscanf(rest, "holds %u", &n) != 1)
		return stage_fault(stage, "what of media: %s", rest);
	return n == is_open || stage_fault(stage, "%u relays are open", is_open);
}

static const struct {
	const char *word;
	bool (*run)(struct stage *stage, char *rest);
} statements[] = {
	{ "load", do_load },           { "block", do_block },
	{ "approve", do_approve },     { "unsay", do_forget_partner },
	{ "wait", do_wait },           { "dns", do_dns },
	{ "forget", do_forget },       { "why", do_why },
	{ "reload", do_reload },       { "times", do_times },
	{ "confirm", do_confirm },     { "keep", do_keep },
	{ "restart", do_restart },     { "drain", do_drain },
	{ "suspect", do_suspect },     { "acquit", do_acquit },
	{ "everybody", do_everybody }, { "because", do_because },
	{ "media", do_media },
};

/* ---- the play ---- */

/* One line, without its end; may be changed. */
bool stage_line(struct stage *stage, char *line)
{
	char *rest;
	size_t i, len;

	line += strspn(line, " \t");
	for (len = strlen(line); len && strchr(" \t", line[len - 1]); len--)
		line[len - 1] = '\0';
	if (!*line || *line == '#')
		return true;
	rest = line + strcspn(line, " ");
	rest += *rest == ' ';
	for (i = 0; i < COUNT(statements); i++) {
		len = strlen(statements[i].word);
		if (!strncmp(line, statements[i].word, len) && line[len] == ' ')
			return statements[i].run(stage, rest + strspn(rest, " "));
	}
	return stage_agent_line(stage, line);
}

static bool check_end(struct stage *stage)
{
	unsigned i;

	for (i = 0; i < stage->n_agents; i++) {
		const struct received *received = party_first(&stage->agents[i]->party);

		if (received)
			return stage_fault(stage, "%s got what nobody expected:\n%s",
					   stage->agents[i]->party.name, received->text);
	}
	if (network_n_nowhere(stage->world.network))
		return stage_fault(stage, "%u messages went to nowhere",
				   network_n_nowhere(stage->world.network));
	return true;
}

bool stage_play(struct stage *stage, bool is_tolerant, char *out_fault, size_t size)
{
	const char *at = stage->play->script;
	char line[STAGE_LINE];
	unsigned number = 1;

	for (; *at; number++) {
		size_t len = strcspn(at, "\n");

		text_copy_len(line, sizeof(line), at, len);
		if (!stage_line(stage, line) && !is_tolerant) {
			snprintf(out_fault, size, "line %u: %.*s\n%s", number, (int)len, at,
				 stage->fault);
			return false;
		}
		at += len + (at[len] == '\n');
	}
	if (is_tolerant || check_end(stage))
		return true;
	snprintf(out_fault, size, "at the end: %s", stage->fault);
	return false;
}

bool stage_settle(struct stage *stage, char *out_fault, size_t size)
{
	unsigned i, n, n_contexts, n_clients, n_servers;

	/* Longer than Timer C with what follows it, and with every server that is tried. */
	world_turn(&stage->world, 15 * 60 * 1000);
	for (i = 0; i < stage->n_agents; i++)
		while (party_first(&stage->agents[i]->party))
			party_take(&stage->agents[i]->party);
	n = world_n_kept(&stage->world, &n_contexts, &n_clients, &n_servers);
	if (n)
		snprintf(out_fault, size,
			 "%u contexts, %u client and %u server transactions never end",
			 n_contexts, n_clients, n_servers);
	return !n;
}
