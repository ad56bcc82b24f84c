#include "proxy/reload_preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/reason.h"
#include "proxy/json_text.h"
#include "proxy/peer_certificates.h"
#include "proxy/transport/credentials_check.h"
#include "proxy/transport/tls_verify.h"

enum { MAX_NAMED = 5 };

struct comparison {
	struct server *server;
	const struct snapshot *from, *to;
	json_t *rows;
};

static json_t *say(const struct comparison *comparison, const char *what, const char *name,
		   const char *text)
{
	json_t *row = json_pack("{s:s, s:o, s:o}", "what", what, "name", json_text(name),
				"text", json_text(text));

	json_array_append_new(comparison->rows, row);
	return row;
}

/* ---- whom we trust ---- */

static const struct rule *rule_of(const struct comparison *comparison,
				  const struct snapshot *snapshot, const char *id)
{
	return rules_by_hash(snapshot->rules, record_route_end(comparison->server->keys, id));
}

/* "partner partner.example" of "partner:partner.example". */
static void print_id(const char *id, char *out, size_t size)
{
	const char *colon = strchr(id, ':');

	snprintf(out, size, "%.*s %s", colon ? (int)(colon - id) : 0, id,
		 colon ? colon + 1 : id);
}

static void judge(const struct comparison *comparison, const struct peer_certificate *peer)
{
	struct tls_diagnosis *diagnosis = calloc(2, sizeof(*diagnosis));
	enum reason reason = REASON_NONE;
	char who[128], text[900];
	json_t *row;

	/* What the old trust would refuse as well, such as a certificate that has expired, is
	 * not news. */
	if (diagnosis && tls_verify_again(peer->chain, comparison->from->tls_trust,
					  &diagnosis[0]) == REASON_NONE)
		reason =
			tls_verify_again(peer->chain, comparison->to->tls_trust, &diagnosis[1]);
	if (reason) {
		print_id(peer->id, who, sizeof(who));
		snprintf(text, sizeof(text),
			 "%s would no longer be trusted (issuer %s), %s: %s", who, peer->issuer,
			 peer->is_inbound ? "when it connects" : "when we connect to it",
			 diagnosis[1].verify);
		row = say(comparison, "tls.trust", peer->id, text);
		json_object_set_new(row, "reason", json_string(reason_code(reason)));
	}
	free(diagnosis);
}

static int compare_ids(const void *id, const void *peer)
{
	return strcmp(id, ((const struct peer_certificate *)peer)->id);
}

/* Of partners that were never seen nothing is known, and that is said. */
static void count_unseen(const struct comparison *comparison,
			 const struct peer_certificate *list, size_t n)
{
	const struct rules *rules = comparison->to->rules;
	unsigned n_unseen = 0;
	struct buf text;

	buf_init(&text, 0);
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		if (!rule->route || !rule->route->is_enabled || rule->n_servers == 0 ||
		    rule->servers[0].transport != TRANSPORT_MTLS ||
		    bsearch(rule->id, list, n, sizeof(*list), compare_ids))
			continue;
		if (n_unseen++ < MAX_NAMED)
			buf_printf(&text, "%s%s", n_unseen > 1 ? ", " : "",
				   rule->route->domain);
	}
	if (n_unseen > MAX_NAMED)
		buf_printf(&text, " and %u more", n_unseen - MAX_NAMED);
	buf_puts(&text, ": not tested, as no certificate of theirs was seen yet");
	if (n_unseen > 0)
		say(comparison, "tls.trust", "not tested", buf_text(&text));
	buf_fini(&text);
}

static enum err look_at_trust(const struct comparison *comparison)
{
	struct peer_certificate *list;
	size_t n;
	enum err err;

	if (strcmp(tls_trust_fingerprint(comparison->from->tls_trust),
		   tls_trust_fingerprint(comparison->to->tls_trust)) == 0)
		return ERR_OK;
	err = peer_certificates_list(comparison->server->peer_certificates, &list, &n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		bool is_gone = rule_of(comparison, comparison->from, list[i].id) &&
			       !rule_of(comparison, comparison->to, list[i].id);

		if (!is_gone && list[i].chain)
			judge(comparison, &list[i]);
	}
	count_unseen(comparison, list, n);
	peer_certificates_done(list, n);
	return ERR_OK;
}

/* ---- what we show ---- */

/* What partners use the name for, "" if it is none of those that they are known to use. */
static const char *use_of_name(const struct snapshot *snapshot, const char *name, char *out,
			       size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < snapshot->settings->n_domains; i++) {
		if (strcmp(snapshot->settings->domains[i].name, name) == 0)
			snprintf(out, size, " (a domain of ours)");
	}
	for (size_t i = 0; i < snapshot->settings->n_listeners; i++) {
		if (snapshot->listeners[i] && strcmp(snapshot->listeners[i]->host, name) == 0)
			snprintf(out, size, " (the name of listener %s)",
				 snapshot->settings->listeners[i].name);
	}
	return out;
}

static bool has_name(const struct identity *identity, const char *name)
{
	for (size_t i = 0; i < identity->n_names; i++) {
		if (strcmp(identity->names[i].text, name) == 0)
			return true;
	}
	return false;
}

static void compare_names(const struct comparison *comparison, const char *name,
			  const struct identity *was, const struct identity *is)
{
	unsigned n_lost = 0;
	struct buf text;
	char use[320];

	buf_init(&text, 0);
	buf_puts(&text, "no longer names ");
	for (size_t i = 0; i < was->n_names; i++) {
		if (has_name(is, was->names[i].text) || n_lost++ >= MAX_NAMED)
			continue;
		buf_printf(&text, "%s%s%s", n_lost > 1 ? ", " : "", was->names[i].text,
			   use_of_name(comparison->to, was->names[i].text, use, sizeof(use)));
	}
	if (n_lost > MAX_NAMED)
		buf_printf(&text, " and %u more", n_lost - MAX_NAMED);
	buf_puts(&text, "; partners who look for these refuse us");
	if (n_lost > 0)
		say(comparison, "certificate", name, buf_text(&text));
	buf_fini(&text);
}

/* Without the extension every use is allowed (RFC 5280 §4.2.1.12). */
static bool may(const struct identity *identity, bool has_use)
{
	return !identity->has_eku || identity->has_any_eku || has_use;
}

static void compare_usage(const struct comparison *comparison, const char *name,
			  const struct identity *was, const struct identity *is)
{
	if (may(was, was->has_client_auth) && !may(is, is->has_client_auth))
		say(comparison, "certificate", name,
		    "is no longer for clients (no clientAuth): partners that insist on it refuse our connections");
	if (may(was, was->has_server_auth) && !may(is, is->has_server_auth))
		say(comparison, "certificate", name,
		    "is no longer for servers (no serverAuth): partners refuse it when they connect to us");
}

static void compare_certificate(const struct comparison *comparison, const char *name,
				const struct credentials *was, const struct credentials *is)
{
	const struct identity *old = credentials_identity(was), *new = credentials_identity(is);
	char text[900], key_was[48], key_is[48];

	compare_names(comparison, name, old, new);
	if (strcmp(old->issuer, new->issuer) != 0) {
		snprintf(text, sizeof(text),
			 "is issued by %s (was: %s): partners must trust its root", new->issuer,
			 old->issuer);
		say(comparison, "certificate", name, text);
	}
	if (strcmp(credentials_check_key(was, key_was, sizeof(key_was)),
		   credentials_check_key(is, key_is, sizeof(key_is))) != 0) {
		snprintf(text, sizeof(text), "has a key of another kind, %s (was: %s)", key_is,
			 key_was);
		say(comparison, "certificate", name, text);
	}
	compare_usage(comparison, name, old, new);
	if (credentials_check_lacks_issuer(is, comparison->to->tls_trust, text, sizeof(text)))
		say(comparison, "certificate", name, text);
}

static void look_at_certificates(const struct comparison *comparison)
{
	const struct settings *was = comparison->from->settings, *is = comparison->to->settings;

	for (size_t i = 0; i < is->n_certificates; i++) {
		for (size_t k = 0; k < was->n_certificates; k++) {
			const struct credentials *old = comparison->from->credentials[k],
						 *new = comparison->to->credentials[i];

			if (strcmp(was->certificates[k].name, is->certificates[i].name) == 0 &&
			    strcmp(credentials_fingerprint(old),
				   credentials_fingerprint(new)) != 0)
				compare_certificate(comparison, is->certificates[i].name, old,
						    new);
		}
	}
}

json_t *reload_preflight(struct server *server, const struct snapshot *to)
{
	struct comparison comparison = {
		.server = server, .from = server->snapshot, .to = to, .rows = json_array()
	};

	if (!comparison.rows)
		return NULL;
	if (look_at_trust(&comparison)) {
		json_decref(comparison.rows);
		return NULL;
	}
	look_at_certificates(&comparison);
	return comparison.rows;
}
