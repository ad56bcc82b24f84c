#include "proxy/status_media.h"

#include <stdio.h>
#include <string.h>

#include "media/calls.h"
#include "proxy/status_problem.h"

void status_media_look(const struct server *server, struct channels_view *channels,
		       struct relays_totals *totals)
{
	memset(channels, 0, sizeof(*channels));
	memset(totals, 0, sizeof(*totals));
	if (server->channels)
		channels_look(server->channels, channels);
	else
		channels->n_max = server->snapshot->settings->media.channels;
	if (server->relays)
		relays_totals(server->relays, totals);
}

void status_media_kernel(const struct server *server, struct kernel_path_view *out)
{
	memset(out, 0, sizeof(*out));
	if (server->relays)
		relays_kernel_view(server->relays, out);
}

static unsigned n_used(const struct channels_view *view)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++)
		n += view->n_used[i];
	return n;
}

static json_t *channels_to_json(const struct channels_view *view)
{
	json_t *object =
		json_pack("{s:I, s:I, s:I, s:I}", "max", (json_int_t)view->n_max, "used",
			  (json_int_t)n_used(view), "most", (json_int_t)view->n_most, "refused",
			  (json_int_t)view->n_refused);

	for (unsigned i = 0; object && i < CHANNEL_N_CLASSES; i++)
		json_object_set_new(object, channel_class_text((enum channel_class)i),
				    json_integer(view->n_used[i]));
	return object;
}

static void note_full(const struct channels_view *view, json_t *problems)
{
	char text[96];

	if (n_used(view) < view->n_max)
		return;
	snprintf(text, sizeof(text), "all %u channels are in use: further calls are refused",
		 view->n_max);
	status_problem(
		problems, "channels-full", "warning", "media.channels", text, "you",
		"Raise media.channels, and media.ports with it, if the line and this host carry more calls.");
}

static void note_ports(const struct server *server, const struct relays_totals *totals,
		       json_t *problems)
{
	char text[128];

	if (!server->relays || totals->n_pairs_least_free > 0)
		return;
	snprintf(
		text, sizeof(text),
		"at one of our addresses all pairs of ports are in use, or rest for 30 s: further calls are refused");
	status_problem(
		problems, "media-ports-full", "warning", "media.ports", text, "you",
		"Widen media.ports: a call takes a pair for each stream on either side, and two where both sides are at the same "
		"address.");
}

static const char *kernel_state_text(const struct kernel_path_view *view)
{
	switch (view->state) {
	case KERNEL_PATH_OFF:
		return "off";
	case KERNEL_PATH_ON:
		return view->is_held ? "held" : "on";
	case KERNEL_PATH_FAILED:
		break;
	}
	return "failed";
}

static json_t *kernel_to_json(const struct kernel_path_view *view)
{
	json_t *object = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I}", "state", kernel_state_text(view), "flows",
		(json_int_t)view->n_flows, "packets", (json_int_t)view->packets, "entered",
		(json_int_t)view->n_entered, "refused", (json_int_t)view->n_refused, "evicted",
		(json_int_t)view->n_evicted);

	if (object && view->state == KERNEL_PATH_FAILED)
		json_object_set_new(object, "reason", json_string(view->why));
	return object;
}

static const char *kernel_remedy(enum err err)
{
	switch (err) {
	case ERR_ACCESS:
		return "Install nuncio-fastpath.conf as /etc/systemd/system/nuncio.service.d/fastpath.conf, then systemctl daemon-reload and "
		       "systemctl restart nuncio; or say media.kernel: off.";
	case ERR_UNSUPPORTED:
		return "Nothing is lost but speed. Use a kernel with nf_tables, 5.12 or later, or say media.kernel: off.";
	default:
		return "Nothing is lost but speed, and it is tried again every 30 s. If it does not go away, say media.kernel: off.";
	}
}

static void note_kernel(const struct kernel_path_view *view, json_t *problems)
{
	char text[KERNEL_WHY_SIZE + 64];

	if (view->state == KERNEL_PATH_ON && view->is_held)
		status_problem(
			problems, "media-kernel", "warning", "media.kernel",
			"this host has IPsec policies, which packets would pass by: all media go through the program",
			"you",
			"Nothing is lost but speed. Take the policies away, or say media.kernel: off.");
	if (view->state != KERNEL_PATH_FAILED)
		return;
	snprintf(text, sizeof(text), "media go through the program, not by the kernel: %s",
		 view->why);
	status_problem(problems, "media-kernel", "warning", "media.kernel", text, "you",
		       kernel_remedy(view->err));
}

json_t *status_media_json(const struct server *server, json_t *problems)
{
	struct channels_view channels;
	struct relays_totals totals;
	struct kernel_path_view kernel;

	status_media_look(server, &channels, &totals);
	status_media_kernel(server, &kernel);
	if (server->calls)
		note_full(&channels, problems);
	note_ports(server, &totals, problems);
	note_kernel(&kernel, problems);
	return json_pack(
		"{s:b, s:I, s:o, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"on", server->calls != NULL, "relays",
		server->calls ? (json_int_t)calls_count(server->calls) : 0, "channels",
		channels_to_json(&channels), "bandwidth", "max_kbps",
		(json_int_t)channels.kbps_max, "used_kbps", (json_int_t)channels.kbps_used,
		"refused", (json_int_t)channels.n_refused_bandwidth, "ports", "pairs",
		(json_int_t)totals.n_pairs, "used", (json_int_t)totals.n_pairs_used, "resting",
		(json_int_t)totals.n_pairs_resting, "least_free",
		(json_int_t)totals.n_pairs_least_free, "packets", (json_int_t)totals.packets,
		"bytes", (json_int_t)totals.bytes, "rejected_sources",
		(json_int_t)totals.rejected_sources, "srtp_failures",
		(json_int_t)totals.srtp_failures, "dropped", (json_int_t)totals.dropped,
		"timeouts", (json_int_t)totals.timeouts, "kernel", kernel_to_json(&kernel));
}
