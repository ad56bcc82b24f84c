/* A password from a person or a pipe, and what the policy says of it. Never from the command
 * line: others see it. */
#pragma once

#include <stdbool.h>

#include "conf/settings.h"

enum { PASSWORD_SIZE = 256 };

/* Reads one line of standard input. False after a complaint. */
bool password_from_stdin(char out[PASSWORD_SIZE]);

/* Asks twice on the terminal, without echo. False after a complaint. */
bool password_from_terminal(char out[PASSWORD_SIZE]);

/* True if it is strong enough; else says on standard error what is missing. */
bool password_check(const char *password, const char *user,
		    const struct settings_password_policy *policy);
