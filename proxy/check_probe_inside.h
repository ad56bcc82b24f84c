/* What check_probe.c (sockets, TLS, deadlines) and check_probe_ask.c (the OPTIONS and its
 * answer) share. */
#pragma once

#include "proxy/base/buf.h"
#include "proxy/base/timer.h"
#include "proxy/check_probe.h"
#include "proxy/transport/frame.h"

enum { CHECK_MAX_ANSWER = 64 * 1024 };

/* What stands behind an active probe. */
struct dialled {
	struct check_probe *probe;
	struct loop *loop;
	struct hop hop;
	enum conf_tls_version only;
	bool only_handshake, asks_anyway;
	char from[256], to[256], call_id[25];
	uint64_t stage_ms, began_ms, repeat_ms;
	int fd;
	struct loop_watch watch;
	struct timer deadline, repeat;
	struct loop_call call;
	struct tls_session *tls;
	struct buf out, in; /* plaintext */
	size_t n_sent;
	struct framer framer;
	struct check_result result;
};

/* check_probe.c: the probe has ended so, and on_end comes from the loop; has it? The next
 * stage begins. How long the stage took so far. Writes what waits: false if the probe ended
 * over it. */
void check_probe_end(struct dialled *dialled, enum check_stage stage, enum reason reason);
bool check_probe_has_ended(const struct dialled *dialled);
void check_probe_enter(struct dialled *dialled, enum check_stage stage);
uint64_t check_probe_since(const struct dialled *dialled);
bool check_probe_flush(struct dialled *dialled);

/* check_probe_ask.c: asks; and takes plaintext that came. */
void check_probe_ask(struct dialled *dialled);
void check_probe_take(struct dialled *dialled, const char *bytes, size_t len);
