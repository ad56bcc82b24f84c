/* Our taking apart beside Sofia's own: every message that keeps to the bounds must come out the
 * same, header for header. Beside the rows, the torture messages of RFC 4475 and RFC 5118,
 * whole and with each of their bytes changed. */
#include "proxy/sip/message_extract.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/base/macros.h"
#include "proxy/sip/message.h"
#include "proxy/sip/message_bounds.h"
#include "proxy/sip/message_class.h"

#define START "MESSAGE sip:b@b.example SIP/2.0\r\n"
#define VIA   "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"

static const struct {
	const char *name, *text;
} rows[] = {
	{ "no header", START "\r\n" },
	{ "status line", "SIP/2.0 200 OK\r\n" VIA "\r\n" },
	{ "status line without reason", "SIP/2.0 200 \r\n" VIA "\r\n" },
	{ "status line with more spaces", "SIP/2.0 200  OK\r\n" VIA "\r\n" },
	{ "status line with no reason at all", "SIP/2.0 200\r\n" VIA "\r\n" },
	{ "status of four digits", "SIP/2.0 2000 OK\r\n" VIA "\r\n" },
	{ "status of two digits", "SIP/2.0 20 OK\r\n" VIA "\r\n" },
	{ "status 000", "SIP/2.0 000 OK then\r\n" VIA "\r\n" },
	{ "status line of another version", "SIP/2.1 200 OK\r\n" VIA "\r\n" },
	{ "reason in another language", "SIP/2.0 200 \xc3\x84 \r\n" VIA "\r\n" },
	{ "slash in the method", "A/B sip:b@b.example SIP/2.0\r\n" VIA "\r\n" },
	{ "bad Request-URI", "MESSAGE sip:@ SIP/2.0\r\n\r\n" },
	{ "several Vias on a line and on lines",
	  START "Via: SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b\r\nv: SIP/2.0/TLS c\r\n\r\n" },
	{ "second entry cannot be read",
	  START "Via: SIP/2.0/UDP a;branch=1, nonsense\r\n" VIA "\r\n" },
	{ "Call-ID twice", START "Call-ID: 1\r\nCall-ID: 2\r\nCall-ID: 3\r\n\r\n" },
	{ "Call-ID with an at", START "Call-ID: a-1.b_c@host.example\r\n\r\n" },
	{ "Call-ID with two ats", START "Call-ID: a@b@c\r\n\r\n" },
	{ "Call-ID without a host", START "i: a@\r\n\r\n" },
	{ "Call-ID without a name", START "i: @a\r\n\r\n" },
	{ "Call-ID of other characters", START "Call-ID: (a<b>:\\\"/[]?{}%!*+`'~)@x\r\n\r\n" },
	{ "Call-ID with spaces", START "Call-ID: a b\r\n\r\n" },
	{ "folded after the colon",
	  START "Subject:\r\n a\r\n  b \r\nTo:\r\n\t<sip:b@b.example> \r\n\t;tag=1\r\n\r\n" },
	{ "space before the colon", START "To  : <sip:b@b.example>\r\nX \t: y\r\n\r\n" },
	{ "fold before the colon", START "To\r\n : <sip:b@b.example>\r\n\r\n" },
	{ "empty values", START "Subject:\r\nTo:\r\nVia:  \r\nContact:\r\nRequire:\r\n\r\n" },
	{ "no colon", START "nonsense\r\n" VIA "\r\n" },
	{ "no name", START ": value\r\n" VIA "\r\n" },
	{ "lists on several lines",
	  START "Require: a, b\r\nRequire: c\r\nProxy-Require: d\r\nRequire: e\r\n\r\n" },
	{ "Routes and Contacts", START
	  "Route: <sip:a;lr>, <sip:b;lr>\r\nRoute: <sip:c>\r\nm: <sip:d>;expires=3, \"E\" <sip:e>\r\n\r\n" },
	{ "Record-Routes", START
	  "Record-Route: <sip:a:5060;transport=tcp;lr;x=a-b_1>\r\nRecord-Route: <sip:b;lr>;p=1\r\n\r\n" },
	{ "Routes with names", START
	  "Route: \"A\" <sip:a>\r\nRoute: A <sip:a>\r\nRoute: sip:a;lr\r\nRoute: <sips:a>\r\n\r\n" },
	{ "methods", "INVITE sip:b@c SIP/2.0\r\n\r\n" },
	{ "longer method", "INVITED sip:b@c SIP/2.0\r\n\r\n" },
	{ "method in small letters", "invite sip:b@c SIP/2.0\r\n\r\n" },
	{ "other version", "INVITE sip:b@c SIP/2.1\r\n\r\n" },
	{ "version in small letters", "INVITE sip:b@c sip/2.0\r\n\r\n" },
	{ "tel URI", "INVITE tel:+49301234 SIP/2.0\r\n\r\n" },
	{ "Request-URI with all parts", "BYE sip:b:c@d:1;e=f?g=h SIP/2.0\r\n\r\n" },
	{ "Contact: *", START "Contact: *\r\n\r\n" },
	{ "unknown headers", START "X: 1\r\nx: 2\r\nReferred-By: <sip:a>\r\n\r\n" },
	{ "From with all parts",
	  START "From: \"B. \" <sip:b+1@b.example:5060;transport=tcp;lr>;tag=a-1\r\n\r\n" },
	{ "From without user",
	  START "From: <sip:b.example>\r\nTo: <sip:192.0.2.1:5062>;tag=1\r\n\r\n" },
	{ "From with a password",
	  START "From: <sip:a:b@b.example>;tag=1\r\nTo: <sips:b@c>\r\n\r\n" },
	{ "escapes", START
	  "From: <sip:%61b%20@b.example>;tag=1\r\nTo: <sip:b@c;p=%61?a=b>;tag=%61\r\n\r\n" },
	{ "tag without value",
	  START "From: <sip:b@b.example>;tag\r\nTo: <sip:b@b.example>;tag=\r\n\r\n" },
	{ "tag twice, and others",
	  START "From: <sip:b@c>;tag=1;tag=2\r\nTo: <sip:b@c>;x=y;tag=1\r\n\r\n" },
	{ "tag in capitals, spaces",
	  START "From: <sip:b@c>;TAG=1\r\nTo: <sip:b@c> ; tag = 1\r\n\r\n" },
	{ "display without quotes",
	  START "From: Bob B <sip:b@c>;tag=1\r\nTo: sip:b@c;tag=1\r\n\r\n" },
	{ "quoted quote in the display",
	  START "From: \"B \\\" <sip:x@y>\" <sip:b@c>;tag=1\r\n\r\n" },
	{ "display without space",
	  START "From: \"B\"<sip:b@c>;tag=1\r\nTo: \"B\"  <sip:b@c>\r\n\r\n" },
	{ "IPv6", START
	  "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=1\r\nFrom: <sip:[2001:db8::1]>\r\n\r\n" },
	{ "no host", START "From: <sip:b@>\r\nTo: <sip:@c>\r\nVia: SIP/2.0/UDP :5060\r\n\r\n" },
	{ "empty port", START "From: <sip:b@c:>\r\nVia: SIP/2.0/UDP c:;branch=1\r\n\r\n" },
	{ "empty URI parameters", START "From: <sip:b@c;>\r\nTo: <sip:b@c;;=>\r\n\r\n" },
	{ "ports that are none", START
	  "From: <sip:b@c:150302>\r\nVia: SIP/2.0/UDP c:150302;branch=1\r\nVia: SIP/2.0/UDP c:65536\r\n\r\n" },
	{ "ports that are some", START
	  "Via: SIP/2.0/UDP c:05060;branch=1\r\nVia: SIP/2.0/UDP c:65535\r\nVia: SIP/2.0/UDP c:0\r\n\r\n" },
	{ "Via with all that is read", START
	  "Via: SIP/2.0/TLS a.b-c:1;rport=2;received=192.0.2.1;branch=z9hG4bK.x_1\r\n\r\n" },
	{ "Via with empty parameters",
	  START "Via: SIP/2.0/TCP a;branch=;rport;received\r\nVia: SIP/2.0/UDP a;;\r\n\r\n" },
	{ "Via with others",
	  START "Via: SIP/2.0/UDP a;maddr=b;ttl=1;branchx=2;branch=3;alias\r\n\r\n" },
	{ "Via with a parameter twice", START "Via: SIP/2.0/UDP a;branch=1;branch=2\r\n\r\n" },
	{ "Via with spaces",
	  START "Via: SIP / 2.0 / UDP a : 5060 ; branch = 1\r\nVia: SIP/2.0/UDP  a\r\n\r\n" },
	{ "Via of other transports",
	  START "Via: SIP/2.0/SCTP a;branch=1\r\nVia: sip/2.0/udp a\r\n\r\n" },
	{ "all of the body", START VIA "\r\nsome body" },
	{ "as much as Content-Length says", START "Content-Length: 4\r\n\r\nsome body" },
	{ "less than Content-Length says", START "l: 40\r\n\r\nsome body" },
	{ "Content-Length 0", START "l: 0\r\n\r\nsome body" },
	{ "Content-Length twice", START "l: 4\r\nContent-Length: 9\r\n\r\nsome body" },
	{ "Content-Length no number", START "l: x\r\n\r\nsome body" },
};

/* What message.c does before and after. */
static msg_t *extract_ours(const char *bytes, size_t len, const struct message_bounds *bounds)
{
	msg_t *msg = msg_create(message_class(), 0);
	char *copy = su_alloc(msg_home(msg), (isize_t)len + 1);
	struct header_room room = { .home = msg_home(msg),
				    .left = message_extract_size(bounds) };

	room.at = su_alloc(room.home, (isize_t)room.left);
	assert_non_null(copy);
	assert_non_null(room.at);
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	if (!message_extract(msg, copy, len, bounds, &room))
		return msg;
	msg_destroy(msg);
	return NULL;
}

static msg_t *extract_sofias(const char *bytes, size_t len)
{
	msg_t *msg = msg_create(message_class(), MSG_DO_EXTRACT_COPY);
	char *copy = su_alloc(msg_home(msg), (isize_t)len + 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	msg_buf_set(msg, copy, (usize_t)len + 1);
	msg_buf_commit(msg, (usize_t)len, 1);
	(void)msg_extract(msg);
	if (message_sip(msg)->sip_request || message_sip(msg)->sip_status)
		return msg;
	msg_destroy(msg);
	return NULL;
}

/* All that is to be compared of one header: its place among the others of its kind, its bytes,
 * and how it is printed. */
static char *describe(msg_t *msg, const msg_header_t *header)
{
	const sip_t *sip = message_sip(msg);
	static char printed[64 * 1024];

	printed[0] = '\0';
	if (header->sh_class->hc_hash != sip_error_class->hc_hash)
		(void)msg_header_e(printed, sizeof(printed), header, 0);
	else if (header->sh_error->er_name)
		(void)snprintf(printed, sizeof(printed), "%s", header->sh_error->er_name);
	return su_sprintf(msg_home(msg), "%s next=%d error=%d bytes='%.*s' '%s'",
			  header->sh_class->hc_name ? header->sh_class->hc_name : "",
			  header->sh_next != NULL,
			  (const msg_header_t *)sip->sip_error == header, (int)header->sh_len,
			  header->sh_data ? (const char *)header->sh_data : "(none)", printed);
}

static void compare_texts(const char *name, const char *what, const char *ours,
			  const char *theirs)
{
	if (!ours != !theirs || (ours && strcmp(ours, theirs) != 0))
		fail_msg("%s: %s is '%s', Sofia's '%s'", name, what, ours ? ours : "(none)",
			 theirs ? theirs : "(none)");
}

static void compare_params(const char *name, const msg_param_t *ours, const msg_param_t *theirs)
{
	if (!ours || !theirs) {
		if (ours != theirs)
			fail_msg("%s: parameters of %s alone", name, ours ? "ours" : "Sofia's");
		return;
	}
	for (size_t i = 0; ours[i] || theirs[i]; i++)
		compare_texts(name, "parameter", ours[i], theirs[i]);
}

static void compare_urls(const char *name, const url_t *ours, const url_t *theirs)
{
	if (ours->url_type != theirs->url_type || ours->url_root != theirs->url_root)
		fail_msg("%s: another kind of URI", name);
	compare_texts(name, "scheme", ours->url_scheme, theirs->url_scheme);
	compare_texts(name, "user", ours->url_user, theirs->url_user);
	compare_texts(name, "password", ours->url_password, theirs->url_password);
	compare_texts(name, "host", ours->url_host, theirs->url_host);
	compare_texts(name, "port", ours->url_port, theirs->url_port);
	compare_texts(name, "path", ours->url_path, theirs->url_path);
	compare_texts(name, "params", ours->url_params, theirs->url_params);
	compare_texts(name, "headers", ours->url_headers, theirs->url_headers);
	compare_texts(name, "fragment", ours->url_fragment, theirs->url_fragment);
}

static void compare_addresses(const char *name, const sip_addr_t *ours,
			      const sip_addr_t *theirs)
{
	if (!ours || !theirs)
		return; /* counted elsewhere */
	compare_urls(name, ours->a_url, theirs->a_url);
	compare_texts(name, "display", ours->a_display, theirs->a_display);
	compare_texts(name, "tag", ours->a_tag, theirs->a_tag);
	compare_params(name, ours->a_params, theirs->a_params);
}

static void compare_vias(const char *name, const sip_via_t *ours, const sip_via_t *theirs)
{
	for (; ours && theirs; ours = ours->v_next, theirs = theirs->v_next) {
		compare_texts(name, "protocol", ours->v_protocol, theirs->v_protocol);
		compare_texts(name, "host", ours->v_host, theirs->v_host);
		compare_texts(name, "port", ours->v_port, theirs->v_port);
		compare_texts(name, "branch", ours->v_branch, theirs->v_branch);
		compare_texts(name, "rport", ours->v_rport, theirs->v_rport);
		compare_texts(name, "received", ours->v_received, theirs->v_received);
		compare_texts(name, "maddr", ours->v_maddr, theirs->v_maddr);
		compare_texts(name, "ttl", ours->v_ttl, theirs->v_ttl);
		compare_params(name, ours->v_params, theirs->v_params);
	}
}

static void compare_routes(const char *name, const sip_route_t *ours, const sip_route_t *theirs)
{
	for (; ours && theirs; ours = ours->r_next, theirs = theirs->r_next) {
		compare_urls(name, ours->r_url, theirs->r_url);
		compare_texts(name, "display", ours->r_display, theirs->r_display);
		compare_params(name, ours->r_params, theirs->r_params);
	}
}

static void compare_requests(const char *name, const sip_request_t *ours,
			     const sip_request_t *theirs)
{
	if (!ours || !theirs)
		return;
	if (ours->rq_method != theirs->rq_method)
		fail_msg("%s: another method", name);
	compare_texts(name, "method", ours->rq_method_name, theirs->rq_method_name);
	compare_texts(name, "version", ours->rq_version, theirs->rq_version);
	compare_urls(name, ours->rq_url, theirs->rq_url);
}

static void compare_statuses(const char *name, const sip_status_t *ours,
			     const sip_status_t *theirs)
{
	if (!ours || !theirs)
		return;
	if (ours->st_status != theirs->st_status)
		fail_msg("%s: another status", name);
	compare_texts(name, "version", ours->st_version, theirs->st_version);
	compare_texts(name, "phrase", ours->st_phrase, theirs->st_phrase);
}

static void compare_call_ids(const char *name, const sip_call_id_t *ours,
			     const sip_call_id_t *theirs)
{
	if (ours && theirs)
		compare_texts(name, "Call-ID", ours->i_id, theirs->i_id);
}

/* The table of Sofia's struct: which kinds of header there are, and how many of each. */
static void compare_kinds(const char *name, msg_t *ours, msg_t *theirs)
{
	msg_header_t *const *a = (msg_header_t *const *)(void *)&message_sip(ours)->sip_request;
	msg_header_t *const *b =
		(msg_header_t *const *)(void *)&message_sip(theirs)->sip_request;
	const size_t n = (sizeof(sip_t) - offsetof(sip_t, sip_request)) / sizeof(*a);

	for (size_t i = 0; i < n; i++) {
		const msg_header_t *left = a[i], *right = b[i];

		while (left && right) {
			left = left->sh_next;
			right = right->sh_next;
		}
		if (left || right)
			fail_msg("%s: one more in place %zu of %s", name, i,
				 left ? "ours" : "Sofia's");
	}
}

static void compare(const char *name, msg_t *ours, msg_t *theirs)
{
	const msg_header_t *a = *msg_chain_head(ours), *b = *msg_chain_head(theirs);

	for (; a && b; a = a->sh_succ, b = b->sh_succ) {
		const char *left = describe(ours, a), *right = describe(theirs, b);

		if (strcmp(left, right) != 0)
			fail_msg("%s:\nours    %s\nSofia's %s", name, left, right);
		if (*a->sh_prev != a)
			fail_msg("%s: the chain does not hang together at %s", name, left);
	}
	if (a || b)
		fail_msg("%s: one more in %s", name, a ? "ours" : "Sofia's");
	compare_kinds(name, ours, theirs);
	compare_addresses(name, message_sip(ours)->sip_from, message_sip(theirs)->sip_from);
	compare_addresses(name, message_sip(ours)->sip_to, message_sip(theirs)->sip_to);
	compare_requests(name, message_sip(ours)->sip_request,
			 message_sip(theirs)->sip_request);
	compare_statuses(name, message_sip(ours)->sip_status, message_sip(theirs)->sip_status);
	compare_call_ids(name, message_sip(ours)->sip_call_id,
			 message_sip(theirs)->sip_call_id);
	compare_routes(name, message_sip(ours)->sip_route, message_sip(theirs)->sip_route);
	compare_routes(name, message_sip(ours)->sip_record_route,
		       message_sip(theirs)->sip_record_route);
	compare_vias(name, message_sip(ours)->sip_via, message_sip(theirs)->sip_via);
}

static void check(const char *name, const char *bytes, size_t len)
{
	struct message_bounds bounds;

	if (message_bounds_find(bytes, len, &bounds))
		return;
	bytes += bounds.start;
	len -= bounds.start;

	msg_t *ours = extract_ours(bytes, len, &bounds);
	msg_t *theirs = extract_sofias(bytes, len);
	if (!ours != !theirs)
		fail_msg("%s: read by %s alone", name, ours ? "us" : "Sofia");
	if (ours)
		compare(name, ours, theirs);
	msg_destroy(ours);
	msg_destroy(theirs);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message_bounds bounds;

		assert_int_equal(
			message_bounds_find(rows[i].text, strlen(rows[i].text), &bounds),
			ERR_OK);
		check(rows[i].name, rows[i].text, strlen(rows[i].text));
	}
}

/* Bytes that mean something, put over each byte in turn. */
static void check_changed(const char *name, char *bytes, size_t len)
{
	static const char changes[] = ":;,<\"x \r\n";

	for (size_t at = 0; at < len; at++) {
		const char was = bytes[at];

		bytes[at] = changes[at % (sizeof(changes) - 1)];
		check(name, bytes, len);
		bytes[at] = was;
	}
}

static void test_corpus(void **state)
{
	static char bytes[64 * 1024];
	char path[512];
	unsigned n = 0;
	DIR *dir = opendir(TESTS_DIR "/fuzz/corpus/message");

	assert_non_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		(void)snprintf(path, sizeof(path), TESTS_DIR "/fuzz/corpus/message/%s",
			       entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (!file)
			continue;
		size_t len = fread(bytes, 1, sizeof(bytes) - 1, file);
		fclose(file);
		check(entry->d_name, bytes, len);
		check_changed(entry->d_name, bytes, len < 4096 ? len : 4096);
		n++;
	}
	closedir(dir);
	assert_true(n > 40);
}

/* Sofia must know the end of the chain: what is added later goes before the separator, and a
 * body behind it. */
static void test_end_of_chain(void **state)
{
	static const char text[] = START VIA "\r\n";
	struct message_bounds bounds;
	assert_int_equal(message_bounds_find(text, sizeof(text) - 1, &bounds), ERR_OK);
	msg_t *msg = extract_ours(text, sizeof(text) - 1, &bounds);

	assert_non_null(msg);
	assert_int_equal(message_add_header(msg, "X", "1"), ERR_OK);
	sip_payload_t *body = sip_payload_make(msg_home(msg), "body");
	assert_int_equal(msg_header_insert(msg, NULL, (msg_header_t *)body), 0);
	const msg_header_t *last = *msg_chain_head(msg);
	while (last->sh_succ)
		last = last->sh_succ;
	assert_ptr_equal(last, body);
	assert_ptr_equal(message_sip(msg)->sip_separator->sep_common->h_succ, body);
	msg_destroy(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_end_of_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
