/* Looks once a minute at what ends: warns in the log when one of our certificates, or one by
 * which a partner or backend is known, comes within 30, 14, 7 and 1 days of its end, and when
 * it has ended, each once; and notices when the files of a certificate of ours are not those in
 * use any more. What was told is remembered until the process ends, by certificate: a reload
 * does not repeat it, a new certificate begins anew. Main thread. */
#pragma once

#include <jansson.h>

#include "proxy/server.h"

enum {
	CERTIFICATE_WATCH_MS = 60000,
	CERTIFICATE_WARN_DAYS = 30, /* a warning in status */
	CERTIFICATE_ERROR_DAYS = 7, /* an error */
};

struct certificate_watch;

/* Of server, on its loop; looks for the first time with the next round. */
enum err certificate_watch_new(struct server *server,
			       struct certificate_watch **out) MUST_CHECK;
/* NULL is fine */
struct certificate_watch *certificate_watch_free(struct certificate_watch *watch);

/* Which of 30, 14, 7, 1 and 0 days has been reached with so much time left; 31: none yet. 0: it
 * has ended. */
int certificate_watch_mark(int64_t left_s);

/* Days left, rounded down: -1 since the moment of the end. */
int certificate_watch_days(int64_t left_s);

/* "ok", "warn" or "fail", for status. */
const char *certificate_watch_state(int64_t left_s);

/* Appends a problem for each certificate of ours whose files are not those in use. watch may be
 * NULL. */
void certificate_watch_problems(const struct certificate_watch *watch, json_t *problems);
