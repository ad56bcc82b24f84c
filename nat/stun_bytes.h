/* Numbers, addresses and the check sum of STUN. For stun.c and stun_write.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"

static inline uint16_t stun_get16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t stun_get32(const unsigned char *at)
{
	return (uint32_t)stun_get16(at) << 16 | stun_get16(at + 2);
}

static inline void stun_put16(unsigned char *at, uint16_t number)
{
	at[0] = (unsigned char)(number >> 8);
	at[1] = (unsigned char)number;
}

static inline void stun_put32(unsigned char *at, uint32_t number)
{
	stun_put16(at, (uint16_t)(number >> 16));
	stun_put16(at + 2, (uint16_t)number);
}

/* host has size bytes, 4 or 16. */
void stun_make_addr(const unsigned char *host, size_t size, uint16_t port, struct addr *out);

/* The CRC-32 of len bytes as FINGERPRINT has it (RFC 8489 §14.7). */
uint32_t stun_fingerprint(const unsigned char *bytes, size_t len);
