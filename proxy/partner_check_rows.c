#include "proxy/partner_check_rows.h"

#include <stdio.h>
#include <string.h>

#include "federation/trust.h"
#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/check_chain.h"

enum { MAX_LISTED = 4, NAMES = 400 };

/* ---- policy ---- */

static const char *file_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "?";
}

static const char *trust_text(const struct settings_route *route)
{
	for (size_t i = 0; i < route->n_servers; i++)
		if (route->servers[i].transport != TRANSPORT_MTLS)
			return route->is_trustworthy ? "trusted by its address"
						     : "not trusted: its requests need digest";
	return "trusted by its certificate";
}

/* A domain without a route: open federation may be for it. */
static bool tell_open(struct check_rows *rows, const struct settings *settings,
		      const char *domain)
{
	const struct place *place = &settings->federation.place;

	if (!settings->federation.is_open) {
		check_refused(rows, "POLICY", REASON_NOT_A_PARTNER,
			      "no route for %s, and federation.open is false", domain);
		return false;
	}
	if (!trust_may_federate(settings, domain)) {
		check_refused(rows, "POLICY", REASON_PARTNER_NOT_ALLOWED,
			      "no route for %s, and federation at %s:%u excludes it", domain,
			      file_name(place->file), place->line);
		return false;
	}
	check_ok(rows, "POLICY", "no route; open federation at %s:%u", file_name(place->file),
		 place->line);
	return true;
}

bool partner_check_tell_policy(struct check_rows *rows, const struct snapshot *snapshot,
			       const char *domain, const struct rule **out_rule)
{
	const struct place *place;
	enum rules_verdict verdict;

	*out_rule = NULL;
	if (rules_is_local_domain(snapshot->rules, domain)) {
		check_fault(rows, CHECK_FAIL, CHECK_POLICY_OWN, NULL,
			    "%s is one of our own domains", domain);
		return false;
	}
	verdict = rules_find(snapshot->rules, domain, out_rule);
	if (verdict == RULES_NONE)
		return tell_open(rows, snapshot->settings, domain);
	if (verdict == RULES_ALL_OFF) {
		check_refused(rows, "POLICY", REASON_PARTNERS_SWITCHED_OFF,
			      "partners.enabled is false");
		return false;
	}
	place = &(*out_rule)->route->place;
	if (verdict == RULES_DISABLED) {
		check_refused(rows, "POLICY", REASON_ROUTE_DISABLED, "route %s at %s:%u",
			      (*out_rule)->route->domain, file_name(place->file), place->line);
		return false;
	}
	check_ok(rows, "POLICY", "route %s at %s:%u, %s", (*out_rule)->route->domain,
		 file_name(place->file), place->line, trust_text((*out_rule)->route));
	return true;
}

/* ---- servers ---- */

static const char *hop_text(const struct hop *hop, char *out, size_t size)
{
	char addr[ADDR_TEXT_SIZE], host[ADDR_TEXT_SIZE];

	addr_text(&hop->remote, addr);
	if (!hop->host[0] || strcmp(hop->host, addr_host(&hop->remote, host)) == 0)
		snprintf(out, size, "%s %s", conf_transport_text(hop->transport), addr);
	else
		snprintf(out, size, "%s %s (%.255s)", conf_transport_text(hop->transport), addr,
			 hop->host);
	return out;
}

void partner_check_tell_hops(struct check_rows *rows, const struct hop *hops, size_t n,
			     const char *evidence)
{
	char text[400];
	struct buf list;

	buf_init(&list, 0);
	for (size_t i = 0; i < n && i < MAX_LISTED; i++)
		buf_printf(&list, "%s%s", i ? ", " : "",
			   hop_text(&hops[i], text, sizeof(text)));
	check_ok(rows, "ADDRESS", "%s%s%s", buf_text(&list), *evidence ? "; " : "", evidence);
	buf_fini(&list);
}

/* ---- one server ---- */

/* What was seen of a handshake that failed; the code says the rest. */
static void describe_failure(const struct tls_diagnosis *diagnosis, struct buf *out)
{
	if (diagnosis->alert >= 0)
		buf_printf(out, "; %s alert is %s",
			   diagnosis->alert_from_peer ? "their" : "our", diagnosis->alert_text);
	if (diagnosis->verify[0])
		buf_printf(out, "; %s", diagnosis->verify);
	if (diagnosis->failed_subject[0])
		buf_printf(out, "; certificate %s of issuer %s", diagnosis->failed_subject,
			   diagnosis->failed_issuer);
}

static bool is_about_names(enum reason reason)
{
	return reason == REASON_TLS_NAME_MISMATCH || reason == REASON_TLS_WILDCARD;
}

static void tell_chain(struct check_rows *rows, const struct check_result *result,
		       uint64_t wall_us)
{
	const struct tls_look *look = &result->look;

	check_ok(rows, "TLS", "%s, %s, %u certificate%s up to %s", result->diagnosis.version,
		 result->diagnosis.cipher, look->n_sent, look->n_sent == 1 ? "" : "s",
		 look->path[look->n - 1].issuer);
	check_took(rows, result->handshake_ms);
	check_chain_partner(rows, result, wall_us);
}

/* False: it ends here. */
static bool tell_handshake(struct check_rows *rows, const struct hop *hop,
			   const struct check_result *result, uint64_t wall_us)
{
	const struct tls_diagnosis *diagnosis = &result->diagnosis;
	char text[400];
	struct buf detail;

	if (result->stage != CHECK_HANDSHAKE) {
		tell_chain(rows, result, wall_us);
		return true;
	}
	if (is_about_names(result->reason)) {
		tell_chain(rows, result, wall_us);
		check_refused(rows, "IDENTITY", result->reason, "it names %s; needs %s",
			      diagnosis->presented, diagnosis->expected);
		return false;
	}
	buf_init(&detail, 0);
	describe_failure(diagnosis, &detail);
	check_refused(rows, "TLS", result->reason, "%s%s", hop_text(hop, text, sizeof(text)),
		      buf_text(&detail));
	check_took(rows, result->handshake_ms);
	buf_fini(&detail);
	return false;
}

static void tell_identity(struct check_rows *rows, const char *domain, const struct hop *hop,
			  const struct identity *identity)
{
	const char *name = NULL;

	for (unsigned i = 0; identity && i < hop->n_names; i++) {
		if (!identity_matches(identity, hop->names[i], hop->allow_wildcard, &name,
				      NULL))
			continue;
		check_ok(rows, "IDENTITY", "certificate name %s %s", name,
			 strcmp(hop->names[i], domain) == 0 ? "is the domain (RFC 5922)"
			 : text_starts_with(hop->peer, "partner:")
				 ? "is one of the route"
				 : "is the host of the SRV record, inside of the domain");
		return;
	}
}

/* What became of our own certificate; false: it was refused. */
static bool tell_client(struct check_rows *rows, const struct hop *hop,
			const struct check_result *result)
{
	const struct tls_diagnosis *diagnosis = &result->diagnosis;
	const char *issuer =
		hop->credentials ? credentials_identity(hop->credentials)->issuer : "";
	bool is_listed =
		!diagnosis->ca_list[0] || (*issuer && strstr(diagnosis->ca_list, issuer));
	struct buf detail;

	buf_init(&detail, 0);
	if (diagnosis->ca_list[0])
		buf_printf(&detail, "; it names the issuers %s, and ours is %s",
			   diagnosis->ca_list,
			   is_listed ? "among them"
			   : *issuer ? issuer
				     : "none");
	if (result->was_refused_later) {
		check_refused(rows, "OUR-CERT", result->reason,
			      "it asked for our certificate, got %s%s",
			      diagnosis->sent_certificate ? credentials_name(hop->credentials)
							  : "none",
			      buf_text(&detail));
		buf_fini(&detail);
		return false;
	}
	if (!diagnosis->asked_certificate && hop->transport == TRANSPORT_MTLS)
		check_fault(rows, CHECK_WARN, CHECK_NOT_ASKED, NULL,
			    "it did not ask for our certificate");
	else if (!diagnosis->asked_certificate)
		check_ok(rows, "OUR-CERT", "it did not ask for one");
	else
		check_ok(rows, "OUR-CERT", "it asked, and took %s%s",
			 diagnosis->sent_certificate ? credentials_name(hop->credentials)
						     : "that there was none",
			 buf_text(&detail));
	buf_fini(&detail);
	return true;
}

static void tell_options(struct check_rows *rows, const struct check_result *result)
{
	if (result->status == 503)
		check_refused(rows, "OPTIONS", REASON_NEXT_HOP_503, "answered with 503");
	else if (result->status == 401 || result->status == 403 || result->status == 407)
		check_fault(rows, CHECK_WARN, CHECK_OPTIONS_REFUSED, NULL, "answered with %d",
			    result->status);
	else if (result->stage == CHECK_DONE)
		check_ok(rows, "OPTIONS", "answered with %d", result->status);
	else if (result->speaks_tls)
		check_fault(rows, CHECK_FAIL, CHECK_SPEAKS_TLS, NULL,
			    "no answer; with TLS it shows a certificate");
	else
		check_refused(rows, "OPTIONS", result->reason, "no answer");
	check_took(rows, result->ask_ms);
}

bool partner_check_tell_server(struct check_rows *rows, const char *domain,
			       const struct hop *hop, const struct check_result *result,
			       uint64_t wall_us)
{
	bool is_stream = hop->transport != TRANSPORT_UDP;
	char text[400];

	hop_text(hop, text, sizeof(text));
	if (result->stage == CHECK_CONNECT) {
		check_refused(rows, "CONNECT", result->reason, "%s", text);
		return false;
	}
	if (is_stream) {
		check_ok(rows, "CONNECT", "%s", text);
		check_took(rows, result->connect_ms);
	}
	if (hop->transport == TRANSPORT_TLS || hop->transport == TRANSPORT_MTLS) {
		if (!tell_handshake(rows, hop, result, wall_us))
			return false;
		tell_identity(rows, domain, hop, result->identity);
		if (!tell_client(rows, hop, result))
			return true;
	}
	tell_options(rows, result);
	return true;
}

/* ---- what comes from there ---- */

void partner_check_tell_inbound(struct check_rows *rows, const struct snapshot *snapshot,
				const char *domain, const struct rule *rule,
				const struct trust_srv *srv, const struct partner_proof *proof)
{
	struct trust_question question = { .network = rule && rule->listener
							      ? rule->listener->network
							      : NETWORK_WAN,
					   .transport = proof->transport,
					   .identity = proof->identity,
					   .source = proof->source,
					   .from_domain = domain,
					   .dialled_for = "",
					   .srv = srv };
	const char *by = proof->identity ? "over this certificate" : "from this address";
	struct origin origin;

	if (!proof->is_set) {
		check_untested(
			rows, "INBOUND",
			"what a request from @%s would be: no server of it proved who it is",
			domain);
		return;
	}
	trust_classify(snapshot->trust, &question, &origin);
	if (origin.kind == ORIGIN_STRANGER)
		check_refused(rows, "INBOUND", origin.reason,
			      "a request from @%s %s would be refused (%s: %s)", domain, by,
			      origin.rule, origin.evidence);
	else
		check_ok(rows, "INBOUND",
			 "a request from @%s %s would be classified as %s (%s: %s)", domain, by,
			 origin_kind_text(origin.kind), origin.rule, origin.evidence);
}
