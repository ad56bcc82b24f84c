/* What we ask of Sofia-SIP and what may find no memory there: our own calls fail, what it
 * allocates for itself does not. */
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/url.h>

#include "tests/world/faults.h"

/* A call of ours, the real one, and what it gives back when there is no memory. */
#define WRAP(type, name, failed, params, args)                                                 \
	type __real_##name params;                                                             \
	type __wrap_##name params;                                                             \
	type __wrap_##name params                                                              \
	{                                                                                      \
		return faults_must_fail() ? failed : __real_##name args;                       \
	}

WRAP(void *, su_alloc, NULL, (su_home_t * home, isize_t size), (home, size))
WRAP(void *, su_home_new, NULL, (isize_t size), (size))
WRAP(char *, su_strdup, NULL, (su_home_t * home, char const *text), (home, text))
WRAP(char *, su_strndup, NULL, (su_home_t * home, char const *text, isize_t n), (home, text, n))
WRAP(url_t *, url_hdup, NULL, (su_home_t * home, url_t const *url), (home, url))
WRAP(msg_t *, msg_create, NULL, (msg_mclass_t const *class, int flags), (class, flags))
WRAP(msg_t *, msg_copy, NULL, (msg_t * msg), (msg))
WRAP(int, msg_serialize, -1, (msg_t * msg, msg_pub_t *pub), (msg, pub))
WRAP(int, msg_header_insert, -1, (msg_t * msg, msg_pub_t *pub, msg_header_t *header),
     (msg, pub, header))
WRAP(int, msg_header_prepend, -1,
     (msg_t * msg, msg_pub_t *pub, msg_header_t **first, msg_header_t *header),
     (msg, pub, first, header))
WRAP(msg_header_t *, msg_header_make, NULL,
     (su_home_t * home, msg_hclass_t *class, char const *text), (home, class, text))
WRAP(msg_header_t *, msg_header_dup_as, NULL,
     (su_home_t * home, msg_hclass_t *class, msg_header_t const *header), (home, class, header))
WRAP(char *, sip_header_as_string, NULL, (su_home_t * home, sip_header_t const *header),
     (home, header))
