#include <string.h>

#include "conf/check.h"

static void hint_other(const struct settings_text *other, struct report *report)
{
	report_hint(report, "'%.64s' stands at %s:%u", other->text, other->place.file,
		    other->place.line);
}

static void check_repeats(const struct settings_text *list, size_t n, const char *key,
			  struct report *report)
{
	for (size_t i = 1, first = 0; i < n; i++) {
		if (strcmp(list[i].text, list[first].text) != 0) {
			first = i;
			continue;
		}
		report_warning(report, FAULT_DUPLICATE, &list[i].place, key,
			       "'%.255s' stands there twice", list[i].text);
	}
}

/* What is allowed in one place and denied in another was not thought through. */
static void check_denied(const struct settings_federation *federation,
			 const struct settings_text *allowed, struct report *report)
{
	const struct settings_text *denied =
		settings_find_domain(federation->deny, federation->n_deny, allowed->text);

	if (!denied)
		return;
	if (strcmp(denied->text, allowed->text) == 0)
		report_error(report, FAULT_CONFLICT, &allowed->place, "allow",
			     "'%.255s' is denied as well, expected it in one of the two",
			     allowed->text);
	else
		report_warning(report, FAULT_CONFLICT, &allowed->place, "allow",
			       "'%.255s' has no effect: deny wins", allowed->text);
	hint_other(denied, report);
}

static void check_allowed(const struct settings *settings, const struct settings_text *allowed,
			  struct report *report)
{
	for (size_t i = 0; i < settings->n_domains; i++) {
		if (strcmp(settings->domains[i].name, allowed->text) != 0)
			continue;
		report_warning(report, FAULT_OWN_DOMAIN, &allowed->place, "allow",
			       "'%.255s' is our own domain: nobody outside may speak for it",
			       allowed->text);
		return;
	}
	check_denied(&settings->federation, allowed, report);
}

/* A domain that proves itself does so by its certificate: over mtls, on the outer side. */
static void check_listener(const struct settings *settings, struct report *report)
{
	const struct settings_federation *federation = &settings->federation;
	const struct settings_listener *listener;

	if (!*federation->listener.name) {
		if (federation->is_open)
			report_error(report, FAULT_MISSING_KEY, &federation->place, "listener",
				     "missing in federation, expected a wan listener with "
				     "transport mtls");
		return;
	}
	if (federation->listener.index < 0)
		return;
	listener = &settings->listeners[federation->listener.index];
	if (listener->is_faulty)
		return; /* reported already */
	if (listener->network != NETWORK_WAN || listener->transport != TRANSPORT_MTLS)
		report_error(report, FAULT_CONFLICT, &federation->listener.place, "listener",
			     "'%.64s' is a %s listener with transport %s, expected a wan "
			     "listener with mtls",
			     listener->name, conf_network_text(listener->network),
			     conf_transport_text(listener->transport));
	else if (federation->is_open && !listener->is_enabled)
		report_warning(report, FAULT_NO_LISTENER, &federation->listener.place,
			       "listener",
			       "'%.64s' is not enabled: no discovered domain can come in",
			       listener->name);
}

void check_federation(const struct settings *settings, struct report *report)
{
	const struct settings_federation *federation = &settings->federation;

	check_listener(settings, report);
	check_repeats(federation->allow, federation->n_allow, "allow", report);
	check_repeats(federation->deny, federation->n_deny, "deny", report);
	for (size_t i = 0; i < federation->n_allow; i++)
		check_allowed(settings, &federation->allow[i], report);
}
