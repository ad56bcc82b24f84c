/* kernel_message: what is said to the kernel about our table of nf_tables: the table, a map of
 * flows for each family, a chain with a rule for each family, and a chain at the ingress of
 * each device, which leads there. Pure: bytes into a buffer, no socket. libnftnl makes the
 * messages. */
#pragma once

#include <stdint.h>

#include "media/kernel_rule.h"

struct nlmsghdr;

enum {
	KERNEL_TABLE_SIZE = 32,     /* a table's name and its end */
	KERNEL_MESSAGE_ROOM = 4096, /* of the largest message made here, and more */
};

/* Each writes one message at buf, which has KERNEL_MESSAGE_ROOM, and returns it; NULL: no
 * memory. seq is its number. */
struct nlmsghdr *kernel_put_table(char *buf, uint32_t seq, const char *table);
struct nlmsghdr *kernel_put_map(char *buf, uint32_t seq, const char *table,
				enum kernel_family family, unsigned n_flows);
struct nlmsghdr *kernel_put_chain(char *buf, uint32_t seq, const char *table);
struct nlmsghdr *kernel_put_rule(char *buf, uint32_t seq, const char *table,
				 enum kernel_family family);
/* A device's chain, and then what stands in it. */
struct nlmsghdr *kernel_put_device(char *buf, uint32_t seq, const char *table, unsigned device,
				   const char *device_name);
struct nlmsghdr *kernel_put_jump(char *buf, uint32_t seq, const char *table, unsigned device);
/* is_told: the kernel is to send back what it took out, with its counts. */
struct nlmsghdr *kernel_put_flow(char *buf, uint32_t seq, const char *table,
				 const struct kernel_change *change);
/* Asks for all flows of a family with their counts. */
struct nlmsghdr *kernel_put_dump(char *buf, uint32_t seq, const char *table,
				 enum kernel_family family);

/* Reads a message about flows, the answer to a dump or what was taken out: tells each with its
 * counts. -1: it is none. */
int kernel_read_flows(const struct nlmsghdr *message, kernel_counted *told, void *user);
