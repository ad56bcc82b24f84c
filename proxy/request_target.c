#include "proxy/request_target.h"

#include <string.h>

#include "federation/screen.h"
#include "proxy/base/macros.h"

bool request_makes_dialog(const char *method)
{
	static const char *const no_dialog[] = { "MESSAGE", "PUBLISH", "OPTIONS", "REGISTER",
						 "INFO",    "BYE",     "PRACK",   "ACK" };
	size_t i;

	for (i = 0; i < COUNT(no_dialog); i++)
		if (method[0] == no_dialog[i][0] && !strcmp(method, no_dialog[i]))
			return false;
	return true;
}

enum reason request_check_services(struct request *request, const struct rule *rule)
{
	const enum screen_way way = request->is_inside_dialog ? SCREEN_DIALOG : SCREEN_OUT;
	const char *what = "";

	if (request->is_ack || screen_is_open(rule->route, way))
		return REASON_NONE;
	if (screen_check(rule->route, way, screen_services(request->msg), &what) == REASON_NONE)
		return REASON_NONE;
	decision_add(&request->decision, "screen", "services", &rule->route->place,
		     "%s is not sent to %.80s", what, rule->id);
	return REASON_SERVICE_NOT_ALLOWED;
}

void request_add_target(struct request *request, const struct rule *rule)
{
	aim_set(&request->aims[request->n_targets], AIM_ROUTE, 0);
	target_set_rule(&request->targets[request->n_targets++], rule);
	if (request->n_targets > 1)
		return;
	decision_set(&request->decision, DECISION_DESTINATION, rule->id);
	request->decision.is_found = rule->federation != NULL;
}

const struct place *request_place_of(const struct rule *rule)
{
	return rule->route ? &rule->route->place : rule->backend ? &rule->backend->place : NULL;
}

bool request_is_server_of(const struct rule *rule, const struct target *target)
{
	struct addr addr;
	size_t i;

	if (rule->route && !strcmp(rule->route->domain, target->host))
		return true;
	for (i = 0; i < rule->n_servers; i++) {
		const struct rule_server *server = &rule->servers[i];

		if (!strcmp(server->host, target->host))
			return true;
		if (addr_is_set(&server->addr) && !addr_parse(target->host, 0, &addr) &&
		    addr_same_host(&server->addr, &addr))
			return true;
	}
	return false;
}

bool request_is_tls_only(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < rule->n_servers; i++)
		if (rule->servers[i].transport != TRANSPORT_TLS &&
		    rule->servers[i].transport != TRANSPORT_MTLS)
			return false;
	return true;
}

bool request_may_follow(const struct rule *rule, const struct target *target)
{
	struct addr addr;

	if (request_is_tls_only(rule))
		return true;
	return !addr_parse(target->host, 0, &addr) && !addr_is_private(&addr);
}
