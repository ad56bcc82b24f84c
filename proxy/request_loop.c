#include "proxy/request.h"

#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

/* Adds one part to the text that is hashed; what does not fit is left out, at the price of
 * taking a spiral for a loop in a request with a Route of kilobytes. */
static size_t add_part(char *text, size_t len, size_t size, const char *part)
{
	size_t n = part ? strnlen(part, 256) : 0;

	if (len + n + 1 > size)
		return len;
	memcpy(text + len, part ? part : "", n);
	text[len + n] = '|';
	return len + n + 1;
}

static size_t add_url(char *text, size_t len, size_t size, const url_t *url)
{
	len = add_part(text, len, size, url->url_user);
	len = add_part(text, len, size, url->url_host);
	len = add_part(text, len, size, url->url_port);
	return add_part(text, len, size, url->url_params);
}

void request_loop_hash(const struct snapshot *snapshot, const sip_t *sip,
		       char out[REQUEST_LOOP_SIZE])
{
	const sip_route_t *route = sip->sip_route;
	char text[2048];
	size_t len = 0;
	uint64_t hash;

	/* A Route that leads to us has done its work: a server that sends back what it got adds
	 * it, and nothing else. */
	while (route && self_names_has(snapshot->self_names, route->r_url, NULL))
		route = route->r_next;

	len = add_url(text, len, sizeof(text), sip->sip_request->rq_url);
	if (route)
		len = add_url(text, len, sizeof(text), route->r_url);
	len = add_part(text, len, sizeof(text), sip->sip_from->a_tag);
	len = add_part(text, len, sizeof(text), sip->sip_to->a_tag);
	len = add_part(text, len, sizeof(text), sip->sip_call_id->i_id);
	if (len + sizeof(sip->sip_cseq->cs_seq) <= sizeof(text)) {
		memcpy(text + len, &sip->sip_cseq->cs_seq, sizeof(sip->sip_cseq->cs_seq));
		len += sizeof(sip->sip_cseq->cs_seq);
	}
	hash = random_keyed_hash(text, len);
	text_hex(&hash, sizeof(hash), out);
}
