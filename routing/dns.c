#include "routing/dns.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/counter.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "routing/dns_answer.h"
#include "routing/dns_cache.h"
#include "routing/dns_channel.h"
#include "routing/dns_hosts.h"

enum { PATIENCE_MS = 1800 }; /* with a stale answer at hand nobody waits longer: RFC 8767 §5 */

struct dns {
	struct loop *loop;
	const struct dns_ops *ops; /* tests; NULL: the network */
	void *user;
	struct dns_settings settings;
	struct dns_channel *channel;
	struct dns_hosts *hosts;
	struct counters *counters;
	struct dns_cache *cache;
	bool is_closing;
};

static const struct dns_answer failed = { .status = DNS_SERVER_FAILED };

static void on_channel_answer(void *user, void *question, enum dns_status status,
			      const unsigned char *bytes, size_t len, bool is_closing);

static enum err open_channel(struct dns *dns, struct dns_channel **out)
{
	return dns_channel_new(dns->loop, &dns->settings, on_channel_answer, dns, out);
}

static enum err make(struct loop *loop, struct dns **out)
{
	struct dns *dns = calloc(1, sizeof(*dns));
	if (!dns)
		return ERR_NO_MEMORY;
	dns->loop = loop;
	*out = dns;
	return ERR_OK;
}

enum err dns_new(struct loop *loop, const struct dns_settings *settings, struct dns **out)
{
	struct dns *dns;

	enum err err = make(loop, &dns);
	if (err != ERR_OK)
		return err;
	dns->settings = *settings;
	dns->hosts = dns_hosts_read("/etc/hosts");
	err = dns->hosts ? dns_cache_new(&dns->cache) : ERR_NO_MEMORY;
	if (err == ERR_OK)
		err = open_channel(dns, &dns->channel);
	if (err != ERR_OK) {
		dns_free(dns);
		return err;
	}
	*out = dns;
	return ERR_OK;
}

enum err dns_new_with(struct loop *loop, const struct dns_ops *ops, void *user,
		      struct dns **out)
{
	enum err err = make(loop, out);

	if (err == ERR_OK) {
		(*out)->ops = ops;
		(*out)->user = user;
	}
	return err;
}

struct dns *dns_free(struct dns *dns)
{
	if (!dns)
		return NULL;
	dns->is_closing = true;
	dns->channel = dns_channel_free(dns->channel); /* tells who still waits */
	dns_cache_free(dns->cache);
	dns_hosts_free(dns->hosts);
	free(dns);
	return NULL;
}

void dns_set_counters(struct dns *dns, struct counters *counters)
{
	dns->counters = counters;
}

const char *dns_status_text(enum dns_status status)
{
	switch (status) {
	case DNS_FOUND:
		return "found";
	case DNS_NO_NAME:
		return "no such name";
	case DNS_NO_RECORD:
		return "no record";
	case DNS_SERVER_FAILED:
		return "server failed";
	case DNS_TIMEOUT:
		return "timeout";
	}
	return "?";
}

void dns_tell(struct dns_query *query, const struct dns_answer *answer)
{
	query->is_active = false;
	query->on_answer(query, answer);
}

static void on_call(struct loop_call *call)
{
	struct dns_query *query = container_of(call, struct dns_query, call);
	struct dns_answer *answer = query->answer;

	query->answer = NULL;
	dns_tell(query, answer ? answer : &failed);
	free(answer); /* query may be gone */
}

/* From here on the query knows nothing of us any more: it waits for the loop alone. */
static void tell_later(struct dns *dns, struct dns_query *query,
		       const struct dns_answer *answer)
{
	list_remove(&query->link);
	timer_stop(&query->deadline);
	query->dns = NULL;
	query->answer = dns_cache_copy(answer, query->type);
	loop_defer(dns->loop, &query->call, on_call);
}

static void tell_status(struct dns *dns, struct dns_query *query, enum dns_status status)
{
	struct dns_answer answer = { .status = status };

	tell_later(dns, query, &answer);
}

static void tell_cached(struct dns *dns, struct dns_query *query,
			const struct dns_cache_entry *entry)
{
	uint64_t now_ms = loop_now_ms(dns->loop);

	tell_later(dns, query, entry->answer);
	if (!query->answer)
		return;
	query->answer->is_stale = now_ms >= entry->fresh_until_ms;
	query->answer->ttl_s = query->answer->is_stale
				       ? 0
				       : (uint32_t)((entry->fresh_until_ms - now_ms) / 1000);
}

static void count(struct dns *dns, const struct dns_cache_entry *entry, enum dns_status status)
{
	static const char *const types[] = { "A", "AAAA", "SRV", "NAPTR" };
	static const unsigned results[] = { COUNTER_DNS_OK, COUNTER_DNS_NXDOMAIN,
					    COUNTER_DNS_NODATA, COUNTER_DNS_SERVFAIL,
					    COUNTER_DNS_TIMEOUT };
	uint64_t took_ms = loop_now_ms(dns->loop) - entry->asked_at_ms;

	if (dns->counters) {
		counter_add2(dns->counters, COUNTER_DNS_QUERIES, (unsigned)entry->type,
			     results[status], 1);
		counter_observe(dns->counters, COUNTER_DNS_DURATION, (unsigned)entry->type,
				took_ms * 1000);
	}
	if (log_traces(LOG_TRACE_DNS)) {
		char took[32];
		log_trace(LOG_TRACE_DNS, "dns answer", "", 0, "name", entry->name, "type",
			  types[entry->type], "status", dns_status_text(status), "took",
			  text_duration(took_ms, took), NULL);
	}
}

/* The question has ended: everybody who waits is told, from the loop. */
static void settle(struct dns *dns, struct dns_cache_entry *entry,
		   const struct dns_answer *answer)
{
	bool has_failed = answer->status == DNS_SERVER_FAILED || answer->status == DNS_TIMEOUT;

	entry->is_asking = false;
	count(dns, entry, answer->status);
	dns_cache_keep(entry, answer, dns->settings.negative_ttl_ms, loop_now_ms(dns->loop));
	bool use_stale = has_failed && dns_cache_has_stale(entry, loop_now_ms(dns->loop));
	while (!list_is_empty(&entry->waiting)) {
		struct dns_query *query =
			container_of(entry->waiting.next, struct dns_query, link);
		if (use_stale)
			tell_cached(dns, query, entry);
		else
			tell_later(dns, query, answer);
	}
	if (!entry->answer || (has_failed && !use_stale))
		dns_cache_drop(dns->cache, entry);
}

static void ask(struct dns *dns, struct dns_cache_entry *entry)
{
	entry->is_asking = true;
	entry->asked_at_ms = loop_now_ms(dns->loop);
	dns_channel_ask(dns->channel, entry->name, entry->type, entry);
}

static void on_channel_answer(void *user, void *question, enum dns_status status,
			      const unsigned char *bytes, size_t len, bool is_closing)
{
	struct dns *dns = user;
	struct dns_cache_entry *entry = question;
	struct dns_answer answer = { .status = status };

	if (is_closing && !dns->is_closing) { /* the servers were changed */
		ask(dns, entry);
		return;
	}
	if (status == DNS_FOUND)
		dns_answer_read(bytes, len, entry->type, &answer);
	settle(dns, entry, &answer);
}

static void on_deadline(struct timer *timer)
{
	struct dns_query *query = container_of(timer, struct dns_query, deadline);
	struct dns *dns = query->dns;
	const struct dns_cache_entry *entry =
		dns_cache_find(dns->cache, query->name, query->type);

	/* The question goes on: its answer is kept for the next one. */
	if (entry && dns_cache_has_stale(entry, loop_now_ms(dns->loop)))
		tell_cached(dns, query, entry);
	else
		tell_status(dns, query, DNS_TIMEOUT);
}

/* What is known without the cache: literals and the hosts file. */
static bool tell_known(struct dns *dns, struct dns_query *query)
{
	struct dns_answer answer = { .status = DNS_NO_RECORD };
	struct addr addr;

	if (addr_parse(query->name, 0, &addr) == ERR_OK) {
		if ((query->type == DNS_A || query->type == DNS_AAAA) &&
		    addr_is_ipv6(&addr) == (query->type == DNS_AAAA)) {
			answer.status = DNS_FOUND;
			answer.ttl_s = DNS_MAX_TTL_S;
			answer.addrs[answer.n++] = addr;
		}
		tell_later(dns, query, &answer);
		return true;
	}
	if (!dns_hosts_find(dns->hosts, query->name, query->type, &answer))
		return false;
	tell_later(dns, query, &answer);
	return true;
}

static void look_up(struct dns *dns, struct dns_query *query, uint64_t budget_ms)
{
	uint64_t now_ms = loop_now_ms(dns->loop);
	struct dns_cache_entry *entry = dns_cache_take(dns->cache, query->name, query->type);

	if (!entry) {
		tell_status(dns, query, DNS_SERVER_FAILED);
		return;
	}
	bool has_stale = dns_cache_has_stale(entry, now_ms);
	if (dns_cache_is_fresh(entry, now_ms) || (has_stale && now_ms < entry->retry_at_ms)) {
		tell_cached(dns, query, entry);
		return;
	}
	list_append(&entry->waiting, &query->link);
	timer_start(dns->loop, &query->deadline,
		    has_stale && budget_ms > PATIENCE_MS ? PATIENCE_MS : budget_ms,
		    on_deadline);
	if (!entry->is_asking)
		ask(dns, entry); /* may settle it at once */
}

void dns_ask(struct dns *dns, struct dns_query *query, const char *name, enum dns_type type,
	     uint64_t budget_ms,
	     void (*on_answer)(struct dns_query *query, const struct dns_answer *answer))
{
	memset(query, 0, sizeof(*query));
	list_init(&query->link);
	query->type = type;
	query->on_answer = on_answer;
	query->is_active = true;
	query->dns = dns;
	bool is_name = text_domain(name, query->name, sizeof(query->name));

	if (dns->ops)
		dns->ops->ask(dns->user, query, is_name ? query->name : name, type, budget_ms);
	else if (!is_name)
		tell_status(dns, query, DNS_NO_NAME);
	else if (!tell_known(dns, query))
		look_up(dns, query, budget_ms);
}

bool dns_peek(struct dns *dns, const char *name, enum dns_type type, struct dns_answer *out)
{
	const struct dns_cache_entry *entry;
	struct dns_answer *copy;
	char normal[256];

	if (dns->ops || !text_domain(name, normal, sizeof(normal)))
		return false;
	entry = dns_cache_find(dns->cache, normal, type);
	if (!entry || !entry->answer || !dns_cache_is_fresh(entry, loop_now_ms(dns->loop)))
		return false;
	/* The cache keeps no more of an answer than its records need. */
	copy = dns_cache_copy(entry->answer, type);
	if (!copy)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out, copy,
	       offsetof(struct dns_answer, addrs) + copy->n * dns_cache_record_bytes(type));
	free(copy);
	return true;
}

void dns_cancel(struct dns_query *query)
{
	if (!query->is_active)
		return;
	struct dns *dns = query->dns;
	if (dns && dns->ops)
		dns->ops->cancel(dns->user, query);
	query->is_active = false;
	list_remove(&query->link);
	timer_stop(&query->deadline);
	loop_defer_cancel(&query->call);
	free(query->answer);
	query->answer = NULL;
}

static bool same_servers(const struct dns_settings *a, const struct dns_settings *b)
{
	if (a->n_servers != b->n_servers || a->n_servers == 0)
		return false; /* the system's may have changed */
	for (unsigned i = 0; i < a->n_servers; i++)
		if (strcmp(a->servers[i], b->servers[i]) != 0)
			return false;
	return true;
}

enum err dns_change(struct dns *dns, const struct dns_settings *settings)
{
	struct dns_settings old_settings = dns->settings;
	struct dns_channel *fresh, *old = dns->channel;

	if (dns->ops)
		return ERR_OK;
	dns->settings = *settings;
	if (same_servers(&old_settings, settings))
		return ERR_OK;
	enum err err = open_channel(dns, &fresh);
	if (err != ERR_OK) {
		dns->settings = old_settings;
		return err;
	}
	dns->channel = fresh;
	dns_channel_free(old); /* its questions are asked anew */

	struct dns_hosts *hosts = dns_hosts_read("/etc/hosts");
	if (hosts) {
		dns_hosts_free(dns->hosts);
		dns->hosts = hosts;
	}
	return ERR_OK;
}
