/* SIGHUP and `nuncio reload`: load, check, build, open, swap, tell what changed; any failure leaves all as it was. */
#pragma once

#include "proxy/server.h"

/* Reloads from the path of the running snapshot. Returns a malloced JSON object: {"version":1,"ok":..,"took_ms":..,
 * "changes":[{"sign":"+","what":"partner","name":..,"text":..}],"kept":{"requests":..,"connections":..},"problems":[..],
 * "text":"the faults with their lines","count":"2 errors in 1 file"}; out_ok says whether it was
 * applied. NULL only if memory is short. Main thread. */
char *reload_now(struct server *server, bool *out_ok);
