#include "tests/world/media.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/list.h"
#include "tests/world/faults.h"

enum { FIRST_PORT = 30000, PORTS_OF_RELAY = 100 };

struct relay {
	struct list link; /* media->relays */
	struct world_media *media;
	unsigned number;
	unsigned n_streams;
	struct relay_owner owner;
	bool is_asked[RELAY_N_LEGS]; /* how the world sees its ports */
};

struct world_media {
	struct list relays;
	unsigned n_ever;
	bool refuses;
};

/* An event under way. */
struct event_letter {
	struct letter letter;
	struct relay_event event;
	struct relay_owner owner;
	struct relay *closed; /* freed with it */
};

static void deliver(struct letter *letter, void *owner)
{
	struct event_letter *event = container_of(letter, struct event_letter, letter);

	event->owner.on_event(&event->event, owner);
	free(event->closed);
	free(event);
}

static void tell_event(struct relay *relay, const struct relay_event *event)
{
	struct event_letter *letter;

	faults_pause(); /* what tells of an end is made in advance by the real ones */
	letter = calloc(1, sizeof(*letter));
	if (!letter)
		abort();
	letter->letter.deliver = deliver;
	letter->event = *event;
	letter->event.relay = relay;
	letter->event.user = relay->owner.user;
	letter->owner = relay->owner;
	letter->closed = event->kind == RELAY_CLOSED ? relay : NULL;
	if (mailbox_post(relay->owner.mailbox, &letter->letter))
		abort();
	faults_resume();
}

static void tell(struct relay *relay, enum relay_event_kind kind)
{
	const struct relay_event event = { .kind = kind, .n_streams = relay->n_streams };

	tell_event(relay, &event);
}

static enum err open_relay(void *media, const struct relay_settings *settings,
			   const struct relay_owner *owner, struct relay **out)
{
	struct world_media *mine = media;
	struct relay *relay = mine->refuses ? NULL : calloc(1, sizeof(*relay));

	if (!relay)
		return mine->refuses ? ERR_LIMIT : ERR_NO_MEMORY;
	relay->media = mine;
	relay->number = mine->n_ever++ % 300;
	relay->n_streams = settings->n_streams;
	relay->owner = *owner;
	list_append(&mine->relays, &relay->link);
	*out = relay;
	return ERR_OK;
}

static enum err add_streams(struct relay *relay, unsigned n_streams)
{
	if (relay->media->refuses)
		return ERR_LIMIT;
	relay->n_streams += n_streams;
	return relay->n_streams <= RELAY_MAX_STREAMS ? ERR_OK : ERR_INVALID;
}

static void close_relay(struct relay *relay)
{
	list_remove(&relay->link);
	tell(relay, RELAY_CLOSED);
}

static uint16_t port_of(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return (uint16_t)(FIRST_PORT + PORTS_OF_RELAY * relay->number + 50 * leg + 2 * stream);
}

static const char *ufrag_of(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return "ufrag123";
}

static const char *pwd_of(const struct relay *relay, unsigned stream, enum relay_leg leg)
{
	return "passwordpasswordpassword";
}

static enum err set_end(struct relay *relay, unsigned stream, enum relay_leg leg,
			const struct relay_end *end)
{
	return stream < relay->n_streams ? ERR_OK : ERR_INVALID;
}

static enum err set_timeout(struct relay *relay, uint32_t timeout_ms)
{
	return ERR_OK;
}

static enum err ask_mapping(struct relay *relay, enum relay_leg leg, const struct addr *servers,
			    unsigned n_servers, uint32_t deadline_ms)
{
	relay->is_asked[leg] = true;
	return n_servers ? ERR_OK : ERR_INVALID;
}

static void print_of(const void *media, uint8_t out[32])
{
	memset(out, 0xab, 32);
}

const struct relay_ops world_media_ops = {
	.open = open_relay,
	.add_streams = add_streams,
	.close = close_relay,
	.port = port_of,
	.ice_ufrag = ufrag_of,
	.ice_pwd = pwd_of,
	.set = set_end,
	.set_timeout = set_timeout,
	.ask_mapping = ask_mapping,
	.fingerprint = print_of,
};

struct world_media *world_media_new(void)
{
	struct world_media *media = calloc(1, sizeof(*media));

	if (media)
		list_init(&media->relays);
	return media;
}

struct world_media *world_media_free(struct world_media *media)
{
	free(media);
	return NULL;
}

void world_media_refuse(struct world_media *media, bool refuses)
{
	media->refuses = refuses;
}

unsigned world_media_n_open(const struct world_media *media)
{
	const struct list *link;
	unsigned n = 0;

	for (link = media->relays.next; link != &media->relays; link = link->next)
		n++;
	return n;
}

static void map_leg(struct relay *relay, enum relay_leg leg, const char *host, int offset)
{
	for (unsigned stream = 0; stream < relay->n_streams; stream++) {
		for (int component = 0; component < 2; component++) {
			struct relay_event event = { .kind = RELAY_MAPPED,
						     .stream = stream,
						     .leg = leg,
						     .is_rtcp = component };
			const int port = port_of(relay, stream, leg) + component * 3 + offset;

			if (!host || addr_parse(host, (uint16_t)port, &event.addr))
				event.err = ERR_TIMEOUT;
			tell_event(relay, &event);
		}
	}
	relay->is_asked[leg] = false;
}

void world_media_map(struct world_media *media, const char *host, int offset)
{
	struct list *link, *next;

	list_for_each(link, next, &media->relays) {
		struct relay *relay = container_of(link, struct relay, link);

		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
			if (relay->is_asked[leg])
				map_leg(relay, (enum relay_leg)leg, host, offset);
	}
}

void world_media_fall_silent(struct world_media *media)
{
	struct list *link, *next;

	list_for_each(link, next, &media->relays)
		tell(container_of(link, struct relay, link), RELAY_SILENT);
}
