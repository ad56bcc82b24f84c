/* Loopback addresses of a test program's own. */
#pragma once

#include <arpa/inet.h>
#include <stdint.h>
#include <unistd.h>

#include "proxy/base/addr.h"

/* Turns 127.32.0.N into an address of this process alone; leaves others as they are. */
static inline void own_network(struct addr *addr)
{
	uint32_t host, pid = (uint32_t)getpid();

	if (addr->len == 0 || addr->sa.sa_family != AF_INET)
		return;
	host = ntohl(addr->in4.sin_addr.s_addr);
	if (host >> 8 != (127u << 16 | 32u << 8))
		return;
	host = 127u << 24 | (32 + pid % 200) << 16 | (pid / 200 % 250) << 8 | (host & 255);
	addr->in4.sin_addr.s_addr = htonl(host);
}
