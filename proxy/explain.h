/* The dry run of one request (`nuncio explain`): builds the request, the flow it would come by,
 * and runs the very steps of the traffic on it; nothing is sent and nothing is charged. */
#pragma once

#include "proxy/decision.h"
#include "proxy/server.h"

struct explain_question {
	const char *from, *to; /* "bob@partner.example" or SIP URIs */
	const char *method;    /* NULL: MESSAGE */
	/* name; NULL: the first wan one (from a foreign domain) or lan one (from an own
	 * domain) */
	const char *listener;
	const char *source; /* address; NULL: an address that fits, or 192.0.2.1 */
	/* names in the certificate that the peer would show; a "sip:" one is a URI name */
	const char *const *cert_names;
	unsigned n_cert_names;
};

/* Fills out with the steps and the verdict. ERR_INVALID with out_what if the question itself is
 * wrong (unknown listener, not an address). */
enum err explain_request(struct server *server, struct snapshot *snapshot,
			 const struct explain_question *question, struct decision *out,
			 const char **out_what) MUST_CHECK;
