#include <string.h>

#include "conf/check.h"
#include "proxy/base/text.h"

enum { MAX_NAMES_SHOWN = 8, MAX_NEAREST = 64, NAMES_SIZE = 640 };

/* A kind of thing that can be referred to. */
struct names {
	const struct settings *settings;
	const char *what;
	size_t n;
	const char *(*name)(const struct settings *settings, size_t i);
	struct place (*place)(const struct settings *settings, size_t i);
};

static const char *certificate_name(const struct settings *settings, size_t i)
{
	return settings->certificates[i].name;
}

static struct place certificate_place(const struct settings *settings, size_t i)
{
	return settings->certificates[i].place;
}

static const char *listener_name(const struct settings *settings, size_t i)
{
	return settings->listeners[i].name;
}

static struct place listener_place(const struct settings *settings, size_t i)
{
	return settings->listeners[i].place;
}

static void hint_defined(const struct names *names, const char *wanted, struct report *report)
{
	char list[NAMES_SIZE] = "";
	const char *all[MAX_NEAREST], *nearest;
	size_t at = 0, n = 0;
	struct place first;

	if (!names->n) {
		report_hint(report, "no %s is defined", names->what);
		return;
	}
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->name(names->settings, i);

		if (n < MAX_NEAREST)
			all[n++] = name;
		if (i >= MAX_NAMES_SHOWN || at + strlen(name) + 2 >= sizeof(list))
			continue;
		if (at)
			at += text_copy(list + at, sizeof(list) - at, ", ") ? 2 : 0;
		at += text_copy(list + at, sizeof(list) - at, name) ? strlen(name) : 0;
	}
	first = names->place(names->settings, 0);
	nearest = text_nearest(wanted, all, n);
	if (nearest)
		report_hint(report, "did you mean '%s'? defined at %s:%u: %s%s", nearest,
			    first.file, first.line, list,
			    names->n > MAX_NAMES_SHOWN ? ", ..." : "");
	else
		report_hint(report, "defined at %s:%u: %s%s", first.file, first.line, list,
			    names->n > MAX_NAMES_SHOWN ? ", ..." : "");
}

static void resolve(const struct names *names, struct settings_ref *ref, struct report *report)
{
	ref->index = -1;
	if (!*ref->name)
		return;
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name(names->settings, i), ref->name) == 0) {
			ref->index = (int)i;
			return;
		}
	}
	report_error(report, FAULT_DANGLING, &ref->place, NULL, "%s '%.64s' is not defined",
		     names->what, ref->name);
	hint_defined(names, ref->name, report);
}

static bool is_presenting(const struct settings_route *route)
{
	for (size_t i = 0; i < route->n_servers; i++) {
		if (route->servers[i].transport == TRANSPORT_MTLS)
			return true;
	}
	return false;
}

/* What is presented to a partner whose route names nothing: what the wan shows. */
static const struct settings_ref *wan_certificate(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		if (listener->network == NETWORK_WAN && !listener->is_faulty &&
		    listener->is_enabled && listener->n_certificates &&
		    listener->certificates[0].index >= 0)
			return &listener->certificates[0];
	}
	return NULL;
}

static void complete_route(const struct settings *settings, struct settings_route *route,
			   struct report *report)
{
	const struct settings_ref *preset;

	if (*route->certificate.name || !is_presenting(route))
		return;
	preset = wan_certificate(settings);
	if (preset)
		route->certificate = *preset;
	else if (route->is_enabled)
		report_error(report, FAULT_NO_CERTIFICATE, &route->place, "certificate",
			     "missing in the mtls route '%.64s', and no wan listener has one",
			     route->domain);
}

void check_references(struct settings *settings, struct report *report)
{
	struct names certificates = { settings, "certificate", settings->n_certificates,
				      certificate_name, certificate_place };
	struct names listeners = { settings, "listener", settings->n_listeners, listener_name,
				   listener_place };

	/* The arrays are const for everybody else; here they are still being made. */
	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		for (size_t j = 0; j < listener->n_certificates; j++)
			resolve(&certificates,
				(struct settings_ref *)&listener->certificates[j], report);
	}
	for (size_t i = 0; i < settings->n_backends; i++)
		resolve(&listeners, (struct settings_ref *)&settings->backends[i].listener,
			report);
	resolve(&listeners, &settings->federation.listener, report);
	for (size_t i = 0; i < settings->partners.n_routes; i++) {
		struct settings_route *route =
			(struct settings_route *)&settings->partners.routes[i];

		resolve(&certificates, &route->certificate, report);
		complete_route(settings, route, report);
	}
}
