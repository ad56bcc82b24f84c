/* The only door to libcurl: asks the daemon over its control socket. Complaints go to standard
 * error with their exit code, so a verb passes it on. */
#pragma once

#include <jansson.h>

#include "proxy/commands/args.h"

/* One key and value of a query; the last has no key. */
struct client_query {
	const char *key, *value; /* a NULL value leaves its pair out */
};

struct client_answer {
	int status;   /* of HTTP */
	json_t *json; /* an object; the caller's to decref */
};

/* The socket: --control, $NUNCIO_CONTROL, or /run/nuncio/control.sock. */
const char *client_socket(const struct args *args);

/* GETs path with query, or POSTs body (NULL: GET). EXIT_YES: out was written, whatever the HTTP
 * status but 403. EXIT_UNREACHABLE, EXIT_NOT_ALLOWED, EXIT_NOT_KNOWN after a complaint. */
enum exit_code client_ask(const struct args *args, const char *path,
			  const struct client_query *query, const char *body,
			  struct client_answer *out);

/* The same, silent and within 300 ms, for completion. NULL if there is no answer. */
json_t *client_peek(const char *socket, const char *path);

/* Prints the text of the answer's first problem. */
void client_complain(const struct args *args, const struct client_answer *answer);

/* Prints json with sorted keys and a line end. */
void client_print_json(const json_t *json);
