/* A resolver for tests: it says what its rows say, when they say it. One for a test program;
 * header only, as unit tests link nothing but their floor. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "routing/dns.h"
#include "routing/dns_answer.h"

enum { FAKE_NEVER = UINT32_MAX };

struct fake_record {
	const char *name;
	enum dns_type type;
	enum dns_status status;
	uint32_t delay_ms; /* FAKE_NEVER: the budget passes */
	/* "192.0.2.1 192.0.2.2"; SRV: "10 20 5061 a.example, 20 ..."; NAPTR: "10 20 SIPS+D2T
	 * _sips._tcp.a.example,20 ..." */
	const char *values;
};

struct fake_dns {
	struct loop *loop;
	const struct fake_record *records;
	size_t n;
	unsigned n_asked, n_open;
	char asked[1024]; /* "A a.example;SRV _sip._udp.a.example;" */
	struct list pending;
};

struct fake_pending {
	struct list link;
	struct timer timer;
	struct dns_query *query;
	struct fake_dns *fake;
	struct dns_answer answer;
};

static void fake_end(struct fake_pending *pending)
{
	timer_stop(&pending->timer);
	list_remove(&pending->link);
	pending->fake->n_open--;
}

static void fake_on_timer(struct timer *timer)
{
	struct fake_pending *pending = container_of(timer, struct fake_pending, timer);

	fake_end(pending);
	dns_tell(pending->query, &pending->answer);
	free(pending);
}

static void fake_fill(struct dns_answer *answer, enum dns_type type, const char *values)
{
	unsigned priority, weight, port;
	char word[256];
	int used;

	for (; answer->n < DNS_MAX_RECORDS; values += used) {
		if (type == DNS_SRV) {
			struct dns_srv *srv = &answer->srv[answer->n];
			if (sscanf(values, "%u %u %u %255[^ ,]%n", &priority, &weight, &port,
				   srv->target, &used) < 4)
				return;
			srv->priority = (uint16_t)priority;
			srv->weight = (uint16_t)weight;
			srv->port = (uint16_t)port;
			used += values[used] == ',';
		} else if (type == DNS_NAPTR) {
			struct dns_naptr *naptr = &answer->naptr[answer->n];
			if (sscanf(values, "%u %u %255s %255[^ ,]%n", &priority, &weight, word,
				   naptr->replacement, &used) < 4)
				return;
			naptr->order = (uint16_t)priority;
			naptr->preference = (uint16_t)weight;
			assert_true(dns_answer_service(word, &naptr->service));
			used += values[used] == ',';
		} else {
			if (sscanf(values, "%255s%n", word, &used) < 1)
				return;
			assert_int_equal(addr_parse(word, 0, &answer->addrs[answer->n]),
					 ERR_OK);
		}
		answer->n++;
	}
}

/* What no row says is not there. */
static void fake_ask(void *user, struct dns_query *query, const char *name, enum dns_type type,
		     uint64_t budget_ms)
{
	static const char *const types[] = { "A", "AAAA", "SRV", "NAPTR" };
	struct fake_dns *fake = user;
	struct fake_pending *pending = calloc(1, sizeof(*pending));
	uint64_t delay_ms = 0;

	assert_non_null(pending);
	size_t len = strlen(fake->asked);
	(void)snprintf(fake->asked + len, sizeof(fake->asked) - len, "%s %s;", types[type],
		       name);
	fake->n_asked++;
	fake->n_open++;
	pending->query = query;
	pending->fake = fake;
	pending->answer.status = DNS_NO_NAME;
	for (size_t i = 0; i < fake->n; i++) {
		const struct fake_record *record = &fake->records[i];
		if (record->type != type || strcmp(record->name, name) != 0)
			continue;
		pending->answer.status = record->status;
		delay_ms = record->delay_ms;
		if (record->values)
			fake_fill(&pending->answer, type, record->values);
	}
	if (delay_ms > budget_ms) {
		delay_ms = budget_ms;
		pending->answer.status = DNS_TIMEOUT;
		pending->answer.n = 0;
	}
	list_append(&fake->pending, &pending->link);
	timer_start(fake->loop, &pending->timer, delay_ms, fake_on_timer);
}

static void fake_cancel(void *user, struct dns_query *query)
{
	struct fake_dns *fake = user;
	struct list *link, *next;

	list_for_each(link, next, &fake->pending) {
		struct fake_pending *pending = container_of(link, struct fake_pending, link);
		if (pending->query != query)
			continue;
		fake_end(pending);
		free(pending);
	}
}

static const struct dns_ops fake_dns_ops = { fake_ask, fake_cancel };

/* Makes the resolver of these rows. */
static struct dns *fake_dns_new(struct fake_dns *fake, struct loop *loop,
				const struct fake_record *records, size_t n)
{
	struct dns *dns;

	memset(fake, 0, sizeof(*fake));
	fake->loop = loop;
	fake->records = records;
	fake->n = n;
	list_init(&fake->pending);
	assert_int_equal(dns_new_with(loop, &fake_dns_ops, fake, &dns), ERR_OK);
	return dns;
}
