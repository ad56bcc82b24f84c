#include "proxy/commands/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "proxy/peer_view.h"
#include "proxy/server.h"

static void count_partners(struct server *server, unsigned *out_up, unsigned *out_down)
{
	const struct rules *rules = server->snapshot->rules;
	struct peer_views *views;
	struct peer_view view;

	if (peer_views_new(server, &views))
		return;
	for (size_t i = 0; i < rules_count(rules); i++) {
		if (!rules_at(rules, i)->route)
			continue;
		peer_views_look(views, rules_at(rules, i), &view);
		*out_up += view.state == PEER_UP;
		*out_down += view.state == PEER_DOWN;
	}
	peer_views_free(views);
}

static void tell(struct server *server, const char *first)
{
	unsigned up = 0, down = 0;

	count_partners(server, &up, &down);
	sd_notifyf(0, "%sSTATUS=%u partners up, %u down, %u requests in progress%s", first, up,
		   down, server_n_busy(server),
		   server->last_reload_ok || server->last_reload_wall_us == 0 ? ""
		   : server->was_reverted_last ? "; the last reload was reverted: not confirmed"
					       : "; the last reload was rejected");
}

void notify_ready(struct server *server)
{
	tell(server, "READY=1\n");
}

void notify_status(struct server *server)
{
	tell(server, "");
}

void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=waiting for requests in progress");
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 : 0;
}
