#include "routing/locate_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"

/* Once every place has an address of one family, the other family's answer is waited for only
 * so long: a resolver that drops AAAA questions must not cost each request its budget (RFC 8305
 * §3). */
enum { OTHER_FAMILY_MS = 100 };

/* One question under way. */
struct question {
	struct dns_query query;
	struct locate_search *search;
	struct spot *place;
	enum dns_status status;
	bool is_asked, is_answered, is_stale, had_cname;
	unsigned n_records;
};

struct spot {
	struct locate_place found;
	struct locate_search *search;
	struct question a, aaaa, srv;
	const char *service; /* the wish's */
	bool has_srv;   /* SRV records were found: they are the places, and not this */
	bool is_target; /* made from an SRV record */
};

struct locate_search {
	struct loop *loop;
	struct dns *dns;
	uint64_t end_ms;
	void (*on_found)(void *user);
	void *user;
	struct loop_call call;
	struct timer patience;
	bool is_done;
	struct spot *places[LOCATE_MAX_PLACES];
	size_t n;
};

static void on_address(struct dns_query *query, const struct dns_answer *answer);
static void on_srv(struct dns_query *query, const struct dns_answer *answer);

struct locate_search *locate_search_new(struct loop *loop, struct dns *dns, uint64_t budget_ms,
					void (*on_found)(void *user), void *user)
{
	struct locate_search *search = calloc(1, sizeof(*search));
	if (!search)
		return NULL;
	search->loop = loop;
	search->dns = dns;
	search->end_ms = loop_now_ms(loop) + budget_ms;
	search->on_found = on_found;
	search->user = user;
	return search;
}

static void stop_asking(struct spot *place)
{
	struct question *questions[] = { &place->a, &place->aaaa, &place->srv };

	for (size_t i = 0; i < COUNT(questions); i++)
		if (questions[i]->is_asked && !questions[i]->is_answered)
			dns_cancel(&questions[i]->query);
}

struct locate_search *locate_search_free(struct locate_search *search)
{
	if (!search)
		return NULL;
	loop_defer_cancel(&search->call);
	timer_stop(&search->patience);
	for (size_t i = 0; i < search->n; i++) {
		stop_asking(search->places[i]);
		free(search->places[i]);
	}
	free(search);
	return NULL;
}

static uint16_t preset_port(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS ? 5061 : 5060;
}

/* NULL: no memory, or no place left. */
static struct spot *add_place(struct locate_search *search, const struct locate_place *like,
			      const char *host, uint16_t port)
{
	if (search->n == COUNT(search->places))
		return NULL;
	struct spot *place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->found = *like;
	place->found.n_addrs = 0;
	place->found.port = port ? port : preset_port(like->transport);
	text_copy(place->found.host, sizeof(place->found.host), host);
	place->search = search;
	if (addr_parse(host, 0, &place->found.addrs[0]) == ERR_OK)
		place->found.n_addrs = 1;
	search->places[search->n++] = place;
	return place;
}

static void ask(struct spot *place, struct question *question, const char *name,
		enum dns_type type)
{
	struct locate_search *search = place->search;
	uint64_t now_ms = loop_now_ms(search->loop);

	question->search = search;
	question->place = place;
	question->is_asked = true;
	dns_ask(search->dns, &question->query, name, type,
		search->end_ms > now_ms ? search->end_ms - now_ms : 0,
		type == DNS_SRV ? on_srv : on_address);
}

static void ask_addresses(struct spot *place)
{
	if (place->found.n_addrs > 0) /* a literal */
		return;
	ask(place, &place->a, place->found.host, DNS_A);
	ask(place, &place->aaaa, place->found.host, DNS_AAAA);
}

/* RFC 3263 §4.2. */
static bool srv_name(char *out, size_t size, const struct spot *place)
{
	static const char *const prefixes[] = {
		[TRANSPORT_UDP] = "_sip._udp.",
		[TRANSPORT_TCP] = "_sip._tcp.",
		[TRANSPORT_TLS] = "_sips._tcp.",
		[TRANSPORT_MTLS] = "_sips._tcp.",
	};

	return (size_t)snprintf(out, size, "%s%s",
				place->service ? place->service : prefixes[place->found.transport],
				place->found.host) < size;
}

enum err locate_search_add(struct locate_search *search, const struct locate_wish *wish)
{
	struct locate_place like = { .group = wish->group,
				     .transport = wish->transport,
				     .configured_host = wish->host };

	if (search->n == COUNT(search->places))
		return ERR_OK;
	struct spot *place = add_place(search, &like, wish->host, wish->port);
	if (!place)
		return ERR_NO_MEMORY;
	place->srv.place = wish->by_srv && place->found.n_addrs == 0 ? place : NULL;
	place->service = wish->service;
	return ERR_OK;
}

static bool is_waiting(const struct question *question)
{
	return question->is_asked && !question->is_answered;
}

static void finish(struct locate_search *search)
{
	if (search->is_done)
		return;
	search->is_done = true;
	timer_stop(&search->patience);
	for (size_t i = 0; i < search->n; i++)
		stop_asking(search->places[i]);
	search->on_found(search->user);
}

static void on_call(struct loop_call *call)
{
	finish(container_of(call, struct locate_search, call));
}

static void on_patience(struct timer *timer)
{
	finish(container_of(timer, struct locate_search, patience));
}

/* How far it is: whether any question is open, and whether any place has nothing at all yet. */
static void go_on(struct locate_search *search)
{
	bool waits = false, lacks_address = false;

	for (size_t i = 0; i < search->n; i++) {
		const struct spot *place = search->places[i];
		bool waits_here = is_waiting(&place->a) || is_waiting(&place->aaaa);
		if (place->has_srv)
			continue;
		waits |= waits_here || is_waiting(&place->srv);
		lacks_address |=
			is_waiting(&place->srv) || (waits_here && place->found.n_addrs == 0);
	}
	if (!waits)
		finish(search);
	else if (!lacks_address && !timer_is_running(&search->patience))
		timer_start(search->loop, &search->patience, OTHER_FAMILY_MS, on_patience);
	else if (lacks_address)
		timer_stop(&search->patience);
}

void locate_search_start(struct locate_search *search)
{
	bool waits = false;
	char name[300];

	for (size_t i = 0; i < search->n; i++) {
		struct spot *place = search->places[i];
		if (place->srv.place && srv_name(name, sizeof(name), place))
			ask(place, &place->srv, name, DNS_SRV);
		if (!place->service)
			ask_addresses(place);
		waits |= place->a.is_asked || place->srv.is_asked;
	}
	if (!waits)
		loop_defer(search->loop, &search->call, on_call);
}

static struct question *take_answer(struct dns_query *query, const struct dns_answer *answer)
{
	struct question *question = container_of(query, struct question, query);

	question->is_answered = true;
	question->status = answer->status;
	question->is_stale = answer->is_stale;
	question->had_cname = answer->had_cname;
	question->n_records = (unsigned)answer->n;
	return question;
}

static void on_address(struct dns_query *query, const struct dns_answer *answer)
{
	struct question *question = take_answer(query, answer);
	struct locate_place *found = &question->place->found;

	for (size_t i = 0; answer->status == DNS_FOUND && i < answer->n &&
			   found->n_addrs < COUNT(found->addrs);
	     i++)
		found->addrs[found->n_addrs++] = answer->addrs[i];
	go_on(question->search);
}

/* The targets become places of their own; their questions begin now. Without any, the name's
 * own addresses will do. */
static void on_srv(struct dns_query *query, const struct dns_answer *answer)
{
	struct question *question = take_answer(query, answer);
	struct spot *place = question->place;

	for (size_t i = 0; answer->status == DNS_FOUND && i < answer->n; i++) {
		const struct dns_srv *srv = &answer->srv[i];
		struct spot *target =
			add_place(question->search, &place->found, srv->target, srv->port);
		if (!target)
			break;
		target->is_target = true;
		target->found.priority = srv->priority;
		target->found.weight = srv->weight;
		place->has_srv = true;
		ask_addresses(target);
	}
	if (place->has_srv) {
		stop_asking(place);
		place->found.n_addrs = 0;
	}
	go_on(question->search);
}

size_t locate_search_n_targets(const struct locate_search *search)
{
	size_t n = 0;

	for (size_t i = 0; i < search->n; i++)
		n += search->places[i]->is_target;
	return n;
}

size_t locate_search_n_places(const struct locate_search *search)
{
	return search->n;
}

const struct locate_place *locate_search_place(const struct locate_search *search, size_t i)
{
	return &search->places[i]->found;
}

/* What was not answered in time is a timeout, unless nobody waited for it any more. */
static enum dns_status outcome(const struct question *question, const struct spot *spot)
{
	if (!question->is_asked || spot->has_srv)
		return DNS_FOUND;
	if (question->is_answered)
		return question->status;
	return spot->found.n_addrs > 0 ? DNS_FOUND : DNS_TIMEOUT;
}

enum dns_status locate_search_worst(const struct locate_search *search)
{
	enum dns_status worst = DNS_FOUND;

	for (size_t i = 0; i < search->n; i++) {
		const struct spot *place = search->places[i];
		const struct question *questions[] = { &place->srv, &place->a, &place->aaaa };
		for (size_t k = 0; k < COUNT(questions); k++) {
			enum dns_status status = outcome(questions[k], place);
			if (status > worst) /* they are in that order */
				worst = status;
		}
	}
	return worst;
}

static void tell_question(const struct question *question, const char *type, struct buf *out)
{
	if (!question->is_answered)
		return;
	if (question->status == DNS_FOUND)
		buf_printf(out, " %s %u%s%s", type, question->n_records,
			   question->is_stale ? " (stale)" : "",
			   question->had_cname ? " (CNAME)" : "");
	else
		buf_printf(out, " %s %s", type, dns_status_text(question->status));
}

static void tell_place(const struct spot *place, struct buf *out)
{
	char text[ADDR_TEXT_SIZE];

	buf_printf(out, "%s%s", out->len ? "; " : "", place->found.host);
	tell_question(&place->srv, "SRV", out);
	if (place->has_srv)
		return;
	tell_question(&place->a, "A", out);
	tell_question(&place->aaaa, "AAAA", out);
	for (size_t i = 0; place->a.is_asked && i < place->found.n_addrs; i++)
		buf_printf(out, "%s%s", i ? ", " : ": ",
			   addr_host(&place->found.addrs[i], text));
}

void locate_search_tell(const struct locate_search *search, struct buf *out)
{
	for (size_t i = 0; i < search->n; i++)
		tell_place(search->places[i], out);
}
