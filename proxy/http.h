/* The only door to libmicrohttpd: bounded requests in, whole answers out, at once or later, in
 * the loop of the main thread. Knows nothing of what is asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/loop.h"
#include "proxy/rights.h"

struct http;
struct http_exchange;

enum { HTTP_MAX_BODY = 8192 };

struct http_request {
	const char *method, *path, *accept;
	const char *body; /* terminated */
	size_t body_len;
	bool is_unix;     /* came by the control socket; else by TCP */
	enum right right; /* of the peer; RIGHT_NONE by TCP */
	void *connection; /* these two are http.c's own */
	struct http_exchange *exchange;
};

/* A long body that is made while it is sent, so that the loop turns in between. read fills at
 * most size bytes and returns how many, 0 at the end; free is called once, whether all was read
 * or the client went away. */
struct http_source {
	size_t (*read)(void *user, char *out, size_t size);
	void (*free)(void *user);
	void *user;
};

/* Zeroed before it is asked for; body is malloced and taken over; source, if it has a read, is
 * there instead of it. Without either: the status alone. */
struct http_answer {
	unsigned status;
	const char *content_type; /* a literal */
	char *body;
	struct http_source source;
};

typedef void http_answer_fn(void *user, const struct http_request *request,
			    struct http_answer *answer);

/* Serves a listening socket; takes over fd, also on error. is_unix: peers have credentials.
 * Main thread. */
enum err http_new(struct loop *loop, int fd, bool is_unix, http_answer_fn *fn, void *user,
		  struct http **out) MUST_CHECK;

/* Opens a TCP port for http_new. ERR_ADDRESS, ERR_ACCESS, ERR_LIMIT. */
enum err http_bind(const struct addr *addr, int *out_fd) MUST_CHECK;

/* Ends at once; requests that are not answered yet are lost. Returns NULL; NULL is fine. */
struct http *http_free(struct http *http);

/* Instead of an answer at once: called inside the answer function, whose answer is then left
 * alone; the client waits. http_finish is owed, and what it gets is what the client gets. The
 * strings of the request end with the answer function. */
struct http_exchange *http_hold(const struct http_request *request);
/* Answers one that was held: status, content_type and body, which is taken over. Never from
 * inside the answer function. exchange is gone afterwards. http_free ends those that are still
 * held with 503: whoever holds some must have forgotten them by then. A client that goes away
 * meanwhile is not noticed. */
void http_finish(struct http_exchange *exchange, const struct http_answer *answer);

/* The decoded value of a query key, NULL if there is none. */
const char *http_query(const struct http_request *request, const char *key);

/* All values of a repeated key, at most max; returns how many. */
size_t http_query_all(const struct http_request *request, const char *key, const char **out,
		      size_t max);
