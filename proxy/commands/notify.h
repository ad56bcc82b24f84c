/* What the service manager is told (sd_notify); all of it is silent where there is none. */
#pragma once

#include <stdint.h>

struct server;

void notify_ready(struct server *server);
void notify_reloading(void);
void notify_stopping(void);
void notify_status(
	struct server *server); /* "12 partners up, 1 down, 31 requests in progress" */
void notify_watchdog(void);

/* How often the manager wants to hear of us, in ms; 0: not at all. */
uint64_t notify_watchdog_ms(void);
