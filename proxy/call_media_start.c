#include <stdio.h>

#include "media/calls.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/call_media.h"
#include "proxy/hang_up.h"
#include "proxy/worker.h"

/* ---- what media told ---- */

static void on_silent(const struct calls_silent *silent, void *owner)
{
	log_event(LOG_WARNING, "relay ended: no media came any more", "call_id",
		  silent->call_id, NULL);
	if (silent->sides)
		hang_up(owner, silent);
}

/* "rtp 1200/1190 lost 3 jitter 2 ms, ...": each side of a stream, received and sent. */
static void log_stream(const struct calls_ended *ended, unsigned stream)
{
	const struct relay_end_stats *stats = ended->stats->stats[stream];
	char text[320];
	int len = 0;

	for (unsigned leg = 0; leg < RELAY_N_LEGS && len >= 0 && (size_t)len < sizeof(text);
	     leg++)
		len += snprintf(
			text + len, sizeof(text) - (size_t)len,
			"%s%s: %llu packets in, %llu out, %llu lost, jitter %u ms, %llu rejected, %llu not authentic",
			leg ? "; " : "", leg ? "callee" : "caller",
			(unsigned long long)stats[leg].packets,
			(unsigned long long)stats[leg].sent_packets,
			(unsigned long long)stats[leg].lost, stats[leg].max_jitter_us / 1000,
			(unsigned long long)stats[leg].rejected_sources,
			(unsigned long long)stats[leg].srtp_failures);
	log_event(LOG_INFO, "media ended", "call_id", ended->call_id, "msg", text, NULL);
}

static void on_ended(const struct calls_ended *ended, void *owner)
{
	struct worker *worker = owner;

	for (unsigned i = 0; i < ended->stats->n_streams; i++)
		log_stream(ended, i);
	media_records_put(worker->media_records, ended,
			  ((uint64_t)worker->number << 56) | ++worker->next_decision_id,
			  worker->number, loop_now_ms(worker->loop),
			  loop_wall_us(worker->loop));
}

static void on_unmapped(const char *call_id, enum conf_network network, void *owner)
{
	log_event(
		LOG_WARNING,
		"no STUN server told how the world sees a media port: its own number stands in the SDP",
		"call_id", call_id, "network", conf_network_text(network), NULL);
}

static const struct calls_user user = { .on_ended = on_ended,
					.on_silent = on_silent,
					.on_unmapped = on_unmapped };

/* ---- life ---- */

enum err call_media_start_with(struct server *server, const struct settings_media *settings,
			       const struct relay_ops *ops, void *media)
{
	enum err err = channels_new(&server->channels);
	struct calls *calls;

	if (err)
		return err;
	call_media_take_settings(server, settings);
	err = calls_new(ops, media, server->channels, &user, &calls);
	if (!err) /* workers that run already may see it from now on: a reload */
		__atomic_store_n(&server->calls, calls, __ATOMIC_RELEASE);
	return err;
}

enum err call_media_start(struct server *server, const struct settings *settings)
{
	struct relays_settings relays = {
		.n_workers = settings->service.n_workers,
		.first_port = settings->media.first_port,
		.last_port = settings->media.last_port,
	};
	enum err err;

	if (server->calls || !settings_media_is_on(settings))
		return ERR_OK;
	err = relays_new(&relays, &server->relays);
	return err ? err
		   : call_media_start_with(server, &settings->media, &relay_real_ops,
					   server->relays);
}

void call_media_take_settings(struct server *server, const struct settings_media *settings)
{
	if (server->channels)
		channels_set_bounds(server->channels, settings->channels,
				    settings->bandwidth_kbps);
	if (server->relays &&
	    relays_set_ports(server->relays, settings->first_port, settings->last_port))
		log_event(LOG_ERROR, "the ports of media stay as they were", "reason",
			  err_text(ERR_NO_MEMORY), NULL);
	enum err err = server->relays ? relays_set_kernel(server->relays,
							  settings->kernel == CONF_KERNEL_AUTO)
				      : ERR_OK;
	if (err)
		log_event(LOG_ERROR, "the kernel path of media stays as it was", "reason",
			  err_text(err), NULL);
}

/* People hear nothing from now on, and should know why. */
static void log_loss(const struct calls *calls)
{
	char count[24];

	if (calls_count(calls) > 0)
		log_event(LOG_WARNING, "calls lose their media: the relay stops", "msg",
			  text_number(calls_count(calls), count), NULL);
}

void call_media_stop(struct server *server)
{
	if (server->calls) {
		log_loss(server->calls);
		calls_close_all(server->calls);
	}
	server->relays = relays_free(server->relays);
}
