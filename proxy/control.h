/* What the control socket and admin.http offer: one router for the command line, scripts and
 * metrics. Every answer is JSON with "version": 1, but for /healthz, /readyz and /metrics. Runs
 * in the main thread. Layout: http.c owns libmicrohttpd, control_socket.c the file, rights.c
 * who may, control.c the routes. */
#pragma once

#include "proxy/base/error.h"
#include "proxy/server.h"

struct control;

/* Opens the Unix socket of the snapshot (0660) and, if admin.http is set, the TCP port (GET of
 * /healthz, /readyz, /metrics only). reload is called for POST /v1/reload and gives a malloced
 * JSON answer (reload_now). ERR_EXISTS if another daemon answers on the socket, ERR_ADDRESS if
 * the TCP port is taken, ERR_ACCESS, ERR_NOT_FOUND, ERR_IO, ERR_NO_MEMORY; out_what then names
 * the one that failed. */
enum err control_start(struct server *server,
		       char *(*reload)(struct server *server, uint64_t confirm_ms,
				       bool *out_ok),
		       const char **out_what, struct control **out) MUST_CHECK;

/* Returns NULL; NULL is fine. */
struct control *control_stop(struct control *control);

/* True while every worker's loop turns; looked at every 2 s, so not a moment's busyness makes
 * it false. */
bool control_is_alive(const struct control *control);
