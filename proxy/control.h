/* What the control socket and admin.http offer: one router for the command line, scripts and metrics. Every answer
 * is JSON with "version": 1. Runs in the main thread. Layout: http.c owns libmicrohttpd, control.c the routes. */
#pragma once

#include "proxy/base/error.h"
#include "proxy/server.h"

struct control;

/* Opens the Unix socket of the snapshot (0660) and, if admin.http is set, the TCP port (GET of /healthz, /readyz, /metrics only).
 * reload is called for POST /v1/reload and gives a malloced JSON answer. */
enum err control_start(struct server *server, char *(*reload)(struct server *server, bool *out_ok), struct control **out) MUST_CHECK;
struct control *control_stop(struct control *control);
