/* kernel_rule: what stands in our table of the kernel's packet filter, as messages for it: the table, a map of flows for each
 * family, a chain for each device with a rule for each family. Pure: bytes into a buffer, no socket. libnftnl makes the messages.
 *
 * A rule takes a packet only if it is plain RTP of a flow: UDP for us, no IP options, no fragment, not at the end of its hops,
 * with a checksum, RTP version 2 and no payload type that may be RTCP (RFC 5761 4); its source, addresses and ports are a key
 * of the map. The map says what is written instead, and by which device to which neighbour it goes. Whatever does not fit goes
 * on to the program's socket, as if there was no rule. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "media/kernel_door.h"

struct nftnl_rule;
struct nlmsghdr;

enum {
	KERNEL_TABLE_SIZE = 32, /* a table's name and its end */
	KERNEL_MIN_HOPS = 32,	/* packets with fewer left are sent anew by the program: a loop of relays ends nowhere else */
	KERNEL_MAX_PACKET = 1500, /* IP; longer ones may have to be cut for the next link */
	KERNEL_MESSAGE_ROOM = 4096, /* of the largest message made here, and more */
};

/* A family's half: flows of IPv4 or IPv6. */
enum kernel_family { KERNEL_IPV4, KERNEL_IPV6, KERNEL_N_FAMILIES };

static inline enum kernel_family kernel_family_of(const struct kernel_ends *ends)
{
	return addr_is_ipv6(&ends->source) ? KERNEL_IPV6 : KERNEL_IPV4;
}

/* "rtp4", "rtp6": the maps. */
const char *kernel_map_name(enum kernel_family family);

/* Each writes one message at buf, which has KERNEL_MESSAGE_ROOM, and returns it; NULL: no memory. seq is its number. */
struct nlmsghdr *kernel_put_table(char *buf, uint32_t seq, const char *table);
struct nlmsghdr *kernel_put_map(char *buf, uint32_t seq, const char *table, enum kernel_family family, unsigned n_flows);
struct nlmsghdr *kernel_put_chain(char *buf, uint32_t seq, const char *table, unsigned device, const char *device_name);
struct nlmsghdr *kernel_put_rule(char *buf, uint32_t seq, const char *table, enum kernel_family family, unsigned device);
/* is_told: the kernel is to send back what it took out, with its counts. */
struct nlmsghdr *kernel_put_flow(char *buf, uint32_t seq, const char *table, const struct kernel_change *change);
/* Asks for all flows of a family with their counts. */
struct nlmsghdr *kernel_put_dump(char *buf, uint32_t seq, const char *table, enum kernel_family family);

/* The rule itself, for kernel_put_rule and for tests. Free with nftnl_rule_free. NULL: no memory. */
struct nftnl_rule *kernel_rule_new(const char *table, enum kernel_family family, unsigned device);

/* Reads a message about flows, the answer to a dump or what was taken out: tells each with its counts. -1: it is none. */
int kernel_read_flows(const struct nlmsghdr *message, kernel_counted *told, void *user);
