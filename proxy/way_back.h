/* How a backend that logged on is reached, and by what it is known from then on: its
 * connection, or the address that it names or came from. For the registrar; request->log_on is
 * set. */
#pragma once

#include "proxy/request.h"
#include "proxy/sip/registration.h"
#include "proxy/worker.h"

/* Whoever registers anything shows that the backend is there. contact: its own, the one that
 * lasts longest; NULL: it registered a user. ERR_NO_MEMORY. The request's worker. */
enum err way_back_log_on(struct worker *worker, const struct request *request,
			 const struct registration_contact *contact,
			 uint32_t expires_s) MUST_CHECK;

/* It is not reached any more by the way that the request came by. The request's worker. */
void way_back_log_off(struct worker *worker, const struct request *request);

/* The addresses of its logons are those by which a backend is known, beside its servers'
 * (federation/trust). Any thread. */
void way_back_note(struct server *server, const struct rule *rule, uint64_t now_ms);
