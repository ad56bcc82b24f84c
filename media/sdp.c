#include "media/sdp.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/sdp_inside.h"
#include "proxy/base/text.h"
#include "proxy/sip/sdp_session.h"

/* ---- the lines ---- */

const char *sdp_line_attribute(const char *line, const char *name)
{
	const size_t len = strlen(name);

	if (line[0] != 'a' || strncasecmp(line + 2, name, len) != 0)
		return NULL;
	if (line[2 + len] == ':')
		return line + 3 + len;
	/* "a=ice-ufrag=x" is one to Sofia */
	return sdp_is_token_char(line[2 + len]) ? NULL : line + 2 + len;
}

static size_t count_lines(const char *bytes, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += bytes[i] == '\r' || bytes[i] == '\n';
	return n;
}

/* "x=..." (RFC 4566 §5). */
static bool is_line(const char *line)
{
	return islower((unsigned char)line[0]) && line[1] == '=';
}

static const char *skip_word(const char *at)
{
	at += strcspn(at, " \t");
	return at + strspn(at, " \t");
}

/* Type, port, protocol and a format; Sofia is content with less. */
static bool is_media_line(const char *line)
{
	const char *port = skip_word(line), *rest = port + strspn(port, "0123456789");

	if (rest == port)
		return false;
	if (*rest == '/')
		rest += 1 + strspn(rest + 1, "0123456789");
	return (*rest == ' ' || *rest == '\t') && *skip_word(port) &&
	       *skip_word(skip_word(port));
}

static enum err cut(struct sdp *sdp, const char *bytes, size_t len)
{
	int media = -1;

	sdp->text = malloc(len + 1);
	sdp->lines = calloc(count_lines(bytes, len), sizeof(*sdp->lines));
	if (!sdp->text || !sdp->lines)
		return ERR_NO_MEMORY;
	memcpy(sdp->text, bytes, len);
	sdp->text[len] = '\0';
	for (char *at = sdp->text, *next; *at; at = next) {
		size_t n = strcspn(at, "\r\n");

		next = at + n + (at[n] != '\0');
		at[n] = '\0';
		if (!*at)
			continue;
		if (!is_line(at))
			/* Sofia reads some of these, and what nobody wrote must not be passed
			 * on */
			return ERR_SYNTAX;
		if (*at == 'm' && !is_media_line(at))
			return ERR_SYNTAX;
		media += *at == 'm';
		sdp->lines[sdp->n_lines++] = (struct sdp_line){ at, media };
	}
	return ERR_OK;
}

/* ---- one m-line, as Sofia read it ---- */

static const struct {
	const char *name;
	struct sdp_profile profile;
} profiles[] = {
	{ "RTP/AVP", { false, false, false } },
	{ "RTP/AVPF", { false, true, false } },
	{ "RTP/SAVP", { true, false, false } },
	{ "RTP/SAVPF", { true, true, false } },
	{ "UDP/TLS/RTP/SAVP", { true, false, true } },
	{ "UDP/TLS/RTP/SAVPF", { true, true, true } },
};

static void read_protocol(const sdp_media_t *media, struct sdp_stream *out)
{
	const char *name = media->m_proto_name ? media->m_proto_name : "";

	out->kind = SDP_FOREIGN;
	for (size_t i = 0; i < COUNT(profiles); i++) {
		if (strcasecmp(name, profiles[i].name) != 0)
			continue;
		out->kind = SDP_RTP;
		out->profile = profiles[i].profile;
		return;
	}
	if (strcasecmp(name, "udptl") == 0 || strcasecmp(name, "udp") == 0 ||
	    strncasecmp(name, "UDP/", 4) == 0)
		out->kind = SDP_DATAGRAMS;
}

/* Names are not looked up, and groups not joined. */
static void read_address(const sdp_connection_t *connection, unsigned long port,
			 struct addr *out)
{
	struct addr addr;

	if (connection->c_mcast || !connection->c_address ||
	    addr_parse(connection->c_address, (uint16_t)port, &addr) ||
	    (connection->c_addrtype == sdp_addr_ip6) != addr_is_ipv6(&addr))
		return;
	*out = addr;
}

static const char *attribute(const sdp_attribute_t *list, const char *name)
{
	const sdp_attribute_t *found = sdp_attribute_find(list, name);

	if (!found)
		return NULL;
	return found->a_value ? found->a_value : "";
}

/* Of the m-line, else of the session. */
static const char *inherited(const sdp_media_t *media, const char *name)
{
	const char *value = attribute(media->m_attributes, name);

	return value ? value : attribute(media->m_session->sdp_attributes, name);
}

/* "53020 IN IP4 192.0.2.7", or the port alone (RFC 3605). */
static void read_rtcp(const char *value, struct sdp_stream *stream)
{
	char *end, word[ADDR_TEXT_SIZE];
	const unsigned long port = value ? strtoul(value, &end, 10) : 0;
	struct addr addr = stream->rtp;

	if (!port || port > 65535)
		return;
	for (unsigned i = 0; i < 3 && *end; i++) { /* IN, IP4, the address */
		end += strspn(end, " \t");
		const size_t len = strcspn(end, " \t");

		if (i == 2 && (!text_copy_len(word, sizeof(word), end, len) ||
			       addr_parse(word, 0, &addr)))
			return;
		end += len;
	}
	if (!addr_is_set(&addr))
		return;
	addr_set_port(&addr, (uint16_t)port);
	stream->rtcp = addr;
}

/* "sha-256 AB:CD:..." (RFC 8122 §5). One that cannot be read is none. */
static void read_fingerprint(const char *value, struct relay_fingerprint *out)
{
	struct relay_fingerprint fingerprint = { 0 };
	const size_t len = value ? strcspn(value, " ") : 0;
	const char *at = value ? value + len + strspn(value + len, " ") : "";
	char pair[3] = "";

	if (!len || !text_copy_len(fingerprint.hash, sizeof(fingerprint.hash), value, len))
		return;
	text_lower(fingerprint.hash);
	for (; *at && fingerprint.len < sizeof(fingerprint.bytes); at += *at == ':') {
		memcpy(pair, at, at[1] ? 2 : 1);
		if (!text_unhex(pair, &fingerprint.bytes[fingerprint.len], 1))
			return;
		fingerprint.len++;
		at += 2;
	}
	if (!*at)
		*out = fingerprint;
}

/* RFC 8122 §5: each hash of a certificate has a line; those that nobody knows do not count. */
static unsigned strength(const struct relay_fingerprint *fingerprint)
{
	static const char *const hashes[] = { "sha-1", "sha-224", "sha-256", "sha-384",
					      "sha-512" };

	for (unsigned i = 0; i < COUNT(hashes); i++)
		if (!strcmp(fingerprint->hash, hashes[i]))
			return i + 1;
	return 0;
}

static bool read_fingerprints(const sdp_attribute_t *list, struct relay_fingerprint *out)
{
	bool has_any = false;

	for (const sdp_attribute_t *a = sdp_attribute_find(list, "fingerprint"); a;
	     a = sdp_attribute_find(a->a_next, "fingerprint")) {
		struct relay_fingerprint next = { 0 };

		has_any = true;
		read_fingerprint(a->a_value, &next);
		if (next.len && strength(&next) > strength(out))
			*out = next;
	}
	return has_any;
}

static enum sdp_setup read_setup(const char *value)
{
	static const char *const words[] = { "", "active", "passive", "actpass", "holdconn" };

	for (unsigned i = 1; value && i < COUNT(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return (enum sdp_setup)i;
	return SDP_SETUP_NONE;
}

static void read_crypto(const sdp_media_t *media, struct sdp_stream *out)
{
	for (const sdp_attribute_t *a = media->m_attributes; a; a = a->a_next) {
		out->has_crypto_lines |= strcasecmp(a->a_name, "pcfg") == 0 ||
					 strcasecmp(a->a_name, "acfg") == 0;
		if (strcasecmp(a->a_name, "crypto") != 0)
			continue;
		out->has_crypto_lines = true;
		if (a->a_value && out->n_crypto < SDP_MAX_CRYPTO &&
		    !sdes_read(a->a_value, &out->crypto[out->n_crypto]))
			out->n_crypto++;
	}
}

static uint32_t read_clock(const sdp_media_t *media)
{
	const char *value = attribute(media->m_attributes,
				      "rtpmap"); /* of profiles that Sofia does not know */
	const char *slash = value ? strchr(value, '/') : NULL;

	if (media->m_rtpmaps)
		return (uint32_t)media->m_rtpmaps->rm_rate;
	return slash ? (uint32_t)strtoul(slash + 1, NULL, 10) : 0;
}

/* RFC 4566 §5.8, and RFC 3890, which counts bits. */
static unsigned read_bandwidth(const sdp_media_t *media)
{
	unsigned long kbps = 0;

	for (const sdp_bandwidth_t *b = media->m_bandwidths; b; b = b->b_next) {
		const char *name = b->b_modifier_name
					   ? b->b_modifier_name
					   : ""; /* Sofia takes AS for an unknown one */

		if (b->b_modifier == sdp_bw_as || strcasecmp(name, "AS") == 0)
			kbps = b->b_value;
		else if (strcasecmp(name, "TIAS") == 0 && !kbps)
			kbps = b->b_value / 1000;
	}
	return kbps < 1000000 ? (unsigned)kbps : 1000000;
}

/* Payload types (RFC 3551 §6). Of the profiles that it does not know Sofia takes any word. */
static bool has_payload_types(const sdp_media_t *media)
{
	for (const sdp_list_t *format = media->m_format; format; format = format->l_next) {
		const char *text = format->l_text;

		if (text[strspn(text, "0123456789")] || strlen(text) > 3 || atoi(text) > 127)
			return false;
	}
	return true;
}

/* An address of zeros is no address. It asks for hold (RFC 3264 §8.4), unless it says that ICE
 * will find one (RFC 8839 §4.3.1). */
static void read_zeros(struct sdp_stream *stream)
{
	if (!addr_is_set(&stream->rtp) || !addr_is_wildcard(&stream->rtp))
		return;
	stream->is_held_by_address = !*stream->ice_ufrag;
	stream->rtp = (struct addr){ 0 };
}

static enum err read_stream(const sdp_media_t *media, struct sdp_stream *out)
{
	const sdp_connection_t *connection =
		media->m_connections ? media->m_connections : media->m_session->sdp_connection;

	if (media->m_port > 65535)
		return ERR_SYNTAX;
	text_copy(out->type, sizeof(out->type), media->m_type_name ? media->m_type_name : "");
	read_protocol(media, out);
	if (out->kind == SDP_RTP && !has_payload_types(media))
		return ERR_SYNTAX;
	out->is_rejected = media->m_port == 0;
	out->mode = (enum sdp_mode)media->m_mode;
	if (connection)
		read_address(connection, media->m_port, &out->rtp);
	else if (!out->is_rejected)
		return ERR_SYNTAX; /* RFC 4566 §5.7 */
	out->is_muxed = attribute(media->m_attributes, "rtcp-mux") != NULL;
	read_rtcp(attribute(media->m_attributes, "rtcp"), out);
	read_crypto(media, out);
	if (!read_fingerprints(media->m_attributes, &out->fingerprint))
		(void)read_fingerprints(media->m_session->sdp_attributes, &out->fingerprint);
	out->uses_dtls =
		out->profile.is_dtls ||
		(out->profile.is_secure && !out->has_crypto_lines && out->fingerprint.len);
	out->setup = read_setup(inherited(media, "setup"));
	const char *ufrag = inherited(media, "ice-ufrag");
	if (ufrag && !text_copy(out->ice_ufrag, sizeof(out->ice_ufrag), ufrag))
		return ERR_SYNTAX; /* RFC 8839 §5.4: at most 256 characters */
	read_zeros(out);
	out->clock_hz = read_clock(media);
	out->kbps = read_bandwidth(media);
	return ERR_OK;
}

/* ---- the whole ---- */

static enum err read_streams(struct sdp *sdp, const sdp_session_t *session)
{
	const unsigned n_lines =
		sdp->n_lines ? (unsigned)(sdp->lines[sdp->n_lines - 1].media + 1) : 0;
	const sdp_media_t *media = session->sdp_media;
	enum err err = ERR_OK;

	for (; media; media = media->m_next)
		sdp->n_streams++;
	if (sdp->n_streams != n_lines)
		return ERR_SYNTAX; /* Sofia and we do not read the same */
	sdp->streams = calloc(n_lines + 1, sizeof(*sdp->streams));
	if (!sdp->streams)
		return ERR_NO_MEMORY;
	media = session->sdp_media;
	for (unsigned i = 0; i < n_lines && !err; i++, media = media->m_next)
		err = read_stream(media, &sdp->streams[i]);
	return err;
}

enum err sdp_read(const char *bytes, size_t len, struct sdp **out)
{
	su_home_t *home = su_home_new(sizeof(*home));
	struct sdp *sdp = calloc(1, sizeof(*sdp));
	const sdp_session_t *session = NULL;
	enum err err = ERR_NO_MEMORY;
	bool is_clean = false;

	if (!home || !sdp)
		goto end;
	err = sdp_session_read(home, bytes, len, &session, &is_clean);
	if (!err && !is_clean)
		err = ERR_SYNTAX;
	if (!err)
		err = cut(sdp, bytes, len);
	if (!err)
		err = read_streams(sdp, session);
	if (!err) {
		*out = sdp;
		sdp = NULL;
	}
end:
	if (home)
		su_home_unref(home);
	sdp_free(sdp);
	return err;
}

struct sdp *sdp_free(struct sdp *sdp)
{
	if (!sdp)
		return NULL;
	if (sdp->streams)
		explicit_bzero(sdp->streams, sdp->n_streams * sizeof(*sdp->streams));
	free(sdp->streams);
	free(sdp->lines);
	free(sdp->text);
	free(sdp);
	return NULL;
}

unsigned sdp_n_streams(const struct sdp *sdp)
{
	return sdp->n_streams;
}

const struct sdp_stream *sdp_stream(const struct sdp *sdp, unsigned i)
{
	return &sdp->streams[i];
}

bool sdp_is_hold(const struct sdp *sdp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sdp->n_streams; i++) {
		const struct sdp_stream *stream = &sdp->streams[i];

		if (stream->is_rejected)
			continue;
		n++;
		if (!stream->is_held_by_address && stream->mode != SDP_MODE_SENDONLY &&
		    stream->mode != SDP_MODE_INACTIVE)
			return false;
	}
	return n > 0;
}
