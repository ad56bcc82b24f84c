/* What is let through: services of a partner (mission 66, G16), and what a message is about. */
#pragma once

#include "conf/settings.h"
#include "federation/peer.h"
#include "proxy/base/reason.h"
#include "proxy/sip/message.h"

/* The services (settings' service bits: presence, im, audio, video) that a request asks for; 0:
 * none in particular. INVITE is looked at by its SDP (m=audio, m=video, m=message,
 * x-ms-message); without one it counts as audio. */
unsigned screen_services(const msg_t *msg);

/* Which way a request goes. Within a dialog (a subscription, a call) both sides send: what
 * began because one way is open goes on both ways. */
enum screen_way {
	SCREEN_IN,     /* from the partner, outside of a dialog */
	SCREEN_OUT,    /* to it */
	SCREEN_DIALOG, /* within one, either way */
};

/* REASON_NONE, or REASON_SERVICE_NOT_ALLOWED with the word of the service in out_what. route
 * may be NULL (no bounds). */
enum reason screen_check(const struct settings_route *route, enum screen_way way,
			 unsigned services, const char **out_what);

/* True if nothing is closed that way, so that nobody need look what the request asks for. */
bool screen_is_open(const struct settings_route *route, enum screen_way way);
