#include "proxy/check_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/check_dns_text.h"

enum { SLOW_MS = 1000, DNS_PORT = 53, MAX_LISTED = 4 };

/* ---- the record ---- */

static bool tells(const struct dns_look_answer *answer)
{
	return answer->status == DNS_FOUND || answer->status == DNS_NO_NAME ||
	       answer->status == DNS_NO_RECORD;
}

/* The first answer with a record, else the first that tells anything, else the first. */
static size_t pick_best(const struct check_dns *dns)
{
	size_t best = 0;
	bool has_telling = false;

	for (size_t i = 0; i < dns->settings.n_servers; i++) {
		const struct dns_look_answer *answer = dns->srv[i].answer;

		if (answer->status == DNS_FOUND)
			return i;
		if (tells(answer) && !has_telling) {
			best = i;
			has_telling = true;
		}
	}
	return best;
}

static bool has_record(const struct dns_look_answer *answer, const struct dns_srv *srv)
{
	for (size_t i = 0; i < answer->n; i++) {
		const struct dns_srv *other = &answer->srv[i];

		if (other->priority == srv->priority && other->weight == srv->weight &&
		    other->port == srv->port && strcmp(other->target, srv->target) == 0)
			return true;
	}
	return false;
}

static bool agree(const struct dns_look_answer *a, const struct dns_look_answer *b)
{
	if (a->status != b->status || a->n != b->n || a->is_none != b->is_none)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!has_record(b, &a->srv[i]))
			return false;
	return true;
}

/* Failures of one resolver. It is a failure of the domain only if nobody knows better. */
static void judge_failure(struct check_dns *dns, size_t i, bool somebody_tells)
{
	const struct dns_look_answer *answer = dns->srv[i].answer;
	const enum check_state state = somebody_tells ? CHECK_WARN : CHECK_FAIL;
	enum check_code code = CHECK_DNS_SERVFAIL;
	char server[ADDR_TEXT_SIZE];

	check_dns_server(&dns->settings.servers[i], server);
	if (answer->status == DNS_TIMEOUT)
		code = CHECK_DNS_TIMEOUT;
	else if (answer->is_refused)
		code = CHECK_DNS_REFUSED;
	else if (answer->is_unreachable)
		code = CHECK_DNS_UNREACHABLE;
	check_fault(dns->rows, state, code, NULL, "%s %s %s", server,
		    code == CHECK_DNS_SERVFAIL  ? "answers SERVFAIL for"
		    : code == CHECK_DNS_REFUSED ? "answers REFUSED for"
		    : code == CHECK_DNS_TIMEOUT ? "does not answer for"
						: "cannot be reached for",
		    dns->domain);
	if (code == CHECK_DNS_TIMEOUT)
		check_took(dns->rows, answer->took_ms);
}

static void judge_transport(struct check_dns *dns, size_t i)
{
	const struct dns_look_answer *answer = dns->srv[i].answer;
	char server[ADDR_TEXT_SIZE];

	check_dns_server(&dns->settings.servers[i], server);
	if (answer->tcp_failed)
		check_fault(dns->rows, CHECK_FAIL, CHECK_DNS_NO_TCP, NULL,
			    "%s cuts the answer by UDP and does not answer by TCP", server);
	else if (answer->was_cut)
		check_fault(dns->rows, CHECK_WARN, CHECK_DNS_CUT, NULL,
			    "%s cuts the answer by UDP (%u records); by TCP it is whole",
			    server, answer->n_records);
	if (answer->took_ms >= SLOW_MS) {
		check_fault(dns->rows, CHECK_WARN, CHECK_DNS_SLOW, NULL, "%s answers late",
			    server);
		check_took(dns->rows, answer->took_ms);
	}
}

/* Who says the same as the best, and who does not. */
static void judge_others(struct check_dns *dns, struct buf *agreeing)
{
	const struct dns_look_answer *best = dns->srv[dns->best].answer;
	unsigned n = 0;

	for (size_t i = 0; i < dns->settings.n_servers; i++) {
		const struct dns_look_answer *answer = dns->srv[i].answer;
		char server[ADDR_TEXT_SIZE], first[ADDR_TEXT_SIZE];
		struct buf said;

		check_dns_server(&dns->settings.servers[i], server);
		if (!tells(answer)) {
			judge_failure(dns, i, tells(best));
			continue;
		}
		judge_transport(dns, i);
		if (agree(best, answer)) {
			buf_printf(agreeing, "%s%s", n++ ? ", " : "", server);
			continue;
		}
		buf_init(&said, 0);
		check_dns_describe(answer, &said);
		check_fault(dns->rows, CHECK_WARN, CHECK_DNS_DISAGREE, NULL,
			    "%s says %s; %s says otherwise", server, buf_text(&said),
			    check_dns_server(&dns->settings.servers[dns->best], first));
		buf_fini(&said);
	}
	if (n > 1)
		buf_puts(agreeing, " agree");
}

/* A resolver that lives, and found the zone broken: that is known then. */
static bool has_servfail(const struct check_dns *dns)
{
	for (size_t i = 0; i < dns->settings.n_servers; i++) {
		const struct dns_look_answer *answer = dns->srv[i].answer;

		if (answer->status == DNS_SERVER_FAILED && !answer->is_refused &&
		    !answer->is_unreachable)
			return true;
	}
	return false;
}

static void judge_missing(struct check_dns *dns, const char *agreeing)
{
	const struct dns_look_answer *best = dns->srv[dns->best].answer;
	struct buf said, remedy;

	if (!tells(best)) {
		dns->rows->is_unknown = !has_servfail(dns);
		check_untested(dns->rows, "SRV", "no resolver told anything of %s.%s",
			       check_dns_service, dns->domain);
		return;
	}
	buf_init(&said, 0);
	buf_init(&remedy, 0);
	check_dns_describe(best, &said);
	check_dns_suggest_srv(dns, &remedy);
	check_fault(dns->rows, CHECK_FAIL, best->is_none ? CHECK_SRV_NONE : CHECK_SRV_MISSING,
		    buf_text(&remedy), "%s -> %s (%s)", check_dns_service, buf_text(&said),
		    agreeing);
	buf_fini(&said);
	buf_fini(&remedy);
}

/* Best first (RFC 2782): by priority, and among those by weight, so that the order is the same
 * each time; each host and port once. */
static void pick_targets(struct check_dns *dns, unsigned *out_n_left)
{
	const struct dns_look_answer *best = dns->srv[dns->best].answer;
	bool is_taken[DNS_LOOK_MAX_RECORDS] = { false };

	*out_n_left = 0;
	for (size_t round = 0; round < best->n; round++) {
		const struct dns_srv *first = NULL;
		bool is_known = false;
		size_t at = 0;

		for (size_t i = 0; i < best->n; i++) {
			const struct dns_srv *srv = &best->srv[i];

			if (is_taken[i] || (first && (srv->priority > first->priority ||
						      (srv->priority == first->priority &&
						       srv->weight <= first->weight))))
				continue;
			first = srv;
			at = i;
		}
		is_taken[at] = true;
		for (size_t i = 0; i < dns->n_targets; i++)
			is_known |= dns->targets[i].port == first->port &&
				    strcmp(dns->targets[i].host, first->target) == 0;
		if (is_known)
			continue;
		if (dns->n_targets == CHECK_MAX_TARGETS) {
			(*out_n_left)++;
			continue;
		}
		struct check_target *target = &dns->targets[dns->n_targets++];
		*target = (struct check_target){ .port = first->port };
		text_copy(target->host, sizeof(target->host), first->target);
		target->is_outside = !text_domain_holds(dns->domain, target->host);
	}
}

static void judge_targets(struct check_dns *dns)
{
	const struct dns_look_answer *best = dns->srv[dns->best].answer;
	struct buf remedy;
	unsigned n_left;

	if (best->n_records > DNS_MAX_RECORDS)
		check_fault(dns->rows, CHECK_WARN, CHECK_SRV_MANY, NULL, "%u records",
			    best->n_records);
	pick_targets(dns, &n_left);
	for (size_t i = 0; i < dns->n_targets; i++) {
		if (!dns->targets[i].is_outside)
			continue;
		buf_init(&remedy, 0);
		check_dns_suggest_srv(dns, &remedy);
		check_fault(dns->rows, dns->rows->is_ours ? CHECK_FAIL : CHECK_WARN,
			    CHECK_SRV_OUTSIDE, buf_text(&remedy), "%s is not in %s",
			    dns->targets[i].host, dns->domain);
		buf_fini(&remedy);
	}
	if (n_left > 0)
		check_untested(dns->rows, "ADDRESS",
			       "%u further hosts of the record are not looked at", n_left);
}

/* ---- the addresses ---- */

static void take_addresses(struct check_target *target, const struct dns_look_answer *answer)
{
	for (size_t i = 0; i < answer->n && target->n_addrs < CHECK_MAX_ADDRESSES; i++) {
		target->addrs[target->n_addrs] = answer->addrs[i];
		addr_set_port(&target->addrs[target->n_addrs++], target->port);
	}
}

static void judge_alias(struct check_dns *dns, const struct check_target *target,
			const char *alias)
{
	struct buf remedy;

	buf_init(&remedy, 0);
	check_dns_suggest_address(dns, target->host, &remedy);
	check_fault(dns->rows, CHECK_FAIL, CHECK_SRV_CNAME, buf_text(&remedy),
		    "%s is a CNAME of %s", target->host, alias);
	buf_fini(&remedy);
}

static void judge_no_address(struct check_dns *dns, const struct check_target *target,
			     const struct dns_look_answer *a)
{
	struct buf remedy, said;

	buf_init(&remedy, 0);
	buf_init(&said, 0);
	check_dns_suggest_address(dns, target->host, &remedy);
	check_dns_describe(a, &said);
	if (tells(a))
		check_fault(dns->rows, CHECK_FAIL, CHECK_ADDRESS_MISSING, buf_text(&remedy),
			    "%s has neither A nor AAAA (%s)", target->host, buf_text(&said));
	else
		check_fault(dns->rows, CHECK_FAIL,
			    a->status == DNS_TIMEOUT ? CHECK_DNS_TIMEOUT : CHECK_DNS_SERVFAIL,
			    NULL, "the address of %s: %s", target->host, buf_text(&said));
	buf_fini(&said);
	buf_fini(&remedy);
}

static void judge_addresses(struct check_dns *dns, size_t i)
{
	struct check_target *target = &dns->targets[i];
	const struct dns_look_answer *a = dns->a[i].answer, *aaaa = dns->aaaa[i].answer;
	const char *alias = a->alias[0] ? a->alias : aaaa->alias;

	take_addresses(target, a);
	take_addresses(target, aaaa);
	if (*alias)
		judge_alias(dns, target, alias);
	if (target->n_addrs == 0)
		judge_no_address(dns, target, a);
	else if (a->n == 0)
		check_fault(dns->rows, CHECK_WARN, CHECK_ADDRESS_IPV6_ONLY, NULL,
			    "%s has AAAA only", target->host);
}

static void on_finished(struct loop_call *call)
{
	struct check_dns *dns = container_of(call, struct check_dns, call);

	dns->on_end(dns);
}

static void finish(struct check_dns *dns)
{
	loop_defer(dns->settings.looker->loop, &dns->call, on_finished);
}

static bool take_answer(struct dns_look *look, const struct dns_look_answer *answer)
{
	struct asked *asked = container_of(look, struct asked, look);

	asked->answer = malloc(sizeof(*answer));
	if (asked->answer)
		*asked->answer = *answer;
	else
		asked->dns->rows->err = ERR_NO_MEMORY;
	return --asked->dns->n_left == 0;
}

static void on_address(struct dns_look *look, const struct dns_look_answer *answer)
{
	struct check_dns *dns = container_of(look, struct asked, look)->dns;

	if (!take_answer(look, answer))
		return;
	for (size_t i = 0; i < dns->n_targets && !dns->rows->err; i++)
		judge_addresses(dns, i);
	finish(dns);
}

static void ask(struct check_dns *dns, struct asked *asked, const struct addr *server,
		const char *name, enum dns_type type,
		void (*on_answer)(struct dns_look *look, const struct dns_look_answer *answer))
{
	asked->dns = dns;
	dns->n_left++;
	dns_look_start(dns->settings.looker, &asked->look, server, name, type,
		       dns->settings.budget_ms, on_answer);
}

static void ask_addresses(struct check_dns *dns)
{
	const struct addr *server = &dns->settings.servers[dns->best];

	for (size_t i = 0; i < dns->n_targets; i++) {
		ask(dns, &dns->a[i], server, dns->targets[i].host, DNS_A, on_address);
		ask(dns, &dns->aaaa[i], server, dns->targets[i].host, DNS_AAAA, on_address);
	}
}

static void judge_srv(struct check_dns *dns)
{
	const struct dns_look_answer *best;
	struct buf agreeing, said;

	dns->best = pick_best(dns);
	best = dns->srv[dns->best].answer;
	buf_init(&agreeing, 0);
	judge_others(dns, &agreeing);
	if (best->status != DNS_FOUND || best->is_none) {
		judge_missing(dns, buf_text(&agreeing));
		buf_fini(&agreeing);
		return;
	}
	buf_init(&said, 0);
	check_dns_describe(best, &said);
	check_ok(dns->rows, "SRV", "%s -> %s; ttl %u (%s)", check_dns_service, buf_text(&said),
		 best->ttl_s, buf_text(&agreeing));
	check_took(dns->rows, best->took_ms);
	buf_fini(&said);
	buf_fini(&agreeing);
	if (dns->settings.n_servers == 1)
		check_untested(dns->rows, "SRV",
			       "only one resolver was asked: a second one under "
			       "dns.servers, a public one, would show what others see");
	judge_targets(dns);
}

static void on_srv(struct dns_look *look, const struct dns_look_answer *answer)
{
	struct check_dns *dns = container_of(look, struct asked, look)->dns;

	if (!take_answer(look, answer))
		return;
	if (!dns->rows->err)
		judge_srv(dns);
	if (dns->n_targets > 0)
		ask_addresses(dns);
	else
		finish(dns);
}

void check_dns_start(struct check_dns *dns, const struct check_dns_settings *settings,
		     const char *domain, struct check_rows *rows,
		     void (*on_end)(struct check_dns *dns))
{
	char name[300];

	memset(dns, 0, sizeof(*dns));
	dns->settings = *settings;
	text_copy(dns->domain, sizeof(dns->domain), domain);
	dns->rows = rows;
	dns->on_end = on_end;
	snprintf(name, sizeof(name), "%s.%s", check_dns_service, domain);
	if (settings->n_servers == 0) {
		rows->is_unknown = true;
		check_untested(
			rows, "SRV",
			"there is no resolver: neither dns.servers nor resolv.conf names one");
		finish(dns);
		return;
	}
	for (size_t i = 0; i < settings->n_servers; i++)
		ask(dns, &dns->srv[i], &settings->servers[i], name, DNS_SRV, on_srv);
}

static void drop(struct asked *asked, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		dns_look_cancel(&asked[i].look);
		free(asked[i].answer);
		asked[i].answer = NULL;
	}
}

void check_dns_cancel(struct check_dns *dns)
{
	drop(dns->srv, COUNT(dns->srv));
	drop(dns->a, COUNT(dns->a));
	drop(dns->aaaa, COUNT(dns->aaaa));
	loop_defer_cancel(&dns->call);
}
