#include "media/sdp.h"

#include <stdlib.h>
#include <string.h>

#include "media/sdp_inside.h"
#include "proxy/base/text.h"

/* type preference 126, local 65535, component 1 (RFC 8445 §5.1.2) */
enum { HOST_PRIORITY = 2130706431 };

static const char *const modes[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

/* ---- which lines go ---- */

static bool is_one_of(const char *line, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sdp_line_attribute(line, names[i]))
			return true;
	return false;
}

static bool is_mode(const char *line)
{
	return is_one_of(line, modes, COUNT(modes));
}

/* RFC 8839, RFC 8838, RFC 8843 §7, and other ways to name more addresses (RFC 6947, RFC 4570,
 * CounterPath's "alt"): of no use to who does not see the other side's addresses, or hears each
 * m-line at a port of its own. */
static bool is_ice_or_bundle(const char *line)
{
	static const char *const names[] = { "candidate",
					     "remote-candidates",
					     "end-of-candidates",
					     "ice-ufrag",
					     "ice-pwd",
					     "ice-options",
					     "ice-lite",
					     "ice-mismatch",
					     "ice-pacing",
					     "x-candidate",
					     "x-candidate-ipv6",
					     "bundle-only",
					     "rtcp-mux-only",
					     "altc",
					     "alt",
					     "source-filter" };
	const char *group = sdp_line_attribute(line, "group");

	return is_one_of(line, names, COUNT(names)) ||
	       (group && text_starts_with(group, "BUNDLE"));
}

static bool is_dtls(const char *line)
{
	static const char *const names[] = { "fingerprint", "setup", "connection", "tls-id",
					     "dtls-id" };

	return is_one_of(line, names, COUNT(names));
}

/* The crypto lines, Microsoft's remark about them, and what is offered besides (RFC 5939):
 * other profiles, with keys of theirs. */
static bool is_crypto(const char *line)
{
	static const char *const names[] = { "crypto", "cryptoscale", "encryption", "key-mgmt",
					     "tcap",   "acap",        "pcfg",       "acfg",
					     "creq",   "csup" };

	return is_one_of(line, names, COUNT(names)) || *line == 'k';
}

/* ---- what all of them have in common ---- */

struct writer {
	const struct sdp *sdp;
	const struct sdp_out *outs;
	uint64_t version_plus;
	struct buf *out;
	const struct addr *ours; /* for the c= of the session; NULL: nothing is relayed */
	bool has_session_connection;
	bool changes_modes;
	bool keeps_dtls; /* of the session, and what it offers besides */
	bool has_ice;
};

static void add_line(struct writer *writer, const char *line)
{
	buf_puts(writer->out, line);
	buf_puts(writer->out, "\r\n");
}

static void add_connection(struct writer *writer, const struct addr *addr)
{
	char host[ADDR_TEXT_SIZE];

	buf_printf(writer->out, "c=IN %s %s\r\n", addr_is_ipv6(addr) ? "IP6" : "IP4",
		   addr_host(addr, host));
}

static void look(struct writer *writer)
{
	for (unsigned i = 0; i < writer->sdp->n_lines; i++)
		if (writer->sdp->lines[i].media < 0 && *writer->sdp->lines[i].text == 'c')
			writer->has_session_connection = true;
	for (unsigned i = 0; i < writer->sdp->n_streams; i++) {
		const struct sdp_out *out = &writer->outs[i];

		if (out->is_kept)
			continue;
		if (!writer->ours && addr_is_set(&out->rtp))
			writer->ours = &out->rtp;
		writer->changes_modes |= out->mode != writer->sdp->streams[i].mode;
		writer->keeps_dtls |= out->keeps_security;
		writer->has_ice |= out->ice_ufrag != NULL;
	}
}

/* ---- the session's part ---- */

static const char *skip_word(const char *at)
{
	at += strcspn(at, " \t");
	return at + strspn(at, " \t");
}

/* "o=name id version IN IP4 host" (RFC 4566 §5.2). A version that is no number, or has no room
 * above it, stays. */
static void write_origin(struct writer *writer, const char *line)
{
	const char *version = skip_word(skip_word(line));
	const size_t n_digits = strspn(version, "0123456789");
	const uint64_t number = strtoull(version, NULL, 10);

	if (!n_digits || n_digits > 18) {
		add_line(writer, line);
		return;
	}
	buf_add(writer->out, line, (size_t)(version - line));
	buf_printf(writer->out, "%llu%s\r\n",
		   (unsigned long long)(number + writer->version_plus), version + n_digits);
}

static void write_session_line(struct writer *writer, const char *line)
{
	if (*line == 'o' && writer->version_plus) {
		write_origin(writer, line);
		return;
	}
	if (!writer->ours) {
		add_line(writer, line);
		return;
	}
	if (*line == 'c') {
		add_connection(writer, writer->ours);
		return;
	}
	if (is_ice_or_bundle(line) || (is_mode(line) && writer->changes_modes) ||
	    ((is_dtls(line) || is_crypto(line)) && !writer->keeps_dtls))
		return;
	add_line(writer, line);
}

/* ---- an m-line's part ---- */

static const char *profile_text(const struct sdp_profile *profile)
{
	if (profile->is_dtls)
		return profile->is_feedback ? "UDP/TLS/RTP/SAVPF" : "UDP/TLS/RTP/SAVP";
	if (profile->is_secure)
		return profile->is_feedback ? "RTP/SAVPF" : "RTP/SAVP";
	return profile->is_feedback ? "RTP/AVPF" : "RTP/AVP";
}

static bool is_same_profile(const struct sdp_profile *a, const struct sdp_profile *b)
{
	return a->is_secure == b->is_secure && a->is_feedback == b->is_feedback &&
	       a->is_dtls == b->is_dtls;
}

/* Type and formats keep their bytes; port, and the protocol if it is another. */
static void write_media_line(struct writer *writer, const char *line,
			     const struct sdp_stream *stream, const struct sdp_out *out)
{
	const char *port = skip_word(line), *protocol = skip_word(port),
		   *formats = skip_word(protocol);
	const bool keeps = stream->kind != SDP_RTP || out->keeps_security ||
			   is_same_profile(&stream->profile, &out->profile);

	buf_add(writer->out, line, strcspn(line, " \t"));
	buf_printf(writer->out, " %u ", out->is_rejected ? 0 : addr_port(&out->rtp));
	if (keeps)
		buf_add(writer->out, protocol, strcspn(protocol, " \t"));
	else
		buf_puts(writer->out, profile_text(&out->profile));
	buf_printf(writer->out, " %s\r\n", formats);
}

/* c= follows m= and i= (RFC 4566 §5). */
static void write_media_connection(struct writer *writer, unsigned i, bool had_one)
{
	const struct sdp_stream *stream = &writer->sdp->streams[i];
	const struct sdp_out *out = &writer->outs[i];

	if (!had_one && writer->has_session_connection)
		return;
	if (addr_is_set(&out->rtp))
		add_connection(writer, &out->rtp);
	else if (writer->ours && !stream->is_rejected)
		add_connection(writer, writer->ours);
}

static bool goes(const struct writer *writer, const char *line, const struct sdp_stream *stream,
		 const struct sdp_out *out)
{
	if (*line == 'c' || sdp_line_attribute(line, "rtcp") || is_ice_or_bundle(line))
		return true;
	if (sdp_line_attribute(line, "rtcp-mux"))
		return !out->is_muxed;
	if (is_mode(line))
		return writer->changes_modes;
	if (out->keeps_security)
		return false;
	return is_crypto(line) || (is_dtls(line) && stream->kind == SDP_RTP);
}

static void write_candidates(struct writer *writer, const struct sdp_out *out)
{
	char host[ADDR_TEXT_SIZE];
	const unsigned port = addr_port(&out->rtp);

	addr_host(&out->rtp, host);
	buf_printf(writer->out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", out->ice_ufrag,
		   out->ice_pwd);
	buf_printf(writer->out, "a=candidate:1 1 UDP %d %s %u typ host\r\n", HOST_PRIORITY,
		   host, port);
	if (!out->is_muxed) /* RFC 8445 §5.1.1: RTCP is a component of its own; the router may
			       have given it any port */
		buf_printf(writer->out, "a=candidate:1 2 UDP %d %s %u typ host\r\n",
			   HOST_PRIORITY - 1, host, out->rtcp_port);
	add_line(writer, "a=end-of-candidates");
}

static void write_security(struct writer *writer, const struct sdp_out *out)
{
	static const char *const setups[] = { "", "active", "passive", "actpass", "holdconn" };

	for (unsigned i = 0; i < out->n_crypto; i++) {
		buf_puts(writer->out, "a=crypto:");
		sdes_print(&out->crypto[i], writer->out);
		buf_puts(writer->out, "\r\n");
	}
	if (!out->fingerprint)
		return;
	buf_puts(writer->out, "a=fingerprint:sha-256 ");
	for (unsigned i = 0; i < 32; i++)
		buf_printf(writer->out, "%s%02X", i ? ":" : "", out->fingerprint[i]);
	buf_printf(writer->out, "\r\na=setup:%s\r\n", setups[out->setup]);
}

/* What the lines before do not say. */
static void write_media_end(struct writer *writer, unsigned i, bool had_rtcp, bool had_mux)
{
	const struct sdp_out *out = &writer->outs[i];

	if (writer->changes_modes && !out->is_rejected)
		buf_printf(writer->out, "a=%s\r\n",
			   modes[out->is_kept ? writer->sdp->streams[i].mode : out->mode]);
	if (out->is_kept || out->is_rejected)
		return;
	if (writer->sdp->streams[i].kind == SDP_RTP && out->rtcp_port &&
	    (had_rtcp || out->rtcp_port != addr_port(&out->rtp) + 1))
		buf_printf(writer->out, "a=rtcp:%u\r\n",
			   out->is_muxed ? addr_port(&out->rtp) : out->rtcp_port);
	if (out->is_muxed && !had_mux)
		add_line(writer, "a=rtcp-mux");
	if (!out->keeps_security)
		write_security(writer, out);
	if (out->ice_ufrag)
		write_candidates(writer, out);
}

/* It goes past us: only the address that it had from the session stands with it now. */
static unsigned write_kept(struct writer *writer, unsigned at, unsigned i)
{
	const struct sdp *sdp = writer->sdp;
	const struct sdp_stream *stream = &sdp->streams[i];
	bool had_connection = false;
	unsigned end = at;

	for (; end < sdp->n_lines && sdp->lines[end].media == (int)i; end++)
		had_connection |= *sdp->lines[end].text == 'c';
	for (unsigned n = at; n < end; n++) {
		if (!is_mode(sdp->lines[n].text) || !writer->changes_modes)
			add_line(writer, sdp->lines[n].text);
		if (n == at && !had_connection && writer->ours && addr_is_set(&stream->rtp) &&
		    !stream->is_rejected)
			add_connection(writer, &stream->rtp);
	}
	write_media_end(writer, i, false, false);
	return end;
}

static unsigned write_media(struct writer *writer, unsigned at, unsigned i)
{
	const struct sdp *sdp = writer->sdp;
	const struct sdp_stream *stream = &sdp->streams[i];
	const struct sdp_out *out = &writer->outs[i];
	bool had_connection = false, had_rtcp = false, had_mux = false;
	unsigned end = at;

	if (out->is_kept)
		return write_kept(writer, at, i);
	for (; end < sdp->n_lines && sdp->lines[end].media == (int)i; end++) {
		const char *line = sdp->lines[end].text;

		had_connection |= *line == 'c';
		had_rtcp |= sdp_line_attribute(line, "rtcp") != NULL;
		had_mux |= sdp_line_attribute(line, "rtcp-mux") != NULL;
	}
	write_media_line(writer, sdp->lines[at++].text, stream, out);
	if (at < end && *sdp->lines[at].text == 'i')
		add_line(writer, sdp->lines[at++].text);
	write_media_connection(writer, i, had_connection);
	for (; at < end; at++)
		if (!goes(writer, sdp->lines[at].text, stream, out))
			add_line(writer, sdp->lines[at].text);
	write_media_end(writer, i, had_rtcp, had_mux);
	return end;
}

void sdp_write(const struct sdp *sdp, const struct sdp_out *outs, uint64_t version_plus,
	       struct buf *out)
{
	struct writer writer = {
		.sdp = sdp, .outs = outs, .version_plus = version_plus, .out = out
	};
	unsigned at = 0;

	look(&writer);
	for (; at < sdp->n_lines && sdp->lines[at].media < 0; at++)
		write_session_line(&writer, sdp->lines[at].text);
	if (writer.has_ice)
		add_line(&writer, "a=ice-lite");
	for (unsigned i = 0; i < sdp->n_streams; i++)
		at = write_media(&writer, at, i);
}
