#include "routing/locate_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "routing/locate_search_inside.h"
#include "routing/naptr.h"

/* Once every place has an address of one family, the other family's answer is waited for only
 * so long: a resolver that drops AAAA questions must not cost each request its budget (RFC 8305
 * §3). The same of NAPTR, once it is known what holds without it: there are resolvers that do
 * not pass it on. */
enum { OTHER_FAMILY_MS = 100, NAPTR_MS = 500, SERVICE_NAME_SIZE = 300 };

static void on_address(struct dns_query *query, const struct dns_answer *answer);
static void on_srv(struct dns_query *query, const struct dns_answer *answer);
static void on_naptr(struct dns_query *query, const struct dns_answer *answer);

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

static void stop_question(struct question *question)
{
	if (locate_is_waiting(question))
		dns_cancel(&question->query);
}

static void stop_asking(struct locate_search *search)
{
	for (size_t i = 0; i < search->n; i++) {
		stop_question(&search->places[i]->a);
		stop_question(&search->places[i]->aaaa);
		stop_question(&search->places[i]->naptr);
	}
	for (size_t i = 0; i < search->n_services; i++)
		stop_question(&search->services[i]->srv);
}

struct locate_search *locate_search_free(struct locate_search *search)
{
	if (!search)
		return NULL;
	loop_defer_cancel(&search->call);
	timer_stop(&search->patience);
	stop_asking(search);
	for (size_t i = 0; i < search->n; i++)
		free(search->places[i]);
	for (size_t i = 0; i < search->n_services; i++)
		free(search->services[i]);
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

/* Where there is no memory or room for it, the wish goes on without. */
static struct service *add_service(struct spot *wish, enum conf_transport transport)
{
	struct locate_search *search = wish->search;
	struct service *service;

	if (search->n_services == COUNT(search->services))
		return NULL;
	service = calloc(1, sizeof(*service));
	if (!service)
		return NULL;
	service->wish = wish;
	service->transport = transport;
	search->services[search->n_services++] = service;
	return service;
}

/* The transports without NAPTR, in our order: what is configured, then the safest (RFC 3263
 * §4.1). */
static enum err add_services(struct spot *wish)
{
	static const enum conf_transport order[] = { TRANSPORT_MTLS, TRANSPORT_TLS,
						     TRANSPORT_TCP, TRANSPORT_UDP };
	const enum conf_transport first = wish->found.transport;
	unsigned rank = 0;

	if (!add_service(wish, first))
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < COUNT(order); i++) {
		struct service *service;
		if (order[i] == first || !(wish->choices & 1u << order[i]))
			continue;
		service = add_service(wish, order[i]);
		if (!service)
			return ERR_NO_MEMORY;
		service->rank = ++rank;
	}
	return ERR_OK;
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
	place->service = wish->service;
	place->choices = wish->choices | 1u << wish->transport;
	if (!wish->by_srv || place->found.n_addrs > 0)
		return ERR_OK;
	place->naptr.place = wish->by_naptr ? place : NULL;
	return add_services(place);
}

/* ---- asking ---- */

static void ask(struct locate_search *search, struct question *question, const char *name,
		enum dns_type type,
		void (*on_answer)(struct dns_query *query, const struct dns_answer *answer))
{
	uint64_t now_ms = loop_now_ms(search->loop);

	question->search = search;
	question->is_asked = true;
	dns_ask(search->dns, &question->query, name, type,
		search->end_ms > now_ms ? search->end_ms - now_ms : 0, on_answer);
}

static void ask_addresses(struct spot *place)
{
	if (place->found.n_addrs > 0) /* a literal */
		return;
	place->a.place = place->aaaa.place = place;
	ask(place->search, &place->a, place->found.host, DNS_A, on_address);
	ask(place->search, &place->aaaa, place->found.host, DNS_AAAA, on_address);
}

/* name NULL: that of the transport (RFC 3263 §4.2), or the wish's own. */
static void ask_srv(struct service *service, const char *name)
{
	static const char *const prefixes[] = {
		[TRANSPORT_UDP] = "_sip._udp.",
		[TRANSPORT_TCP] = "_sip._tcp.",
		[TRANSPORT_TLS] = "_sips._tcp.",
		[TRANSPORT_MTLS] = "_sips._tcp.",
	};
	const struct spot *wish = service->wish;
	char own[SERVICE_NAME_SIZE];

	if (!name &&
	    (size_t)snprintf(own, sizeof(own), "%s%s",
			     wish->service ? wish->service : prefixes[service->transport],
			     wish->found.host) >= sizeof(own))
		return;
	service->srv.service = service;
	ask(wish->search, &service->srv, name ? name : own, DNS_SRV, on_srv);
}

/* ---- what came ---- */

static void finish(struct locate_search *search)
{
	const struct service *by;

	if (search->is_done)
		return;
	search->is_done = true;
	timer_stop(&search->patience);
	stop_asking(search);
	for (size_t i = 0; i < search->n; i++) {
		struct spot *place = search->places[i];
		struct spot *wish = place->of ? place->of->wish : place;
		enum way way = locate_way_of(wish, false, true, &by);
		if (!locate_is_led_to(place, wish, way, by))
			place->found.n_addrs = 0;
	}
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

/* What is still to come. */
struct outlook {
	bool waits, lacks_address; /* for anything; for what a place needs */
	bool waits_for_naptr;
};

static void look(const struct spot *wish, struct outlook *out)
{
	const struct locate_search *search = wish->search;
	const struct service *by;
	enum way way = locate_way_of(wish, true, false, &by);
	bool has_address = false;

	if (way == UNDECIDED) {
		out->waits = true;
		way = locate_way_of(wish, false, false, &by);
		if (way == UNDECIDED)
			out->lacks_address = true;
		else
			out->waits_for_naptr = true;
	} else {
		has_address = true; /* or never will */
	}
	for (size_t i = 0; i < search->n && way != UNDECIDED; i++) {
		const struct spot *place = search->places[i];
		bool waits_here =
			locate_is_waiting(&place->a) || locate_is_waiting(&place->aaaa);
		if (!locate_is_led_to(place, wish, way, by))
			continue;
		out->waits |= waits_here;
		out->lacks_address |= waits_here && place->found.n_addrs == 0;
		has_address |= place->found.n_addrs > 0;
	}
	out->lacks_address |= !has_address;
}

static void go_on(struct locate_search *search)
{
	struct outlook outlook = { 0 };

	for (size_t i = 0; i < search->n; i++)
		if (!search->places[i]->of)
			look(search->places[i], &outlook);
	if (!outlook.waits) {
		finish(search);
	} else if (outlook.lacks_address) {
		timer_stop(&search->patience);
	} else if (!timer_is_running(&search->patience) ||
		   outlook.waits_for_naptr != search->waits_for_naptr) {
		search->waits_for_naptr = outlook.waits_for_naptr;
		timer_start(search->loop, &search->patience,
			    outlook.waits_for_naptr ? NAPTR_MS : OTHER_FAMILY_MS, on_patience);
	}
}

void locate_search_start(struct locate_search *search)
{
	const size_t n_services = search->n_services;
	bool waits = false;

	for (size_t i = 0; i < search->n; i++) {
		struct spot *place = search->places[i];
		if (place->naptr.place)
			ask(search, &place->naptr, place->found.host, DNS_NAPTR, on_naptr);
		if (!place->service)
			ask_addresses(place);
		waits |= place->a.is_asked;
	}
	for (size_t i = 0; i < n_services; i++) {
		ask_srv(search->services[i], NULL);
		waits |= search->services[i]->srv.is_asked;
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

/* The targets become places of their own; their questions begin now. */
static void on_srv(struct dns_query *query, const struct dns_answer *answer)
{
	struct question *question = take_answer(query, answer);
	struct service *service = question->service;
	struct locate_place like = service->wish->found;

	like.transport = service->transport;
	like.rank = service->rank;
	for (size_t i = 0; answer->status == DNS_FOUND && i < answer->n; i++) {
		const struct dns_srv *srv = &answer->srv[i];
		struct spot *target =
			add_place(question->search, &like, srv->target, srv->port);
		if (!target)
			break;
		target->of = service;
		target->found.priority = srv->priority;
		target->found.weight = srv->weight;
		service->has_targets = true;
		ask_addresses(target);
	}
	go_on(question->search);
}

static void on_naptr(struct dns_query *query, const struct dns_answer *answer)
{
	struct question *question = take_answer(query, answer);
	struct spot *wish = container_of(question, struct spot, naptr);
	struct naptr_choice choices[NAPTR_MAX_CHOICES];
	size_t n = naptr_choose(answer, wish->choices, choices);

	for (size_t i = 0; i < n; i++) {
		struct service *service = add_service(wish, choices[i].transport);
		if (!service)
			break;
		service->is_by_naptr = true;
		service->rank = (unsigned)i;
		ask_srv(service, choices[i].replacement);
	}
	go_on(question->search);
}
