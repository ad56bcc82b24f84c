/* Who shows a certificate of ours, so that its end, or its replacement, is no surprise. */
#pragma once

#include <jansson.h>

#include "conf/settings.h"

/* "listener wan", "partner partner.example": at most max of them into names (NULL: none);
 * returns how many there are. */
size_t certificate_use_list(const struct settings *settings, int index, size_t max,
			    json_t *names);

/* The same as text, "listener wan, partner a.example and 17 more". Returns out. */
const char *certificate_use_text(const struct settings *settings, int index, size_t max,
				 char *out, size_t size);
