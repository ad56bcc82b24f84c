#include "proxy/sip/sdp_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/base/macros.h"

#define HEAD "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static const char whole[] = HEAD
	"b=AS:64\r\nr=1 2 3\r\nz=1 2\r\nk=clear:a\r\na=sendonly\r\n"
	"m=audio 4000/2 RTP/AVP 0 8\r\nc=IN IP6 ::1\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:0 x\r\n"
	"m=x 9 UDP/DTLS/SCTP w y\r\na=b\r\n";

/* Whatever a byte becomes, and wherever one is put in between: an answer, with little memory,
 * at once (field.md pitfall 9). */
static void test_every_byte(void **state)
{
	static const char bytes[] = "\0\1\t\n\r \"(,*/:=a\x7f\xe4";
	char text[sizeof(whole) + 1];

	(void)state;
	alarm(120); /* what Sofia does not end by itself is a failure, not a hang */
	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
			for (unsigned is_insert = 0; is_insert < 2; is_insert++) {
				su_home_t *home = su_home_new(sizeof(*home));
				const sdp_session_t *session;
				const size_t len = sizeof(whole) - 1 + is_insert;

				memcpy(text, whole, at);
				text[at] = bytes[i];
				memcpy(text + at + 1, whole + at + 1 - is_insert,
				       sizeof(whole) - at - 1);
				enum err err =
					sdp_session_read(home, text, len, &session, NULL);
				assert_true(err == ERR_OK || err == ERR_SYNTAX);
				su_home_unref(home);
			}
		}
	}
	alarm(0);
}

static const struct {
	const char *name, *lines;
	enum err want;
	unsigned n_media;
	bool is_clean;
} rows[] = {
	{ "two media, RFC 4566 §5.14", "m=audio 4000 RTP/AVP 0\r\nm=image 5000 udptl t38\r\n",
	  ERR_OK, 2, true },
	{ "no media", "", ERR_OK, 0, true },
	{ "lines end by LF alone", "m=audio 4000 RTP/AVP 0\nm=video 2 RTP/AVP 3\n", ERR_OK, 2,
	  true },
	{ "spaces at the end of an m-line", "m=audio 4000 udptl t38  \r\n", ERR_OK, 1, true },
	{ "two spaces, and tabs", "m=audio  4000\tudptl  t38\r\n", ERR_OK, 1, true },
	{ "no format at all", "m=audio 4000 udptl\r\n", ERR_OK, 1, true },
	{ "a byte above ASCII", "m=audio 4000 udptl t\xe4\r\n", ERR_OK, 1, false },
	{ "letters in a port, and a slash where Sofia then sees a format",
	  "m=audio 40S0RP /0TAVP 0\r\n", ERR_OK, 1, false },
	{ "a second slash in a port: the protocol would be a format",
	  "m=audio 80/0/TUL DPS.RTP//AVPF 0\r\n", ERR_OK, 1, false },
	{ "the same with nothing behind the first", "m=audio 80/ DPS.RTP//AVPF 0\r\n", ERR_OK,
	  1, false },
	{ "a slash before the port", "m=audio /80 RTP//AVP 0\r\n", ERR_OK, 1, false },
	{ "a number of ports, RFC 4566 §5.14", "m=audio 80/2 RTP/AVP 0\r\n", ERR_OK, 1, true },
	{ "a slash in a format", "m=audio 4000 udptl t/38\r\n", ERR_OK, 1, false },
	{ "a bracket", "m=audio 4000 ud(ptl t38\r\n", ERR_OK, 1, false },
	{ "a bracket in an m-line behind a space, which Sofia skips",
	  " m=audio 4000 udptl [\r\n", ERR_OK, 1, false },
	{ "the same behind a tab, after another m-line",
	  "m=audio 4000 RTP/AVP 0\r\n\t m=audio 4000 udptl [\r\n", ERR_OK, 2, false },
	{ "a line of spaces, at which Sofia is done",
	  "m=audio 4000 udptl t38\r\n \t\r\nm=video 2 RTP/AVP 3\r\n", ERR_OK, 2, false },
	{ "a line of one letter, at which Sofia is done",
	  "m=audio 4000 udptl t38\r\nx\r\nm=video 2 RTP/AVP 3\r\n", ERR_OK, 2, false },
	{ "the same before any media", "x\r\nm=video 2 RTP/AVP 3\r\n", ERR_OK, 1, false },
	{ "a control byte in c=", "m=audio 4000 udptl t38\r\nc=IN IP4 192.0.2.\1\r\n", ERR_OK,
	  1, false },
	{ "UTF-8 in an attribute", "m=audio 4000 udptl t38\r\na=label:\xc3\xa4\r\n", ERR_OK, 1,
	  true },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		su_home_t *home = su_home_new(sizeof(*home));
		const sdp_session_t *session = NULL;
		unsigned n = 0;
		bool is_clean = false;
		char text[1000];

		snprintf(text, sizeof(text), HEAD "%s", rows[i].lines);
		enum err err = sdp_session_read(home, text, strlen(text), &session, &is_clean);
		for (const sdp_media_t *m = session ? session->sdp_media : NULL; m;
		     m = m->m_next)
			n++;
		if (err != rows[i].want || n != rows[i].n_media || is_clean != rows[i].is_clean)
			fail_msg("%s: %s, %u media, %s", rows[i].name, err_text(err), n,
				 is_clean ? "clean" : "not clean");
		su_home_unref(home);
	}
}

static enum err read_repeated(const char *line, unsigned n)
{
	su_home_t *home = su_home_new(sizeof(*home));
	const sdp_session_t *session;
	struct buf buf;

	buf_init(&buf, 0);
	buf_puts(&buf, HEAD);
	for (unsigned i = 0; i < n; i++)
		buf_puts(&buf, line);
	enum err err = sdp_session_read(home, buf_text(&buf), buf.len, &session, NULL);
	buf_fini(&buf);
	su_home_unref(home);
	return err;
}

static void test_bounds(void **state)
{
	char line[SDP_MAX_LINE_BYTES + 10];

	(void)state;
	assert_int_equal(read_repeated("m=audio 4000 RTP/AVP 0\r\n", SDP_MAX_MEDIA), ERR_OK);
	assert_int_equal(read_repeated("m=audio 4000 RTP/AVP 0\r\n", SDP_MAX_MEDIA + 1),
			 ERR_LIMIT);
	assert_int_equal(read_repeated("a=x\r\n", SDP_MAX_LINES - 5), ERR_OK);
	assert_int_equal(read_repeated("a=x\r\n", SDP_MAX_LINES - 4), ERR_LIMIT);
	/* Sofia looks through them for each a=rtpmap. */
	strcpy(line, "m=audio 4000 RTP/AVP");
	for (unsigned i = 3; i < SDP_MAX_WORDS; i++)
		strcat(line, " 0");
	strcat(line, "\r\n");
	assert_int_equal(read_repeated(line, 1), ERR_OK);
	strcpy(line + strlen(line) - 2, " 0\r\n");
	assert_int_equal(read_repeated(line, 1), ERR_LIMIT);
	memset(line, 'x', sizeof(line));
	memcpy(line, "a=", 2);
	line[SDP_MAX_LINE_BYTES] = '\n';
	line[SDP_MAX_LINE_BYTES + 1] = '\0';
	assert_int_equal(read_repeated(line, 1), ERR_OK);
	assert_int_equal(read_repeated(line, 8), ERR_LIMIT); /* SDP_MAX_BYTES */
	line[SDP_MAX_LINE_BYTES] = 'x';
	line[SDP_MAX_LINE_BYTES + 1] = '\n';
	line[SDP_MAX_LINE_BYTES + 2] = '\0';
	assert_int_equal(read_repeated(line, 1), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bounds),
	};
	const struct rlimit small = { 1UL << 30, 1UL << 30 };

	/* The sanitizers map terabytes for their own use. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)small;
#else
	setrlimit(RLIMIT_AS, &small);
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
