/* Strangers' bodies of several parts: where their SDP is, and another in its place. The first
 * byte says of which type the body is; of the last, what stands before the first zero is the
 * Content-Type. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/sip/message.h"
#include "proxy/sip/sdp_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define NEW "v=0\r\no=a-text-that-is-nowhere-else\r\n"

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static msg_t *make(const char *type, const uint8_t *body, size_t len)
{
	static char text[16 * 1024];
	msg_t *msg = NULL;
	const int head = snprintf(
		text, sizeof(text),
		"INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		"From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
		type, len);

	if ((size_t)head + len > sizeof(text))
		return NULL;
	memcpy(text + head, body, len);
	return message_parse(text, (size_t)head + len, &msg) ? NULL : msg;
}

/* The parts that went took none of the others with them: what was put there is found in what
 * goes out. */
static void check_replaced(msg_t *msg, const struct sdp_body *body)
{
	const sip_payload_t *payload = message_sip(msg)->sip_payload;
	size_t len = payload->pl_len - body->len + strlen(NEW);

	must(body->at + body->len <= payload->pl_len &&
	     body->text == payload->pl_data + body->at);
	for (unsigned i = 0; i < body->n_cuts; i++)
		len -= body->cuts[i].len;
	must(!sdp_body_replace(msg, body, NEW, strlen(NEW)));
	payload = message_sip(msg)->sip_payload;
	must(payload->pl_len == len &&
	     memmem(payload->pl_data, payload->pl_len, NEW, strlen(NEW)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const types[] = { "multipart/mixed;boundary=b",
					     "multipart/alternative;boundary=b",
					     "multipart/alternative",
					     "multipart/mixed;boundary=\"\"" };
	static char own_type[600];
	struct sdp_body body;
	const unsigned n = len ? bytes[0] % (COUNT(types) + 1) : 0;
	const uint8_t *zero = n == COUNT(types) ? memchr(bytes + 1, '\0', len - 1) : NULL;
	msg_t *msg = NULL;

	if (zero && (size_t)snprintf(own_type, sizeof(own_type), "%s",
				     (const char *)bytes + 1) < sizeof(own_type))
		msg = make(own_type, zero + 1, len - (size_t)(zero + 1 - bytes));
	else if (len > 1 && n < COUNT(types))
		msg = make(types[n], bytes + 1, len - 1);

	if (!msg)
		return 0;
	if (sdp_body_find(msg, &body) == SDP_BODY_ONE)
		check_replaced(msg, &body);
	message_unref(msg);
	return 0;
}
