#include <string.h>
#include <strings.h>

#include "proxy/sip/message.h"
#include "proxy/sip/message_class.h"

/* Headers whose faults a proxy must not pass over: those it acts on. The rest it forwards as
 * they are (RFC 3261 §16.3 item 1). */
static bool is_essential(const char *name)
{
	static const char *const essential[] = {
		"Via",     "From",          "To",
		"Call-ID", "CSeq",          "Max-Forwards",
		"Route",   "Proxy-Require", "Content-Length",
	};

	for (size_t i = 0; i < COUNT(essential); i++)
		if (strcasecmp(essential[i], name) == 0)
			return true;
	return false;
}

/* What Sofia could not read, or found twice where only one may be. */
static const char *find_fault(const sip_t *sip)
{
	for (const msg_header_t *error = (const msg_header_t *)sip->sip_error; error;
	     error = error->sh_next) {
		const char *name = message_class_name(error);
		if (!name)
			return "header line";
		if (is_essential(name))
			return name;
	}
	return NULL;
}

/* A SIP URI has no path; Sofia finds one all the same, and prints it without its slash. */
static bool has_path(const url_t *url)
{
	return (url->url_type == url_sip || url->url_type == url_sips) && url->url_path;
}

/* Sofia wants no space after the transport, and then takes all that follows for its name;
 * stamped and printed anew, the Via would be torn. */
static bool is_letter_of(const char *others, char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       strchr(others, c);
}

static bool is_protocol(const char *protocol)
{
	if (protocol == sip_transport_udp || protocol == sip_transport_tcp ||
	    protocol == sip_transport_tls)
		return true; /* Sofia's own text for what it knows */
	while (*protocol && is_letter_of("/!%*+`'~-._", *protocol))
		protocol++;
	return *protocol == '\0';
}

static bool is_host(const char *host)
{
	if (host[0] == '[')
		return host[strspn(host, "[]:.0123456789abcdefABCDEF")] == '\0';
	while (*host == '.' || (*host && is_letter_of("-_", *host)))
		host++;
	return *host == '\0';
}

static bool is_via(const sip_via_t *via)
{
	return is_protocol(via->v_protocol) && is_host(via->v_host);
}

static const char *find_request_fault(const sip_t *sip)
{
	const sip_request_t *request = sip->sip_request;

	if (strcmp(sip->sip_cseq->cs_method_name, request->rq_method_name) != 0)
		return "CSeq"; /* RFC 3261 §8.1.1.5 */
	if (request->rq_url->url_type == url_invalid || request->rq_url->url_headers ||
	    has_path(request->rq_url))
		return "Request-URI"; /* no headers there: RFC 3261 §19.1.1 */
	if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count > 255)
		return "Max-Forwards";
	return NULL;
}

static bool is_our_scheme(const url_t *url)
{
	return url->url_type == url_sip || url->url_type == url_sips ||
	       url->url_type == url_tel;
}

enum reason message_check(const sip_t *sip, const char **out_what)
{
	const char *unused;
	const char *version =
		sip->sip_request ? sip->sip_request->rq_version : sip->sip_status->st_version;
	size_t body_bytes = sip->sip_payload ? sip->sip_payload->pl_len : 0;

	if (!out_what)
		out_what = &unused;
	*out_what = "start line";
	if (version != sip_version_2_0 && strcasecmp(version, "SIP/2.0") != 0)
		return REASON_VERSION;
	if (sip->sip_status &&
	    (sip->sip_status->st_status < 100 || sip->sip_status->st_status > 699))
		return REASON_MALFORMED;

	*out_what = find_fault(sip);
	if (!*out_what && sip->sip_cseq->cs_seq > INT32_MAX)
		*out_what = "CSeq"; /* RFC 3261 §8.1.1.5: less than 2**31 */
	if (!*out_what && !is_via(sip->sip_via))
		*out_what = "Via";
	if (!*out_what && has_path(sip->sip_from->a_url))
		*out_what = "From";
	if (!*out_what && has_path(sip->sip_to->a_url))
		*out_what = "To";
	if (!*out_what && sip->sip_content_length &&
	    sip->sip_content_length->l_length > body_bytes)
		*out_what = "Content-Length";
	if (!*out_what && sip->sip_request)
		*out_what = find_request_fault(sip);
	if (*out_what)
		return REASON_MALFORMED;

	if (sip->sip_request && !is_our_scheme(sip->sip_request->rq_url)) {
		*out_what = "Request-URI"; /* RFC 3261 §16.3 item 2 */
		return REASON_URI_SCHEME;
	}
	return REASON_NONE;
}
