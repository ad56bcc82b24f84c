#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/http.h"

/* A served socket and what the last request looked like. */
struct scene {
	struct loop *loop;
	struct http *http;
	struct sockaddr_storage name;
	socklen_t name_len;
	char dir[64];
	char seen[512];
	/* of a body that is made while it is sent */
	unsigned n_pieces, n_read, n_freed;
	/* of answers that come later */
	bool holds;
	struct http_exchange *held[4];
	unsigned n_held;
};

enum { PIECE = 4000 };

static size_t read_piece(void *user, char *out, size_t size)
{
	struct scene *scene = user;
	size_t len = size < PIECE ? size : PIECE;

	if (scene->n_read == scene->n_pieces)
		return 0;
	scene->n_read++;
	memset(out, 'x', len);
	return len;
}

static void free_piece(void *user)
{
	((struct scene *)user)->n_freed++;
}

static void on_request(void *user, const struct http_request *request,
		       struct http_answer *answer)
{
	struct scene *scene = user;
	const char *names[4], *a = http_query(request, "a");
	size_t n = http_query_all(request, "n", names, COUNT(names));

	snprintf(scene->seen, sizeof(scene->seen), "%s %s a=%s n=%zu body=%zu right=%d",
		 request->method, request->path, a ? a : "-", n, request->body_len,
		 (int)request->right);
	if (scene->holds) {
		scene->held[scene->n_held++] = http_hold(request);
		return;
	}
	answer->status = 200;
	answer->content_type = "text/plain";
	if (scene->n_pieces > 0)
		answer->source = (struct http_source){ read_piece, free_piece, scene };
	else
		answer->body = strdup("hello\n");
}

static void open_scene(struct scene *scene, bool is_unix)
{
	int fd;

	memset(scene, 0, sizeof(*scene));
	assert_int_equal(loop_new_turned(1000, &scene->loop), ERR_OK);
	if (is_unix) {
		struct sockaddr_un *name = (struct sockaddr_un *)&scene->name;

		strcpy(scene->dir, "/tmp/test_http.XXXXXX");
		assert_non_null(mkdtemp(scene->dir));
		name->sun_family = AF_UNIX;
		snprintf(name->sun_path, sizeof(name->sun_path), "%s/s", scene->dir);
		scene->name_len = sizeof(*name);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)name, sizeof(*name)), 0);
		assert_int_equal(listen(fd, 8), 0);
	} else {
		struct addr addr;

		assert_int_equal(addr_parse("127.0.0.1", 0, &addr), ERR_OK);
		assert_int_equal(http_bind(&addr, &fd), ERR_OK);
		scene->name_len = sizeof(scene->name);
		assert_int_equal(
			getsockname(fd, (struct sockaddr *)&scene->name, &scene->name_len), 0);
	}
	assert_int_equal(http_new(scene->loop, fd, is_unix, on_request, scene, &scene->http),
			 ERR_OK);
}

static void close_scene(struct scene *scene)
{
	scene->http = http_free(scene->http);
	loop_free(scene->loop);
	if (*scene->dir) {
		unlink(((struct sockaddr_un *)&scene->name)->sun_path);
		rmdir(scene->dir);
	}
}

static int dial(struct scene *scene)
{
	int fd = socket(scene->name.ss_family, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&scene->name, scene->name_len), 0);
	return fd;
}

/* Sends text and reads what comes back within some turns; returns its length. */
static size_t ask(struct scene *scene, int fd, const char *text, char *out, size_t size)
{
	size_t len = 0;

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	for (int i = 0; i < 50; i++) {
		ssize_t got;

		loop_turn(scene->loop, 1);
		got = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT);
		if (got == 0)
			break;
		if (got > 0)
			len += (size_t)got;
	}
	out[len] = '\0';
	return len;
}

/* clang-format off: rows are laid out by hand */
static const struct {
	const char *name, *request, *status, *seen;
	bool is_unix;
} rows[] = {
	{ "by the socket, root has the right",
	  "GET /v1/x?a=1%202&n=1&n=2 HTTP/1.1\r\nHost: nuncio\r\n\r\n", "HTTP/1.1 200",
	  "GET /v1/x a=1 2 n=2 body=0 right=2", true },
	{ "a body", "POST /r HTTP/1.1\r\nHost: n\r\nContent-Length: 5\r\n\r\nabcde",
	  "HTTP/1.1 200", "POST /r a=- n=0 body=5 right=2", true },
	{ "by TCP there is no right", "GET / HTTP/1.1\r\nHost: 127.0.0.1:9580\r\n\r\n",
	  "HTTP/1.1 200", "GET / a=- n=0 body=0 right=0", false },
	{ "localhost is allowed", "GET / HTTP/1.1\r\nHost: LocalHost:1\r\n\r\n", "HTTP/1.1 200",
	  "GET / a=- n=0 body=0 right=0", false },
	{ "an IPv6 literal is allowed", "GET / HTTP/1.1\r\nHost: [::1]:9580\r\n\r\n",
	  "HTTP/1.1 200", "GET / a=- n=0 body=0 right=0", false },
	{ "DNS rebinding: a foreign name is not",
	  "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 421", "", false },
	{ "not HTTP at all", "\x16\x03\x01\r\n\r\n", "", "", false },
};
/* clang-format on */

static void test_requests(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		char answer[2048];
		int fd;

		if (geteuid() != 0 && rows[i].is_unix)
			print_message("as %u: the socket's own user\n", (unsigned)geteuid());
		open_scene(&scene, rows[i].is_unix);
		fd = dial(&scene);
		ask(&scene, fd, rows[i].request, answer, sizeof(answer));
		if (strncmp(answer, rows[i].status, strlen(rows[i].status)) != 0)
			fail_msg("%s: %s", rows[i].name, answer);
		if (strcmp(scene.seen, rows[i].seen) != 0)
			fail_msg("%s: saw %s", rows[i].name, scene.seen);
		close(fd);
		close_scene(&scene);
	}
}

static void test_too_large_body(void **state)
{
	struct scene scene;
	static char request[20000];
	char answer[2048];
	int fd;

	open_scene(&scene, true);
	fd = dial(&scene);
	snprintf(request, sizeof(request),
		 "POST /r HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n\r\n",
		 HTTP_MAX_BODY + 1);
	memset(request + strlen(request), 'x', HTTP_MAX_BODY + 1);
	ask(&scene, fd, request, answer, sizeof(answer));
	assert_int_equal(strncmp(answer, "HTTP/1.1 413", 12), 0);
	assert_string_equal(scene.seen, "");
	close(fd);
	close_scene(&scene);
}

/* Who connects and says nothing takes places; 32 of them are not served further ones, and they
 * are ended. */
static void test_connections_are_bounded(void **state)
{
	struct scene scene;
	int fds[40], n_open = 0;
	char byte;

	open_scene(&scene, false);
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial(&scene);
		loop_turn(scene.loop, 1);
	}
	for (int i = 0; i < 20; i++)
		loop_turn(scene.loop, 1);
	for (size_t i = 0; i < COUNT(fds); i++) {
		n_open += recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0;
		send(fds[i], "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35, MSG_NOSIGNAL);
	}
	assert_true(n_open >= 32);
	for (int i = 0; i < 20; i++)
		loop_turn(scene.loop, 1);
	n_open = 0;
	for (size_t i = 0; i < COUNT(fds); i++)
		n_open += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 1;
	assert_true(n_open <= 32);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	close_scene(&scene);
}

/* A connection stays for the next request, and one that ended is no harm. */
static void test_keeps_alive(void **state)
{
	struct scene scene;
	char answer[2048];
	int fd, other;

	open_scene(&scene, true);
	fd = dial(&scene);
	other = dial(&scene);
	for (int i = 0; i < 3; i++) {
		ask(&scene, fd, "GET /k HTTP/1.1\r\nHost: n\r\n\r\n", answer, sizeof(answer));
		assert_non_null(strstr(answer, "\r\n\r\nhello\n"));
	}
	assert_int_equal(send(other, "GET /half", 9, MSG_NOSIGNAL), 9);
	close(other);
	ask(&scene, fd, "GET /k HTTP/1.1\r\nHost: n\r\n\r\n", answer, sizeof(answer));
	assert_non_null(strstr(answer, "hello"));
	close(fd);
	close_scene(&scene);
}

/* A long body is made piece by piece, and other work is done in between: no turn of the loop
 * makes all of it (one wakes up for the socket, and for the timer that goes on). */
static void test_made_while_sent(void **state)
{
	enum { N_PIECES = 200, MAX_A_TURN = 3 * 16 };
	static const char request[] = "GET /long HTTP/1.1\r\nHost: n\r\n\r\n";
	struct scene scene;
	static char answer[65536];
	size_t len = 0;
	unsigned n_turns = 0;
	int fd;

	open_scene(&scene, true);
	scene.n_pieces = N_PIECES;
	fd = dial(&scene);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while (scene.n_freed == 0 && n_turns++ < 1000) {
		unsigned n_before = scene.n_read;
		ssize_t got;

		loop_turn(scene.loop, 1);
		assert_true(scene.n_read - n_before <= MAX_A_TURN);
		while ((got = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0)
			len += (size_t)got;
	}
	for (ssize_t got; (got = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0;)
		len += (size_t)got;
	assert_int_equal(scene.n_read, N_PIECES);
	assert_int_equal(scene.n_freed, 1);
	assert_true(len > N_PIECES * PIECE);
	close(fd);
	close_scene(&scene);
}

/* Who goes away in the middle, and who asks for the head alone, leaves nothing behind. */
static void test_made_for_nobody(void **state)
{
	static const char *const requests[] = { "GET /long HTTP/1.1\r\nHost: n\r\n\r\n",
						"HEAD /long HTTP/1.1\r\nHost: n\r\n\r\n" };

	for (size_t i = 0; i < COUNT(requests); i++) {
		struct scene scene;
		int fd;

		open_scene(&scene, true);
		scene.n_pieces = UINT32_MAX;
		fd = dial(&scene);
		assert_int_equal(send(fd, requests[i], strlen(requests[i]), MSG_NOSIGNAL),
				 strlen(requests[i]));
		for (int turn = 0; turn < 5; turn++)
			loop_turn(scene.loop, 1);
		close(fd);
		for (int turn = 0; turn < 50; turn++)
			loop_turn(scene.loop, 1);
		assert_int_equal(scene.n_freed, 1);
		close_scene(&scene);
	}
}

static void finish(struct scene *scene, unsigned i, const char *text)
{
	struct http_answer answer = { .status = 200,
				      .content_type = "text/plain",
				      .body = strdup(text) };

	http_finish(scene->held[i], &answer);
}

/* Each client gets what its own question was answered with, however late and in whatever order,
 * and its connection serves the next one. */
static void test_answered_later(void **state)
{
	static const char request[] = "GET /k HTTP/1.1\r\nHost: n\r\n\r\n";
	struct scene scene;
	char answer[2048];
	int fds[2];

	open_scene(&scene, true);
	scene.holds = true;
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = dial(&scene);
		assert_int_equal(ask(&scene, fds[i], request, answer, sizeof(answer)), 0);
	}
	assert_int_equal(scene.n_held, 2);
	loop_turn(scene.loop, 20000); /* longer than an idle connection may take */
	finish(&scene, 1, "second");
	assert_true(ask(&scene, fds[1], "", answer, sizeof(answer)) > 0);
	assert_non_null(strstr(answer, "\r\n\r\nsecond"));
	assert_int_equal(ask(&scene, fds[0], "", answer, sizeof(answer)), 0);
	finish(&scene, 0, "first");
	assert_true(ask(&scene, fds[0], "", answer, sizeof(answer)) > 0);
	assert_non_null(strstr(answer, "\r\n\r\nfirst"));
	scene.holds = false;
	ask(&scene, fds[1], request, answer, sizeof(answer));
	assert_non_null(strstr(answer, "hello"));
	close(fds[0]);
	close(fds[1]);
	close_scene(&scene);
}

/* A client that went away, and one that still waits at the end, are no harm. */
static void test_never_answered(void **state)
{
	static const char request[] = "GET /k HTTP/1.1\r\nHost: n\r\n\r\n";
	struct scene scene;
	char answer[2048];
	int gone, waiting;

	open_scene(&scene, true);
	scene.holds = true;
	gone = dial(&scene);
	waiting = dial(&scene);
	ask(&scene, gone, request, answer, sizeof(answer));
	ask(&scene, waiting, request, answer, sizeof(answer));
	close(gone);
	finish(&scene, 0, "too late");
	for (int turn = 0; turn < 20; turn++)
		loop_turn(scene.loop, 1);
	close_scene(&scene);
	assert_true(recv(waiting, answer, sizeof(answer), MSG_DONTWAIT) >= 0);
	close(waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_too_large_body),
		cmocka_unit_test(test_connections_are_bounded),
		cmocka_unit_test(test_keeps_alive),
		cmocka_unit_test(test_made_while_sent),
		cmocka_unit_test(test_made_for_nobody),
		cmocka_unit_test(test_answered_later),
		cmocka_unit_test(test_never_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
