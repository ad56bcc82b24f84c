/* How a backend that logs on is reached: by its connection, where its Contact says, or where
 * its datagrams came from. */
#pragma once

#include "proxy/sip/registration.h"
#include "proxy/snapshot.h"
#include "proxy/transport/flow.h"
#include "routing/health.h"
#include "routing/location.h"

/* Fills reach and bulk of the logon: the backend says by this contact of its own where it is.
 * It can be dialled only where the contact names the very host that it came from. Elsewhere it
 * stands behind a NAT, or names a host that we have no reason to send to, or is one of our own
 * listeners. Datagrams go back to where they came from then. */
void reach_of_contact(const struct flow *flow, const struct registration_contact *contact,
		      const struct snapshot *snapshot, struct logon *logon);

/* The backend registered a user, and says nothing of itself: what it said by the same way
 * before stays, for as long as it asked for. */
void reach_as_before(struct location *location, const struct flow *flow, uint64_t now_ms,
		     struct logon *logon);

/* It answered a challenge by that way just now: no request need wait until a probe finds out.
 * id: of its rule. */
void reach_is_alive(struct health_table *health, const char *id, const struct logon *logon,
		    uint64_t now_ms);
