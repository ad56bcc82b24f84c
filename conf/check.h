/* What a key alone cannot show: references, duplicates, and what fits together in the whole.
 * Nothing here needs SIP or TLS. For conf's own files alone. */
#pragma once

#include "conf/report.h"
#include "conf/settings.h"

/* Finds what the names refer to and fills in the indices and presets that follow from it. */
void check_references(struct settings *settings, struct report *report);

/* Everything that is unique: domains, listeners, backends and their usernames, certificates,
 * routes. ERR_NO_MEMORY. */
enum err check_duplicates(const struct settings *settings, struct report *report) MUST_CHECK;

/* Listeners, backends, routes and open federation against each other. */
void check_routes(const struct settings *settings, struct report *report);
void check_listeners(const struct settings *settings, struct report *report);
void check_backends(const struct settings *settings, struct report *report);
void check_nat(const struct settings *settings, struct report *report);
void check_federation(const struct settings *settings, struct report *report);
void check_media(const struct settings *settings, struct report *report);

/* Whether some listener speaks the transport of each route and backend that is in use. */
void check_reach(const struct settings *settings, struct report *report);

/* The files that are named: there, readable, and the secret ones not for everybody. */
void check_files(const struct settings *settings, struct report *report);
