#include "media/kernel_rule.h"

#include <stdio.h> /* libnftnl names FILE */

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

enum {
	UDP = 17,
	UDP_HEADER = 8,
	UDP_SUM_AT = 6,
	IPV4_SUM_AT = 10,
};

const struct kernel_layout kernel_layouts[KERNEL_N_FAMILIES] = {
	[KERNEL_IPV4] = { "rtp4", ETH_P_IP, NFPROTO_IPV4, 4, 12, 2, 8, 0x45, 0xff, 2, true },
	[KERNEL_IPV6] = { "rtp6", ETH_P_IPV6, NFPROTO_IPV6, 16, 8, 4, 7, 0x60, 0xf0, 4, false },
};

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

static void put_load(struct making *making, uint32_t base, uint32_t at, uint32_t len,
		     uint32_t reg)
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
static void put_write(struct making *making, uint32_t base, uint32_t at, uint32_t len,
		      uint32_t reg, uint32_t sum_at, uint32_t flags)
{
	struct nftnl_expr *expr = put(making, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, at);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_SREG, reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_CSUM_TYPE,
			   sum_at ? NFT_PAYLOAD_CSUM_INET : NFT_PAYLOAD_CSUM_NONE);
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
static void put_udp(struct making *making, const struct kernel_layout *layout)
{
	put_meta(making, NFT_META_PROTOCOL);
	put_cmp_16(making, NFT_CMP_EQ, layout->protocol);
	put_meta(making, NFT_META_L4PROTO);
	put_cmp_8(making, NFT_CMP_EQ, UDP);
	put_meta(making, NFT_META_PKTTYPE);
	put_cmp_8(making, NFT_CMP_EQ, PACKET_HOST);
}

/* Version 2 (RFC 3550 5.1), and a payload type outside of 64 to 95 with the marker bit, which
 * may be RTCP (RFC 5761 4): the first two bytes are 10xxxxxx, and not 110xxxxx. */
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
static void put_plain(struct making *making, const struct kernel_layout *layout)
{
	static const uint8_t fragment[] = { 0x3f, 0xff };

	put_load(making, NFT_PAYLOAD_NETWORK_HEADER, 0, 1, REGISTER(0));
	if (layout->first_mask != 0xff)
		put_mask(making, &layout->first_mask, 1);
	put_cmp_8(making, NFT_CMP_EQ, layout->first);
	put_load(making, NFT_PAYLOAD_NETWORK_HEADER, layout->length_at, 2, REGISTER(0));
	put_cmp_16(
		making, NFT_CMP_LTE,
		(uint16_t)(layout->has_checksum ? KERNEL_MAX_PACKET : KERNEL_MAX_PACKET - 40));
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
	/* Without a checksum there is nothing to bring up to date, and the kernel would make a
	 * wrong one. */
	put_load(making, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_SUM_AT, 2, REGISTER(0));
	put_cmp_16(making, NFT_CMP_NEQ, 0);
}

static void put_lookup(struct making *making, const struct kernel_layout *layout)
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
static void put_change(struct making *making, const struct kernel_layout *layout)
{
	const uint32_t ports = 2 * layout->address, neighbour = ports + 4,
		       device = neighbour + layout->address, head = device + 4;
	const uint32_t sum_at = layout->has_checksum ? IPV4_SUM_AT : 0;
	struct nftnl_expr *expr;

	put_write(making, NFT_PAYLOAD_NETWORK_HEADER, layout->addresses_at, ports, REGISTER(0),
		  sum_at, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
	put_write(making, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4, REGISTER(ports), UDP_SUM_AT, 0);
	put_write(making, NFT_PAYLOAD_NETWORK_HEADER, 0, layout->head, REGISTER(head), sum_at,
		  0);
	expr = put(making, "fwd"); /* takes one from the hops */
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_SREG_DEV, REGISTER(device));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_SREG_ADDR, REGISTER(neighbour));
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_NFPROTO, layout->nfproto);
}

static struct nftnl_rule *begin(const char *table, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule)
		return NULL;
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_NETDEV);
	if (!nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table) &&
	    !nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain))
		return rule;
	nftnl_rule_free(rule);
	return NULL;
}

static struct nftnl_rule *end(const struct making *making)
{
	if (!making->has_failed)
		return making->rule;
	nftnl_rule_free(making->rule);
	return NULL;
}

struct nftnl_rule *kernel_rule_new(const char *table, const char *chain,
				   enum kernel_family family)
{
	const struct kernel_layout *layout = &kernel_layouts[family];
	struct making making = { .rule = begin(table, chain) };

	if (!making.rule)
		return NULL;
	put_udp(&making, layout);
	put_rtp(&making);
	put_plain(&making, layout);
	put_lookup(&making, layout);
	put_change(&making, layout);
	return end(&making);
}

struct nftnl_rule *kernel_jump_new(const char *table, const char *chain, const char *to)
{
	struct making making = { .rule = begin(table, chain) };
	struct nftnl_expr *expr;

	if (!making.rule)
		return NULL;
	expr = put(&making, "immediate");
	if (expr) {
		nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t)NFT_JUMP);
		if (nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, to))
			making.has_failed = true;
	}
	return end(&making);
}
