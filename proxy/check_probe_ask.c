#include "proxy/check_probe_inside.h"

#include <string.h>

#include "proxy/base/random.h"
#include "proxy/sip/message.h"

enum { REPEAT_MS = 500, MAX_REPEAT_MS = 4000 };

/* RFC 3261 §11.1; the Via says what a proxy's would say. */
static void write_options(struct dialled *dialled)
{
	const char *sent_by =
		dialled->hop.listener ? dialled->hop.listener->sent_by : dialled->from;
	char tag[17], branch[25];
	struct buf text;

	random_token(tag, sizeof(tag) - 1);
	random_token(branch, sizeof(branch) - 1);
	random_token(dialled->call_id, sizeof(dialled->call_id) - 1);
	buf_init(&text, 0);
	buf_printf(&text,
		   "OPTIONS sip:%s SIP/2.0\r\n"
		   "Via: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\r\n"
		   "Max-Forwards: 70\r\n"
		   "From: <sip:%s>;tag=%s\r\n"
		   "To: <sip:%s>\r\n"
		   "Call-ID: %s\r\n"
		   "CSeq: 1 OPTIONS\r\n"
		   "Contact: <sip:%s>\r\n"
		   "Content-Length: 0\r\n\r\n",
		   dialled->to, listener_via_transport(dialled->hop.transport), sent_by, branch,
		   dialled->from, tag, dialled->to, dialled->call_id, sent_by);
	if (dialled->tls && text.err == ERR_OK)
		text.err = tls_session_write(dialled->tls, text.bytes, text.len);
	else
		buf_puts(&dialled->out, buf_text(&text));
	if (text.err || dialled->out.err)
		check_probe_end(dialled, CHECK_ASK, REASON_OVERLOAD);
	buf_fini(&text);
}

/* RFC 3261 §17.1.2.1: Timer E. */
static void on_repeat(struct timer *timer)
{
	struct dialled *dialled = container_of(timer, struct dialled, repeat);

	dialled->n_sent = 0;
	dialled->repeat_ms =
		2 * dialled->repeat_ms < MAX_REPEAT_MS ? 2 * dialled->repeat_ms : MAX_REPEAT_MS;
	timer_start(dialled->loop, timer, dialled->repeat_ms, on_repeat);
	(void)check_probe_flush(dialled);
}

void check_probe_ask(struct dialled *dialled)
{
	check_probe_enter(dialled, CHECK_ASK);
	write_options(dialled);
	if (check_probe_has_ended(dialled))
		return;
	if (dialled->hop.transport == TRANSPORT_UDP) {
		dialled->repeat_ms = REPEAT_MS;
		timer_start(dialled->loop, &dialled->repeat, REPEAT_MS, on_repeat);
	}
	(void)check_probe_flush(dialled);
}

/* One whole message: is it the answer to ours? */
static void hear(struct dialled *dialled, const char *bytes, size_t len)
{
	msg_t *msg;
	sip_t *sip;

	if (message_parse(bytes, len, &msg))
		return;
	sip = message_sip(msg);
	if (sip->sip_status && sip->sip_status->st_status >= 200 && sip->sip_call_id &&
	    strcmp(sip->sip_call_id->i_id, dialled->call_id) == 0) {
		dialled->result.status = sip->sip_status->st_status;
		dialled->result.ask_ms = check_probe_since(dialled);
		check_probe_end(dialled, CHECK_DONE, REASON_NONE);
	}
	message_unref(msg);
}

static void cut(struct dialled *dialled)
{
	size_t at = 0, used = 0;
	bool is_going_on = true;

	while (is_going_on && at < dialled->in.len && !check_probe_has_ended(dialled)) {
		const char *bytes = dialled->in.bytes + at;

		switch (frame_next(&dialled->framer, bytes, dialled->in.len - at,
				   CHECK_MAX_ANSWER, &used)) {
		case FRAME_PARTIAL:
			is_going_on = false;
			continue;
		case FRAME_CRLF:
		case FRAME_PING:
			break;
		case FRAME_MESSAGE:
			hear(dialled, bytes, used);
			break;
		case FRAME_STUN:
		case FRAME_TOO_LARGE:
		case FRAME_BAD:
			check_probe_end(dialled, CHECK_ASK, REASON_MALFORMED);
			return;
		}
		at += used;
	}
	memmove(dialled->in.bytes, dialled->in.bytes + at, dialled->in.len - at);
	dialled->in.len -= at;
}

void check_probe_take(struct dialled *dialled, const char *bytes, size_t len)
{
	if (dialled->hop.transport == TRANSPORT_UDP) {
		hear(dialled, bytes, len);
		return;
	}
	buf_add(&dialled->in, bytes, len);
	if (dialled->in.err)
		check_probe_end(dialled, CHECK_ASK, REASON_OVERLOAD);
	else
		cut(dialled);
}
