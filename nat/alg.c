#include "nat/alg.h"

#include "proxy/base/text.h"

unsigned alg_signs_of_request(const struct alg_request *request)
{
	unsigned signs = 0;
	struct addr via, contact;

	if (request->via_received && *request->via_received)
		signs |= ALG_VIA_RECEIVED;
	if (request->via_rport && *request->via_rport)
		signs |= ALG_VIA_RPORT;
	if (request->is_from_its_end && request->via_host && request->contact_host && !addr_is_private(request->source) &&
	    addr_parse(request->via_host, 0, &via) == ERR_OK && addr_parse(request->contact_host, 0, &contact) == ERR_OK &&
	    addr_same_host(&via, request->source) && addr_is_private(&contact))
		signs |= ALG_CONTACT_LEFT;
	return signs;
}

unsigned alg_signs_of_response(const struct addr *source, const char *via_received)
{
	struct addr received;

	if (!via_received || addr_is_private(source) || addr_parse(via_received, 0, &received) != ERR_OK ||
	    !addr_is_private(&received))
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
