#include "federation/screen.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/su_alloc.h>

#include "proxy/base/text.h"
#include "proxy/sip/multipart.h"
#include "proxy/sip/sdp_body.h"
#include "proxy/sip/sdp_session.h"

enum { MAX_MEDIA = 32 };

static unsigned service_of_media(const sdp_media_t *media)
{
	const char *name = media->m_type_name ? media->m_type_name : "";

	switch (media->m_type) {
	case sdp_media_audio:
	case sdp_media_image: /* T.38: a fax is a call */
		return SERVICE_AUDIO;
	case sdp_media_video:
	case sdp_media_application: /* the shared screen */
		return SERVICE_VIDEO;
	case sdp_media_message: /* MSRP, RFC 4975 */
		return SERVICE_IM;
	default:
		break;
	}
	if (strcasecmp(name, "x-ms-message") == 0 || strcasecmp(name, "text") == 0)
		return SERVICE_IM;
	/* Also "applicationsharing-video", as Skype for Business has it. What nobody has heard
	 * of may be anything. */
	return strncasecmp(name, "applicationsharing", 18) == 0 ? SERVICE_VIDEO : SERVICE_ALL;
}

static unsigned services_of_session(const sdp_session_t *session)
{
	unsigned services = 0, n = 0;

	for (const sdp_media_t *media = session->sdp_media; media; media = media->m_next) {
		if (++n > MAX_MEDIA)
			return SERVICE_ALL; /* whatever it is, it is not one of these alone */
		if (media->m_port != 0 && !media->m_rejected)
			services |= service_of_media(media);
	}
	return services;
}

/* SDP that cannot be read, while others may, is not one of these alone. */
static unsigned services_of_sdp(const char *bytes, size_t len)
{
	su_home_t *home = su_home_new(sizeof(*home));
	const sdp_session_t *session;
	unsigned services = SERVICE_ALL;

	if (!home)
		return services;
	if (!sdp_session_read(home, bytes, len, &session, NULL))
		services = services_of_session(session);
	su_home_unref(home);
	return services;
}

struct search {
	unsigned services;
	bool has_sdp;
};

/* Lync sends several SDPs as alternatives: any one of them may be the one that is taken. */
static bool look_at_part(void *user, const msg_content_type_t *around,
			 const msg_multipart_t *part)
{
	const msg_payload_t *payload = part->mp_payload;
	struct search *search = user;

	if (!sdp_body_is_type(part->mp_content_type) || !payload)
		return true;
	search->has_sdp = true;
	search->services |= multipart_is_encoded(part)
				    ? SERVICE_ALL
				    : services_of_sdp(payload->pl_data, payload->pl_len);
	return true;
}

static unsigned services_of_parts(const sip_t *sip)
{
	struct search search = { 0, false };

	if (multipart_walk((const msg_content_type_t *)sip->sip_content_type,
			   sip->sip_payload->pl_data, sip->sip_payload->pl_len, look_at_part,
			   &search))
		return SERVICE_ALL; /* whatever it is, it is not one of these alone */
	return search.has_sdp ? search.services : SERVICE_AUDIO;
}

/* A body's services; without an SDP that we can see it is what the method stands for. */
static unsigned services_of_body(const msg_t *msg, unsigned without)
{
	const sip_t *sip = message_sip(msg);
	const sip_payload_t *body = sip->sip_payload;
	const msg_content_type_t *type = (const msg_content_type_t *)sip->sip_content_type;

	if (!body || body->pl_len == 0)
		return without;
	if (!sdp_body_has_type(msg))
		return SERVICE_ALL; /* others may take it for SDP */
	if (!sdp_body_is_type(type) && !multipart_is_type(type))
		return without;
	if (body->pl_len > SDP_MAX_BYTES || sdp_body_is_encoded(msg))
		return SERVICE_ALL; /* it is not read, so it may be anything */
	return multipart_is_type(type) ? services_of_parts(sip)
				       : services_of_sdp(body->pl_data, body->pl_len);
}

/* "presence", "presence.winfo" (RFC 3857), and what else is built on it. */
static unsigned services_of_event(const sip_t *sip)
{
	const char *event = sip->sip_event ? sip->sip_event->o_type : NULL;

	if (!event || strncasecmp(event, "presence", 8) != 0)
		return 0;
	return event[8] == '\0' || event[8] == '.' ? SERVICE_PRESENCE : 0;
}

unsigned screen_services(const msg_t *msg)
{
	const sip_t *sip = message_sip(msg);

	if (!sip->sip_request)
		return 0;
	switch (sip->sip_request->rq_method) {
	case sip_method_invite:
		return services_of_body(msg, SERVICE_AUDIO);
	case sip_method_update:
	case sip_method_prack:
	case sip_method_ack:
		return services_of_body(msg, 0);
	case sip_method_message:
		return SERVICE_IM;
	case sip_method_subscribe:
	case sip_method_notify:
	case sip_method_publish:
		return services_of_event(sip);
	default:
		return 0;
	}
}

static enum reason check(unsigned allowed, unsigned services, const char **out_what)
{
	static const struct {
		unsigned service;
		const char *word;
	} words[] = {
		{ SERVICE_PRESENCE, "presence" },
		{ SERVICE_IM, "im" },
		{ SERVICE_AUDIO, "audio" },
		{ SERVICE_VIDEO, "video" },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if ((services & words[i].service & ~allowed) == 0)
			continue;
		*out_what = words[i].word;
		return REASON_SERVICE_NOT_ALLOWED;
	}
	return REASON_NONE;
}

static unsigned allowed(const struct settings_route *route, enum screen_way way)
{
	if (!route)
		return SERVICE_ALL;
	switch (way) {
	case SCREEN_IN:
		return route->services_in;
	case SCREEN_OUT:
		return route->services_out;
	case SCREEN_DIALOG:
		break;
	}
	return route->services_in | route->services_out;
}

enum reason screen_check(const struct settings_route *route, enum screen_way way,
			 unsigned services, const char **out_what)
{
	return check(allowed(route, way), services, out_what);
}

bool screen_is_open(const struct settings_route *route, enum screen_way way)
{
	return allowed(route, way) == SERVICE_ALL;
}
