#include "proxy/sip/message_class.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
static _Atomic(msg_mclass_t *) sip_class; /* written once, under the above; never freed */

enum {
	MAX_PARSED = 24,
	NAME_SIZE = 23,
	LONGEST_PLAIN = 64, /* Sofia has a bound of its own for names */
};

/* The headers that are parsed, sorted by their first letter; written with the class. One
 * look-up is a line or two of the cache here, where Sofia's classes and their names lie all
 * over its library. */
static struct known {
	const msg_href_t *ref;
	unsigned char len;
	char name[NAME_SIZE];
} known[MAX_PARSED];
static unsigned char first_of[27]; /* by letter; the next letter's is the end */

static void sort_by_letter(const msg_mclass_t *class)
{
	unsigned char n = 0;

	for (unsigned letter = 0; letter < 26; letter++) {
		first_of[letter] = n;
		for (short i = 0; i < class->mc_hash_size; i++) {
			const msg_href_t *ref = &class->mc_hash[i];
			const char *name = ref->hr_class ? ref->hr_class->hc_name : NULL;

			if (!name || (unsigned)(name[0] | 0x20) - 'a' != letter)
				continue;
			/* What finds no room here would not be found at all. */
			assert(n < MAX_PARSED && strlen(name) < NAME_SIZE);
			known[n].ref = ref;
			known[n].len = (unsigned char)strlen(name);
			strcpy(known[n++].name, name);
		}
	}
	first_of[26] = n;
}

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
	sort_by_letter(class);
	atomic_store_explicit(&sip_class, class, memory_order_release);
	return;

fail:
	free(class);
}

const msg_mclass_t *message_class(void)
{
	const msg_mclass_t *class = atomic_load_explicit(&sip_class, memory_order_acquire);

	if (class)
		return class;
	if (pthread_once(&once, make_class) != 0)
		return NULL;
	return atomic_load_explicit(&sip_class, memory_order_acquire);
}

bool message_class_parses(const char *line)
{
	const msg_mclass_t *class = message_class();

	return class && msg_find_hclass(class, line, NULL) != class->mc_unknown;
}

static size_t name_length(const char *line)
{
	size_t len = 0;

	while ((line[len] >= 'a' && line[len] <= 'z') ||
	       (line[len] >= 'A' && line[len] <= 'Z') || line[len] == '-')
		len++;
	return len;
}

/* NULL if the line is of none of them, or writes the name in other letters. */
static const struct known *find_known(const char *line, size_t line_len, unsigned letter)
{
	for (const struct known *entry = &known[first_of[letter]];
	     entry < &known[first_of[letter + 1]]; entry++)
		if (entry->len < line_len && line[entry->len] == ':' &&
		    memcmp(entry->name, line, entry->len) == 0)
			return entry;
	return NULL;
}

/* True if the name is one of those that are parsed, in whatever letters. */
static bool is_known(const char *name, size_t len, unsigned letter)
{
	for (const struct known *entry = &known[first_of[letter]];
	     entry < &known[first_of[letter + 1]]; entry++)
		if (entry->len == len && strncasecmp(entry->name, name, len) == 0)
			return true;
	return false;
}

const msg_href_t *message_class_find(const char *line, size_t line_len,
				     isize_t *out_after_colon)
{
	const msg_mclass_t *class = message_class();
	const unsigned letter = (unsigned)(line[0] | 0x20) - 'a';
	const struct known *entry = letter < 26 ? find_known(line, line_len, letter) : NULL;

	if (entry) {
		*out_after_colon = (isize_t)entry->len + 1;
		return entry->ref;
	}

	const size_t len = name_length(line);
	if (len < 2 || len > LONGEST_PLAIN || line[len] != ':' || letter >= 26 ||
	    is_known(line, len, letter))
		return msg_find_hclass(class, line, out_after_colon);
	*out_after_colon = (isize_t)len + 1;
	return class->mc_unknown;
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
