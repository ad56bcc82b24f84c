/* What the ways of a request have in common (request_route, request_dialog): the target that a
 * rule is, and what the rule says of it. */
#pragma once

#include "proxy/request.h"

/* Methods that begin a dialog, or may (RFC 6665 §4.3: NOTIFY too). */
bool request_makes_dialog(const char *method);

/* The rule is a further target; there must be room. */
void request_add_target(struct request *request, const struct rule *rule);

/* REASON_SERVICE_NOT_ALLOWED: the partner is closed for what the request is, in the direction
 * outwards. */
enum reason request_check_services(struct request *request, const struct rule *rule);

/* Where the rule is written; NULL: nowhere, as a domain that was discovered. */
const struct place *request_place_of(const struct rule *rule);

/* True if the URI that target was made of names one of the rule's own servers: then the rule
 * says more of it than the URI. */
bool request_is_server_of(const struct rule *rule, const struct target *target);

bool request_is_tls_only(const struct rule *rule);

/* A partner writes its Contact and Record-Route itself. With TLS the certificate proves who is
 * at the place that they name; without, only an address on the internet is followed: never one
 * of our own networks, and no name, which may lead there. */
bool request_may_follow(const struct rule *rule, const struct target *target);
