/* `nuncio partner check DOMAIN`. */
#pragma once

#include "proxy/commands/args.h"

/* Options of `partner check`. */
extern const struct option_row option_as_if_allowed;

enum exit_code partner_check_run(const struct args *args, const char *domain);
