/* Media workers of tests/world: relays with ports by rule, which pass nothing and say what a
 * play wants them to. Like the real ones they tell their end by the mailbox of their owner. */
#pragma once

#include "media/relay_ops.h"

struct world_media;

extern const struct relay_ops world_media_ops; /* its media is a struct world_media */

struct world_media *world_media_new(void);
struct world_media *world_media_free(struct world_media *media); /* the server has ended */

unsigned world_media_n_open(const struct world_media *media);
/* STUN servers answer whoever waits: the ports of every relay that asked are seen at that host,
 * and the number of each is so much higher; NULL: nobody answered. */
void world_media_map(struct world_media *media, const char *host, int offset);
/* Every open relay hears nothing any more. */
/* From now on no relay gets ports, or again. */
void world_media_refuse(struct world_media *media, bool refuses);
void world_media_fall_silent(struct world_media *media);
