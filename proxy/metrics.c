#include "proxy/metrics.h"

#include <stdio.h>
#include <string.h>

#include "conf/host.h"
#include "proxy/base/buf.h"
#include "proxy/base/log.h"
#include "proxy/peer_view.h"
#include "proxy/status_media.h"

/* So many partners have series of their own, and those that are down come first; so many have
 * numbers of their traffic. A page of ten thousand partners is to stay below two thousand
 * series. */
enum { MAX_PARTNERS = 400, MAX_COUNTED = 150, MAX_FOUND = 50 };

struct page {
	struct buf *buf;
	struct server *server;
	struct peer_views *views;
	bool is_openmetrics, has_rest;
	struct discovered_traffic found[MAX_FOUND], rest; /* of open federation */
	size_t n_found;
};

static void print_one(const struct page *page, enum counter counter, double value)
{
	counter_print_head(page->buf, counter, page->is_openmetrics);
	counter_print_sample(page->buf, counter, NULL, value);
}

static void print_reloads(const struct page *page)
{
	const struct server *server = page->server;
	const struct {
		const char *result;
		uint64_t n;
	} rows[] = {
		{ "applied", server->n_reloads_applied },
		{ "rejected", server->n_reloads_rejected },
		{ "unchanged", server->n_reloads_unchanged },
		{ "reverted", server->n_reloads_reverted },
	};

	print_one(page, COUNTER_CONFIG_LAST_RELOAD_SUCCESSFUL,
		  server->last_reload_ok || server->last_reload_wall_us == 0);
	print_one(page, COUNTER_CONFIG_LAST_RELOAD_TIMESTAMP,
		  (double)(server->snapshot->loaded_wall_us / 1000000));
	print_one(page, COUNTER_CONFIG_WARNINGS, server->snapshot->n_warnings);
	counter_print_head(page->buf, COUNTER_CONFIG_RELOADS, page->is_openmetrics);
	for (size_t i = 0; i < COUNT(rows); i++)
		counter_print_sample(page->buf, COUNTER_CONFIG_RELOADS, &rows[i].result,
				     (double)rows[i].n);
}

static void print_listeners(const struct page *page)
{
	const struct snapshot *snapshot = page->server->snapshot;

	counter_print_head(page->buf, COUNTER_LISTENER_UP, page->is_openmetrics);
	for (size_t i = 0; i < snapshot->settings->n_listeners; i++) {
		const struct settings_listener *listener = &snapshot->settings->listeners[i];
		const char *values[] = { listener->name,
					 conf_transport_text(listener->transport) };

		counter_print_sample(page->buf, COUNTER_LISTENER_UP, values,
				     snapshot->listeners[i] &&
					     host_has(&snapshot->listeners[i]->addr));
	}
}

static void print_public_addresses(const struct page *page)
{
	const struct snapshot *snapshot = page->server->snapshot;

	counter_print_head(page->buf, COUNTER_PUBLIC_ADDRESS_CHANGES, page->is_openmetrics);
	for (size_t i = 0; i < snapshot->settings->n_listeners; i++) {
		const struct settings_listener *listener = &snapshot->settings->listeners[i];
		struct public_view view;

		if (listener->advertises_stun &&
		    public_addresses_look(page->server->public_addresses, listener->name,
					  &view))
			counter_print_sample(page->buf, COUNTER_PUBLIC_ADDRESS_CHANGES,
					     &listener->name, view.n_changes);
	}
}

static void print_certificates(const struct page *page)
{
	const struct snapshot *snapshot = page->server->snapshot;

	counter_print_head(page->buf, COUNTER_CERTIFICATE_NOT_AFTER, page->is_openmetrics);
	for (size_t i = 0; i < snapshot->settings->n_certificates; i++) {
		counter_print_sample(
			page->buf, COUNTER_CERTIFICATE_NOT_AFTER,
			&snapshot->settings->certificates[i].name,
			(double)credentials_not_after(snapshot->credentials[i], NULL));
	}
}

static void print_peer(const struct page *page, enum counter counter, const char *name,
		       const struct peer_view *view)
{
	uint64_t now_ms = loop_now_ms(page->server->loop),
		 wall_us = loop_wall_us(page->server->loop);

	if (counter != COUNTER_PARTNER_LAST_SEEN)
		counter_print_sample(page->buf, counter, &name, view->state == PEER_UP);
	else
		counter_print_sample(page->buf, counter, &name,
				     (double)(wall_us / 1000 - (now_ms - view->last_seen_ms)) /
					     1000);
}

/* Partners or backends; what was never tried is neither up nor down and has no sample. */
static void print_peers(const struct page *page, enum counter counter, bool is_backends)
{
	const struct rules *rules = page->server->snapshot->rules;
	unsigned n = 0;

	counter_print_head(page->buf, counter, page->is_openmetrics);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < rules_count(rules) && n < MAX_PARTNERS; i++) {
			const struct rule *rule = rules_at(rules, i);
			struct peer_view view;

			if ((rule->backend != NULL) != is_backends)
				continue;
			peer_views_look(page->views, rule, &view);
			if (view.state == PEER_OFF || view.state == PEER_UNKNOWN ||
			    (view.state == PEER_DOWN) != (pass == 0) ||
			    (counter == COUNTER_PARTNER_LAST_SEEN && view.last_seen_ms == 0))
				continue;
			print_peer(page, counter,
				   is_backends ? rule->backend->name : rule->route->domain,
				   &view);
			n++;
		}
	}
}

/* The families of one number, and that of failures, which has one for each reason. */
static void print_stat(const struct page *page, enum counter counter, const char *name,
		       const struct peer_stat *stat)
{
	const char *values[] = { name, "received" };

	switch (counter) {
	case COUNTER_PARTNER_REQUESTS:
		counter_print_sample(page->buf, counter, values, (double)stat->n_received);
		values[1] = "sent";
		counter_print_sample(page->buf, counter, values, (double)stat->n_sent);
		break;
	case COUNTER_PARTNER_CONNECTIONS:
		values[1] = "inbound";
		counter_print_sample(page->buf, counter, values, stat->n_inbound);
		values[1] = "outbound";
		counter_print_sample(page->buf, counter, values, stat->n_outbound);
		break;
	case COUNTER_PARTNER_CERTIFICATE_NOT_AFTER:
		if (stat->certificate_not_after)
			counter_print_sample(page->buf, counter, values,
					     (double)stat->certificate_not_after);
		break;
	case COUNTER_PARTNER_PROBE_DURATION:
		if (stat->probe_us)
			counter_print_sample(page->buf, counter, values,
					     (double)stat->probe_us / 1000000);
		break;
	default:
		for (int reason = 1; reason < N_REASONS; reason++) {
			values[1] = reason_code((enum reason)reason);
			if (stat->n_failures[reason])
				counter_print_sample(page->buf, counter, values,
						     stat->n_failures[reason]);
		}
		break;
	}
}

static void print_found(const struct page *page, enum counter counter,
			const struct discovered_traffic *one)
{
	const char *values[] = { *one->domain ? one->domain : "other", "received" };

	switch (counter) {
	case COUNTER_PARTNER_REQUESTS:
		counter_print_sample(page->buf, counter, values, (double)one->n_received);
		values[1] = "sent";
		counter_print_sample(page->buf, counter, values, (double)one->n_sent);
		break;
	case COUNTER_PARTNER_CERTIFICATE_NOT_AFTER:
		if (one->not_after)
			counter_print_sample(page->buf, counter, values,
					     (double)one->not_after);
		break;
	case COUNTER_DISCOVERED_FAILURES:
		values[1] = "refused";
		counter_print_sample(page->buf, counter, values, (double)one->n_refused);
		values[1] = "failed";
		counter_print_sample(page->buf, counter, values, (double)one->n_failed);
		values[1] = "unanswered";
		counter_print_sample(page->buf, counter, values, (double)one->n_sent_failed);
		break;
	default:
		break;
	}
}

/* Domains that open federation found, behind those of the configuration: the approved and the
 * busiest, and what all others did. */
static void print_all_found(const struct page *page, enum counter counter)
{
	for (size_t i = 0; i < page->n_found; i++)
		print_found(page, counter, &page->found[i]);
	if (page->has_rest)
		print_found(page, counter, &page->rest);
}

/* One that has a route meanwhile has its series there; and no name may be that of the rest. */
static bool is_own_series(const struct page *page, const char *domain)
{
	const struct rule *rule;

	return strchr(domain, '.') &&
	       rules_find(page->server->snapshot->rules, domain, &rule) == RULES_NONE;
}

static void look_for_found(struct page *page)
{
	const uint64_t now_ms = loop_now_ms(page->server->loop);
	const size_t n = discovered_busiest(page->server->discovered, now_ms, MAX_FOUND,
					    page->found, &page->rest);

	for (size_t i = 0; i < n; i++) {
		if (is_own_series(page, page->found[i].domain))
			page->found[page->n_found++] = page->found[i];
		else
			discovered_traffic_add(&page->rest, &page->found[i]);
	}
	page->has_rest = page->rest.n_received + page->rest.n_sent > 0;
}

/* Partners with traffic, in the order of the configuration. */
static void print_stats(const struct page *page, enum counter counter)
{
	const struct rules *rules = page->server->snapshot->rules;
	unsigned n = 0;

	counter_print_head(page->buf, counter, page->is_openmetrics);
	for (size_t i = 0; i < rules_count(rules) && n < MAX_COUNTED; i++) {
		const struct rule *rule = rules_at(rules, i);
		struct peer_stat stat;

		if (!rule->route || !peer_stats_look(page->server->peer_stats, rule->id, &stat))
			continue;
		print_stat(page, counter, rule->route->domain, &stat);
		n++;
	}
	print_all_found(page, counter);
}

static void print_location(const struct page *page)
{
	static const char *const lan[] = { "lan" }, *const remote[] = { "remote" };
	struct server *server = page->server;
	const struct settings *settings = server->snapshot->settings;
	const uint64_t now_ms = loop_now_ms(server->loop);
	struct location_counts counts;

	counter_print_head(page->buf, COUNTER_BACKEND_USERS, page->is_openmetrics);
	for (size_t i = 0; i < settings->n_backends && i < MAX_PARTNERS; i++) {
		location_count(server->location, settings->backends[i].name, now_ms, &counts);
		counter_print_sample(page->buf, COUNTER_BACKEND_USERS,
				     &settings->backends[i].name,
				     (double)(counts.bindings + counts.homes));
	}
	location_count(server->location, NULL, now_ms, &counts);
	counter_print_head(page->buf, COUNTER_REGISTRATIONS, page->is_openmetrics);
	counter_print_sample(page->buf, COUNTER_REGISTRATIONS, lan,
			     (double)(counts.bindings - counts.phones));
	counter_print_sample(page->buf, COUNTER_REGISTRATIONS, remote, (double)counts.phones);
}

static void print_discovered(const struct page *page)
{
	struct server *server = page->server;
	unsigned counts[N_DISCOVERED_STATES];

	discovered_count(server->discovered, loop_now_ms(server->loop), counts);
	counter_print_head(page->buf, COUNTER_DISCOVERED_PARTNERS, page->is_openmetrics);
	for (int state = 0; state < N_DISCOVERED_STATES; state++) {
		const char *text = discovered_state_text((enum discovered_state)state);

		counter_print_sample(page->buf, COUNTER_DISCOVERED_PARTNERS, &text,
				     counts[state]);
	}
	counter_print_head(page->buf, COUNTER_DISCOVERED_FAILURES, page->is_openmetrics);
	print_all_found(page, COUNTER_DISCOVERED_FAILURES);
}

static void print_state(const struct page *page)
{
	struct store_state state;

	if (!page->server->store)
		return;
	store_look(page->server->store, &state);
	print_one(page, COUNTER_STATE_FAILURES, (double)state.n_failures);
	print_one(page, COUNTER_STATE_DROPPED, (double)state.n_dropped);
}

/* A family whose samples differ in one label. */
static void print_by(const struct page *page, enum counter counter, const char *const *words,
		     const double *values, size_t n)
{
	counter_print_head(page->buf, counter, page->is_openmetrics);
	for (size_t i = 0; i < n; i++)
		counter_print_sample(page->buf, counter, &words[i], values[i]);
}

static void print_channels(const struct page *page, const struct channels_view *view)
{
	static const char *const bounds[] = { "channels", "bandwidth" };
	const double refused[] = { (double)view->n_refused, (double)view->n_refused_bandwidth };
	const char *words[CHANNEL_N_CLASSES];
	double used[CHANNEL_N_CLASSES];

	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++) {
		words[i] = channel_class_text((enum channel_class)i);
		used[i] = view->n_used[i];
	}
	print_by(page, COUNTER_MEDIA_CHANNELS, words, used, CHANNEL_N_CLASSES);
	print_one(page, COUNTER_MEDIA_CHANNELS_LIMIT, view->n_max);
	print_by(page, COUNTER_MEDIA_REFUSED, bounds, refused, COUNT(bounds));
}

static void print_media(const struct page *page)
{
	static const char *const states[] = { "free", "used", "resting" };
	struct channels_view channels;
	struct relays_totals totals;
	struct kernel_path_view kernel;

	status_media_look(page->server, &channels, &totals);
	status_media_kernel(page->server, &kernel);
	const double pairs[] = { totals.n_pairs - totals.n_pairs_used - totals.n_pairs_resting,
				 totals.n_pairs_used, totals.n_pairs_resting };
	print_channels(page, &channels);
	print_one(page, COUNTER_MEDIA_RELAYS, totals.n_relays);
	print_by(page, COUNTER_MEDIA_PORT_PAIRS, states, pairs, COUNT(states));
	print_one(page, COUNTER_MEDIA_PACKETS, (double)totals.packets);
	print_one(page, COUNTER_MEDIA_BYTES, (double)totals.bytes);
	print_one(page, COUNTER_MEDIA_REJECTED_SOURCES, (double)totals.rejected_sources);
	print_one(page, COUNTER_MEDIA_SRTP_FAILURES, (double)totals.srtp_failures);
	print_one(page, COUNTER_MEDIA_DROPPED, (double)totals.dropped);
	print_one(page, COUNTER_MEDIA_TIMEOUTS, (double)totals.timeouts);
	print_one(page, COUNTER_MEDIA_KERNEL_UP,
		  kernel.state == KERNEL_PATH_ON && !kernel.is_held);
	print_one(page, COUNTER_MEDIA_KERNEL_FLOWS, kernel.n_flows);
	print_one(page, COUNTER_MEDIA_KERNEL_PACKETS, (double)kernel.packets);
}

static void print_page(const struct page *page)
{
	struct server *server = page->server;
	const char *build[] = { server->version, "" };

	counter_print_head(page->buf, COUNTER_BUILD_INFO, page->is_openmetrics);
	counter_print_sample(page->buf, COUNTER_BUILD_INFO, build, 1);
	print_reloads(page);
	print_listeners(page);
	print_public_addresses(page);
	print_certificates(page);
	print_peers(page, COUNTER_PARTNER_UP, false);
	print_peers(page, COUNTER_PARTNER_LAST_SEEN, false);
	print_stats(page, COUNTER_PARTNER_REQUESTS);
	print_stats(page, COUNTER_PARTNER_FAILURES);
	print_stats(page, COUNTER_PARTNER_CONNECTIONS);
	print_stats(page, COUNTER_PARTNER_CERTIFICATE_NOT_AFTER);
	print_stats(page, COUNTER_PARTNER_PROBE_DURATION);
	print_discovered(page);
	print_peers(page, COUNTER_BACKEND_UP, true);
	print_location(page);
	print_media(page);
	print_state(page);
	print_one(page, COUNTER_BANNED_SOURCES,
		  accounts_n_banned(server->accounts, loop_now_ms(server->loop)));
	print_one(page, COUNTER_LOG_LINES_DROPPED, (double)log_n_dropped());
	counters_print(page->buf, (const struct counters *const *)server->counters,
		       server->n_workers, page->is_openmetrics);
	counter_print_process(page->buf, page->is_openmetrics);
	counter_print_end(page->buf, page->is_openmetrics);
}

char *metrics_text(struct server *server, bool is_openmetrics)
{
	struct buf buf;
	struct page page = { .buf = &buf, .server = server, .is_openmetrics = is_openmetrics };
	char *text;

	if (peer_views_new(server, &page.views))
		return NULL;
	look_for_found(&page);
	buf_init(&buf, 0);
	print_page(&page);
	text = buf_take(&buf);
	buf_fini(&buf);
	peer_views_free(page.views);
	return text;
}
