#include "proxy/check_chain.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/certificate_watch.h"

enum { DAY_S = 86400, NAMES = 400 };

/* "2026-11-21", which is enough for a certificate. */
static const char *day(int64_t seconds, char out[32])
{
	text_time((uint64_t)seconds * 1000000, out);
	out[strcspn(out, "T")] = '\0';
	return out;
}

static void judge_chain(struct check_rows *rows, const struct tls_look *look)
{
	const struct tls_shown *top = &look->path[look->n - 1];

	if (look->n == 1 && top->is_self_signed)
		check_fault(rows, CHECK_WARN, CHECK_CERT_SELF_SIGNED, NULL,
			    "%s has signed itself", top->subject);
	else if (look->is_incomplete)
		check_fault(rows, CHECK_FAIL, CHECK_CERT_CHAIN, NULL,
			    "%u certificate%s sent; missing is that of %s", look->n_sent,
			    look->n_sent == 1 ? "" : "s", top->issuer);
	else if (look->has_root)
		check_fault(rows, CHECK_WARN, CHECK_CERT_ROOT, NULL, "%s is a root",
			    top->subject);
	else
		check_ok(rows, "CERT-CHAIN", "%u certificate%s, up to %s", look->n_sent,
			 look->n_sent == 1 ? "" : "s", top->issuer);
}

/* Whether partners have the CA is theirs to know. */
static void judge_ca(struct check_rows *rows, const struct tls_look *look)
{
	const struct tls_shown *top = &look->path[look->n - 1];

	if (look->n == 1 && top->is_self_signed)
		return;
	check_untested(rows, "CERT-CA", "whether partners trust %s; %s",
		       top->is_self_signed ? top->subject : top->issuer,
		       look->is_trusted ? "tls.trust has it" : "tls.trust does not have it");
}

static bool has_name(const struct identity *identity, const char *name, bool *out_wildcard)
{
	*out_wildcard = false;
	return *name && identity_matches(identity, name, false, NULL, out_wildcard);
}

/* What to paste into a shell: a request that a CA takes. */
static void write_request(const char *host, const char *domain, char *out, size_t size)
{
	char first[256];

	snprintf(first, sizeof(first), "%s", *host ? host : domain);
	snprintf(out, size,
		 "openssl req -new -newkey rsa:3072 -nodes -keyout edge.key -out edge.csr "
		 "-subj /CN=%s -addext subjectAltName=DNS:%s%s%s",
		 first, first, strcmp(first, domain) ? ",DNS:" : "",
		 strcmp(first, domain) ? domain : "");
}

/* The host that DNS names, and the domain. By the first other products find address and port of
 * a certificate. */
static void judge_names(struct check_rows *rows, const struct identity *identity,
			const char *host, const char *domain, const char *place)
{
	bool is_wildcard, is_domain_wildcard;
	bool has_host = has_name(identity, host, &is_wildcard);
	bool has_domain = has_name(identity, domain, &is_domain_wildcard);
	char names[NAMES], request[1200];

	identity_text(identity, names, sizeof(names));
	write_request(host, domain, request, sizeof(request));
	if (!has_host && (is_wildcard || (!*host && is_domain_wildcard)))
		check_fault(rows, CHECK_FAIL, CHECK_CERT_WILDCARD, request,
			    "it names %s; needs %s", names, *host ? host : domain);
	else if (*host && !has_host)
		check_fault(rows, CHECK_FAIL, CHECK_CERT_NAME, request,
			    "it names %s; the SRV record of %s leads to %s: no match", names,
			    domain, host);
	else if (!has_domain)
		check_fault(rows, CHECK_WARN, CHECK_CERT_DOMAIN, request, "it names %s; not %s",
			    names, domain);
	else if (*host)
		check_ok(rows, "CERT-NAME", "%s and %s; its SRV record leads to %s", host,
			 domain, place);
	else
		check_ok(rows, "CERT-NAME", "%s (there is no SRV record to compare with)",
			 names);
}

/* The certificate of the path that ends first, or has not begun. */
static void judge_times(struct check_rows *rows, const struct tls_look *look, uint64_t wall_us,
			bool tells_good)
{
	const int64_t now = (int64_t)(wall_us / 1000000);
	const struct tls_shown *first = &look->path[0];
	char text[32];

	for (unsigned i = 0; i < look->n; i++) {
		if (look->path[i].not_before > now) {
			check_fault(rows, CHECK_FAIL, CHECK_CERT_NOT_YET, NULL,
				    "%s is valid from %s on", look->path[i].subject,
				    day(look->path[i].not_before, text));
			return;
		}
		if (look->path[i].not_after < first->not_after)
			first = &look->path[i];
	}
	if (first->not_after < now)
		check_fault(rows, CHECK_FAIL, CHECK_CERT_EXPIRED, NULL, "%s ended on %s",
			    first->subject, day(first->not_after, text));
	else if (first->not_after - now < CERTIFICATE_WARN_DAYS * DAY_S)
		check_fault(rows, CHECK_WARN, CHECK_CERT_EXPIRES, NULL,
			    "%s ends on %s, in %d days", first->subject,
			    day(first->not_after, text),
			    (int)((first->not_after - now) / DAY_S));
	else if (tells_good)
		check_ok(rows, "CERT-TIME", "until %s, %d days", day(first->not_after, text),
			 (int)((first->not_after - now) / DAY_S));
}

static void judge_keys(struct check_rows *rows, const struct tls_look *look)
{
	for (unsigned i = 0; i < look->n; i++) {
		const struct tls_shown *shown = &look->path[i];

		if (shown->is_self_signed && i > 0)
			break;
		if (shown->has_weak_key) {
			check_fault(rows, CHECK_FAIL, CHECK_CERT_WEAK_KEY, NULL, "%s has %s",
				    shown->subject, shown->key);
			return;
		}
		if (shown->has_weak_signature) {
			check_fault(rows, CHECK_FAIL, CHECK_CERT_WEAK_SIGNATURE, NULL,
				    "%s is signed with %s", shown->subject, shown->signature);
			return;
		}
	}
	check_ok(rows, "CERT-KEY", "%s, signed with %s", look->path[0].key,
		 look->path[0].signature);
}

/* What the verification of a handshake found, beside what the rows above say of each. */
static void judge_verdict(struct check_rows *rows, const struct check_result *result)
{
	const struct tls_diagnosis *diagnosis = &result->diagnosis;
	const enum reason verdict = result->look.verdict;

	if (verdict == REASON_TLS_REVOKED || verdict == REASON_TLS_CONSTRAINTS)
		check_fault(rows, CHECK_FAIL,
			    verdict == REASON_TLS_REVOKED ? CHECK_CERT_REVOKED
							  : CHECK_CERT_CONSTRAINTS,
			    NULL, "%s: %s",
			    *diagnosis->failed_subject ? diagnosis->failed_subject
						       : result->look.path[0].subject,
			    diagnosis->verify);
}

static void judge_usage(struct check_rows *rows, const struct identity *identity)
{
	bool is_any = !identity->has_eku || identity->has_any_eku;
	bool is_server = is_any || identity->has_server_auth || identity->has_sip_domain;
	bool is_client = is_any || identity->has_client_auth || identity->has_sip_domain;

	if (!is_server)
		check_fault(rows, CHECK_FAIL, CHECK_CERT_SERVER_USE, NULL, "%s",
			    is_client ? "clientAuth only"
				      : "neither serverAuth nor clientAuth");
	else if (!is_client)
		check_fault(rows, CHECK_WARN, CHECK_CERT_CLIENT_USE, NULL, "serverAuth only");
	else
		check_ok(rows, "CERT-USE", "%s",
			 is_any ? "for every use" : "as server and as client");
}

void check_chain_own(struct check_rows *rows, const struct check_result *result,
		     const char *host, const char *domain, const char *place, uint64_t wall_us)
{
	judge_chain(rows, &result->look);
	judge_ca(rows, &result->look);
	if (result->identity) {
		judge_names(rows, result->identity, host, domain, place);
		judge_usage(rows, result->identity);
	}
	judge_times(rows, &result->look, wall_us, true);
	judge_keys(rows, &result->look);
	judge_verdict(rows, result);
}

void check_chain_partner(struct check_rows *rows, const struct check_result *result,
			 uint64_t wall_us)
{
	if (result->look.has_root)
		judge_chain(rows, &result->look);
	judge_times(rows, &result->look, wall_us, false);
}
