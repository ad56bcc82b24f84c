#include "proxy/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "proxy/base/timer.h"

enum {
	MAX_CONNECTIONS = 32,
	CONNECTION_MEMORY = 16 * 1024, /* bounds the request line and the headers */
	TIMEOUT_S = 10,
	MAX_ROUNDS = 16, /* of one wake-up, so that a busy client cannot hold the loop */
	BACKLOG = 64,
	PIECE_BYTES = 16 * 1024, /* of a body that is made while it is sent: one a round */
};

struct http {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct timer timer;
	bool is_unix;
	http_answer_fn *fn;
	void *user;
	struct list held; /* http_exchange.link */
	bool is_closing;
};

/* One request while its body comes in, and until its answer is there. */
struct http_exchange {
	size_t body_len;
	bool is_too_large;
	char body[HTTP_MAX_BODY + 1];
	/* Of one that is answered later: suspended between http_hold and http_finish. */
	struct http *http;
	struct MHD_Connection *connection;
	struct list link; /* http.held */
	bool is_held, is_finished;
	struct http_answer answer;
};

static ssize_t read_piece(void *user, uint64_t at, char *out, size_t size)
{
	struct http_source *source = user;
	size_t len = source->read(source->user, out, size);

	return len > 0 ? (ssize_t)len : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_source(void *user)
{
	struct http_source *source = user;

	source->free(source->user);
	free(source);
}

static struct MHD_Response *make_streamed(const struct http_source *wanted)
{
	struct http_source *source = malloc(sizeof(*source));
	struct MHD_Response *response = NULL;

	if (source) {
		*source = *wanted;
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES,
							     read_piece, source, free_source);
	}
	if (!response) {
		wanted->free(wanted->user);
		free(source);
	}
	return response;
}

static struct MHD_Response *make_response(struct http_answer *answer)
{
	struct MHD_Response *response;

	if (answer->source.read)
		return make_streamed(&answer->source);
	response = MHD_create_response_from_buffer(answer->body ? strlen(answer->body) : 0,
						   answer->body ? answer->body : (char *)"",
						   answer->body ? MHD_RESPMEM_MUST_FREE
								: MHD_RESPMEM_PERSISTENT);
	if (!response)
		free(answer->body);
	return response;
}

static enum MHD_Result queue(struct MHD_Connection *connection, struct http_answer *answer)
{
	struct MHD_Response *response = make_response(answer);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (answer->content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					answer->content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* A page that a browser was lured to may call us by a name of its own (DNS rebinding); it
 * cannot by an address. */
static bool is_host_allowed(const char *host)
{
	char name[256], own[256] = "";
	struct addr addr;

	if (!host || addr_parse_port(host, 80, &addr) == ERR_OK)
		return true; /* HTTP/1.0 needs none, and browsers do not speak it */
	text_copy_len(name, sizeof(name), host, strcspn(host, ":"));
	if (strcasecmp(name, "localhost") == 0)
		return true;
	return gethostname(own, sizeof(own) - 1) == 0 && strcasecmp(name, own) == 0;
}

static enum right right_of(const struct http *http, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return http->is_unix && info ? right_of_peer(info->connect_fd) : RIGHT_NONE;
}

static enum MHD_Result respond(struct http *http, struct MHD_Connection *connection,
			       const char *method, const char *path,
			       struct http_exchange *exchange)
{
	struct http_answer answer = { 0 };
	struct http_request request = {
		.method = method,
		.path = path,
		.accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						      MHD_HTTP_HEADER_ACCEPT),
		.body = exchange->body,
		.body_len = exchange->body_len,
		.is_unix = http->is_unix,
		.right = right_of(http, connection),
		.connection = connection,
		.exchange = exchange,
	};

	if (exchange->is_too_large)
		answer.status = MHD_HTTP_CONTENT_TOO_LARGE;
	else if (!http->is_unix && !is_host_allowed(MHD_lookup_connection_value(
					   connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
		answer.status = MHD_HTTP_MISDIRECTED_REQUEST;
	else
		http->fn(http->user, &request, &answer);
	if (exchange->is_held)
		return MHD_YES;
	if (answer.status == 0)
		answer.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	return queue(connection, &answer);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *upload, size_t *upload_len, void **state)
{
	struct http_exchange *exchange = *state;

	if (!exchange) {
		*state = calloc(1, sizeof(*exchange));
		return *state ? MHD_YES : MHD_NO;
	}
	if (exchange->is_finished) { /* resumed */
		exchange->is_finished = false;
		return queue(connection, &exchange->answer);
	}
	if (*upload_len > 0) {
		if (*upload_len > HTTP_MAX_BODY - exchange->body_len) {
			exchange->is_too_large = true;
		} else {
			memcpy(exchange->body + exchange->body_len, upload, *upload_len);
			exchange->body_len += *upload_len;
		}
		*upload_len = 0;
		return MHD_YES;
	}
	exchange->http = user;
	return respond(user, connection, method, path, exchange);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct http_exchange *exchange = *state;

	if (exchange && exchange->is_finished)
		free(exchange->answer.body); /* it was never asked for */
	free(exchange);
	*state = NULL;
}

static void on_timer(struct timer *timer);

/* MHD watches edges: what it could not finish in one round it wants to be called for again at
 * once. */
static void run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	unsigned n = 0;

	do {
		MHD_run(http->daemon);
	} while (++n < MAX_ROUNDS && MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES &&
		 wait_ms == 0);
	if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES)
		timer_start(http->loop, &http->timer, wait_ms == 0 ? 1 : wait_ms, on_timer);
	else
		timer_stop(&http->timer);
}

static void on_timer(struct timer *timer)
{
	run(container_of(timer, struct http, timer));
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	run(container_of(watch, struct http, watch));
}

enum err http_new(struct loop *loop, int fd, bool is_unix, http_answer_fn *fn, void *user,
		  struct http **out)
{
	const union MHD_DaemonInfo *info;
	struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	*http = (struct http){ .loop = loop, .is_unix = is_unix, .fn = fn, .user = user };
	list_init(&http->held);
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
		MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (!http->daemon) {
		close(fd);
		free(http);
		return ERR_IO;
	}
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0) {
		http_free(http);
		return ERR_UNSUPPORTED;
	}
	loop_watch_start(loop, &http->watch, info->epoll_fd, LOOP_READ, on_ready);
	*out = http;
	return ERR_OK;
}

enum err http_bind(const struct addr *addr, int *out_fd)
{
	int one = 1,
	    fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum err err;

	if (fd < 0)
		return err_from_errno(errno);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, &addr->sa, addr->len) == 0 && listen(fd, BACKLOG) == 0) {
		*out_fd = fd;
		return ERR_OK;
	}
	err = err_from_errno(errno);
	close(fd);
	return err;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	loop_watch_stop(&http->watch);
	http->is_closing = true;
	while (!list_is_empty(&http->held)) { /* MHD ends none that is suspended */
		struct http_answer answer = { .status = MHD_HTTP_SERVICE_UNAVAILABLE };

		http_finish(container_of(http->held.next, struct http_exchange, link), &answer);
	}
	MHD_run(http->daemon);
	timer_stop(&http->timer);
	MHD_stop_daemon(http->daemon); /* closes the listening socket too */
	free(http);
	return NULL;
}

struct http_exchange *http_hold(const struct http_request *request)
{
	struct http_exchange *exchange = request->exchange;

	exchange->is_held = true;
	exchange->connection = request->connection;
	list_append(&exchange->http->held, &exchange->link);
	MHD_suspend_connection(exchange->connection);
	return exchange;
}

void http_finish(struct http_exchange *exchange, const struct http_answer *answer)
{
	struct http *http = exchange->http;

	list_remove(&exchange->link);
	exchange->is_held = false;
	exchange->is_finished = true;
	exchange->answer = *answer;
	MHD_resume_connection(exchange->connection);
	if (!http->is_closing) /* not from here: MHD calls back, and frees the exchange */
		timer_start(http->loop, &http->timer, 0, on_timer);
}

const char *http_query(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

struct collection {
	const char *key, **out;
	size_t n, max;
};

static enum MHD_Result collect(void *user, enum MHD_ValueKind kind, const char *key,
			       const char *value)
{
	struct collection *collection = user;

	if (strcmp(key, collection->key) == 0 && value && collection->n < collection->max)
		collection->out[collection->n++] = value;
	return MHD_YES;
}

size_t http_query_all(const struct http_request *request, const char *key, const char **out,
		      size_t max)
{
	struct collection collection = { key, out, 0, max };

	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, collect,
				  &collection);
	return collection.n;
}
