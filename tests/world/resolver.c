#include "tests/world/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "routing/dns_answer.h"
#include "tests/world/faults.h"

enum { MAX_RECORDS = 64, TTL_S = 60 };

struct record {
	char name[256];
	enum dns_type type;
	enum dns_status status;
	bool hangs;
	struct addr addr;
	struct dns_srv srv;
	struct dns_naptr naptr;
};

struct resolver {
	struct loop *loop;
	struct record records[MAX_RECORDS];
	unsigned n_records, n_asked;
	struct list pending;
};

/* A question that was asked and not answered yet. */
struct question {
	struct list link;
	struct resolver *resolver;
	struct dns_query *query;
	enum dns_type type;
	char name[256];
	struct loop_call call;
	struct timer timer;
};

struct resolver *resolver_new(struct loop *loop)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return NULL;
	resolver->loop = loop;
	list_init(&resolver->pending);
	return resolver;
}

static void question_free(struct question *question)
{
	list_remove(&question->link);
	loop_defer_cancel(&question->call);
	timer_stop(&question->timer);
	free(question);
}

struct resolver *resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return NULL;
	while (!list_is_empty(&resolver->pending))
		question_free(container_of(resolver->pending.next, struct question, link));
	free(resolver);
	return NULL;
}

static void answer(struct question *question, const struct dns_answer *answer)
{
	struct dns_query *query = question->query;

	question_free(question);
	faults_resume();
	dns_tell(query, answer);
	faults_pause();
}

static void on_call(struct loop_call *call)
{
	struct question *question = container_of(call, struct question, call);
	const struct resolver *resolver = question->resolver;
	struct dns_answer found = { .status = DNS_NO_NAME, .ttl_s = TTL_S };
	unsigned i;

	faults_pause();
	for (i = 0; i < resolver->n_records && found.n < DNS_MAX_RECORDS; i++) {
		const struct record *record = &resolver->records[i];

		if (strcmp(record->name, question->name))
			continue;
		if (record->type != question->type) {
			if (found.status == DNS_NO_NAME)
				found.status = DNS_NO_RECORD;
			continue;
		}
		found.status = record->status;
		if (record->status != DNS_FOUND)
			break;
		if (record->type == DNS_SRV)
			found.srv[found.n++] = record->srv;
		else if (record->type == DNS_NAPTR)
			found.naptr[found.n++] = record->naptr;
		else
			found.addrs[found.n++] = record->addr;
	}
	answer(question, &found);
	faults_resume();
}

static void on_timer(struct timer *timer)
{
	faults_pause();
	answer(container_of(timer, struct question, timer),
	       &(struct dns_answer){ .status = DNS_TIMEOUT });
	faults_resume();
}

static bool hangs(const struct resolver *resolver, const char *name, enum dns_type type)
{
	unsigned i;

	for (i = 0; i < resolver->n_records; i++)
		if (resolver->records[i].hangs && resolver->records[i].type == type &&
		    !strcmp(resolver->records[i].name, name))
			return true;
	return false;
}

static void ask(void *user, struct dns_query *query, const char *name, enum dns_type type,
		uint64_t budget_ms)
{
	struct resolver *resolver = user;
	struct question *question;

	faults_pause();
	question = calloc(1, sizeof(*question));
	if (!question)
		abort();
	question->resolver = resolver;
	question->query = query;
	question->type = type;
	text_copy(question->name, sizeof(question->name), name);
	list_append(&resolver->pending, &question->link);
	resolver->n_asked++;
	if (hangs(resolver, name, type))
		timer_start(resolver->loop, &question->timer, budget_ms, on_timer);
	else
		loop_defer(resolver->loop, &question->call, on_call);
	faults_resume();
}

static void cancel(void *user, struct dns_query *query)
{
	struct resolver *resolver = user;
	struct list *link, *following;

	list_for_each(link, following, &resolver->pending) {
		struct question *question = container_of(link, struct question, link);

		if (question->query == query)
			question_free(question);
	}
}

struct dns *resolver_open(struct resolver *resolver)
{
	static const struct dns_ops ops = { .ask = ask, .cancel = cancel };
	struct dns *dns = NULL;

	return dns_new_with(resolver->loop, &ops, resolver, &dns) ? NULL : dns;
}

static bool read_type(const char *text, enum dns_type *out)
{
	static const char *const words[] = {
		[DNS_A] = "A", [DNS_AAAA] = "AAAA", [DNS_SRV] = "SRV", [DNS_NAPTR] = "NAPTR"
	};
	size_t i;

	for (i = 0; i < COUNT(words); i++)
		if (!strcmp(words[i], text)) {
			*out = (enum dns_type)i;
			return true;
		}
	return false;
}

static bool read_naptr(const char *text, struct dns_naptr *out)
{
	char service[16];

	return sscanf(text, "%hu %hu %15s %255s", &out->order, &out->preference, service,
		      out->replacement) == 4 &&
	       dns_answer_service(service, &out->service);
}

static bool read_data(const char *text, struct record *out)
{
	switch (out->type) {
	case DNS_A:
	case DNS_AAAA:
		return !addr_parse(text, 0, &out->addr);
	case DNS_SRV:
		return sscanf(text, "%hu %hu %hu %255s", &out->srv.priority, &out->srv.weight,
			      &out->srv.port, out->srv.target) == 4;
	case DNS_NAPTR:
		return read_naptr(text, &out->naptr);
	}
	return false;
}

bool resolver_add(struct resolver *resolver, const char *name, const char *type,
		  const char *data)
{
	struct record record = { .status = DNS_FOUND };

	if (resolver->n_records == MAX_RECORDS ||
	    !text_copy(record.name, sizeof(record.name), name) ||
	    !read_type(type, &record.type))
		return false;
	if (!strcmp(data, "fails"))
		record.status = DNS_SERVER_FAILED;
	else if (!strcmp(data, "nothing"))
		record.status = DNS_NO_RECORD;
	else if (!strcmp(data, "hangs"))
		record.hangs = true;
	else if (!read_data(data, &record))
		return false;
	resolver->records[resolver->n_records++] = record;
	return true;
}

void resolver_forget(struct resolver *resolver, const char *name)
{
	unsigned i = 0;

	while (i < resolver->n_records) {
		if (strcmp(resolver->records[i].name, name))
			i++;
		else
			resolver->records[i] = resolver->records[--resolver->n_records];
	}
}

void resolver_clear(struct resolver *resolver)
{
	resolver->n_records = 0;
}

unsigned resolver_n_asked(const struct resolver *resolver)
{
	return resolver->n_asked;
}
