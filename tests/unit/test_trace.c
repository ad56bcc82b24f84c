/* What the trace of decrypted SIP shows, and what it must not. */
#include "proxy/transport/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

#define START "MESSAGE sip:anna@corp.example SIP/2.0\r\n"

static const struct {
	const char *name, *in, *want;
} rows[] = {
	{ "headers are shown as they came", START "Call-ID: a\r\n\r\n",
	  START "Call-ID: a\r\n\r\n" },
	{ "credentials are not (RFC 3261 §22)",
	  START "Authorization: Digest username=\"a\", response=\"b\"\r\nCall-ID: a\r\n\r\n",
	  START "Authorization: (left out)\r\nCall-ID: a\r\n\r\n" },
	{ "in any case, with a blank before the colon, on several lines",
	  START
	  "proxy-authorization \t: Digest x,\r\n response=\"b\",\r\n\tnc=1\r\nCall-ID: a\r\n\r\n",
	  START "Proxy-Authorization: (left out)\r\nCall-ID: a\r\n\r\n" },
	{ "a longer name is another header", START "Authorization-X: y\r\n\r\n",
	  START "Authorization-X: y\r\n\r\n" },
	{ "a body is counted only", START "Content-Type: text/plain\r\n\r\nsecret words",
	  START "Content-Type: text/plain\r\n\r\n(a body of 12 bytes)\r\n" },
	{ "SDP is shown, but its keys (RFC 4568)",
	  START
	  "Content-Type: application/sdp\r\n\r\nv=0\r\na=crypto:1 AES inline:x\r\nk=clear:y\r\n"
	  "a=ice-pwd:z\r\nm=audio 9 RTP/SAVP 0\r\n",
	  START
	  "Content-Type: application/sdp\r\n\r\nv=0\r\n(a key is left out)\r\n(a key is left out)\r\n"
	  "(a key is left out)\r\nm=audio 9 RTP/SAVP 0\r\n" },
	{ "the compact form of Content-Type", START "c: application/sdp\r\n\r\nv=0\r\n",
	  START "c: application/sdp\r\n\r\nv=0\r\n" },
	{ "no end of the headers", START "Authorization: Digest x",
	  START "Authorization: (left out)\r\n" },
	{ "nothing", "", "" },
};

static void test_print(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		/* At its size, so that reading past it is found. */
		size_t len = strlen(rows[i].in);
		char *bytes = malloc(len + 1);
		struct buf out;

		assert_non_null(bytes);
		memcpy(bytes, rows[i].in, len);
		char *exact = len ? realloc(bytes, len) : bytes;
		assert_non_null(exact);
		buf_init(&out, 0);
		trace_print(exact, len, &out);
		if (strcmp(buf_text(&out), rows[i].want) != 0)
			fail_msg("%s:\n%s", rows[i].name, buf_text(&out));
		buf_fini(&out);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_print) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
