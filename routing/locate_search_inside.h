/* What a search is made of. For locate_search.c, which asks, and locate_found.c, which says
 * what came of it. */
#pragma once

#include "routing/locate_search.h"

enum { LOCATE_MAX_SERVICES = LOCATE_MAX_PLACES };

/* One question under way. */
struct question {
	struct dns_query query;
	struct locate_search *search;
	struct spot *place;
	struct service *service;
	enum dns_status status;
	bool is_asked, is_answered, is_stale, had_cname;
	unsigned n_records;
};

/* Which of what was found for a wish holds. */
enum way { UNDECIDED, BY_NAPTR, BY_SRV, BY_ADDRESS };

struct spot {
	struct locate_place found;
	struct locate_search *search;
	struct question a, aaaa, naptr;
	const struct service *of; /* made from one of its SRV records; NULL: a wish */
	/* Of a wish. */
	const char *service; /* the wish's */
	unsigned choices;
};

/* A name at which SRV records are looked for. */
struct service {
	struct question srv;
	struct spot *wish;
	enum conf_transport transport;
	unsigned rank;    /* within the wish */
	bool is_by_naptr; /* a NAPTR record named it */
	bool has_targets;
};

struct locate_search {
	struct loop *loop;
	struct dns *dns;
	uint64_t end_ms;
	void (*on_found)(void *user);
	void *user;
	struct loop_call call;
	struct timer patience;
	bool is_done, waits_for_naptr;
	struct spot *places[LOCATE_MAX_PLACES];
	size_t n;
	struct service *services[LOCATE_MAX_SERVICES];
	size_t n_services;
};

static inline bool locate_is_waiting(const struct question *question)
{
	return question->is_asked && !question->is_answered;
}

/* How it stands with a wish. What is still asked leaves it undecided, but for NAPTR if that is
 * not waited for, and at the end. *out is the service, for BY_SRV. */
enum way locate_way_of(const struct spot *wish, bool waits_for_naptr, bool is_end,
		       const struct service **out);
/* True if the place is one of those that way leads the wish to. */
bool locate_is_led_to(const struct spot *place, const struct spot *wish, enum way way,
		      const struct service *by);
