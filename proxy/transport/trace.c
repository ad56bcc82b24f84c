#include "proxy/transport/trace.h"

#include <string.h>
#include <strings.h>

#include "conf/settings.h"
#include "proxy/base/macros.h"

enum { MAX_TRACED = 48 * 1024 };

/* One line with its end; the last may have none. */
struct line {
	const char *text;
	size_t len;
};

static struct line next_line(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);

	return (struct line){ bytes, end ? (size_t)(end - bytes) + 1 : len };
}

static bool begins_with(const struct line *line, const char *word)
{
	return line->len >= strlen(word) && !strncasecmp(line->text, word, strlen(word));
}

static bool is_empty(const struct line *line)
{
	return line->len == 0 || line->text[0] == '\n' ||
	       (line->len == 2 && line->text[0] == '\r' && line->text[1] == '\n');
}

/* The header's name if this line begins one whose value is a secret; whitespace may stand
 * before the colon (RFC 3261 §7.3.1). */
static const char *secret_header(const struct line *line)
{
	static const char *const names[] = { "Authorization", "Proxy-Authorization" };

	for (size_t i = 0; i < COUNT(names); i++) {
		size_t at = strlen(names[i]);

		if (!begins_with(line, names[i]))
			continue;
		while (at < line->len && (line->text[at] == ' ' || line->text[at] == '\t'))
			at++;
		if (at < line->len && line->text[at] == ':')
			return names[i];
	}
	return NULL;
}

/* Keys and passwords of media (RFC 4568, RFC 4566 §5.12, RFC 8839). */
static bool is_secret_sdp(const struct line *line)
{
	return begins_with(line, "a=crypto:") || begins_with(line, "k=") ||
	       begins_with(line, "a=ice-pwd:") || begins_with(line, "a=key-mgmt:");
}

static void print_sdp(const char *bytes, size_t len, struct buf *out)
{
	struct line line;

	for (; len > 0; bytes += line.len, len -= line.len) {
		line = next_line(bytes, len);
		if (is_secret_sdp(&line))
			buf_puts(out, "(a key is left out)\r\n");
		else
			buf_add(out, line.text, line.len);
	}
}

static bool is_sdp(const struct line *line)
{
	return (begins_with(line, "Content-Type") || begins_with(line, "c:") ||
		begins_with(line, "c ")) &&
	       memmem(line->text, line->len, "application/sdp", strlen("application/sdp"));
}

void trace_print(const char *bytes, size_t len, struct buf *out)
{
	bool is_hidden = false, has_sdp = false;
	struct line line;

	for (; len > 0; bytes += line.len, len -= line.len) {
		const char *secret;

		line = next_line(bytes, len);
		if (is_empty(&line))
			break;
		/* A line that begins with whitespace continues the last one. */
		if (is_hidden && (line.text[0] == ' ' || line.text[0] == '\t'))
			continue;
		secret = secret_header(&line);
		is_hidden = secret != NULL;
		has_sdp = has_sdp || is_sdp(&line);
		if (secret)
			buf_printf(out, "%s: (left out)\r\n", secret);
		else
			buf_add(out, line.text, line.len);
	}
	if (len == 0)
		return;
	buf_add(out, line.text, line.len);
	if (len == line.len)
		return;
	if (has_sdp)
		print_sdp(bytes + line.len, len - line.len, out);
	else
		buf_printf(out, "(a body of %zu bytes)\r\n", len - line.len);
}

void trace_write(const struct flow *flow, bool is_sent, const char *bytes, size_t len)
{
	char peer[ADDR_TEXT_SIZE], local[ADDR_TEXT_SIZE], names[160] = "";
	struct buf text;

	if (len == 0 || bytes[0] == '\r' || bytes[0] == '\n')
		return;
	if (flow->identity)
		identity_text(flow->identity, names, sizeof(names));
	buf_init(&text, MAX_TRACED);
	trace_print(bytes, len, &text);
	if (text.err)
		buf_clear(&text); /* too long: that it passed is still told */
	log_trace(LOG_TRACE_INTERCONNECTION, is_sent ? "sent" : "received", buf_text(&text),
		  text.len, "peer", addr_text(&flow->remote, peer), "local",
		  addr_is_set(&flow->local) ? addr_text(&flow->local, local) : NULL, "listener",
		  flow->listener ? flow->listener->name : NULL, "transport",
		  conf_transport_text(flow->transport), "partner", flow->peer_name,
		  "cert_names", names, NULL);
	buf_fini(&text);
}
