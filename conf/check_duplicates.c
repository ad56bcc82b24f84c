#include <stdlib.h>
#include <string.h>

#include "conf/check.h"

/* One of the things that must be unique. */
struct entry {
	const char *name;
	struct place place;
	size_t i;
};

static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : a->i < b->i ? -1 : 1;
}

/* Reports every name that came before; sorts, as there may be 10000 partners. */
static void report_repeats(struct entry *entries, size_t n, const char *what,
			   struct report *report)
{
	qsort(entries, n, sizeof(*entries), compare);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (!*entries[i].name || strcmp(entries[i].name, entries[first].name) != 0) {
			first = i;
			continue;
		}
		report_error(report, FAULT_DUPLICATE, &entries[i].place, NULL,
			     "%s '%.255s' is defined twice", what, entries[i].name);
		report_hint(report, "the first one is at %s:%u", entries[first].place.file,
			    entries[first].place.line);
	}
}

/* One password for several backends: whoever knows it can log on as any of them. */
static void warn_shared(struct entry *entries, size_t n, const struct settings *settings,
			struct report *report)
{
	qsort(entries, n, sizeof(*entries), compare);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (!*entries[i].name || strcmp(entries[i].name, entries[first].name) != 0) {
			first = i;
			continue;
		}
		report_warning(report, FAULT_DUPLICATE, &entries[i].place, "password_file",
			       "is that of backend '%.64s', expected a password of its own",
			       settings->backends[entries[first].i].name);
		report_hint(report, "the first one is at %s:%u", entries[first].place.file,
			    entries[first].place.line);
	}
}

static void check_log_ons(const struct settings *settings, struct entry *entries,
			  struct report *report)
{
	const struct settings_backend *backends = settings->backends;

	for (size_t i = 0; i < settings->n_backends; i++)
		entries[i] =
			(struct entry){ backends[i].username, backends[i].username_place, i };
	report_repeats(entries, settings->n_backends, "username", report);
	for (size_t i = 0; i < settings->n_backends; i++) {
		const struct settings_file *file = &backends[i].password_file;

		entries[i] = (struct entry){ file->path ? file->path : "", file->place, i };
	}
	warn_shared(entries, settings->n_backends, settings, report);
}

static bool is_stream(enum conf_transport transport)
{
	return transport != TRANSPORT_UDP;
}

/* One socket of the kernel: tcp, tls and mtls are all TCP. */
static bool is_same_socket(const struct settings_listener *a, const struct settings_listener *b)
{
	return a->is_enabled && b->is_enabled && a->port && addr_is_set(&a->addr) &&
	       addr_equal(&a->addr, &b->addr) &&
	       is_stream(a->transport) == is_stream(b->transport);
}

static void check_sockets(const struct settings *settings, struct report *report)
{
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 1; i < settings->n_listeners; i++) {
		const struct settings_listener *later = &settings->listeners[i];

		for (size_t j = 0; j < i; j++) {
			const struct settings_listener *earlier = &settings->listeners[j];

			if (!is_same_socket(earlier, later))
				continue;
			report_error(report, FAULT_DUPLICATE, &later->place, NULL,
				     "listener '%.64s' has the socket of '%.64s': %s, %s",
				     later->name, earlier->name, addr_text(&later->addr, text),
				     is_stream(later->transport) ? "tcp" : "udp");
			report_hint(report, "the first one is at %s:%u", earlier->place.file,
				    earlier->place.line);
			break;
		}
	}
}

static size_t most(const struct settings *settings)
{
	size_t n = settings->n_domains;

	n = settings->n_listeners > n ? settings->n_listeners : n;
	n = settings->n_certificates > n ? settings->n_certificates : n;
	n = settings->n_backends > n ? settings->n_backends : n;
	return settings->partners.n_routes > n ? settings->partners.n_routes : n;
}

enum err check_duplicates(const struct settings *settings, struct report *report)
{
	struct entry *entries = calloc(most(settings) + 1, sizeof(*entries));

	if (!entries)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < settings->n_domains; i++)
		entries[i] = (struct entry){ settings->domains[i].name,
					     settings->domains[i].place, i };
	report_repeats(entries, settings->n_domains, "domain", report);
	for (size_t i = 0; i < settings->n_listeners; i++)
		entries[i] = (struct entry){ settings->listeners[i].name,
					     settings->listeners[i].place, i };
	report_repeats(entries, settings->n_listeners, "listener", report);
	for (size_t i = 0; i < settings->n_certificates; i++)
		entries[i] = (struct entry){ settings->certificates[i].name,
					     settings->certificates[i].place, i };
	report_repeats(entries, settings->n_certificates, "certificate", report);
	for (size_t i = 0; i < settings->n_backends; i++)
		entries[i] = (struct entry){ settings->backends[i].name,
					     settings->backends[i].place, i };
	report_repeats(entries, settings->n_backends, "backend", report);
	check_log_ons(settings, entries, report);
	for (size_t i = 0; i < settings->partners.n_routes; i++)
		entries[i] = (struct entry){ settings->partners.routes[i].domain,
					     settings->partners.routes[i].domain_place, i };
	report_repeats(entries, settings->partners.n_routes, "a route for domain", report);
	free(entries);
	check_sockets(settings, report);
	return ERR_OK;
}
