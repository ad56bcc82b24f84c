/* ports: the port pairs of `media.ports`, given out for each of our addresses separately. A
 * pair is an even port for RTP and the odd one above it for RTCP (RFC 3550 11); a freed pair
 * rests before it is given again, so that late packets of one call never reach another; the
 * order is mixed, so that nobody can say which pair comes next. Any thread: a short lock, taken
 * when a call begins and ends. SO_REUSEPORT and SO_REUSEADDR are not set: a port that somebody
 * has is not ours. */
#pragma once

#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

struct ports;

struct port_pair {
	int fds[2];       /* RTP, RTCP: non-blocking, bound */
	uint16_t port;    /* of RTP */
	struct addr bind; /* where, without a port: with port it says what to give back */
};

struct ports_use {
	unsigned n_pairs, n_used, n_resting; /* over all addresses that were used */
	/* at the address that has the fewest; the range, if none was used */
	unsigned n_least_free;
};

/* ERR_INVALID if first to last holds no pair, ERR_NO_MEMORY. */
enum err ports_new(uint16_t first, uint16_t last, uint32_t quarantine_ms,
		   struct ports **out) MUST_CHECK;
struct ports *ports_free(struct ports *ports);

/* Another range. What is in use stays in use, and is known if it lies in the new range, too.
 * Errors as ports_new. */
enum err ports_set_range(struct ports *ports, uint16_t first, uint16_t last) MUST_CHECK;

/* Opens a pair at bind, both ports or none. now_ms is a monotonic clock. ERR_LIMIT: all are in
 * use or rest; ERR_ADDRESS: bind is not ours; ERR_NO_MEMORY, ERR_LIMIT, ERR_IO from the system.
 * A pair that another program holds rests and is passed over. */
enum err ports_open(struct ports *ports, const struct addr *bind, uint64_t now_ms,
		    struct port_pair *out) MUST_CHECK;

/* Closes both sockets; the pair rests from now on. */
void ports_close(struct ports *ports, struct port_pair *pair, uint64_t now_ms);

void ports_use(struct ports *ports, uint64_t now_ms, struct ports_use *out);

/* How many ports of first to last the system may give to unnamed sockets: those in its range,
 * as ip_local_port_range in /proc/sys/net/ipv4 holds it ("32768\t60999\n"), but those of
 * ip_local_reserved_ports ("40000-40399,50000\n"). */
unsigned ports_overlap(uint16_t first, uint16_t last, const char *range, const char *reserved);
