/* What is said to the kernel about flows: the rules as libnftnl shows them, and messages made
 * and read back. */
#include "media/kernel_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

/* Registers of four bytes have the numbers 8 to 23. */
static const char *const ipv4_rule[] = {
	"[ meta load protocol => reg 8 ]",
	"[ cmp eq reg 8 0x00000008 ]",
	"[ meta load l4proto => reg 8 ]",
	"[ cmp eq reg 8 0x00000011 ]",
	"[ meta load pkttype => reg 8 ]",
	"[ cmp eq reg 8 0x00000000 ]",
	"[ payload load 2b @ transport header + 8 => reg 8 ]",
	"[ bitwise reg 8 = ( reg 8 & 0x0000e0c0 ) ^ 0x00000000 ]",
	"[ cmp eq reg 8 0x00000080 ]",
	"[ cmp neq reg 8 0x0000c080 ]",
	"[ payload load 2b @ transport header + 4 => reg 8 ]",
	"[ cmp gte reg 8 0x00001400 ]",
	"[ payload load 1b @ network header + 0 => reg 8 ]",
	"[ cmp eq reg 8 0x00000045 ]",
	"[ payload load 2b @ network header + 2 => reg 8 ]",
	"[ cmp lte reg 8 0x00000005 ]",
	"[ payload load 2b @ network header + 6 => reg 8 ]",
	"[ bitwise reg 8 = ( reg 8 & 0x0000ff3f ) ^ 0x00000000 ]",
	"[ cmp eq reg 8 0x00000000 ]",
	"[ payload load 1b @ network header + 8 => reg 8 ]",
	"[ cmp gte reg 8 0x00000020 ]",
	"[ payload load 2b @ transport header + 6 => reg 8 ]",
	"[ cmp neq reg 8 0x00000000 ]",
	"[ payload load 8b @ network header + 12 => reg 8 ]",
	"[ payload load 2b @ transport header + 0 => reg 10 ]",
	"[ payload load 2b @ transport header + 2 => reg 11 ]",
	"[ lookup reg 8 set rtp4 dreg 8 ]",
	"[ payload write reg 8 => 8b @ network header + 12 csum_type 1 csum_off 10 csum_flags 0x1 ]",
	"[ payload write reg 10 => 4b @ transport header + 0 csum_type 1 csum_off 6 csum_flags 0x0 ]",
	"[ payload write reg 13 => 2b @ network header + 0 csum_type 1 csum_off 10 csum_flags 0x0 ]",
	"[ fwd sreg_dev 12 sreg_addr 11 nfproto 2 ]",
};

/* From where it is another one: 40 bytes of header, of which 16 for an address, and no checksum
 * of it. */
static const char *const ipv6_rule[] = {
	"[ payload load 1b @ network header + 0 => reg 8 ]",
	"[ bitwise reg 8 = ( reg 8 & 0x000000f0 ) ^ 0x00000000 ]",
	"[ cmp eq reg 8 0x00000060 ]",
	"[ payload load 2b @ network header + 4 => reg 8 ]",
	"[ cmp lte reg 8 0x0000d804 ]",
	"[ payload load 1b @ network header + 6 => reg 8 ]",
	"[ cmp eq reg 8 0x00000011 ]",
	"[ payload load 1b @ network header + 7 => reg 8 ]",
	"[ cmp gte reg 8 0x00000020 ]",
	"[ payload load 2b @ transport header + 6 => reg 8 ]",
	"[ cmp neq reg 8 0x00000000 ]",
	"[ payload load 32b @ network header + 8 => reg 8 ]",
	"[ payload load 2b @ transport header + 0 => reg 16 ]",
	"[ payload load 2b @ transport header + 2 => reg 17 ]",
	"[ lookup reg 8 set rtp6 dreg 8 ]",
	"[ payload write reg 8 => 32b @ network header + 8 csum_type 0 csum_off 0 csum_flags 0x1 ]",
	"[ payload write reg 16 => 4b @ transport header + 0 csum_type 1 csum_off 6 csum_flags 0x0 ]",
	"[ payload write reg 22 => 4b @ network header + 0 csum_type 0 csum_off 0 csum_flags 0x0 ]",
	"[ fwd sreg_dev 21 sreg_addr 17 nfproto 10 ]",
};

struct reading {
	const char *const *wanted;
	size_t n, n_left_out;
};

static int compare(struct nftnl_expr *expr, void *user)
{
	struct reading *reading = user;
	char text[256], shown[320];

	if (reading->n_left_out > 0) {
		reading->n_left_out--;
		return 0;
	}
	assert_true(reading->n > 0);
	nftnl_expr_snprintf(text, sizeof(text), expr, NFTNL_OUTPUT_DEFAULT, 0);
	/* nftnl leaves name and brackets to the printing of rules. */
	snprintf(shown, sizeof(shown), "[ %s %s]", nftnl_expr_get_str(expr, NFTNL_EXPR_NAME),
		 text);
	assert_string_equal(shown, *reading->wanted);
	reading->wanted++;
	reading->n--;
	return 0;
}

static void check_rule(enum kernel_family family, size_t n_left_out, const char *const *wanted,
		       size_t n)
{
	struct nftnl_rule *rule = kernel_rule_new("nuncio_1", "rtp", family);
	struct reading reading = { wanted, n, n_left_out };

	assert_non_null(rule);
	assert_string_equal(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), "nuncio_1");
	assert_string_equal(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), "rtp");
	nftnl_expr_foreach(rule, compare, &reading);
	assert_int_equal(reading.n, 0);
	nftnl_rule_free(rule);
}

static void test_rules(void **state)
{
	check_rule(KERNEL_IPV4, 0, ipv4_rule, sizeof(ipv4_rule) / sizeof(*ipv4_rule));
	check_rule(KERNEL_IPV6, 12, ipv6_rule, sizeof(ipv6_rule) / sizeof(*ipv6_rule));
}

static void test_a_device_leads_there(void **state)
{
	char buf[KERNEL_MESSAGE_ROOM], text[256];
	struct nftnl_rule *rule = nftnl_rule_alloc();

	assert_int_equal(nftnl_rule_nlmsg_parse(kernel_put_jump(buf, 1, "nuncio_1", 7), rule),
			 0);
	assert_string_equal(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), "device_7");
	nftnl_rule_snprintf(text, sizeof(text), rule, NFTNL_OUTPUT_DEFAULT, 0);
	assert_non_null(strstr(text, "[ immediate reg 0 jump -> rtp ]"));
	nftnl_rule_free(rule);
}

static void test_the_table_is_ours(void **state)
{
	char buf[KERNEL_MESSAGE_ROOM];
	struct nlmsghdr *message = kernel_put_table(buf, 3, "nuncio_1");
	struct nftnl_table *table = nftnl_table_alloc();

	assert_int_equal(message->nlmsg_seq, 3);
	assert_int_equal(NFNL_MSG_TYPE(message->nlmsg_type), NFT_MSG_NEWTABLE);
	assert_int_equal(nftnl_table_nlmsg_parse(message, table), 0);
	assert_string_equal(nftnl_table_get_str(table, NFTNL_TABLE_NAME), "nuncio_1");
	assert_int_equal(nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS), NFT_TABLE_F_OWNER);
	nftnl_table_free(table);
}

static void test_every_message_has_room(void **state)
{
	const char *const table = "nuncio_2147483647";
	char buf[KERNEL_MESSAGE_ROOM];

	for (unsigned family = 0; family < KERNEL_N_FAMILIES; family++) {
		assert_in_range(kernel_put_rule(buf, 1, table, family)->nlmsg_len, 100,
				KERNEL_MESSAGE_ROOM / 2);
		assert_in_range(kernel_put_map(buf, 1, table, family, 16384)->nlmsg_len, 50,
				1024);
		assert_in_range(kernel_put_dump(buf, 1, table, family)->nlmsg_len, 30, 1024);
	}
	assert_in_range(
		kernel_put_device(buf, 1, table, UINT32_MAX, "abcdefghijklmno")->nlmsg_len, 50,
		1024);
	assert_in_range(kernel_put_jump(buf, 1, table, UINT32_MAX)->nlmsg_len, 50, 1024);
	assert_in_range(kernel_put_chain(buf, 1, table)->nlmsg_len, 30, 1024);
}

static struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_port(text, 0, &addr), ERR_OK);
	return addr;
}

static const struct {
	const char *name, *source, *ours, *sender, *target, *gateway;
	uint8_t dscp;
	size_t key_len, data_len;
	const char *key, *data; /* hex; the device is put in where DD stands */
} flows[] = {
	{ "IPv4", "192.0.2.1:4000", "192.0.2.9:30000", "198.51.100.9:31000", "203.0.113.1:5000",
	  "198.51.100.1", 46, 16, 24, "c0000201c00002090fa0000075300000",
	  "c6336409cb0071017918"
	  "1388c6336401DDDDDDDD45b80000" },
	{ "IPv4 without a mark, on the link", "192.0.2.1:4000", "192.0.2.9:30000",
	  "198.51.100.9:31000", "198.51.100.7:5000", "198.51.100.7", 0, 16, 24,
	  "c0000201c00002090fa0000075300000",
	  "c6336409c633640779181388c6336407DDDDDDDD45000000" },
	{ "IPv6", "[2001:db8::1]:4000", "[2001:db8::9]:30000", "[2001:db8:1::9]:31000",
	  "[2001:db8:2::1]:5000", "2001:db8:1::1", 46, 40, 60,
	  "20010db8000000000000000000000001"
	  "20010db8000000000000000000000009"
	  "0fa0000075300000",
	  "20010db8000100000000000000000009"
	  "20010db8000200000000000000000001"
	  "79181388"
	  "20010db8000100000000000000000001"
	  "DDDDDDDD"
	  "6b800000" },
};

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	const uint32_t device = 5;

	assert_int_equal(strlen(hex), 2 * len);
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (hex[2 * i] == 'D' && hex[2 * i + 1] == 'D') {
			assert_memory_equal(bytes + i, &device, sizeof(device));
			i += sizeof(device) - 1;
			continue;
		}
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		assert_int_equal(bytes[i], byte);
	}
}

static int check_element(struct nftnl_set_elem *element, void *user)
{
	const size_t row = *(const size_t *)user;
	uint32_t len;
	const uint8_t *bytes = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &len);

	assert_int_equal(len, flows[row].key_len);
	assert_hex(bytes, len, flows[row].key);
	bytes = nftnl_set_elem_get(element, NFTNL_SET_ELEM_DATA, &len);
	assert_int_equal(len, flows[row].data_len);
	assert_hex(bytes, len, flows[row].data);
	return 0;
}

static void test_flows(void **state)
{
	char buf[KERNEL_MESSAGE_ROOM];

	for (size_t i = 0; i < sizeof(flows) / sizeof(*flows); i++) {
		const struct kernel_ends ends = { .source = address(flows[i].source),
						  .ours = address(flows[i].ours),
						  .sender = address(flows[i].sender),
						  .target = address(flows[i].target),
						  .dscp = flows[i].dscp };
		const struct kernel_way way = { .in_device = 2,
						.out_device = 5,
						.gateway = address(flows[i].gateway) };
		const struct kernel_change change = { .ends = &ends, .way = &way };
		struct nftnl_set *set = nftnl_set_alloc();
		struct nlmsghdr *message = kernel_put_flow(buf, 9, "nuncio_1", &change);

		assert_int_equal(NFNL_MSG_TYPE(message->nlmsg_type), NFT_MSG_NEWSETELEM);
		/* none takes another's place */
		assert_int_equal(message->nlmsg_flags & NLM_F_EXCL, NLM_F_EXCL);
		assert_int_equal(nftnl_set_elems_nlmsg_parse(message, set), 0);
		assert_string_equal(nftnl_set_get_str(set, NFTNL_SET_NAME),
				    addr_is_ipv6(&ends.source) ? "rtp6" : "rtp4");
		assert_int_equal(nftnl_set_elem_foreach(set, check_element, &i), 0);
		nftnl_set_free(set);
	}
}

static struct kernel_ends told_ends;
static uint64_t told_packets, told_bytes;
static unsigned n_told;

static void on_told(void *user, const struct kernel_ends *ends, uint64_t packets,
		    uint64_t bytes)
{
	told_ends = *ends;
	told_packets = packets;
	told_bytes = bytes;
	n_told++;
}

/* As the kernel tells of an element, with its counter. */
static struct nlmsghdr *answer(char *buf, const uint8_t *key, uint32_t len, uint64_t packets,
			       uint64_t bytes)
{
	struct nlmsghdr *message = nftnl_nlmsg_build_hdr(buf, NFT_MSG_NEWSETELEM, 5, 0, 1);
	struct nftnl_set *set = nftnl_set_alloc();
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();
	struct nftnl_expr *counter = nftnl_expr_alloc("counter");

	nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, packets);
	nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, bytes);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, "t");
	nftnl_set_set_str(set, NFTNL_SET_NAME, "rtp4");
	nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key, len);
	nftnl_set_elem_add_expr(element, counter);
	nftnl_set_elem_add(set, element);
	nftnl_set_elems_nlmsg_build_payload(message, set);
	nftnl_set_free(set);
	return message;
}

static void test_counts_are_read(void **state)
{
	static const uint8_t key[16] = { 192, 0,    2,    1, 192, 0,    2,
					 9,   0x0f, 0xa0, 0, 0,   0x75, 0x30 };
	const struct addr source = address("192.0.2.1:4000"), ours = address("192.0.2.9:30000");
	char buf[KERNEL_MESSAGE_ROOM];

	n_told = 0;
	assert_int_equal(kernel_read_flows(answer(buf, key, 16, 10, 2000), on_told, NULL), 0);
	assert_int_equal(n_told, 1);
	assert_true(addr_equal(&told_ends.source, &source));
	assert_true(addr_equal(&told_ends.ours, &ours));
	assert_int_equal(told_packets, 10);
	assert_int_equal(told_bytes, 2000 - 10 * 28); /* without IP and UDP */
	assert_int_equal(kernel_read_flows(answer(buf, key, 16, 10, 20), on_told, NULL), 0);
	assert_int_equal(told_bytes, 0);
	/* no key of ours */
	assert_int_equal(kernel_read_flows(answer(buf, key, 12, 1, 1), on_told, NULL), 0);
	assert_int_equal(n_told, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_a_device_leads_there),
		cmocka_unit_test(test_the_table_is_ours),
		cmocka_unit_test(test_every_message_has_room),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_counts_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
