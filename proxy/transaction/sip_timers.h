/* The timers of RFC 3261 table 4, with T1 from the configuration. */
#pragma once

#include <stdint.h>

struct sip_timers {
	uint64_t t1_ms; /* round trip estimate, 500 */
	/* longest interval between repeats of non-INVITE requests and INVITE finals, 4000 */
	uint64_t t2_ms;
	uint64_t t4_ms; /* how long a message stays in the network, 5000 */
};

/* RFC 3261 §17.2.1: a server transaction whose INVITE was not answered by then sends a 100
 * itself. */
enum { SIP_TRYING_MS = 200 };

static inline uint64_t sip_timer_b_ms(const struct sip_timers *timers)
{
	return 64 * timers->t1_ms; /* also F, H, J, L and M */
}
