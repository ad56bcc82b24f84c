#include "media/kernel_message.h"

#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include "proxy/base/macros.h"

enum {
	PRIORITY = 100, /* behind whatever else filters what comes in */
	UDP_HEADER = 8,
	CHAIN_SIZE = 24, /* a name and its end */
	/* What `nft list` prints a key by (its own numbers of types, six bits each): address .
	 * address . port . port */
	TYPE_INTEGER = 4,
	TYPE_IPV4 = 7,
	TYPE_IPV6 = 8,
	TYPE_PORT = 13,
};

static const char RULES[] = "rtp"; /* the chain with the rules */

static uint32_t key_size(const struct kernel_layout *layout)
{
	return 2 * layout->address + 8;
}

static uint32_t data_size(const struct kernel_layout *layout)
{
	return 3 * layout->address + 12;
}

static struct nlmsghdr *put_header(char *buf, uint16_t type, uint16_t flags, uint32_t seq)
{
	return nftnl_nlmsg_build_hdr(buf, type, NFPROTO_NETDEV, flags, seq);
}

struct nlmsghdr *kernel_put_table(char *buf, uint32_t seq, const char *table)
{
	struct nlmsghdr *message =
		put_header(buf, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_table *made = nftnl_table_alloc();

	if (!made)
		return NULL;
	nftnl_table_set_str(made, NFTNL_TABLE_NAME, table);
	/* The kernel takes it away with our socket, however we end, and lets nobody else change
	 * it. */
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
	if (!nftnl_set_set_str(set, NFTNL_SET_TABLE, table) &&
	    !nftnl_set_set_str(set, NFTNL_SET_NAME, kernel_layouts[family].map))
		return set;
	nftnl_set_free(set);
	return NULL;
}

struct nlmsghdr *kernel_put_map(char *buf, uint32_t seq, const char *table,
				enum kernel_family family, unsigned n_flows)
{
	struct nlmsghdr *message =
		put_header(buf, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_set *set = map_new(table, family);
	struct nftnl_expr *counter = set ? nftnl_expr_alloc("counter") : NULL;

	if (!counter) {
		if (set)
			nftnl_set_free(set);
		return NULL;
	}
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP | NFT_SET_EXPR);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key_type(family));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, key_size(&kernel_layouts[family]));
	nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, TYPE_INTEGER);
	nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, data_size(&kernel_layouts[family]));
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, n_flows);
	nftnl_set_set_u32(set, NFTNL_SET_ID, (uint32_t)family + 1);
	nftnl_set_add_expr(set, counter);
	nftnl_set_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
	return message;
}

static void name_chain(char out[CHAIN_SIZE], unsigned device)
{
	snprintf(out, CHAIN_SIZE, "device_%u", device);
}

static struct nftnl_chain *chain_new(const char *table, const char *name)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain)
		return NULL;
	if (!nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table) &&
	    !nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name))
		return chain;
	nftnl_chain_free(chain);
	return NULL;
}

struct nlmsghdr *kernel_put_chain(char *buf, uint32_t seq, const char *table)
{
	struct nlmsghdr *message =
		put_header(buf, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_chain *chain = chain_new(table, RULES);

	if (!chain)
		return NULL;
	nftnl_chain_nlmsg_build_payload(message, chain);
	nftnl_chain_free(chain);
	return message;
}

struct nlmsghdr *kernel_put_device(char *buf, uint32_t seq, const char *table, unsigned device,
				   const char *device_name)
{
	struct nlmsghdr *message =
		put_header(buf, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct nftnl_chain *chain;
	char name[CHAIN_SIZE];

	name_chain(name, device);
	chain = chain_new(table, name);
	if (!chain)
		return NULL;
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_str(chain, NFTNL_CHAIN_DEV, device_name);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_NETDEV_INGRESS);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, PRIORITY);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(message, chain);
	nftnl_chain_free(chain);
	return message;
}

static struct nlmsghdr *put_rule(char *buf, uint32_t seq, struct nftnl_rule *rule)
{
	struct nlmsghdr *message =
		put_header(buf, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, seq);

	if (!rule)
		return NULL;
	nftnl_rule_nlmsg_build_payload(message, rule);
	nftnl_rule_free(rule);
	return message;
}

struct nlmsghdr *kernel_put_rule(char *buf, uint32_t seq, const char *table,
				 enum kernel_family family)
{
	return put_rule(buf, seq, kernel_rule_new(table, RULES, family));
}

struct nlmsghdr *kernel_put_jump(char *buf, uint32_t seq, const char *table, unsigned device)
{
	char name[CHAIN_SIZE];

	name_chain(name, device);
	return put_rule(buf, seq, kernel_jump_new(table, name, RULES));
}

/* ---- flows ---- */

static uint8_t *put_host(uint8_t *out, const struct addr *addr)
{
	const void *bytes = addr_is_ipv6(addr) ? (const void *)&addr->in6.sin6_addr
					       : (const void *)&addr->in4.sin_addr;
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

struct nlmsghdr *kernel_put_flow(char *buf, uint32_t seq, const char *table,
				 const struct kernel_change *change)
{
	const uint16_t flags = change->is_out ? NLM_F_ECHO : NLM_F_CREATE | NLM_F_EXCL;
	const enum kernel_family family = kernel_family_of(change->ends);
	struct nlmsghdr *message = put_header(
		buf, change->is_out ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, flags, seq);
	struct nftnl_set *set = map_new(table, family);
	struct nftnl_set_elem *element = set ? nftnl_set_elem_alloc() : NULL;
	uint8_t key[64], data[64];

	if (!element) {
		if (set)
			nftnl_set_free(set);
		return NULL;
	}
	make_key(change->ends, key);
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, key_size(&kernel_layouts[family]));
	if (!change->is_out) {
		make_data(change, data);
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, data,
				   data_size(&kernel_layouts[family]));
	}
	nftnl_set_elem_add(set, element);
	nftnl_set_elems_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
	return message;
}

struct nlmsghdr *kernel_put_dump(char *buf, uint32_t seq, const char *table,
				 enum kernel_family family)
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

static void read_host(const uint8_t *bytes, const struct kernel_layout *layout, uint16_t port,
		      struct addr *out)
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
	const struct kernel_layout *layout = NULL;
	uint32_t len = 0;
	const uint8_t *key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &len);
	uint64_t counts[2] = { 0, 0 };
	struct kernel_ends ends = { .dscp = 0 };
	uint64_t headers;

	for (unsigned i = 0; i < COUNT(kernel_layouts); i++)
		if (key && len == key_size(&kernel_layouts[i]))
			layout = &kernel_layouts[i];
	if (!layout)
		return 0;
	read_host(key, layout, read_port(key + 2 * layout->address), &ends.source);
	read_host(key + layout->address, layout, read_port(key + 2 * layout->address + 4),
		  &ends.ours);
	nftnl_set_elem_expr_foreach(element, read_counter, counts);
	headers = counts[0] * ((layout->has_checksum ? 20 : 40) + UDP_HEADER);
	telling->told(telling->user, &ends, counts[0],
		      counts[1] > headers ? counts[1] - headers : 0);
	return 0;
}

int kernel_read_flows(const struct nlmsghdr *message, kernel_counted *told, void *user)
{
	struct telling telling = { told, user };
	const unsigned type = NFNL_MSG_TYPE(message->nlmsg_type);
	struct nftnl_set *set;
	int outcome = -1;

	if (type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM)
		return -1;
	set = nftnl_set_alloc();
	if (!set)
		return -1;
	if (nftnl_set_elems_nlmsg_parse(message, set) >= 0) {
		nftnl_set_elem_foreach(set, read_element, &telling);
		outcome = 0;
	}
	nftnl_set_free(set);
	return outcome;
}
