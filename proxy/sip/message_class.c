#include "proxy/sip/message_class.h"

#include <pthread.h>
#include <stdlib.h>

#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_parser.h>

/* The same offsets as in sip_t: the struct is Sofia's, only the table of what is recognised is
 * ours. */
static const char *const parsed[] = {
	"Via",
	"Route",
	"Record-Route",
	"Max-Forwards",
	"Proxy-Require",
	"Require",
	"From",
	"To",
	"Call-ID",
	"CSeq",
	"Event",
	"Retry-After",
	"Timestamp",
	"Proxy-Authenticate",
	"Proxy-Authorization",
	"WWW-Authenticate",
	"Authorization",
	"Content-Type",
	"Content-Length",
};

/* The compact forms that IANA lists: also of headers that we leave unparsed. */
static const char *const compact[26] = {
	['a' - 'a'] = "Accept-Contact",
	['b' - 'a'] = "Referred-By",
	['c' - 'a'] = "Content-Type",
	['d' - 'a'] = "Request-Disposition",
	['e' - 'a'] = "Content-Encoding",
	['f' - 'a'] = "From",
	['i' - 'a'] = "Call-ID",
	['j' - 'a'] = "Reject-Contact",
	['k' - 'a'] = "Supported",
	['l' - 'a'] = "Content-Length",
	['m' - 'a'] = "Contact",
	['n' - 'a'] = "Identity-Info",
	['o' - 'a'] = "Event",
	['r' - 'a'] = "Refer-To",
	['s' - 'a'] = "Subject",
	['t' - 'a'] = "To",
	['u' - 'a'] = "Allow-Events",
	['v' - 'a'] = "Via",
	['x' - 'a'] = "Session-Expires",
	['y' - 'a'] = "Identity",
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static msg_mclass_t *sip_class; /* written once, under the above; never freed */

static void make_class(void)
{
	const msg_mclass_t *all = sip_default_mclass();
	msg_mclass_t *class = msg_mclass_clone(all, 0, msg_mclass_empty);
	if (!class)
		return;

	for (size_t i = 0; i < COUNT(parsed); i++)
		if (msg_mclass_insert(class, msg_find_hclass(all, parsed[i], NULL)) < 0)
			goto fail;
	if (msg_mclass_insert_header(class, sip_p_asserted_identity_class, 0) < 0 ||
	    msg_mclass_insert_header(class, sip_p_preferred_identity_class, 0) < 0)
		goto fail;
	sip_class = class;
	return;

fail:
	free(class);
}

const msg_mclass_t *message_class(void)
{
	if (pthread_once(&once, make_class) != 0)
		return NULL;
	return sip_class;
}

bool message_class_parses(const char *line)
{
	const msg_mclass_t *class = message_class();

	return class && msg_find_hclass(class, line, NULL) != class->mc_unknown;
}

const char *message_class_full_name(const char *name)
{
	if (!name || name[0] == '\0' || name[1] != '\0')
		return name;

	unsigned letter = (unsigned)(name[0] | 0x20) - 'a';
	return letter < COUNT(compact) && compact[letter] ? compact[letter] : name;
}

const char *message_class_name(const msg_header_t *header)
{
	const msg_hclass_t *class = header->sh_class;

	if (class->hc_hash == sip_unknown_class->hc_hash)
		return message_class_full_name(header->sh_unknown->un_name);
	if (class->hc_hash == sip_error_class->hc_hash)
		return header->sh_error->er_name;
	return class->hc_name && class->hc_name[0] != '\0' ? class->hc_name : NULL;
}
