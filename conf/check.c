#include "conf/check.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"

static bool is_tls(enum conf_transport transport)
{
	return transport == TRANSPORT_TLS || transport == TRANSPORT_MTLS;
}

/* A phone proves itself by a password: without users nobody could register, and a certificate
 * proves none of them. */
static void check_remote(const struct settings *settings,
			 const struct settings_listener *listener, struct report *report)
{
	if (listener->network != NETWORK_REMOTE || listener->is_faulty)
		return;
	if (listener->transport == TRANSPORT_MTLS)
		report_error(
			report, FAULT_CONFLICT, &listener->transport_place, "transport",
			"the remote listener '%.64s' asks phones for certificates, expected tls, tcp or udp",
			listener->name);
	if (!settings->users_file.path)
		report_error(
			report, FAULT_MISSING_KEY, &listener->place, "users_file",
			"missing, and the remote listener '%.64s' lets in only those whom it names",
			listener->name);
	if (!settings->n_domains)
		report_error(
			report, FAULT_MISSING_KEY, &listener->place, "domains",
			"missing, and the phones at listener '%.64s' register in the first of them",
			listener->name);
}

/* Scanners look for SIP there day and night (mission 87). */
static void check_remote_port(const struct settings_listener *listener, struct report *report)
{
	if (listener->network == NETWORK_REMOTE && listener->port == 5060)
		report_warning(
			report, FAULT_WEAK_TRUST, &listener->place, "port",
			"the remote listener '%.64s' has port 5060, which is attacked all the time; "
			"expected another one, such as 5070",
			listener->name);
}

void check_listeners(const struct settings *settings, struct report *report)
{
	size_t n_enabled = 0;

	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		if (!listener->is_enabled)
			continue;
		n_enabled++;
		check_remote(settings, listener, report);
		check_remote_port(listener, report);
		if (listener->network != NETWORK_WAN || listener->is_faulty ||
		    is_tls(listener->transport))
			continue;
		report_warning(report, FAULT_NO_TLS, &listener->transport_place, "transport",
			       "the wan listener '%.64s' is without TLS, expected mtls",
			       listener->name);
	}
	if (report_n_errors(report))
		return; /* they may be there, but not understood */
	if (!n_enabled)
		report_warning(report, FAULT_NOTHING_SERVED,
			       &(struct place){ .file = settings->files[0] }, "listeners",
			       "no listener is enabled, expected at least one");
	if (!settings->n_domains)
		report_warning(report, FAULT_NOTHING_SERVED,
			       &(struct place){ .file = settings->files[0] }, "domains",
			       "missing, expected the SIP domains that are served here");
}

static bool is_own_domain(const struct settings *settings, const char *domain)
{
	for (size_t i = 0; i < settings->n_domains; i++) {
		if (strcmp(settings->domains[i].name, domain) == 0)
			return true;
	}
	return false;
}

/* Any listener but one for phones speaks for us; one that was not understood may. */
static bool speaks(const struct settings_listener *listener, enum conf_transport transport)
{
	return listener->is_faulty || (listener->network != NETWORK_REMOTE &&
				       (listener->transport == transport ||
					(is_tls(listener->transport) && is_tls(transport))));
}

static bool has_speaker(const struct settings *settings, enum conf_transport transport)
{
	for (size_t i = 0; i < settings->n_listeners; i++)
		if (settings->listeners[i].is_enabled &&
		    speaks(&settings->listeners[i], transport))
			return true;
	return false;
}

const struct settings_listener *settings_speaker(const struct settings *settings,
						 enum conf_transport transport)
{
	for (size_t i = 0; i < settings->n_listeners; i++)
		if (speaks(&settings->listeners[i], transport))
			return &settings->listeners[i];
	return NULL;
}

/* A server of a backend whose listener speaks otherwise is reached by the best one beside
 * it. */
static void check_backend_servers(const struct settings *settings,
				  const struct settings_backend *backend,
				  const struct settings_listener *listener,
				  struct report *report)
{
	for (size_t i = 0; i < backend->n_servers; i++) {
		const struct settings_server *server = &backend->servers[i];

		if (!*server->host || listener->transport == server->transport ||
		    (is_tls(listener->transport) && is_tls(server->transport)) ||
		    !has_speaker(settings, server->transport))
			continue; /* none at all is an error of check_reach */
		report_warning(report, FAULT_NO_LISTENER, &server->place, "address",
			       "is reached by %s, but listener '%.64s' is %s",
			       conf_transport_text(server->transport), listener->name,
			       conf_transport_text(listener->transport));
	}
}

/* Digest hides the password, not who registers and what is sent then. */
static void check_log_on(const struct settings_backend *backend,
			 const struct settings_listener *listener, struct report *report)
{
	char address[ADDR_TEXT_SIZE];

	if (!*backend->username || is_tls(listener->transport) ||
	    !addr_is_set(&listener->addr) || addr_is_wildcard(&listener->addr) ||
	    addr_is_private(&listener->addr))
		return;
	report_warning(report, FAULT_NO_TLS, &backend->listener.place, "listener",
		       "backend '%.64s' logs on by %s at the public address %s, expected tls",
		       backend->name, conf_transport_text(listener->transport),
		       addr_host(&listener->addr, address));
}

static void check_backend_listener(const struct settings *settings,
				   const struct settings_backend *backend,
				   struct report *report)
{
	const struct place *place = &backend->listener.place;
	const struct settings_listener *listener;

	if (backend->listener.index < 0)
		return;
	listener = &settings->listeners[backend->listener.index];
	if (listener->is_faulty)
		return; /* reported already */
	if (listener->network != NETWORK_LAN) {
		report_error(report, FAULT_CONFLICT, place, "listener",
			     "'%.64s' is a %s listener, expected a lan listener",
			     listener->name, conf_network_text(listener->network));
	} else if (!listener->is_enabled &&
		   (!backend->n_servers ||
		    has_speaker(settings, backend->servers[0].transport))) {
		report_warning(report, FAULT_NO_LISTENER, place, "listener",
			       "'%.64s' is not enabled: backend '%.64s' %s", listener->name,
			       backend->name,
			       backend->n_servers ? "is reached by another one"
						  : "cannot log on");
	} else if (listener->is_enabled) {
		check_backend_servers(settings, backend, listener, report);
		check_log_on(backend, listener, report);
	}
}

/* Those whom nobody registered and no pattern names are not looked for then. */
static void check_backend_users(const struct settings *settings,
				const struct settings_backend *backend, struct report *report)
{
	if (settings->placement != PLACEMENT_REJECT || backend->n_users || *backend->username ||
	    !backend->n_servers)
		return;
	report_warning(report, FAULT_NOTHING_SERVED, &backend->place, "users",
		       "missing in backend '%.64s': it is nobody's home", backend->name);
	report_hint(report,
		    "users: [\"*\"] makes it everybody's, placement: search lets it be asked");
}

void check_backends(const struct settings *settings, struct report *report)
{
	for (size_t i = 0; i < settings->n_backends; i++) {
		const struct settings_backend *backend = &settings->backends[i];

		check_backend_listener(settings, backend, report);
		check_backend_users(settings, backend, report);
		if (backend->domains == settings->domains || !settings->n_domains)
			continue;
		for (size_t j = 0; j < backend->n_domains; j++) {
			const struct settings_domain *domain = &backend->domains[j];

			if (*domain->name && !is_own_domain(settings, domain->name))
				report_error(report, FAULT_FOREIGN_DOMAIN, &domain->place,
					     "domains",
					     "'%s' is none of ours, expected one of "
					     "domains",
					     domain->name);
		}
	}
}

/* A partner must never speak for us. */
static void check_own_domains(const struct settings *settings,
			      const struct settings_route *route, struct report *report)
{
	bool is_pattern = text_starts_with(route->domain, "*.");
	const char *domain = route->domain + (is_pattern ? 2 : 0);

	if (!*domain)
		return;
	for (size_t i = 0; i < settings->n_domains; i++) {
		const struct settings_domain *own = &settings->domains[i];

		if (text_domain_holds(own->name, domain)) {
			report_error(report, FAULT_OWN_DOMAIN, &route->domain_place, "domain",
				     "'%s' is %s our own domain '%s', expected a partner's",
				     route->domain,
				     strcmp(domain, own->name) == 0 && !is_pattern ? ""
										   : "inside",
				     own->name);
			report_hint(report, "defined at %s:%u", own->place.file,
				    own->place.line);
			return;
		}
		if (is_pattern && text_domain_holds(domain, own->name)) {
			report_warning(
				report, FAULT_OWN_DOMAIN, &route->domain_place, "domain",
				"'%s' covers our own domain '%s': our users stay ours, and "
				"the partner cannot speak for them",
				route->domain, own->name);
			return;
		}
	}
}

static bool has_listener(const struct settings *settings, const struct settings_server *server)
{
	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		if (listener->is_enabled && !listener->is_faulty &&
		    listener->network == NETWORK_WAN &&
		    listener->transport == server->transport && listener->port == server->port)
			return true;
	}
	return false;
}

static void check_server(const struct settings *settings, const struct settings_route *route,
			 const struct settings_server *server, struct report *report)
{
	bool is_proved_by_address =
		server->transport == TRANSPORT_UDP || server->transport == TRANSPORT_TCP;

	if (!has_listener(settings, server) && has_speaker(settings, server->transport))
		report_warning(
			report, FAULT_NO_LISTENER, &server->place, "server",
			"'%.255s' is reached by %s on port %u, but no enabled wan listener has "
			"that transport and port",
			server->host, conf_transport_text(server->transport), server->port);
	if (!route->is_trustworthy || !is_proved_by_address)
		return;
	if (!addr_is_set(&server->addr))
		report_warning(
			report, FAULT_WEAK_TRUST, &server->place, "trustworthy",
			"over %s the partner is trusted by whatever address DNS gives for "
			"'%.255s', expected mtls",
			conf_transport_text(server->transport), server->host);
	else if (!addr_is_private(&server->addr))
		report_warning(report, FAULT_WEAK_TRUST, &server->place, "trustworthy",
			       "over %s the public address %s proves nothing, expected mtls",
			       conf_transport_text(server->transport), server->host);
}

static void check_speakers(const struct settings *settings,
			   const struct settings_server *servers, size_t n, const char *who,
			   struct report *report)
{
	for (size_t i = 0; i < n; i++) {
		const struct settings_listener *off =
			settings_speaker(settings, servers[i].transport);

		if (has_speaker(settings, servers[i].transport))
			continue;
		/* A listener that is switched off is meant so, and may be switched on again
		 * (mission 10). */
		if (off)
			report_warning(
				report, FAULT_ROUTE, &servers[i].place, "transport",
				"only listener '%.64s' speaks %s, which is not enabled: %.300s cannot be reached",
				off->name, conf_transport_text(servers[i].transport), who);
		else
			report_error(report, FAULT_ROUTE, &servers[i].place, "transport",
				     "no listener speaks %s, so %.300s cannot be reached",
				     conf_transport_text(servers[i].transport), who);
	}
}

/* Compiling the rules would find it as well, but only when all else is right. */
void check_reach(const struct settings *settings, struct report *report)
{
	char who[320];

	for (size_t i = 0; settings->partners.is_enabled && i < settings->partners.n_routes;
	     i++) {
		const struct settings_route *route = &settings->partners.routes[i];

		(void)snprintf(who, sizeof(who), "partner '%.64s'", route->domain);
		if (route->is_enabled)
			check_speakers(settings, route->servers, route->n_servers, who, report);
	}
	for (size_t i = 0; i < settings->n_backends; i++) {
		const struct settings_backend *backend = &settings->backends[i];

		(void)snprintf(who, sizeof(who), "backend '%.64s'", backend->name);
		check_speakers(settings, backend->servers, backend->n_servers, who, report);
	}
}

void check_routes(const struct settings *settings, struct report *report)
{
	for (size_t i = 0; i < settings->partners.n_routes; i++) {
		const struct settings_route *route = &settings->partners.routes[i];

		check_own_domains(settings, route, report);
		for (size_t j = 0; route->is_enabled && j < route->n_servers; j++) {
			if (*route->servers[j].host)
				check_server(settings, route, &route->servers[j], report);
		}
	}
}
