/* uas: the answering end of the load: 200 to every request, 180 before it for an INVITE, whose
 * 200 is repeated until its ACK comes (RFC 3261 §13.3.1.4). Counts what reaches it more than
 * once. */
#pragma once

#include "tests/bench/link.h"

struct uas_tally {
	uint64_t n_requests;       /* all but ACK, repeats included */
	uint64_t n_repeats;        /* the same request again: the proxy retransmitted */
	uint64_t n_answer_repeats; /* 2xx to INVITE that we sent again */
	uint64_t n_never_acked;
	uint64_t n_unexpected;
};

struct uas;

/* contact_host is "address:port" of the listening link. NULL if there is no memory. */
struct uas *uas_new(enum transport transport, const char *contact_host);
void uas_free(struct uas *uas);

void uas_on_message(void *user, struct link *link, const struct sockaddr_in *from, char *text,
		    size_t len);
void uas_tick(struct uas *uas, int64_t now_ns);

/* Counts from zero. */
void uas_begin(struct uas *uas);
const struct uas_tally *uas_tally(const struct uas *uas);
