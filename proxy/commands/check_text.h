/* The rows of a check of the network as people read them, out of their JSON: for selfcheck and
 * partner check. */
#pragma once

#include <jansson.h>

#include "proxy/commands/args.h"

/* Asks path, prints what came of it, as text or with --json, and says it as exit code: EXIT_YES
 * without a failure, EXIT_NO, EXIT_NOT_KNOWN if it could not be found out; or why nobody could
 * be asked. query as client_ask takes it. */
struct client_query;
enum exit_code check_text_ask(const struct args *args, const char *path,
			      const struct client_query *query);
/* Prints that answer, as text or with --json, and says it as exit code. */
enum exit_code check_text_show(const struct args *args, const json_t *answer);
