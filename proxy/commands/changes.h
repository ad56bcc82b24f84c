/* What a reload changed, as people read it. */
#pragma once

#include <jansson.h>

#include "proxy/commands/screen.h"

/* One line for each of an array of {"sign","what","name","text"}. */
void changes_print(const struct screen *screen, const json_t *changes);
