#include "proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "media/relay.h"
#include "proxy/base/text.h"

/* Whether a partner's proxy, or a phone, is shown it under our domains. */
static bool is_shown_outside(const struct settings *settings, size_t i_certificate)
{
	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		if (!listener->is_enabled || listener->network != NETWORK_WAN)
			continue;
		for (size_t k = 0; k < listener->n_certificates; k++)
			if (listener->certificates[k].index == (int)i_certificate)
				return true;
	}
	return false;
}

static bool names_us(const struct identity *identity, const struct settings *settings)
{
	for (size_t i = 0; i < identity->n_names; i++) {
		const char *name = identity->names[i].text;

		if (strncmp(name, "*.", 2) == 0)
			name += 2;
		for (size_t k = 0; k < settings->n_domains; k++)
			if (text_domain_holds(settings->domains[k].name, name))
				return true;
	}
	return false;
}

/* Each end would call it valid, and the partner refuse it: the most common fault of a first
 * federation. */
static void check_names(const struct settings *settings, size_t i,
			const struct credentials *credentials, struct report *report)
{
	const struct identity *identity =
		credentials ? credentials_identity(credentials) : NULL;
	const struct settings_certificate *certificate = &settings->certificates[i];
	char names[256];

	if (!identity || !identity->n_names || !settings->n_domains ||
	    names_us(identity, settings) || !is_shown_outside(settings, i))
		return;
	report_warning(
		report, FAULT_CERTIFICATE_NAME, &certificate->place, NULL,
		"the certificate of '%.64s' names neither a domain of ours nor a host in one",
		certificate->name);
	report_hint(report, "it names %s", identity_text(identity, names, sizeof(names)));
}

static enum err load_credentials(struct snapshot *snapshot, struct report *report)
{
	const struct settings *settings = snapshot->settings;
	size_t i;

	snapshot->credentials =
		calloc(settings->n_certificates + 1, sizeof(*snapshot->credentials));
	if (!snapshot->credentials)
		return ERR_NO_MEMORY;
	for (i = 0; i < settings->n_certificates; i++) {
		enum err err;

		if (settings->certificates[i].is_faulty)
			continue;
		err = credentials_load(&settings->certificates[i], report,
				       &snapshot->credentials[i]);
		if (err == ERR_NO_MEMORY)
			return err; /* what else failed is in the report */
		check_names(settings, i, snapshot->credentials[i], report);
	}
	return ERR_OK;
}

/* The listener of the same address, port and transport that runs now. */
static const struct listener *find_previous(const struct snapshot *previous,
					    const struct settings_listener *wanted)
{
	size_t i;

	for (i = 0; previous && i < previous->settings->n_listeners; i++) {
		const struct settings_listener *old = &previous->settings->listeners[i];

		if (previous->listeners[i] && addr_equal(&old->addr, &wanted->addr) &&
		    old->port == wanted->port &&
		    (old->transport == TRANSPORT_UDP) == (wanted->transport == TRANSPORT_UDP))
			return previous->listeners[i];
	}
	return NULL;
}

static void give_certificates(struct snapshot *snapshot, struct listener *listener,
			      const struct settings_listener *settings)
{
	size_t i;

	for (i = 0; i < settings->n_certificates && i < LISTENER_MAX_CERTIFICATES; i++) {
		struct credentials *credentials = NULL;

		if (settings->certificates[i].index >= 0)
			credentials = snapshot->credentials[settings->certificates[i].index];
		if (credentials)
			listener->certificates[listener->n_certificates++] =
				credentials_ref(credentials);
	}
	if (snapshot->tls_trust)
		listener->trust = tls_trust_ref(snapshot->tls_trust);
	listener->tls_minimum = settings->minimum;
}

/* What STUN servers see of it; until one has answered, its own address stands. */
static void advertise_public(const struct snapshot_parts *parts, struct listener *listener)
{
	struct public_view view;
	char text[ADDR_TEXT_SIZE];

	if (parts->public_addresses &&
	    public_addresses_look(parts->public_addresses, listener->name, &view) &&
	    addr_is_set(&view.addr))
		listener->is_seen_by_stun =
			listener_advertise(listener, addr_text(&view.addr, text));
}

static enum err open_listeners(struct snapshot *snapshot, const struct snapshot_parts *parts,
			       struct report *report)
{
	const struct settings *settings = snapshot->settings;
	enum err err;
	size_t i;

	snapshot->listeners = calloc(settings->n_listeners + 1, sizeof(*snapshot->listeners));
	snapshot->open_listeners =
		calloc(settings->n_listeners + 1, sizeof(*snapshot->open_listeners));
	if (!snapshot->listeners || !snapshot->open_listeners)
		return ERR_NO_MEMORY;
	for (i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *wanted = &settings->listeners[i];
		struct listener *listener;

		if (!wanted->is_enabled)
			continue;
		err = listener_open(wanted, (unsigned)i, parts->n_workers,
				    find_previous(parts->previous, wanted), report, &listener);
		if (err == ERR_NO_MEMORY)
			return err;
		if (err)
			continue; /* it is in the report */
		if (wanted->advertises_stun)
			advertise_public(parts, listener);
		else if (!*wanted->advertise && *settings->sip.via_name &&
			 !listener_advertise(listener, settings->sip.via_name))
			report_error(report, FAULT_BAD_VALUE, &wanted->place, "sip.via_name",
				     "'%s' is no host, expected a name or an address",
				     settings->sip.via_name);
		give_certificates(snapshot, listener, wanted);
		snapshot->listeners[i] = listener;
		snapshot->open_listeners[snapshot->n_open_listeners++] = listener;
	}
	return ERR_OK;
}

static uint64_t hash_end(void *user, const char *id)
{
	return user ? record_route_end(user, id) : 0;
}

/* Dialogs that began under a former public address still name us so. */
static enum err add_former_names(struct snapshot *snapshot, const struct snapshot_parts *parts)
{
	struct public_view view;
	enum err err = ERR_OK;

	for (size_t i = 0;
	     parts->public_addresses && i < snapshot->n_open_listeners && err == ERR_OK; i++) {
		struct listener *listener = snapshot->open_listeners[i];
		char text[ADDR_TEXT_SIZE];

		if (!snapshot->settings->listeners[listener->index].advertises_stun ||
		    !public_addresses_look(parts->public_addresses, listener->name, &view))
			continue;
		for (unsigned k = 0; k < view.n_former && err == ERR_OK; k++)
			err = self_names_add(snapshot->self_names,
					     addr_host(&view.former[k], text),
					     addr_port(&view.former[k]), listener);
	}
	return err;
}

static enum err compile(struct snapshot *snapshot, const struct snapshot_parts *parts,
			struct report *report)
{
	struct rules_parts rules_parts = {
		.settings = snapshot->settings,
		.listeners = snapshot->listeners,
		.credentials = snapshot->credentials,
		.trust = snapshot->tls_trust,
		.hash = hash_end,
		.user = (void *)parts->keys,
	};
	enum err err;

	err = rules_new(&rules_parts, report, &snapshot->rules);
	if (err)
		return err;
	snapshot->keys = parts->keys;
	err = open_routes_new(&rules_parts, &snapshot->open_routes);
	if (err)
		return err;
	err = self_names_new(snapshot->open_listeners, snapshot->n_open_listeners,
			     &snapshot->self_names);
	if (!err)
		err = add_former_names(snapshot, parts);
	if (err)
		return err;
	return trust_new(snapshot->settings, parts->addresses, &snapshot->trust);
}

static void check_classes(const struct snapshot *snapshot, struct report *report)
{
	size_t i;

	for (i = 0; snapshot->users && i < users_count(snapshot->users); i++) {
		const struct user *user = users_at(snapshot->users, i);

		if (*user->class && !settings_find_class(snapshot->settings, user->class))
			report_error(
				report, FAULT_DANGLING, &user->place, "class",
				"class '%.64s' of user '%.64s' is not defined, expected one of classes",
				user->class, user->name);
	}
}

static enum err load_users(struct snapshot *snapshot, struct report *report)
{
	const struct settings_file *file = &snapshot->settings->users_file;
	enum err err;

	if (!file->path || report_has_error_at(report, &file->place))
		return ERR_OK;
	err = users_load(file->path, false, report, &snapshot->users);
	check_classes(snapshot, report);
	/* the rest is in the report, or no file yet */
	return err == ERR_NO_MEMORY ? err : ERR_OK;
}

static enum err build(const char *path, const struct snapshot_parts *parts,
		      struct report *report, struct snapshot *snapshot)
{
	enum err err = settings_load_faulty(path, report, &snapshot->settings);

	if (!snapshot->settings)
		return err;
	/* A fault of the text must not hide those of the files that it names: they are looked
	 * at all the same. */
	err = load_users(snapshot, report);
	if (!err)
		err = backend_secrets_load(snapshot->settings, parts->keys, report,
					   &snapshot->backend_secrets);
	if (!err)
		err = load_credentials(snapshot, report);
	if (err)
		return err;
	err = tls_trust_load(&snapshot->settings->tls, report, &snapshot->tls_trust);
	if (err == ERR_NO_MEMORY)
		return err;
	/* Sockets come last: nothing is opened for a configuration that is refused anyway. */
	if (report_n_errors(report))
		return ERR_INVALID;
	err = open_listeners(snapshot, parts, report);
	if (err)
		return err;
	if (report_n_errors(report))
		return ERR_INVALID;
	err = compile(snapshot, parts, report);
	if (!err && report_n_errors(report))
		err = ERR_INVALID;
	return err;
}

/* Ports that the system gives to anybody are missing when a call wants them (field.md pitfall
 * 22). */
static void check_ephemeral(const struct settings *settings, struct report *report)
{
	const struct settings_media *media = &settings->media;
	const unsigned n =
		settings_media_is_on(settings)
			? relays_ephemeral_overlap(media->first_port, media->last_port)
			: 0;

	if (!n)
		return;
	report_warning(
		report, FAULT_CONFLICT, &media->ports_place, "media.ports",
		"%u of them lie in net.ipv4.ip_local_port_range: the system may give them to other programs",
		n);
	report_hint(
		report,
		"choose ports outside that range, or put them into net.ipv4.ip_local_reserved_ports");
}

enum err snapshot_build(const char *path, const struct snapshot_parts *parts,
			struct report *report, struct snapshot **out)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	enum err err;

	if (!snapshot)
		return ERR_NO_MEMORY;
	snapshot->n_refs = 1;
	snapshot->generation = parts->previous ? parts->previous->generation + 1 : 1;
	snapshot->n_sockets = parts->n_workers;
	if (!text_copy(snapshot->path, sizeof(snapshot->path), path)) {
		snapshot_unref(snapshot);
		return ERR_TOO_LARGE;
	}
	err = build(path, parts, report, snapshot);
	if (err) {
		snapshot_unref(snapshot);
		return err;
	}
	check_ephemeral(snapshot->settings, report);
	snapshot->n_warnings = (unsigned)report_n_warnings(report);
	*out = snapshot;
	return ERR_OK;
}

enum err snapshot_revive(struct snapshot *kept, const struct snapshot_parts *parts,
			 struct report *report, struct snapshot **out)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	enum err err;

	if (!snapshot)
		return ERR_NO_MEMORY;
	snapshot->n_refs = 1;
	snapshot->generation = parts->previous ? parts->previous->generation + 1 : 1;
	snapshot->n_sockets = parts->n_workers;
	snapshot->loaded_wall_us = kept->loaded_wall_us;
	snapshot->n_warnings = kept->n_warnings;
	text_copy(snapshot->path, sizeof(snapshot->path), kept->path);
	/* One that was revived itself owns nothing that is needed: no chain comes of it. */
	snapshot->origin = snapshot_ref(kept->origin ? kept->origin : kept);
	snapshot->settings = kept->settings;
	snapshot->users = kept->users;
	snapshot->backend_secrets = kept->backend_secrets;
	snapshot->credentials = kept->credentials;
	if (kept->tls_trust)
		snapshot->tls_trust = tls_trust_ref(kept->tls_trust);
	err = open_listeners(snapshot, parts, report);
	if (!err)
		err = compile(snapshot, parts, report);
	if (err) {
		snapshot_unref(snapshot);
		return err;
	}
	*out = snapshot;
	return ERR_OK;
}

const struct rule *snapshot_rule(const struct snapshot *snapshot, const char *id)
{
	static const char prefix[] = "partner:";
	const struct rule *rule =
		rules_by_hash(snapshot->rules, hash_end((void *)snapshot->keys, id));
	const struct rule *route = NULL;

	if (rule || !text_starts_with(id, prefix) ||
	    rules_find(snapshot->rules, id + strlen(prefix), &route) != RULES_NONE ||
	    !trust_may_federate(snapshot->settings, id + strlen(prefix)))
		return rule;
	return open_routes_get(snapshot->open_routes, id + strlen(prefix), OPEN_ROUTES_OUT);
}

bool snapshot_has_peer(const struct snapshot *snapshot, const char *id)
{
	static const char prefix[] = "partner:";
	const struct rule *route = NULL;

	if (rules_by_hash(snapshot->rules, hash_end((void *)snapshot->keys, id)))
		return true;
	return text_starts_with(id, prefix) &&
	       rules_find(snapshot->rules, id + strlen(prefix), &route) == RULES_NONE &&
	       trust_may_federate(snapshot->settings, id + strlen(prefix));
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	__atomic_add_fetch(&snapshot->n_refs, 1, __ATOMIC_RELAXED);
	return snapshot;
}

static void free_own(struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; snapshot->credentials && i < snapshot->settings->n_certificates; i++)
		credentials_unref(snapshot->credentials[i]);
	free(snapshot->credentials);
	users_free(snapshot->users);
	backend_secrets_free(snapshot->backend_secrets);
	settings_free(snapshot->settings);
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
	size_t i;

	if (!snapshot || __atomic_sub_fetch(&snapshot->n_refs, 1, __ATOMIC_ACQ_REL))
		return NULL;
	trust_free(snapshot->trust);
	rules_free(snapshot->rules);
	open_routes_free(snapshot->open_routes);
	self_names_free(snapshot->self_names);
	for (i = 0; i < snapshot->n_open_listeners; i++)
		listener_unref(snapshot->open_listeners[i]);
	free(snapshot->open_listeners);
	free(snapshot->listeners);
	tls_trust_unref(snapshot->tls_trust);
	if (snapshot->origin)
		snapshot_unref(snapshot->origin);
	else
		free_own(snapshot);
	free(snapshot);
	return NULL;
}
