#include "nat/alg.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"

enum { DISCARD_PORT = 9 };

unsigned alg_signs_of_request(const struct alg_request *request)
{
	unsigned signs = 0;
	struct addr via, contact;

	if (request->via_received && *request->via_received)
		signs |= ALG_VIA_RECEIVED;
	if (request->via_rport && *request->via_rport)
		signs |= ALG_VIA_RPORT;
	if (request->is_from_its_end && request->via_host && request->contact_host &&
	    !addr_is_private(request->source) &&
	    addr_parse(request->via_host, 0, &via) == ERR_OK &&
	    addr_parse(request->contact_host, 0, &contact) == ERR_OK &&
	    addr_same_host(&via, request->source) && addr_is_private(&contact))
		signs |= ALG_CONTACT_LEFT;
	return signs;
}

unsigned alg_signs_of_surplus(const void *bytes, size_t len)
{
	const char *at = bytes;

	for (size_t i = 0; i < len; i++)
		if (at[i] && !strchr("\r\n\t ", at[i]))
			return ALG_BODY_LONGER;
	return 0;
}

/* RFC 8839 §5.1: foundation, component, transport, priority, address, port. False: it cannot be
 * told. */
static bool read_candidate(const char *text, struct addr *out)
{
	char host[64];
	unsigned port;

	return sscanf(text, "%*32s %*u %*15s %*u %63s %u", host, &port) == 2 &&
	       port <= UINT16_MAX && addr_parse(host, (uint16_t)port, out) == ERR_OK;
}

unsigned alg_signs_of_media(const struct alg_media *media)
{
	struct addr wanted, candidate;
	bool is_found = false;

	if (media->port == 0 || media->port == DISCARD_PORT || media->port > UINT16_MAX ||
	    !media->n_candidates ||
	    addr_parse(media->host, (uint16_t)media->port, &wanted) != ERR_OK ||
	    addr_is_wildcard(&wanted))
		return 0;
	for (size_t i = 0; i < media->n_candidates; i++) {
		if (!read_candidate(media->candidates[i], &candidate))
			return 0;
		is_found |= addr_equal(&candidate, &wanted);
	}
	return is_found ? 0 : ALG_NO_CANDIDATE;
}

unsigned alg_signs_of_response(const struct addr *source, const char *via_received)
{
	struct addr received;

	if (!via_received || addr_is_private(source) ||
	    addr_parse(via_received, 0, &received) != ERR_OK || !addr_is_private(&received))
		return 0;
	return ALG_ANSWER_PRIVATE;
}

const char *alg_signs_text(unsigned signs, char *out, size_t size)
{
	static const char *const texts[ALG_N_SIGNS] = {
		"its Via says already where it came from",
		"its Via says already from which port it came",
		"its Via has the public address, its Contact a private one",
		"answers from outside say that they saw our private address",
		"it goes on behind the body whose length it tells",
		"its SDP wants media where none of its candidates is",
	};
	size_t len = 0;

	*out = '\0';
	for (unsigned i = 0; i < ALG_N_SIGNS; i++) {
		if (!(signs & 1U << i))
			continue;
		if (len)
			len = text_append(out, size, len, "; ");
		len = text_append(out, size, len, texts[i]);
	}
	return out;
}
