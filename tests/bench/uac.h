/* uac: the calling end of the load: MESSAGE transactions, or calls (INVITE, ACK, BYE), each in
 * a slot with its timers (RFC 3261 §17.1), and the tally of what became of them. */
#pragma once

#include "tests/bench/link.h"

#include <stdbool.h>
#include <stdint.h>

enum { SLOTS_MAX = 65536, STATUS_MAX = 700 };

struct tally {
	uint64_t n_started, n_finished, n_failures, n_timeouts;
	uint64_t n_retransmissions;    /* requests sent again */
	uint64_t n_late;               /* responses to what is over: repeats */
	uint64_t n_unexpected;         /* anything else that does not belong here */
	uint32_t statuses[STATUS_MAX]; /* final responses by status */
	uint32_t *latencies_us; /* of what succeeded: until the 2xx of MESSAGE or INVITE */
	uint64_t n_latencies, latencies_room;
};

struct uac_settings {
	bool makes_calls;
	const char *from_uri, *to_uri; /* without angle brackets */
	struct sockaddr_in proxy;
	int64_t timeout_ns;
};

struct uac;

/* A caller that sends over the links in turn. settings and links must outlive it. NULL if there
 * is no memory. */
struct uac *uac_new(const struct uac_settings *settings, enum transport transport);
void uac_free(struct uac *uac);

/* The links to send over; their messages go to uac_on_message with this uac as user. */
void uac_set_links(struct uac *uac, struct link **links, unsigned n_links);

/* Begins a count from zero with room for n latencies. False if there is no memory. */
bool uac_begin(struct uac *uac, uint64_t n);

/* Starts one transaction or call; false if every slot is taken. */
bool uac_start(struct uac *uac, int64_t now_ns);

void uac_on_message(void *user, struct link *link, const struct sockaddr_in *from, char *text,
		    size_t len);

/* Retransmits and gives up what is due; to be called every few tens of milliseconds. */
void uac_tick(struct uac *uac, int64_t now_ns);

const struct tally *uac_tally(const struct uac *uac);

/* Sorts the latencies and returns the one at that share (0 to 1), 0 if there are none. */
uint32_t uac_latency_us(struct uac *uac, double share);

int64_t now_ns(void);
