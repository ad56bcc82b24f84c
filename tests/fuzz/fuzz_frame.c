/* Strangers' streams through the framer: whole, and again in pieces. The pieces in which bytes
 * come must not change what they are, and what is cut must be what the parser will see: a
 * Content-Length that the two read differently would let one message hide another. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/sip/message.h"
#include "proxy/transport/frame.h"

enum { MAX_FRAMES = 64, MAX_MESSAGE = 2048 };

struct cut {
	enum frame frame;
	size_t at, used;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void compare_with_parser(const char *bytes, size_t len)
{
	msg_t *msg = NULL;

	if (message_parse(bytes, len, &msg) != ERR_OK)
		return;
	const sip_t *sip = message_sip(msg);
	if (sip->sip_content_length) {
		size_t body = sip->sip_payload ? sip->sip_payload->pl_len : 0;
		must(sip->sip_content_length->l_length == body);
	}
	message_unref(msg);
}

/* Feeds the bytes in pieces of at most piece bytes; what is found is what a stream would act
 * on. */
static size_t cut(const char *bytes, size_t len, size_t piece, struct cut cuts[MAX_FRAMES])
{
	struct framer framer = { 0 };
	size_t at = 0, end = piece < len ? piece : len, n = 0, used = 0;

	while (n < MAX_FRAMES && at < len) {
		enum frame frame =
			frame_next(&framer, bytes + at, end - at, MAX_MESSAGE, &used);
		must(used <= end - at);
		if (frame == FRAME_PARTIAL) {
			must(used == 0);
			if (end == len)
				break;
			end = end + piece < len ? end + piece : len;
			continue;
		}
		must(used > 0);
		cuts[n++] = (struct cut){ frame, at, used };
		if (frame == FRAME_BAD || frame == FRAME_TOO_LARGE) {
			must(framer.fault != NULL);
			break;
		}
		must(used <= MAX_MESSAGE);
		at += used;
	}
	return n;
}

/* The messages alone: a ping that comes in two pieces is two CRLFs, the second a ping. */
static size_t messages_only(struct cut *cuts, size_t n)
{
	size_t n_messages = 0;

	for (size_t i = 0; i < n; i++) {
		if (cuts[i].frame != FRAME_CRLF && cuts[i].frame != FRAME_PING)
			cuts[n_messages++] = cuts[i];
	}
	return n_messages;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct cut whole[MAX_FRAMES], pieces[MAX_FRAMES];

	if (len < 1)
		return 0;
	size_t piece = 1 + bytes[0] % 64, n_whole, n_pieces;
	const char *text = (const char *)bytes + 1;
	len--;
	if (len == 0)
		return 0;

	n_whole = cut(text, len, len, whole);
	n_pieces = cut(text, len, piece, pieces);
	if (n_whole == MAX_FRAMES || n_pieces == MAX_FRAMES)
		return 0;
	n_whole = messages_only(whole, n_whole);
	n_pieces = messages_only(pieces, n_pieces);
	must(n_whole == n_pieces);
	for (size_t i = 0; i < n_whole; i++) {
		must(whole[i].frame == pieces[i].frame && whole[i].at == pieces[i].at);
		if (whole[i].frame != FRAME_MESSAGE)
			continue;
		must(whole[i].used == pieces[i].used);
		compare_with_parser(text + whole[i].at, whole[i].used);
	}
	return 0;
}
