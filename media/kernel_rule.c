#include "media/kernel_rule.h"

#include <stdio.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include "proxy/base/macros.h"

enum {
	PRIORITY = 100, /* behind whatever else filters what comes in */
	UDP = 17,
	UDP_HEADER = 8,
	UDP_SUM_AT = 6,
	IPV4_SUM_AT = 10,
	CHAIN_SIZE = 24,
	/* What `nft list` prints a key by (its own numbers of types, six bits each): address . address . port . port */
	TYPE_INTEGER = 4,
	TYPE_IPV4 = 7,
	TYPE_IPV6 = 8,
	TYPE_PORT = 13,
};

/* Where what stands in a header, and in the registers of four bytes each. A key is both addresses and each port in a register
 * of its own, as `nft` would do it; what it leads to are both addresses, both ports in one register, the neighbour, the device,
 * and the first bytes of the header with the mark. */
struct layout {
	const char *map;
	uint16_t protocol;	   /* of Ethernet */
	uint8_t nfproto;
	uint32_t address;	   /* bytes */
	uint32_t addresses_at;	   /* source, then destination */
	uint32_t length_at, hops_at;
	uint8_t first, first_mask; /* first byte of the header: version, and no options */
	uint32_t head;		   /* bytes of it that are written with the mark */
	bool has_checksum;
};

static const struct layout layouts[KERNEL_N_FAMILIES] = {
	[KERNEL_IPV4] = { "rtp4", ETH_P_IP, NFPROTO_IPV4, 4, 12, 2, 8, 0x45, 0xff, 2, true },
	[KERNEL_IPV6] = { "rtp6", ETH_P_IPV6, NFPROTO_IPV6, 16, 8, 4, 7, 0x60, 0xf0, 4, false },
};

static uint32_t key_size(const struct layout *layout)
{
	return 2 * layout->address + 8;
}

static uint32_t data_size(const struct layout *layout)
{
	return 3 * layout->address + 12;
}

const char *kernel_map_name(enum kernel_family family)
{
	return layouts[family].map;
}

/* ---- expressions ---- */

/* Registers by bytes: REGISTER(0) to REGISTER(60). */
#define REGISTER(bytes) (NFT_REG32_00 + (uint32_t)(bytes) / 4)

struct making {
	struct nftnl_rule *rule;
	bool has_failed;
};

static struct nftnl_expr *put(struct making *making, const char *name)
{
	struct nftnl_expr *expr = making->has_failed ? NULL : nftnl_expr_alloc(name);

	if (expr)
		nftnl_rule_add_expr(making->rule, expr);
	else
		making->has_failed = true;
	return expr;
}

static void put_meta(struct making *making, uint32_t key)
{
	struct nftnl_expr *expr = put(making, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, REGISTER(0));
}

static void put_load(struct making *making, uint32_t base, uint32_t at, uint32_t len, uint32_t reg)
{
	struct nftnl_expr *expr = put(making, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, at);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

/* A checksum at sum_at (0: none) is brought up to date, and that of UDP where flags say so. */
static void put_write(struct making *making, uint32_t base, uint32_t at, uint32_t len, uint32_t reg, uint32_t sum_at, uint32_t flags)
{
	struct nftnl_expr *expr = put(making, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, at);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_SREG, reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, sum_at ? NFT_PAYLOAD_CSUM_INET : NFT_PAYLOAD_CSUM_NONE);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, sum_at);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_FLAGS, flags);
}

/* What was loaded last is compared; another outcome ends the rule. */
static void put_cmp(struct making *making, uint32_t op, const void *value, uint32_t len)
{
	struct nftnl_expr *expr = put(making, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, REGISTER(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value, len);
}

static void put_cmp_8(struct making *making, uint32_t op, uint8_t value)
{
	put_cmp(making, op, &value, sizeof(value));
}

/* value as it is on the wire. */
static void put_cmp_16(struct making *making, uint32_t op, uint16_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	put_cmp(making, op, bytes, sizeof(bytes));
}

static void put_mask(struct making *making, const void *mask, uint32_t len)
{
	static const uint8_t zeros[4];
	struct nftnl_expr *expr = put(making, "bitwise");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, REGISTER(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, REGISTER(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zeros, len);
}

/* UDP for this host. Most of what is not for us ends here. */
static void put_udp(struct making *making, const struct layout *layout)
{
	put_meta(making, NFT_META_PROTOCOL);
	put_cmp_16(making, NFT_CMP_EQ, layout->protocol);
	put_meta(making, NFT_META_L4PROTO);
	put_cmp_8(making, NFT_CMP_EQ, UDP);
	put_meta(making, NFT_META_PKTTYPE);
	put_cmp_8(making, NFT_CMP_EQ, PACKET_HOST);
}

/* Version 2 (RFC 3550 5.1), and a payload type outside of 64 to 95 with the marker bit, which may be RTCP (RFC 5761 4): the first
 * two bytes are 10xxxxxx, and not 110xxxxx. */
static void put_rtp(struct making *making)
{
	static const uint8_t mask[] = { 0xc0, 0xe0 }, rtcp[] = { 0x80, 0xc0 };

	put_load(making, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_HEADER, 2, REGISTER(0));
	put_mask(making, mask, sizeof(mask));
	put_cmp_8(making, NFT_CMP_EQ, 0x80);
	put_cmp(making, NFT_CMP_NEQ, rtcp, sizeof(rtcp));
	put_load(making, NFT_PAYLOAD_TRANSPORT_HEADER, 4, 2, REGISTER(0));
	put_cmp_16(making, NFT_CMP_GTE, UDP_HEADER + 12);
}

/* A header that may be changed here. */
static void put_plain(struct making *making, const struct layout *layout)
{
	static const uint8_t fragment[] = { 0x3f, 0xff };

	put_load(making, NFT_PAYLOAD_NETWORK_HEADER, 0, 1, REGISTER(0));
	if (layout->first_mask != 0xff)
		put_mask(making, &layout->first_mask, 1);
	put_cmp_8(making, NFT_CMP_EQ, layout->first);
	put_load(making, NFT_PAYLOAD_NETWORK_HEADER, layout->length_at, 2, REGISTER(0));
	put_cmp_16(making, NFT_CMP_LTE, (uint16_t)(layout->has_checksum ? KERNEL_MAX_PACKET : KERNEL_MAX_PACKET - 40));
	if (layout->has_checksum) {
		put_load(making, NFT_PAYLOAD_NETWORK_HEADER, 6, 2, REGISTER(0));
		put_mask(making, fragment, sizeof(fragment));
		put_cmp_16(making, NFT_CMP_EQ, 0);
	} else { /* no header between IP's and UDP's */
		put_load(making, NFT_PAYLOAD_NETWORK_HEADER, 6, 1, REGISTER(0));
		put_cmp_8(making, NFT_CMP_EQ, UDP);
	}
	put_load(making, NFT_PAYLOAD_NETWORK_HEADER, layout->hops_at, 1, REGISTER(0));
	put_cmp_8(making, NFT_CMP_GTE, KERNEL_MIN_HOPS);
	/* Without a checksum there is nothing to bring up to date, and the kernel would make a wrong one. */
	put_load(making, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_SUM_AT, 2, REGISTER(0));
	put_cmp_16(making, NFT_CMP_NEQ, 0);
}

static void put_lookup(struct making *making, const struct layout *layout)
{
	const uint32_t ports = 2 * layout->address;
	struct nftnl_expr *expr;

	put_load(making, NFT_PAYLOAD_NETWORK_HEADER, layout->addresses_at, ports, REGISTER(0));
	put_load(making, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, REGISTER(ports));
	put_load(making, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, REGISTER(ports + 4));
	expr = put(making, "lookup");
	if (!expr)
		return;
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, layout->map);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, REGISTER(0));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_DREG, REGISTER(0));
}

/* What the map gave: addresses, ports, neighbour, device, head. */
static void put_change(struct making *making, const struct layout *layout)
{
	const uint32_t ports = 2 * layout->address, neighbour = ports + 4, device = neighbour + layout->address, head = device + 4;
	const uint32_t sum_at = layout->has_checksum ? IPV4_SUM_AT : 0;
	struct nftnl_expr *expr;

	put_write(making, NFT_PAYLOAD_NETWORK_HEADER, layout->addresses_at, ports, REGISTER(0), sum_at, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
	put_write(making, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4, REGISTER(ports), UDP_SUM_AT, 0);
	put_write(making, NFT_PAYLOAD_NETWORK_HEADER, 0, layout->head, REGISTER(head), sum_at, 0);
	expr = put(making, "fwd"); /* takes one from the hops */
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_SREG_DEV, REGISTER(device));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_SREG_ADDR, REGISTER(neighbour));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_NFPROTO, layout->nfproto);
}

static void name_chain(char out[CHAIN_SIZE], unsigned device)
{
	snprintf(out, CHAIN_SIZE, "device_%u", device);
}

struct nftnl_rule *kernel_rule_new(const char *table, enum kernel_family family, unsigned device)
{
	const struct layout *layout = &layouts[family];
	struct making making = { .rule = nftnl_rule_alloc() };
	char chain[CHAIN_SIZE];

	if (!making.rule)
		return NULL;
	name_chain(chain, device);
	nftnl_rule_set_u32(making.rule, NFTNL_RULE_FAMILY, NFPROTO_NETDEV);
	if (nftnl_rule_set_str(making.rule, NFTNL_RULE_TABLE, table) || nftnl_rule_set_str(making.rule, NFTNL_RULE_CHAIN, chain))
		making.has_failed = true;
	put_udp(&making, layout);
	put_rtp(&making);
	put_plain(&making, layout);
	put_lookup(&making, layout);
	put_change(&making, layout);
	if (!making.has_failed)
		return making.rule;
	nftnl_rule_free(making.rule);
	return NULL;
}

/* ---- messages ---- */

static struct nlmsghdr *put_header(char *buf, uint16_t type, uint16_t flags, uint32_t seq)
{
	return nftnl_nlmsg_build_hdr(buf, type, NFPROTO_NETDEV, flags, seq);
}

struct nlmsghdr *kernel_put_table(char *buf, uint32_t seq, const char *table)
{
	struct nlmsghdr *message = put_header(buf, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_table *made = nftnl_table_alloc();

	if (!made)
		return NULL;
	nftnl_table_set_str(made, NFTNL_TABLE_NAME, table);
	/* The kernel takes it away with our socket, however we end, and lets nobody else change it. */
	nftnl_table_set_u32(made, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(message, made);
	nftnl_table_free(made);
	return message;
}

static uint32_t key_type(enum kernel_family family)
{
	const uint32_t address = family == KERNEL_IPV4 ? TYPE_IPV4 : TYPE_IPV6;

	return address << 18 | address << 12 | TYPE_PORT << 6 | TYPE_PORT;
}

static struct nftnl_set *map_new(const char *table, enum kernel_family family)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set)
		return NULL;
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_NETDEV);
	if (!nftnl_set_set_str(set, NFTNL_SET_TABLE, table) && !nftnl_set_set_str(set, NFTNL_SET_NAME, layouts[family].map))
		return set;
	nftnl_set_free(set);
	return NULL;
}

struct nlmsghdr *kernel_put_map(char *buf, uint32_t seq, const char *table, enum kernel_family family, unsigned n_flows)
{
	struct nlmsghdr *message = put_header(buf, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_set *set = map_new(table, family);
	struct nftnl_expr *counter = set ? nftnl_expr_alloc("counter") : NULL;

	if (!counter) {
		if (set)
			nftnl_set_free(set);
		return NULL;
	}
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP | NFT_SET_EXPR);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key_type(family));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, key_size(&layouts[family]));
	nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, TYPE_INTEGER);
	nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, data_size(&layouts[family]));
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, n_flows);
	nftnl_set_set_u32(set, NFTNL_SET_ID, (uint32_t)family + 1);
	nftnl_set_add_expr(set, counter);
	nftnl_set_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
	return message;
}

struct nlmsghdr *kernel_put_chain(char *buf, uint32_t seq, const char *table, unsigned device, const char *device_name)
{
	struct nlmsghdr *message = put_header(buf, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_chain *chain = nftnl_chain_alloc();
	char name[CHAIN_SIZE];

	if (!chain)
		return NULL;
	name_chain(name, device);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_str(chain, NFTNL_CHAIN_DEV, device_name);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_NETDEV_INGRESS);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, PRIORITY);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(message, chain);
	nftnl_chain_free(chain);
	return message;
}

struct nlmsghdr *kernel_put_rule(char *buf, uint32_t seq, const char *table, enum kernel_family family, unsigned device)
{
	struct nlmsghdr *message = put_header(buf, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, seq);
	struct nftnl_rule *rule = kernel_rule_new(table, family, device);

	if (!rule)
		return NULL;
	nftnl_rule_nlmsg_build_payload(message, rule);
	nftnl_rule_free(rule);
	return message;
}

/* ---- flows ---- */

static uint8_t *put_host(uint8_t *out, const struct addr *addr)
{
	const void *bytes = addr_is_ipv6(addr) ? (const void *)&addr->in6.sin6_addr : (const void *)&addr->in4.sin_addr;
	const size_t len = addr_is_ipv6(addr) ? 16 : 4;

	memcpy(out, bytes, len);
	return out + len;
}

static uint8_t *put_port(uint8_t *out, const struct addr *addr)
{
	const uint16_t port = addr_port(addr);

	out[0] = (uint8_t)(port >> 8);
	out[1] = (uint8_t)port;
	return out + 2;
}

static void make_key(const struct kernel_ends *ends, uint8_t out[64])
{
	memset(out, 0, 64);
	out = put_host(out, &ends->source);
	out = put_host(out, &ends->ours);
	out = put_port(out, &ends->source) + 2;
	put_port(out, &ends->ours);
}

static void make_data(const struct kernel_change *change, uint8_t out[64])
{
	const struct kernel_ends *ends = change->ends;
	const uint8_t traffic_class = (uint8_t)(ends->dscp << 2);
	const uint32_t device = change->way->out_device;

	memset(out, 0, 64);
	out = put_host(out, &ends->sender);
	out = put_host(out, &ends->target);
	out = put_port(out, &ends->sender);
	out = put_port(out, &ends->target);
	out = put_host(out, &change->way->gateway);
	memcpy(out, &device, sizeof(device)); /* as the machine has numbers */
	out += sizeof(device);
	if (addr_is_ipv6(&ends->source)) {
		out[0] = (uint8_t)(0x60 | traffic_class >> 4);
		out[1] = (uint8_t)(traffic_class << 4); /* and flow label 0 */
	} else {
		out[0] = 0x45;
		out[1] = traffic_class;
	}
}

struct nlmsghdr *kernel_put_flow(char *buf, uint32_t seq, const char *table, const struct kernel_change *change)
{
	const uint16_t flags = change->is_out ? NLM_F_ECHO : NLM_F_CREATE | NLM_F_EXCL;
	const enum kernel_family family = kernel_family_of(change->ends);
	struct nlmsghdr *message = put_header(buf, change->is_out ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, flags, seq);
	struct nftnl_set *set = map_new(table, family);
	struct nftnl_set_elem *element = set ? nftnl_set_elem_alloc() : NULL;
	uint8_t key[64], data[64];

	if (!element) {
		if (set)
			nftnl_set_free(set);
		return NULL;
	}
	make_key(change->ends, key);
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, key_size(&layouts[family]));
	if (!change->is_out) {
		make_data(change, data);
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, data, data_size(&layouts[family]));
	}
	nftnl_set_elem_add(set, element);
	nftnl_set_elems_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
	return message;
}

struct nlmsghdr *kernel_put_dump(char *buf, uint32_t seq, const char *table, enum kernel_family family)
{
	struct nlmsghdr *message = put_header(buf, NFT_MSG_GETSETELEM, NLM_F_DUMP, seq);
	struct nftnl_set *set = map_new(table, family);

	if (!set)
		return NULL;
	nftnl_set_elems_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
	return message;
}

/* ---- what the kernel says ---- */

static void read_host(const uint8_t *bytes, const struct layout *layout, uint16_t port, struct addr *out)
{
	*out = (struct addr){ .len = 0 };
	if (layout->address == 4) {
		out->in4 = (struct sockaddr_in){ .sin_family = AF_INET };
		memcpy(&out->in4.sin_addr, bytes, 4);
		out->len = sizeof(out->in4);
	} else {
		out->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		memcpy(&out->in6.sin6_addr, bytes, 16);
		out->len = sizeof(out->in6);
	}
	addr_set_port(out, port);
}

static uint16_t read_port(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

struct telling {
	kernel_counted *told;
	void *user;
};

static int read_counter(struct nftnl_expr *expr, void *user)
{
	uint64_t *counts = user;

	if (strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), "counter"))
		return 0;
	counts[0] = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_PACKETS);
	counts[1] = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_BYTES);
	return 0;
}

static int read_element(struct nftnl_set_elem *element, void *user)
{
	const struct telling *telling = user;
	const struct layout *layout = NULL;
	uint32_t len = 0;
	const uint8_t *key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &len);
	uint64_t counts[2] = { 0, 0 };
	struct kernel_ends ends = { .dscp = 0 };
	uint64_t headers;

	for (unsigned i = 0; i < COUNT(layouts); i++)
		if (key && len == key_size(&layouts[i]))
			layout = &layouts[i];
	if (!layout)
		return 0;
	read_host(key, layout, read_port(key + 2 * layout->address), &ends.source);
	read_host(key + layout->address, layout, read_port(key + 2 * layout->address + 4), &ends.ours);
	nftnl_set_elem_expr_foreach(element, read_counter, counts);
	headers = counts[0] * ((layout->has_checksum ? 20 : 40) + UDP_HEADER);
	telling->told(telling->user, &ends, counts[0], counts[1] > headers ? counts[1] - headers : 0);
	return 0;
}

int kernel_read_flows(const struct nlmsghdr *message, kernel_counted *told, void *user)
{
	struct telling telling = { told, user };
	struct nftnl_set *set = nftnl_set_alloc();
	int outcome = -1;

	if (!set)
		return -1;
	if (nftnl_set_elems_nlmsg_parse(message, set) >= 0) {
		nftnl_set_elem_foreach(set, read_element, &telling);
		outcome = 0;
	}
	nftnl_set_free(set);
	return outcome;
}
