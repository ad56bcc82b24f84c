/* Our place behind a NAT as people read it: for nat and status. */
#pragma once

#include <jansson.h>

#include "proxy/commands/screen.h"

/* The verdict, its reason, and the addresses of listeners. */
void nat_text_print(const struct screen *screen, const json_t *nat);

/* One line of it for status; false, and nothing printed, if nobody looked and no listener
 * advertises by STUN. */
bool nat_text_line(const struct screen *screen, const json_t *nat);
