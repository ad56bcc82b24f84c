#include "nat/nat_detect.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_RTO_MS = 500, /* RFC 8489 §6.2.1, for who knows nothing of the way */
	MIN_RTO_MS = 50,
	TCP_TIMEOUT_MS = 4000,
	N_TESTS = 4, /* that run at once with a server */
};

enum stage { ASKING, CHANGING, DIRECT, TCP, DONE };

struct test {
	struct trial *trial;
	struct stun_query query;
	struct stun_answer *answer; /* where it goes: in the observation */
};

/* One server. */
struct trial {
	struct nat_detect *detect;
	struct nat_observation *seen;
	enum stage stage;
	/* second: for what is asked directly; NULL until then */
	struct stun_client *client, *second;
	struct test tests[N_TESTS];
	unsigned n_running;
	struct stun_patience patience; /* once the way is known */
	struct stun_tcp tcp;
};

struct nat_detect {
	struct loop *loop;
	const struct nat_ways *ways;
	struct addr bind;
	struct nat_observation seen[NAT_MAX_SERVERS];
	struct trial trials[NAT_MAX_SERVERS];
	size_t n;
	/* the last round: the others, from the socket of the first one that answered */
	bool is_across;
	struct test across[NAT_MAX_SERVERS];
	unsigned n_across;
	struct loop_call call;
	void (*on_done)(void *user, const struct nat_observation *observations, size_t n,
			const struct nat_verdict *verdict);
	void *user;
};

static void advance(struct trial *trial);
static void look_across(struct nat_detect *detect);

static void free_all(struct nat_detect *detect)
{
	for (size_t i = 0; i < detect->n; i++) {
		struct trial *trial = &detect->trials[i];

		for (size_t k = 0; k < N_TESTS; k++)
			stun_cancel(&trial->tests[k].query);
		stun_cancel(&detect->across[i].query);
		stun_tcp_cancel(&trial->tcp);
	}
	for (size_t i = 0; i < detect->n; i++) {
		if (detect->trials[i].client)
			detect->ways->close(detect->ways->user, detect->trials[i].client);
		if (detect->trials[i].second)
			detect->ways->close(detect->ways->user, detect->trials[i].second);
	}
	loop_defer_cancel(&detect->call);
	free(detect);
}

struct nat_detect *nat_detect_cancel(struct nat_detect *detect)
{
	if (detect)
		free_all(detect);
	return NULL;
}

static void finish(struct loop_call *call)
{
	struct nat_detect *detect = container_of(call, struct nat_detect, call);
	struct nat_verdict verdict;

	nat_judge(detect->seen, detect->n, &verdict);
	detect->on_done(detect->user, detect->seen, detect->n, &verdict);
	free_all(detect);
}

/* When all servers are through. */
static void check_done(struct nat_detect *detect)
{
	for (size_t i = 0; i < detect->n; i++)
		if (detect->trials[i].stage != DONE)
			return;
	if (!detect->is_across) {
		detect->is_across = true;
		look_across(detect);
	}
	if (detect->n_across == 0)
		loop_defer(detect->loop, &detect->call, finish);
}

static void on_answer(struct stun_query *query, const struct stun_answer *answer)
{
	struct test *test = container_of(query, struct test, query);
	struct trial *trial = test->trial;

	*test->answer = *answer;
	if (--trial->n_running == 0)
		advance(trial);
}

static void ask(struct trial *trial, const struct addr *to, bool change_ip, bool change_port,
		struct stun_answer *answer)
{
	struct test *test = &trial->tests[trial->n_running++];
	const struct stun_question question = { .to = *to,
						.change_ip = change_ip,
						.change_port = change_port,
						.patience = trial->patience };

	test->trial = trial;
	test->answer = answer;
	stun_ask(trial->second ? trial->second : trial->client, &test->query, &question,
		 on_answer);
}

/* RFC 8489 §6.2.1 wants RTO from what was measured; the answer to a repeated request may be
 * that to an earlier one, and seven requests forgive an RTO that is too short. */
static struct stun_patience patience_after(const struct stun_answer *answer)
{
	unsigned rto_ms = 2 * answer->took_ms;

	if (rto_ms < MIN_RTO_MS)
		rto_ms = MIN_RTO_MS;
	if (rto_ms > FIRST_RTO_MS)
		rto_ms = FIRST_RTO_MS;
	return (struct stun_patience){ .rto_ms = rto_ms, .n_requests = 7, .last_wait = 8 };
}

/* Where the server says that it has another address; one that differs in half is of no use (RFC
 * 5780 §7.4). */
static const struct addr *other_of(const struct nat_observation *seen)
{
	const struct addr *other = &seen->first.other;

	if (!addr_is_set(other) || addr_same_host(other, &seen->server) ||
	    addr_port(other) == 0 || addr_port(other) == addr_port(&seen->server) ||
	    addr_is_ipv6(other) != addr_is_ipv6(&seen->server))
		return NULL;
	return other;
}

static void ask_directly(struct trial *trial, const struct addr *other)
{
	struct nat_detect *detect = trial->detect;
	struct nat_observation *seen = trial->seen;
	struct addr other_ip = *other, other_port = seen->server, local;

	if (detect->ways->open(detect->ways->user, detect->loop, &detect->bind, &seen->server,
			       &trial->second, &local)) {
		trial->second = NULL;
		trial->stage = DONE;
		return;
	}
	addr_set_port(&other_ip, addr_port(&seen->server));
	addr_set_port(&other_port, addr_port(other));
	ask(trial, &seen->server, false, false, &seen->again);
	ask(trial, &other_ip, false, false, &seen->at_other_ip);
	ask(trial, other, false, false, &seen->at_other_both);
	ask(trial, &other_port, false, false, &seen->at_other_port);
}

static void on_tcp(struct stun_tcp *tcp)
{
	struct trial *trial = container_of(tcp, struct trial, tcp);

	trial->seen->tcp = tcp->outcome;
	trial->seen->tcp_mapped = tcp->mapped;
	trial->stage = DONE;
	check_done(trial->detect);
}

/* The next stage of a server, when all questions of the one before have ended. */
static void advance(struct trial *trial)
{
	struct nat_detect *detect = trial->detect;
	struct nat_observation *seen = trial->seen;
	const struct addr *other = other_of(seen);

	switch (trial->stage) {
	case ASKING:
		if (seen->first.outcome == STUN_ANSWERED && other) {
			trial->stage = CHANGING;
			trial->patience = patience_after(&seen->first);
			ask(trial, &seen->server, true, true, &seen->change_both);
			ask(trial, &seen->server, false, true, &seen->change_port);
		} else if (seen->first.outcome == STUN_ANSWERED ||
			   seen->first.outcome == STUN_REFUSED) {
			trial->patience = patience_after(&seen->first);
			trial->stage = DONE;
		} else {
			trial->stage = TCP;
			detect->ways->ask_tcp(detect->ways->user, &trial->tcp, detect->loop,
					      &detect->bind, &seen->server, TCP_TIMEOUT_MS,
					      on_tcp);
		}
		break;
	case CHANGING:
		trial->stage = DIRECT;
		ask_directly(trial, other);
		break;
	case DIRECT:
	case TCP:
	case DONE:
		trial->stage = DONE;
		break;
	}
	if (trial->stage == DONE)
		check_done(detect);
}

static void on_across(struct stun_query *query, const struct stun_answer *answer)
{
	struct test *test = container_of(query, struct test, query);
	struct nat_detect *detect = test->trial->detect;

	*test->answer = *answer;
	if (--detect->n_across == 0)
		loop_defer(detect->loop, &detect->call, finish);
}

/* How a second server sees a socket that the first one saw. */
static void look_across(struct nat_detect *detect)
{
	struct trial *first = NULL;

	for (size_t i = 0; i < detect->n; i++) {
		struct trial *trial = &detect->trials[i];
		struct test *test = &detect->across[i];

		if (trial->seen->first.outcome != STUN_ANSWERED)
			continue;
		if (!first) {
			first = trial;
			continue;
		}
		const struct stun_question question = { .to = trial->seen->server,
							.patience = trial->patience };
		test->trial = trial;
		test->answer = &trial->seen->across;
		detect->n_across++;
		stun_ask(first->second ? first->second : first->client, &test->query, &question,
			 on_across);
	}
}

static void begin(struct nat_detect *detect, size_t i, const struct nat_server *server)
{
	struct trial *trial = &detect->trials[i];
	struct nat_observation *seen = &detect->seen[i];

	memcpy(seen->name, server->name, sizeof(seen->name));
	seen->server = server->addr;
	trial->detect = detect;
	trial->seen = seen;
	trial->patience = (struct stun_patience){ .rto_ms = FIRST_RTO_MS,
						  .n_requests = 5,
						  .last_wait = 4 };
	if (detect->ways->open(detect->ways->user, detect->loop, &detect->bind, &server->addr,
			       &trial->client, &seen->local)) {
		trial->client = NULL;
		seen->first.outcome = STUN_UNSENT;
		trial->stage = DONE;
		return;
	}
	ask(trial, &seen->server, false, false, &seen->first);
}

enum err nat_detect_start(struct loop *loop, const struct nat_ways *ways,
			  const struct addr *bind, const struct nat_server *servers, size_t n,
			  void (*on_done)(void *user,
					  const struct nat_observation *observations, size_t n,
					  const struct nat_verdict *verdict),
			  void *user, struct nat_detect **out)
{
	struct nat_detect *detect = calloc(1, sizeof(*detect));

	if (!detect)
		return ERR_NO_MEMORY;
	detect->loop = loop;
	detect->ways = ways;
	detect->bind = *bind;
	detect->on_done = on_done;
	detect->user = user;
	detect->n = n > NAT_MAX_SERVERS ? NAT_MAX_SERVERS : n;
	for (size_t i = 0; i < detect->n; i++)
		begin(detect, i, &servers[i]);
	check_done(detect);
	*out = detect;
	return ERR_OK;
}
