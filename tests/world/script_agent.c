/* The statements of agents: what they send, and how they behave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"
#include "proxy/transaction/sip_timers.h"
#include "tests/world/script_inside.h"
#include "tests/world/sip_text.h"

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && strchr(" \t", text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* ---- headers behind bars ---- */

static void read_wish(char *text, struct wish *out)
{
	char *colon = strchr(text, ':');

	out->kind = '=';
	if (strchr("+-!", *text))
		out->kind = *text++;
	text_copy_len(out->name, sizeof(out->name), text,
		      colon ? (size_t)(colon - text) : strlen(text));
	text_copy(out->value, sizeof(out->value), colon ? trim(colon + 1) : "");
}

bool stage_read_wishes(char *line, struct wish *out, size_t *out_n)
{
	char *bar = strstr(line, " | ");

	*out_n = 0;
	if (!bar)
		return true;
	*bar = '\0';
	for (bar += 3; bar;) {
		char *next = strstr(bar, " | ");

		if (next) {
			*next = '\0';
			next += 3;
		}
		if (*out_n == STAGE_MAX_WISHES)
			return false;
		read_wish(trim(bar), &out[(*out_n)++]);
		bar = next;
	}
	return true;
}

/* ---- what stands for something ---- */

/* The user part of the first of the agent's Routes. */
static void get_token(const struct agent *agent, bool is_forged, char *out, size_t size)
{
	const char *at = strstr(agent->routes[0], "sip:");

	*out = '\0';
	if (!agent->n_routes || !at)
		return;
	text_copy_len(out, size, at + 4, strcspn(at + 4, "@"));
	if (is_forged && strlen(out) > 20)
		out[20] = out[20] == 'a' ? 'b' : 'a';
}

static void get_value(const struct agent *agent, const char *name, char *out, size_t size)
{
	char via[512];

	*out = '\0';
	if (!strcmp(name, "n"))
		text_copy(out, size, "\r\n");
	else if (!strcmp(name, "token"))
		get_token(agent, false, out, size);
	else if (!strcmp(name, "forged"))
		get_token(agent, true, out, size);
	else if (text_starts_with(name, "route"))
		text_copy(out, size,
			  agent->routes[(unsigned)(name[5] - '0') % AGENT_MAX_ROUTES]);
	else if (!strcmp(name, "target"))
		text_copy(out, size, agent->remote_target);
	else if (!strcmp(name, "tag"))
		text_copy(out, size, agent->remote_tag);
	else if (!strcmp(name, "callid"))
		text_copy(out, size, agent->call_id);
	else if (!strcmp(name, "via0") || !strcmp(name, "via1"))
		sip_text_header(agent_asked(agent), "Via", (unsigned)(name[3] - '0'), out,
				size);
	else if (!strcmp(name, "vias"))
		agent_header(agent, "Via", out, size);
	else if (!strcmp(name, "from"))
		agent_header(agent, "From", out, size);
	else if (!strcmp(name, "to"))
		agent_header(agent, "To", out, size);
	else if (!strcmp(name, "cseq"))
		agent_header(agent, "CSeq", out, size);
	if (strcmp(name, "branch"))
		return;
	sip_text_header(agent->sent, "Via", 0, via, sizeof(via));
	sip_text_param(via, "branch", out, size);
}

/* Longer names first: "$n" would be found in "$nc". */
static const char *const substitutes[] = { "forged", "branch", "callid", "target",
					   "route0", "route1", "route2", "token",
					   "vias",   "via0",   "via1",   "from",
					   "cseq",   "tag",    "to",     "n" };

/* Whose value it is: "$bob.token" is bob's; without a name the agent's own. Moves name behind
 * it. */
static const struct agent *find_owner(const struct stage *stage, const struct agent *agent,
				      const char **name)
{
	unsigned i;

	for (i = 0; i < stage->n_agents; i++) {
		size_t len = strlen(stage->agents[i]->party.name);

		if (!strncmp(*name, stage->agents[i]->party.name, len) && (*name)[len] == '.') {
			*name += len + 1;
			return stage->agents[i];
		}
	}
	return agent;
}

static void substitute(const struct stage *stage, const struct agent *agent, char *text,
		       size_t size)
{
	char out[8192] = "", value[2048];
	size_t len = 0, i = COUNT(substitutes);

	for (const char *at = text; *at && len + 1 < sizeof(out);) {
		const char *name = at + 1;
		const struct agent *owner =
			*at == '$' ? find_owner(stage, agent, &name) : agent;

		for (i = 0; *at == '$' && i < COUNT(substitutes); i++)
			if (text_starts_with(name, substitutes[i]))
				break;
		if (*at != '$' || i == COUNT(substitutes)) {
			out[len++] = *at++;
			out[len] = '\0';
			continue;
		}
		get_value(owner, substitutes[i], value, sizeof(value));
		at = name + strlen(substitutes[i]);
		text_copy(out + len, sizeof(out) - len, value);
		len = strlen(out);
	}
	text_copy(text, size, out);
}

/* ---- sending ---- */

struct order {
	struct agent *agent;
	int worker; /* -1: as it comes */
	struct wish wishes[STAGE_MAX_WISHES];
	size_t n_wishes;
};

static const char *via_word(const struct listener *listener)
{
	return listener_via_transport(listener->transport);
}

/* Requests of one agent go to one worker, as the kernel does it; responses by UDP to another
 * one than the request came from, as the kernel may do. */
static unsigned worker_for_request(const struct stage *stage, const struct order *order)
{
	unsigned n = 0, i;

	if (order->worker >= 0)
		return (unsigned)order->worker % stage->world.n_workers;
	for (i = 0; i < stage->n_agents; i++)
		if (stage->agents[i] == order->agent)
			n = i;
	return n % stage->world.n_workers;
}

static bool transmit(struct stage *stage, struct order *order, unsigned worker,
		     struct listener *listener, uint64_t flow_id, const char *text)
{
	if (!network_send(stage->world.network, &order->agent->party, worker, listener, flow_id,
			  text, strlen(text)))
		return stage_fault(stage, "it could not connect");
	world_turn(&stage->world, 0);
	return true;
}

static bool authorize(struct stage *stage, struct order *order, const char *method,
		      const char *uri)
{
	char user[64], password[64], algorithm[32], nc[16] = "00000001", value[2048];
	size_t i;

	for (i = 0; i < order->n_wishes; i++) {
		struct wish *wish = &order->wishes[i];

		if (strcmp(wish->name, "Digest"))
			continue;
		if (sscanf(wish->value, "%63s %63s %31s %15s", user, password, algorithm, nc) <
			    3 ||
		    !agent_authorize(order->agent, method, uri, user, password, algorithm, nc,
				     value, sizeof(value)))
			return stage_fault(stage, "there is no challenge for %s", algorithm);
		text_copy(wish->name, sizeof(wish->name),
			  sip_text_status(order->agent->challenge) == 401
				  ? "Authorization"
				  : "Proxy-Authorization");
		text_copy(wish->value, sizeof(wish->value), value);
	}
	return true;
}

static bool send_request(struct stage *stage, struct order *order, const char *method,
			 char *uri)
{
	struct listener *listener = world_listener(&stage->world, order->agent->party.listener);
	const char *old_uri = *uri ? uri : order->agent->remote_target;
	struct buf text;
	bool is_fine;

	if (!listener)
		return stage_fault(stage, "no listener %s", order->agent->party.listener);
	substitute(stage, order->agent, uri, 1024);
	if (!authorize(stage, order, method, old_uri))
		return false;
	buf_init(&text, 0);
	is_fine = agent_request(order->agent, method, uri, order->wishes, order->n_wishes,
				via_word(listener), &text);
	if (!is_fine)
		stage_fault(stage, "there is no call to say that in");
	else
		is_fine = transmit(stage, order, worker_for_request(stage, order), listener, 0,
				   buf_text(&text));
	buf_fini(&text);
	return is_fine;
}

static const char *phrase_of(int status)
{
	static const char *const phrases[] = { "",
					       "Trying",
					       "OK",
					       "Moved",
					       "Request Failure",
					       "Server Failure",
					       "Global Failure" };

	return status == 180 ? "Ringing" : phrases[status / 100 % 7];
}

static bool send_response(struct stage *stage, struct order *order, int status,
			  const char *method)
{
	struct listener *listener;
	uint64_t flow_id;
	unsigned worker;
	char name[64];
	struct buf text;
	bool is_fine;

	if (!agent_where(order->agent, method, &flow_id, &worker, name))
		return stage_fault(stage, "there is nothing to answer");
	listener = world_listener(&stage->world, name);
	if (!listener)
		return stage_fault(stage, "the listener %s is gone", name);
	if (listener->transport == TRANSPORT_UDP && stage->world.n_workers > 1)
		worker = (worker + 1) % stage->world.n_workers;
	if (order->worker >= 0)
		worker = (unsigned)order->worker % stage->world.n_workers;
	buf_init(&text, 0);
	is_fine = agent_response(order->agent, status, phrase_of(status), method, order->wishes,
				 order->n_wishes, &text);
	if (is_fine)
		is_fine = transmit(stage, order, worker, listener, flow_id, buf_text(&text));
	else
		stage_fault(stage, "it cannot be written");
	buf_fini(&text);
	return is_fine;
}

static bool send_again(struct stage *stage, struct order *order)
{
	bool is_response = sip_text_status(order->agent->sent) != 0;
	struct listener *listener = world_listener(&stage->world, order->agent->party.listener);
	unsigned worker = worker_for_request(stage, order);
	uint64_t flow_id = 0;
	char name[64], method[32];

	if (is_response) {
		sip_text_method(order->agent->sent, method, sizeof(method));
		if (!agent_where(order->agent, method, &flow_id, &worker, name))
			return stage_fault(stage, "there is nothing to answer");
		listener = world_listener(&stage->world, name);
	}
	if (!listener)
		return stage_fault(stage, "no listener");
	return transmit(stage, order, worker, listener, flow_id, order->agent->sent);
}

static bool do_send(struct stage *stage, struct order *order, char *what)
{
	char word[64] = "", rest[1024] = "";
	size_t i;

	if (!stage_read_wishes(what, order->wishes, &order->n_wishes))
		return stage_fault(stage, "too many headers");
	for (i = 0; i < order->n_wishes; i++)
		substitute(stage, order->agent, order->wishes[i].value,
			   sizeof(order->wishes[i].value));
	if (sscanf(what, "%63s %1023[^\n]", word, rest) < 1)
		return stage_fault(stage, "it says nothing");
	if (!strcmp(word, "again"))
		return send_again(stage, order);
	if (word[0] >= '1' && word[0] <= '9')
		return send_response(stage, order, atoi(word), trim(rest));
	return send_request(stage, order, word, trim(rest));
}

/* ---- seeing ---- */

static bool see(struct stage *stage, struct agent *agent, char *what)
{
	const struct received *received = party_first(&agent->party);

	if (!received && !strncmp(what, "100", 3)) {
		world_turn(&stage->world, SIP_TRYING_MS);
		received = party_first(&agent->party);
	}
	if (!strcmp(what, "nothing"))
		return !received || stage_fault(stage, "it got:\n%s", received->text);
	if (!received)
		return stage_fault(stage, "it got nothing");
	if (!stage_check(stage, agent, received->text, what))
		return false;
	agent_learn(agent, received);
	party_take(&agent->party);
	return true;
}

/* ---- behaving ---- */

/* How many messages wait in its inbox. */
static bool holds(struct stage *stage, const struct party *party, const char *rest)
{
	unsigned n = 0, min = 0, max = 0;

	if (sscanf(rest, "%u %u", &min, &max) != 2)
		return stage_fault(stage, "not a range: %s", rest);
	for (const struct list *link = party->inbox.next; link != &party->inbox;
	     link = link->next)
		n++;
	return (n >= min && n <= max) || stage_fault(stage, "it holds %u", n);
}

static bool behave(struct stage *stage, struct agent *agent, const char *word, const char *rest)
{
	struct party *party = &agent->party;

	if (!strcmp(word, "refuses")) {
		party->manner = REFUSES;
	} else if (!strcmp(word, "hangs")) {
		party->manner = HANGS;
	} else if (!strcmp(word, "accepts")) {
		party->manner = ACCEPTS;
	} else if (!strcmp(word, "fails")) {
		party->manner = FAILS;
		party->fails_with = reason_by_code(rest);
		return party->fails_with || stage_fault(stage, "no such reason: %s", rest);
	} else if (!strcmp(word, "closes")) {
		network_close(stage->world.network, party,
			      !strcmp(rest, "old")   ? OLD_CONNECTIONS
			      : !strcmp(rest, "new") ? NEW_CONNECTIONS
						     : ALL_CONNECTIONS);
		world_turn(&stage->world, 0);
	} else if (!strcmp(word, "connects") || !strcmp(word, "leaves")) {
		network_renew(stage->world.network, party, *word == 'l');
	} else if (!strcmp(word, "sees")) {
		party->is_stun_server = true;
		party->sees = (struct addr){ 0 };
		return !strcmp(rest, "nothing") ||
		       addr_parse_port(rest, 0, &party->sees) == ERR_OK ||
		       stage_fault(stage, "not an address: %s", rest);
	} else if (!strcmp(word, "stalls")) {
		network_stall(stage->world.network, party, !strcmp(rest, "always"));
	} else if (!strcmp(word, "reads")) {
		network_read(stage->world.network, party);
	} else if (!strcmp(word, "has")) {
		unsigned n = network_n_connections(stage->world.network, party);

		return n == (unsigned)atoi(rest) || stage_fault(stage, "it has %u", n);
	} else if (!strcmp(word, "reuses")) {
		party->reuses = true;
	} else if (!strcmp(word, "skips")) {
		while (party_first(party)) {
			agent_learn(agent, party_first(party));
			party_take(party);
		}
	} else if (!strcmp(word, "holds")) {
		return holds(stage, party, rest);
	} else if (!strcmp(word, "by")) {
		text_copy(party->listener, sizeof(party->listener), rest);
	} else if (!strcmp(word, "is")) {
		text_copy(agent->user, sizeof(agent->user), rest);
	} else {
		return stage_fault(stage, "nobody can do that: %s", word);
	}
	return true;
}

static struct agent *find_agent(const struct stage *stage, const char *name)
{
	unsigned i;

	for (i = 0; i < stage->n_agents; i++)
		if (!strcmp(stage->agents[i]->party.name, name))
			return stage->agents[i];
	return NULL;
}

bool stage_agent_line(struct stage *stage, char *line)
{
	struct order order = { .worker = -1 };
	char name[64] = "", word[64] = "", *at, *rest;

	if (sscanf(line, "%63s %63s", name, word) != 2)
		return stage_fault(stage, "not a statement");
	rest = strstr(line + strlen(name), word) + strlen(word);
	rest = trim(rest);
	at = strchr(name, '@');
	if (at) {
		*at = '\0';
		order.worker = atoi(at + 1);
	}
	order.agent = find_agent(stage, name);
	if (!order.agent)
		return stage_fault(stage, "nobody is called %s", name);
	if (!strcmp(word, ">"))
		return do_send(stage, &order, rest);
	if (!strcmp(word, "<"))
		return see(stage, order.agent, rest);
	return behave(stage, order.agent, word, rest);
}
