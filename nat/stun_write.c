#include <string.h>

#include "nat/stun.h"
#include "nat/stun_bytes.h"
#include "proxy/base/mac.h"
#include "proxy/base/random.h"

void stun_make_addr(const unsigned char *host, size_t size, uint16_t port, struct addr *out)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (size == 4) {
		memcpy(&in4.sin_addr, host, 4);
		addr_from_sockaddr(out, (struct sockaddr *)&in4, sizeof(in4));
	} else {
		memcpy(&in6.sin6_addr, host, 16);
		addr_from_sockaddr(out, (struct sockaddr *)&in6, sizeof(in6));
	}
	addr_set_port(out, port);
}

/* The CRC of Ethernet, four bits at a time. */
uint32_t stun_fingerprint(const unsigned char *bytes, size_t len)
{
	static const uint32_t steps[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = bytes[i];

		/* The length in the header counts FINGERPRINT itself, which ends the
		 * message. */
		if (i == 2 || i == 3)
			byte = (unsigned char)((len + 8 - STUN_HEADER_SIZE) >>
					       (i == 2 ? 8 : 0));
		crc ^= byte;
		crc = crc >> 4 ^ steps[crc & 15];
		crc = crc >> 4 ^ steps[crc & 15];
	}
	return crc ^ 0xffffffff ^ 0x5354554e;
}

void stun_new_id(unsigned char out[STUN_ID_SIZE])
{
	stun_put32(out, STUN_MAGIC_COOKIE);
	random_bytes(out + 4, STUN_ID_SIZE - 4);
}

void stun_begin(struct stun_writer *writer, enum stun_class class, unsigned method,
		const unsigned char id[STUN_ID_SIZE])
{
	const unsigned bits = (unsigned)class;

	stun_put16(writer->bytes,
		   (uint16_t)((method & 0x000f) | (method & 0x0070) << 1 |
			      (method & 0x0f80) << 2 | (bits & 1) << 4 | (bits & 2) << 7));
	stun_put16(writer->bytes + 2, 0);
	memcpy(writer->bytes + 4, id, STUN_ID_SIZE);
	writer->len = STUN_HEADER_SIZE;
	writer->is_full = false;
}

void stun_add(struct stun_writer *writer, enum stun_attribute type, const void *bytes,
	      size_t len)
{
	const size_t padded = (len + 3) & ~(size_t)3;

	if (len > STUN_MAX_SIZE || writer->len + 4 + padded > sizeof(writer->bytes)) {
		writer->is_full = true;
		return;
	}
	stun_put16(writer->bytes + writer->len, (uint16_t)type);
	stun_put16(writer->bytes + writer->len + 2, (uint16_t)len);
	if (len)
		memcpy(writer->bytes + writer->len + 4, bytes, len);
	memset(writer->bytes + writer->len + 4 + len, 0, padded - len);
	writer->len += 4 + padded;
	stun_put16(writer->bytes + 2, (uint16_t)(writer->len - STUN_HEADER_SIZE));
}

void stun_add_number(struct stun_writer *writer, enum stun_attribute type, uint32_t number)
{
	unsigned char value[4];

	stun_put32(value, number);
	stun_add(writer, type, value, sizeof(value));
}

void stun_add_addr(struct stun_writer *writer, enum stun_attribute type,
		   const struct addr *addr)
{
	const bool is_xor = type == STUN_XOR_MAPPED_ADDRESS, is_ipv6 = addr_is_ipv6(addr);
	const unsigned char *mask = writer->bytes + 4;
	const size_t size = is_ipv6 ? 16 : 4;
	unsigned char value[20] = { 0, is_ipv6 ? 2 : 1 };

	stun_put16(value + 2, addr_port(addr));
	memcpy(value + 4,
	       is_ipv6 ? (const void *)&addr->in6.sin6_addr : (const void *)&addr->in4.sin_addr,
	       size);
	for (size_t i = 0; is_xor && i < 2; i++)
		value[2 + i] ^= mask[i];
	for (size_t i = 0; is_xor && i < size; i++)
		value[4 + i] ^= mask[i];
	stun_add(writer, type, value, 4 + size);
}

void stun_add_change(struct stun_writer *writer, bool change_ip, bool change_port)
{
	stun_add_number(writer, STUN_CHANGE_REQUEST,
			(change_ip ? 4U : 0) | (change_port ? 2U : 0));
}

void stun_add_error(struct stun_writer *writer, unsigned code, const char *reason)
{
	unsigned char value[4 + 128] = { 0, 0, (unsigned char)(code / 100),
					 (unsigned char)(code % 100) };
	const size_t len = strlen(reason) > 128 ? 128 : strlen(reason);

	memcpy(value + 4, reason, len);
	stun_add(writer, STUN_ERROR_CODE, value, 4 + len);
}

void stun_add_integrity(struct stun_writer *writer, const void *key, size_t key_len)
{
	unsigned char mac[MAC_SHA1_SIZE];
	const size_t at = writer->len;

	stun_put16(writer->bytes + 2, (uint16_t)(at + 4 + sizeof(mac) - STUN_HEADER_SIZE));
	mac_sha1(key, key_len, writer->bytes, at, mac);
	stun_add(writer, STUN_MESSAGE_INTEGRITY, mac, sizeof(mac));
}

void stun_add_fingerprint(struct stun_writer *writer)
{
	stun_add_number(writer, STUN_FINGERPRINT, stun_fingerprint(writer->bytes, writer->len));
}

size_t stun_end(const struct stun_writer *writer)
{
	return writer->is_full ? 0 : writer->len;
}
