/* Class of service: what the users of a class may not dial (toll fraud). */
#pragma once

#include "conf/settings.h"
#include "proxy/sip/message.h"

/* The pattern that forbids to dial url (sip, sips or tel); NULL: none does. Held against the
 * user part with its escapes resolved, without parameters, and, where it is a number, without
 * the signs that may stand between its digits (RFC 3966 §5.1.1). A user part that cannot be
 * read is forbidden wherever anything is. */
const char *class_of_service_denies(const struct settings_class *class, const url_t *url);
