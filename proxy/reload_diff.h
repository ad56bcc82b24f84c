/* What one configuration changes against another, in words: for the answer of a reload. */
#pragma once

#include <jansson.h>

#include "proxy/snapshot.h"

/* An array of {"sign":"+"|"-"|"~","what":"partner","name":..,"text":..}, in the order
 * listeners, domains, certificates, backends, partners, settings. A change that needs a restart
 * says so in its text. Never NULL but without memory. */
json_t *reload_diff(const struct snapshot *from, const struct snapshot *to);
