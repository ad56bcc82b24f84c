#include "proxy/base/text.h"
#include "routing/locate_search_inside.h"

enum way locate_way_of(const struct spot *wish, bool waits_for_naptr, bool is_end,
		       const struct service **out)
{
	const struct locate_search *search = wish->search;
	bool has_targets = false;

	*out = NULL;
	if (waits_for_naptr && locate_is_waiting(&wish->naptr))
		return UNDECIDED;
	for (size_t i = 0; i < search->n_services; i++) {
		const struct service *service = search->services[i];
		if (service->wish != wish || !service->is_by_naptr)
			continue;
		if (waits_for_naptr && locate_is_waiting(&service->srv))
			return UNDECIDED;
		has_targets |= service->has_targets;
	}
	if (has_targets)
		return BY_NAPTR;
	for (size_t i = 0; i < search->n_services; i++) { /* they stand in their order */
		const struct service *service = search->services[i];
		if (service->wish != wish || service->is_by_naptr)
			continue;
		if (!is_end && locate_is_waiting(&service->srv))
			return UNDECIDED;
		*out = service;
		if (service->has_targets)
			return BY_SRV;
	}
	return BY_ADDRESS;
}

bool locate_is_led_to(const struct spot *place, const struct spot *wish, enum way way,
		      const struct service *by)
{
	if (!place->of)
		return place == wish && way == BY_ADDRESS;
	if (place->of->wish != wish)
		return false;
	return place->of->is_by_naptr ? way == BY_NAPTR : way == BY_SRV && place->of == by;
}

size_t locate_search_n_targets(const struct locate_search *search)
{
	size_t n = 0;

	for (size_t i = 0; i < search->n; i++)
		n += search->places[i]->of != NULL;
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

/* Who asked for it has an answer already, or nobody waited for it any more. */
static enum dns_status outcome(const struct question *question, bool is_settled)
{
	if (!question->is_asked || (is_settled && !question->is_answered))
		return DNS_FOUND;
	return question->is_answered ? question->status : DNS_TIMEOUT;
}

static enum dns_status worse(enum dns_status a, enum dns_status b)
{
	return a > b ? a : b; /* they are in that order */
}

enum dns_status locate_search_worst(const struct locate_search *search)
{
	enum dns_status worst = DNS_FOUND;
	const struct service *by;

	for (size_t i = 0; i < search->n; i++) {
		const struct spot *place = search->places[i];
		const struct spot *wish = place->of ? place->of->wish : place;
		const enum way way = locate_way_of(wish, false, true, &by);
		const bool has_address = place->found.n_addrs > 0;

		if (!place->of)
			worst = worse(worst,
				      outcome(&place->naptr, way != BY_ADDRESS || has_address));
		if (!locate_is_led_to(place, wish, way, by))
			continue;
		worst = worse(worst, outcome(&place->a, has_address));
		worst = worse(worst, outcome(&place->aaaa, has_address));
	}
	for (size_t i = 0; i < search->n_services; i++)
		if (locate_way_of(search->services[i]->wish, false, true, &by) == BY_ADDRESS)
			worst = worse(worst, outcome(&search->services[i]->srv, false));
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

/* The SRV questions of the way that was taken, and of those that led nowhere before it. */
static void tell_services(const struct spot *wish, enum way way, const struct service *by,
			  struct buf *out)
{
	const struct locate_search *search = wish->search;

	for (size_t i = 0; i < search->n_services; i++) {
		const struct service *service = search->services[i];
		if (service->wish != wish || (way == BY_NAPTR && !service->is_by_naptr))
			continue;
		tell_question(&service->srv, "SRV", out);
		if (way == BY_SRV && service == by)
			break;
	}
}

static void tell_place(const struct spot *place, struct buf *out)
{
	const struct spot *wish = place->of ? place->of->wish : place;
	const struct service *by;
	const enum way way = locate_way_of(wish, false, true, &by);
	char text[ADDR_TEXT_SIZE];

	if (place->of && !locate_is_led_to(place, wish, way, by))
		return;
	buf_printf(out, "%s%s", out->len ? "; " : "", place->found.host);
	if (!place->of) {
		tell_question(&place->naptr, "NAPTR", out);
		tell_services(place, way, by, out);
		if (way != BY_ADDRESS)
			return;
	}
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
