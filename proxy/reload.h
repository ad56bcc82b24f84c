/* SIGHUP and `nuncio reload`: load, check, build, open, swap, tell what changed; any failure
 * leaves all as it was. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

/* Reloads from the path of the running snapshot. Returns a malloced JSON object:
 * {"version":1,"ok":..,"took_ms":..,
 * "changes":[{"sign":"+","what":"partner","name":..,"text":..}],"kept":{"requests":..,"connections":..},"problems":[..],
 * "text":"the faults with their lines","count":"2 errors in 1 file"}; out_ok says whether it
 * was applied. With confirm_ms more than 0 the configuration comes back by itself unless it is
 * confirmed within that time (reload_confirm.h), and "confirm":{"until":..,"left_s":..} says
 * so. While one waits for that, a reload without confirm_ms is refused: it would confirm, or
 * lose, what nobody has looked at. NULL only if memory is short. Main thread. */
char *reload_now(struct server *server, uint64_t confirm_ms, bool *out_ok);

/* Takes snapshot (with its reference) into use: log, limits, workers. Returns what changed, as
 * reload_diff does; it stands in the log too. */
json_t *reload_apply(struct server *server, struct snapshot *snapshot);
