/* A decision record as JSON: what /v1/decisions and /v1/explain answer, and what `nuncio why`
 * and `nuncio explain` print. The texts of the reason table stand in it, so a client needs no
 * table of its own. */
#pragma once

#include <jansson.h>

#include "proxy/decision.h"

/* The record as a new object; NULL if memory is short. is_explained: a dry run, which has no
 * time. */
json_t *decision_to_json(const struct decision *decision, bool is_explained);

/* {"version":1,"ok":..} with "problems" of at most one: the reason, if there is one. */
json_t *decision_answer(const struct decision *decision, bool is_explained);
