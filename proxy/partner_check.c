#include "proxy/partner_check.h"

#include <stdlib.h>
#include <string.h>

#include "federation/discovered.h"
#include "federation/trust.h"
#include "proxy/base/text.h"
#include "proxy/check_dns.h"
#include "proxy/partner_check_rows.h"
#include "proxy/selfcheck_door.h"
#include "routing/locate.h"

enum { MAX_HOPS = 4 };

struct partner_check {
	struct check_means *means;
	struct snapshot *snapshot; /* counted */
	char domain[256];
	const struct rule *rule; /* its static route; NULL: it is looked for by DNS */
	struct check_rows rows;
	/* of this check alone: nothing is answered out of a cache; NULL: the means' */
	struct dns *dns;
	struct locate *locate;
	struct check_dns search;
	struct hop hops[MAX_HOPS];
	size_t n_hops, next;
	struct check_probe probe;
	struct hop tls_hop;         /* what is tried where plain text found no answer */
	struct check_result plain;  /* that of the plain text */
	struct partner_proof proof; /* of the first server that proved itself */
	struct timer deadline;
	struct loop_call call;
	partner_check_done *done;
	void *user;
};

static struct partner_check *partner_check_free(struct partner_check *check)
{
	locate_cancel(check->locate);
	check_dns_cancel(&check->search);
	check_probe_cancel(&check->means->prober, &check->probe);
	timer_stop(&check->deadline);
	loop_defer_cancel(&check->call);
	dns_free(check->dns);
	identity_unref(check->proof.identity);
	check_rows_fini(&check->rows);
	snapshot_unref(check->snapshot);
	free(check);
	return NULL;
}

struct partner_check *partner_check_cancel(struct partner_check *check)
{
	return check ? partner_check_free(check) : NULL;
}

static void on_over(struct loop_call *call)
{
	struct partner_check *check = container_of(call, struct partner_check, call);

	check->done(check->user, &check->rows);
	partner_check_free(check);
}

static void finish(struct partner_check *check)
{
	timer_stop(&check->deadline);
	loop_defer(check->means->server->loop, &check->call, on_over);
}

static void on_deadline(struct timer *timer)
{
	struct partner_check *check = container_of(timer, struct partner_check, deadline);

	locate_cancel(check->locate);
	check->locate = NULL;
	check_dns_cancel(&check->search);
	check_probe_cancel(&check->means->prober, &check->probe);
	check->rows.is_unknown = check_rows_count(&check->rows, CHECK_FAIL) == 0;
	check_untested(&check->rows, "TIME", "the rest: ten seconds are over");
	finish(check);
}

/* ---- each server in turn ---- */

static void try_next(struct partner_check *check);

static void take_result(struct partner_check *check, const struct check_result *result)
{
	const struct hop *hop = &check->hops[check->next - 1];
	bool is_proved = partner_check_tell_server(&check->rows, check->domain, hop, result,
						   loop_wall_us(check->means->server->loop));

	if (is_proved && !check->proof.is_set) {
		check->proof = (struct partner_proof){ .is_set = true,
						       .transport = hop->transport,
						       .source = hop->remote };
		if (result->identity)
			check->proof.identity = identity_ref(result->identity);
	}
	try_next(check);
}

static void on_tried_tls(struct check_probe *probe, const struct check_result *result)
{
	struct partner_check *check = container_of(probe, struct partner_check, probe);

	check->plain.speaks_tls = result->has_tls && result->look.has_chain;
	take_result(check, &check->plain);
}

/* Who gets plain text at a port for TLS closes it, mostly without a word. */
static void try_tls(struct partner_check *check, const struct check_result *result)
{
	struct check_question question = { .hop = &check->tls_hop,
					   .only_handshake = true,
					   .stage_ms = CHECK_STAGE_MS };

	check->plain = *result; /* there is no identity in it */
	check->tls_hop = check->hops[check->next - 1];
	check->tls_hop.transport = TRANSPORT_TLS;
	check->tls_hop.trust = check->snapshot->tls_trust;
	check->tls_hop.tls_minimum = check->snapshot->settings->tls.minimum;
	question.from = question.to = check->domain;
	check_probe_start(&check->means->prober, &check->probe, &question, on_tried_tls);
}

static void on_probed(struct check_probe *probe, const struct check_result *result)
{
	struct partner_check *check = container_of(probe, struct partner_check, probe);

	if (check->hops[check->next - 1].transport == TRANSPORT_TCP &&
	    result->stage == CHECK_ASK)
		try_tls(check, result);
	else
		take_result(check, result);
}

/* What the domain's SRV record says, as the path of a request would know it. */
static void read_srv(const struct partner_check *check, struct trust_srv *out)
{
	const struct check_dns *search = &check->search;

	out->n = 0;
	out->state = search->n_targets ? TRUST_SRV_FOUND : TRUST_SRV_NONE;
	for (size_t i = 0; i < search->n_targets && i < TRUST_MAX_SRV; i++)
		text_copy(out->targets[out->n++], sizeof(out->targets[0]),
			  search->targets[i].host);
}

static void try_next(struct partner_check *check)
{
	const struct settings *settings = check->snapshot->settings;
	struct check_question question = { .to = check->domain, .stage_ms = CHECK_STAGE_MS };
	struct trust_srv srv;

	if (check->next == check->n_hops) {
		read_srv(check, &srv);
		partner_check_tell_inbound(&check->rows, check->snapshot, check->domain,
					   check->rule, check->rule ? NULL : &srv,
					   &check->proof);
		finish(check);
		return;
	}
	question.hop = &check->hops[check->next++];
	question.from = settings->n_domains ? settings->domains[0].name : question.hop->host;
	check_probe_start(&check->means->prober, &check->probe, &question, on_probed);
}

/* ---- where it is, by its static route ---- */

static void on_located(void *user, enum reason reason, struct hop *hops, size_t n_hops,
		       const char *evidence)
{
	struct partner_check *check = user;

	check->locate = NULL;
	if (n_hops == 0) {
		check_refused(&check->rows, "ADDRESS", reason, "%s", evidence);
		finish(check);
		return;
	}
	check->n_hops = n_hops < MAX_HOPS ? n_hops : MAX_HOPS;
	memcpy(check->hops, hops, check->n_hops * sizeof(*hops));
	partner_check_tell_hops(&check->rows, hops, n_hops, evidence);
	if (n_hops > MAX_HOPS)
		check_untested(&check->rows, "ADDRESS", "%zu further servers are not looked at",
			       n_hops - MAX_HOPS);
	try_next(check);
}

static enum err open_dns(struct partner_check *check)
{
	const struct settings_dns *from = &check->snapshot->settings->dns;
	struct dns_settings settings = { .negative_ttl_ms = from->negative_ttl_ms };
	size_t i;

	if (check->means->dns)
		return ERR_OK;
	for (i = 0; i < from->n_servers && i < COUNT(settings.servers); i++)
		addr_text(&from->servers[i], settings.servers[i]);
	settings.n_servers = (unsigned)i;
	return dns_new(check->means->server->loop, &settings, &check->dns);
}

/* As traffic does it (RFC 3263), but for health: a server that is known to be dead is what one
 * asks about. */
static enum err begin_route(struct partner_check *check)
{
	const struct target target = { .rule = check->rule };
	enum err err = open_dns(check);

	if (err)
		return err;
	check->locate = locate_start(
		check->means->server->loop, check->dns ? check->dns : check->means->dns, NULL,
		NULL, &target, check->snapshot->settings->dns.budget_ms, on_located, check);
	return check->locate ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- where it is, by DNS ---- */

static void add_hops(struct partner_check *check, const struct check_target *target)
{
	const struct snapshot *snapshot = check->snapshot;
	const struct settings_federation *federation = &snapshot->settings->federation;
	struct listener *listener = federation->is_open && federation->listener.index >= 0
					    ? snapshot->listeners[federation->listener.index]
					    : selfcheck_listener(snapshot, 0);

	for (size_t i = 0; i < target->n_addrs && check->n_hops < MAX_HOPS; i++) {
		struct hop *hop = &check->hops[check->n_hops++];

		*hop = (struct hop){ .transport = TRANSPORT_MTLS,
				     .remote = target->addrs[i],
				     .listener = listener,
				     .credentials = listener ? listener->certificates[0] : NULL,
				     .trust = snapshot->tls_trust,
				     .tls_minimum = snapshot->settings->tls.minimum,
				     .peer = check->domain };
		text_copy(hop->host, sizeof(hop->host), target->host);
		hop->names[hop->n_names++] = check->domain;
		if (settings_may_speak(federation, check->domain, target->host))
			hop->names[hop->n_names++] = target->host;
	}
}

static void on_searched(struct check_dns *search)
{
	struct partner_check *check = container_of(search, struct partner_check, search);

	for (size_t i = 0; i < search->n_targets; i++)
		add_hops(check, &search->targets[i]);
	if (check->n_hops == 0) {
		finish(check);
		return;
	}
	partner_check_tell_hops(&check->rows, check->hops, check->n_hops, "");
	try_next(check);
}

static void begin_search(struct partner_check *check)
{
	struct check_dns_settings settings = { .looker = &check->means->looker,
					       .budget_ms = CHECK_DNS_MS,
					       .suggested_host = "",
					       .suggested_addr = "" };

	settings.n_servers = check_resolvers(check->means, check->snapshot, settings.servers,
					     COUNT(settings.servers));
	check_dns_start(&check->search, &settings, check->domain, &check->rows, on_searched);
}

static bool is_blocked(struct partner_check *check)
{
	struct server *server = check->means->server;
	struct discovered_view view;

	if (!discovered_look(server->discovered, check->domain, loop_now_ms(server->loop),
			     &view) ||
	    view.state != DISCOVERED_BLOCKED)
		return false;
	check_refused(&check->rows, "POLICY", REASON_PARTNER_BLOCKED, "blocked: %s", view.note);
	return true;
}

static enum err begin(struct partner_check *check, bool as_if_allowed)
{
	bool may = partner_check_tell_policy(&check->rows, check->snapshot, check->domain,
					     &check->rule);

	timer_start(check->means->server->loop, &check->deadline, CHECK_TOTAL_MS, on_deadline);
	if (may && !check->rule && is_blocked(check))
		may = false;
	if (!may && !as_if_allowed)
		finish(check);
	else if (check->rule)
		return begin_route(check);
	else if (rules_is_local_domain(check->snapshot->rules, check->domain))
		finish(check);
	else
		begin_search(check);
	return ERR_OK;
}

enum err partner_check_start(struct check_means *means, const char *domain, bool as_if_allowed,
			     partner_check_done *done, void *user, struct partner_check **out)
{
	struct partner_check *check = calloc(1, sizeof(*check));
	enum err err;

	if (!check)
		return ERR_NO_MEMORY;
	check->means = means;
	check->done = done;
	check->user = user;
	check->snapshot = snapshot_ref(means->server->snapshot);
	text_copy(check->domain, sizeof(check->domain), domain);
	text_copy(check->rows.subject, sizeof(check->rows.subject), domain);
	err = begin(check, as_if_allowed);
	if (err) {
		partner_check_free(check);
		return err;
	}
	*out = check;
	return ERR_OK;
}
