/* kernel_rule: which packets go by the kernel, and how they are changed, as a rule of
 * nf_tables. libnftnl makes it.
 *
 * A rule takes a packet only if it is plain RTP of a flow: UDP for us, no IP options, no
 * fragment, not at the end of its hops, with a checksum, RTP version 2 and no payload type
 * that may be RTCP (RFC 5761 4); its source, addresses and ports are a key of the map. The
 * map says what is written instead, and by which device to which neighbour it goes. Whatever
 * does not fit goes on to the program's socket, as if there was no rule. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/kernel_door.h"

struct nftnl_rule;

enum {
	/* packets with fewer left are sent anew by the program, with all hops before them */
	KERNEL_MIN_HOPS = 32,
	/* with IP: nearly every way is as wide (RFC 8200 5); what may have to be cut is the
	 * program's */
	KERNEL_MAX_PACKET = 1280,
};

/* A family's half: flows of IPv4 or IPv6. */
enum kernel_family { KERNEL_IPV4, KERNEL_IPV6, KERNEL_N_FAMILIES };

static inline enum kernel_family kernel_family_of(const struct kernel_ends *ends)
{
	return addr_is_ipv6(&ends->source) ? KERNEL_IPV6 : KERNEL_IPV4;
}

/* Where what stands in a header, and in the registers of four bytes each. A key is both
 * addresses and each port in a register of its own, as `nft` would do it; what it leads to are
 * both addresses, both ports in one register, the neighbour, the device, and the first bytes of
 * the header with the mark. */
struct kernel_layout {
	const char *map;
	uint16_t protocol; /* of Ethernet */
	uint8_t nfproto;
	uint32_t address;      /* bytes */
	uint32_t addresses_at; /* source, then destination */
	uint32_t length_at, hops_at;
	uint8_t first, first_mask; /* first byte of the header: version, and no options */
	uint32_t head;             /* bytes of it that are written with the mark */
	bool has_checksum;
};

extern const struct kernel_layout kernel_layouts[KERNEL_N_FAMILIES];

/* The rule of a family. Free with nftnl_rule_free. NULL: no memory. */
struct nftnl_rule *kernel_rule_new(const char *table, const char *chain,
				   enum kernel_family family);

/* The rule of a device's chain: whatever comes in there goes through the chain to. */
struct nftnl_rule *kernel_jump_new(const char *table, const char *chain, const char *to);
