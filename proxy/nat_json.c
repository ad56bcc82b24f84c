#include "proxy/nat_json.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/json_text.h"
#include "proxy/status_problem.h"

static const char *addr_or_none(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
	return addr_is_set(addr) ? addr_text(addr, text) : "";
}

static const char *host_or_none(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
	return addr_is_set(addr) ? addr_host(addr, text) : "";
}

static const char *time_or_none(uint64_t wall_us, char text[32])
{
	return wall_us ? text_time(wall_us, text) : "";
}

/* ---- public addresses ---- */

static void note_address(const struct settings_listener *listener,
			 const struct public_view *view, json_t *problems)
{
	char where[80];

	snprintf(where, sizeof(where), "listener %.64s", listener->name);
	if (view->state == PUBLIC_LOST)
		status_problem(
			problems, "public-address-lost", "warning", where,
			"no STUN server answers any more: a changed public address would not be noticed",
			"you",
			"`nuncio nat` shows who was asked; see whether UDP goes out, and name further servers in "
			"nat.stun_servers.");
	else if (view->state == PUBLIC_UNKNOWN && view->lost_us)
		status_problem(
			problems, "public-address-unknown", "error", where,
			"advertise: stun, and no STUN server has answered: the address of this host is advertised",
			"you",
			"`nuncio nat` shows who was asked; name servers that answer in nat.stun_servers, or write the "
			"address into advertise:.");
}

static json_t *addresses_to_json(struct server *server, json_t *problems)
{
	const struct settings *settings = server->snapshot->settings;
	json_t *array = json_array();

	for (size_t i = 0; array && i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];
		struct public_view view = { 0 };
		char text[ADDR_TEXT_SIZE], heard[32], changed[32];
		json_t *former;

		if (!listener->advertises_stun || !listener->is_enabled)
			continue;
		/* else it is unknown yet */
		(void)public_addresses_look(server->public_addresses, listener->name, &view);
		if (problems)
			note_address(listener, &view, problems);
		former = json_array();
		for (unsigned k = 0; k < view.n_former; k++)
			json_array_append_new(former,
					      json_string(addr_text(&view.former[k], text)));
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:i, s:o}",
					 "listener", listener->name, "network",
					 conf_network_text(listener->network), "state",
					 public_state_text(view.state), "address",
					 addr_or_none(&view.addr, text), "server",
					 json_text(view.server), "checked",
					 time_or_none(view.heard_us, heard), "changed",
					 time_or_none(view.changed_us, changed), "changes",
					 (int)view.n_changes, "former", former));
	}
	return array;
}

/* ---- the kind of NAT ---- */

static json_t *answer_to_json(const struct stun_answer *answer)
{
	char from[ADDR_TEXT_SIZE], mapped[ADDR_TEXT_SIZE];

	return json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:i}", "outcome", stun_outcome_text(answer->outcome),
		"from", addr_or_none(&answer->from, from), "mapped",
		addr_or_none(&answer->mapped, mapped), "error", (int)answer->error_code,
		"requests", (int)answer->n_sent, "took_ms", (int)answer->took_ms);
}

static json_t *observation_to_json(const struct nat_observation *seen)
{
	const struct {
		const char *key;
		const struct stun_answer *answer;
	} rows[] = {
		{ "plain", &seen->first },
		{ "change_address_and_port", &seen->change_both },
		{ "change_port", &seen->change_port },
		{ "from_second_socket", &seen->again },
		{ "to_other_address", &seen->at_other_ip },
		{ "to_other_address_and_port", &seen->at_other_both },
		{ "to_other_port", &seen->at_other_port },
		{ "from_socket_of_first", &seen->across },
	};
	char server[ADDR_TEXT_SIZE], local[ADDR_TEXT_SIZE], other[ADDR_TEXT_SIZE];
	json_t *object = json_pack("{s:o, s:s, s:s, s:s, s:s}", "name", json_text(seen->name),
				   "address", addr_or_none(&seen->server, server), "local",
				   addr_or_none(&seen->local, local), "other",
				   addr_or_none(&seen->first.other, other), "tcp",
				   stun_tcp_text(seen->tcp));
	json_t *tests = json_array();

	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *test;

		if (rows[i].answer->outcome == STUN_NOT_ASKED)
			continue;
		test = answer_to_json(rows[i].answer);
		json_object_set_new(test, "test", json_string(rows[i].key));
		json_array_append_new(tests, test);
	}
	json_object_set_new(object, "tests", tests);
	return object;
}

static json_t *report_to_json(const struct nat_report *report)
{
	const struct nat_verdict *verdict = &report->verdict;
	char address[ADDR_TEXT_SIZE], looked[32];

	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s}", "detecting",
			 report->is_running, "type", nat_type_text(verdict->type), "mapping",
			 nat_behaviour_text(verdict->mapping), "filtering",
			 nat_behaviour_text(verdict->filtering), "confidence",
			 nat_confidence_text(verdict->confidence), "inconclusive",
			 verdict->is_inconclusive, "behind_nat", verdict->is_behind_nat,
			 "address", host_or_none(&verdict->address, address), "reason",
			 report->ended_us ? verdict->reason : "nobody looked yet", "looked",
			 time_or_none(report->ended_us, looked));
}

json_t *nat_summary_to_json(struct server *server, json_t *problems)
{
	struct nat_report report;
	json_t *object;

	nat_record_look(server->nat_record, &report);
	object = report_to_json(&report);
	json_object_set_new(object, "addresses", addresses_to_json(server, problems));
	return object;
}

json_t *nat_to_json(struct server *server)
{
	json_t *problems = json_array(), *object, *servers = json_array();
	struct nat_report report;

	nat_record_look(server->nat_record, &report);
	object = report_to_json(&report);
	for (size_t i = 0; i < report.n_observations; i++)
		json_array_append_new(servers, observation_to_json(&report.observations[i]));
	json_object_set_new(object, "addresses", addresses_to_json(server, problems));
	json_object_set_new(object, "servers", servers);
	return json_pack("{s:i, s:b, s:o, s:o}", "version", 1, "ok",
			 json_array_size(problems) == 0, "problems", problems, "nat", object);
}
