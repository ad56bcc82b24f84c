/* Partners as people read them, out of the answers of the control interface. */
#pragma once

#include <jansson.h>

#include "proxy/commands/screen.h"

/* All of them, one a line: of GET /v1/partners. */
void partner_text_list(const struct screen *screen, const json_t *answer);
/* All that is known of one: of GET /v1/partners?domain=. */
void partner_text_show(const struct screen *screen, const json_t *answer);
/* What it is and was: of POST /v1/partners/... */
void partner_text_changed(const struct screen *screen, const json_t *answer);
