/* The DNS of tests/world: a zone that a scenario writes, asked through the seam struct
 * dns_ops. */
#pragma once

#include "proxy/base/loop.h"
#include "routing/dns.h"

struct resolver;

struct resolver *resolver_new(struct loop *loop);
struct resolver *resolver_free(struct resolver *resolver);

/* A resolver's door for one worker. NULL if memory is short. */
struct dns *resolver_open(struct resolver *resolver);

/* Adds a record: type "A", "AAAA", "SRV" or "NAPTR"; data an address, "priority weight port
 * target", or "order preference SIPS+D2T replacement"; or, instead of data, what comes of
 * asking: "fails", "hangs" (no answer at all), "nothing" (no such record). A name without
 * records does not exist. False if the line is not understood. */
bool resolver_add(struct resolver *resolver, const char *name, const char *type,
		  const char *data);

/* Forgets every record of the name. */
void resolver_forget(struct resolver *resolver, const char *name);

void resolver_clear(struct resolver *resolver); /* forgets all */

/* How many questions were asked so far. */
unsigned resolver_n_asked(const struct resolver *resolver);
