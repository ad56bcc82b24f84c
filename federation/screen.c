#include "federation/screen.h"

#include <string.h>

#include <sofia-sip/sdp.h>

#include "proxy/base/macros.h"

enum { MAX_SDP_BYTES = 64 * 1024, MAX_MEDIA = 64 };

static const struct {
	const char *method;
	unsigned service;
} by_method[] = {
	{ "SUBSCRIBE", SERVICE_PRESENCE },
	{ "NOTIFY", SERVICE_PRESENCE },
	{ "PUBLISH", SERVICE_PRESENCE },
	{ "MESSAGE", SERVICE_IM },
};

static unsigned service_of_media(const sdp_media_t *media)
{
	switch (media->m_type) {
	case sdp_media_audio:
		return SERVICE_AUDIO;
	case sdp_media_video:
		return SERVICE_VIDEO;
	case sdp_media_message:
		return SERVICE_IM;
	default:
		break;
	}
	/* Microsoft's instant messages are a session with such a line. */
	if (media->m_type_name && !strcmp(media->m_type_name, "x-ms-message"))
		return SERVICE_IM;
	return 0; /* application, image: part of whatever else is there */
}

/* What an offer asks for; 0 if it cannot be read. */
static unsigned services_of_sdp(const char *text, size_t len)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sdp_parser_t *parser;
	const sdp_session_t *session;
	const sdp_media_t *media;
	unsigned services = 0, n = 0;

	if (su_home_init(home) < 0)
		return 0;
	parser = sdp_parse(home, text, (issize_t)len, sdp_f_config | sdp_f_insane);
	session = sdp_session(parser);
	for (media = session ? session->sdp_media : NULL; media && n < MAX_MEDIA; media = media->m_next, n++)
		services |= service_of_media(media);
	sdp_parser_free(parser);
	su_home_deinit(home);
	return services;
}

static bool is_sdp(const sip_t *sip)
{
	return sip->sip_content_type && sip->sip_content_type->c_type &&
	       !strcasecmp(sip->sip_content_type->c_type, "application/sdp");
}

static unsigned services_of_invite(const sip_t *sip)
{
	const sip_payload_t *body = sip->sip_payload;
	unsigned services = 0;

	if (body && body->pl_len && body->pl_len <= MAX_SDP_BYTES && is_sdp(sip))
		services = services_of_sdp(body->pl_data, body->pl_len);
	/* An offer that comes later, is unreadable, or is in a body of many parts: the least that a call is. */
	return services ? services : SERVICE_AUDIO;
}

unsigned screen_services(const msg_t *msg)
{
	const sip_t *sip = message_sip(msg);
	const char *method = message_method(sip);
	size_t i;

	for (i = 0; i < COUNT(by_method); i++)
		if (!strcmp(method, by_method[i].method))
			return by_method[i].service;
	if (!strcmp(method, "INVITE"))
		return services_of_invite(sip);
	return 0;
}

enum reason screen_check(const struct settings_route *route, unsigned services, const char **out_what)
{
	static const char *const names[] = { "presence", "im", "audio", "video" };
	size_t i;

	if (!route)
		return REASON_NONE;
	for (i = 0; i < COUNT(names); i++)
		if (services & ~route->services & 1U << i) {
			*out_what = names[i];
			return REASON_SERVICE_NOT_ALLOWED;
		}
	return REASON_NONE;
}
