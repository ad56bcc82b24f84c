/* A partner that open federation found, on the path of its requests and of ours to it: its
 * bounds, what it may learn of who exists here, and what is remembered of it
 * (federation/discovered). */
#pragma once

#include "proxy/context.h"
#include "proxy/request.h"

/* The step behind the limits: may a discovered domain ask this now? Anybody else passes. */
enum reason request_open_partner(struct request *request);

/* The answer as the domain that asked may see it: who is not approved cannot tell a user who
 * does not exist from one who is not there. request is what is answered; response is given back
 * as it is, or let go of, and another one takes its place (NULL: no memory). Tells the bounds
 * what it would have been. For what did not ask for itself alone: domain is of the From. */
msg_t *open_partner_conceal(struct server *server, const struct origin *origin, msg_t *request,
			    msg_t *response, uint64_t now_ms);

/* True if the rule is of a domain that was found by DNS, and an administrator blocked it. */
bool open_partner_is_blocked(const struct server *server, const struct rule *rule);

/* A branch goes to a domain without a route: DNS found it, or reason says why not, and then it
 * is counted only if it was known (what somebody mistyped is no partner); and how those of the
 * request ended. */
void open_partner_located(const struct branch *branch, enum reason reason);
void open_partner_ended(const struct context *context, enum reason reason);

/* The server of such a domain answered over flow for the last time: by which rule its
 * certificate speaks for the domain goes into the record, and what it showed is remembered.
 * Nothing for other targets, and inside dialogs. */
void open_partner_answered(const struct branch *branch, const struct flow *flow);
