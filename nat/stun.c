#include "nat/stun.h"

#include <string.h>

#include "nat/stun_bytes.h"
#include "proxy/base/mac.h"

/* The two bits of the class stand between those of the method (RFC 8489 §5). */
static enum stun_class class_of(unsigned type)
{
	return (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
}

static unsigned method_of(unsigned type)
{
	return (type & 0x000f) | (type >> 1 & 0x0070) | (type >> 2 & 0x0f80);
}

bool stun_is_stun(const void *bytes, size_t len)
{
	return len >= STUN_HEADER_SIZE && *(const unsigned char *)bytes < 4;
}

/* RFC 8489 §14.1, §14.2. Unset if it is no address. */
static void read_addr(const unsigned char *value, size_t len, const unsigned char * xor,
		      struct addr *out)
{
	unsigned char host[16];
	size_t size = len >= 4 && value[1] == 1 ? 4 : 16;

	if (len != 4 + size || (value[1] != 1 && value[1] != 2))
		return;
	for (size_t i = 0; i < size; i++)
		host[i] = value[4 + i] ^ (xor? xor[i] : 0);
	stun_make_addr(host, size,
		       (uint16_t)(stun_get16(value + 2) ^ (xor? stun_get16(xor) : 0)), out);
}

static void read_tie_breaker(const unsigned char *value, size_t len, struct stun_message *out)
{
	if (len == 8)
		out->tie_breaker = (uint64_t)stun_get32(value) << 32 | stun_get32(value + 4);
}

static void read_error(const unsigned char *value, size_t len, struct stun_message *out)
{
	if (len >= 4 && (value[2] & 7) >= 3 && (value[2] & 7) <= 6 && value[3] < 100)
		out->error_code = (value[2] & 7) * 100U + value[3];
}

static void note_unknown(unsigned type, struct stun_message *out)
{
	if (type < 0x8000 && out->n_unknown < STUN_MAX_UNKNOWN)
		out->unknown[out->n_unknown++] = (uint16_t)type;
}

/* The first of a kind counts (RFC 8489 §14). */
static void read_first_addr(const unsigned char *value, size_t len, struct addr *out)
{
	if (!addr_is_set(out))
		read_addr(value, len, NULL, out);
}

static void read_numbers(unsigned type, const unsigned char *value, size_t len,
			 struct stun_message *out)
{
	switch (type) {
	case STUN_CHANGE_REQUEST:
		out->has_change = len == 4;
		out->change_ip = len == 4 && (value[3] & 4);
		out->change_port = len == 4 && (value[3] & 2);
		break;
	case STUN_RESPONSE_PORT:
		if (len >= 2)
			out->response_port = stun_get16(value);
		break;
	case STUN_PRIORITY:
		out->has_priority = len == 4;
		out->priority = len == 4 ? stun_get32(value) : 0;
		break;
	case STUN_USE_CANDIDATE:
		out->use_candidate = true;
		break;
	case STUN_ICE_CONTROLLING:
		out->has_controlling = len == 8;
		read_tie_breaker(value, len, out);
		break;
	case STUN_ICE_CONTROLLED:
		out->has_controlled = len == 8;
		read_tie_breaker(value, len, out);
		break;
	default:
		note_unknown(type, out);
		break;
	}
}

struct reading {
	const unsigned char *bytes;
	size_t len;
	struct addr plain; /* MAPPED-ADDRESS: counts only without the other one */
	struct stun_message *out;
};

static void read_value(struct reading *reading, unsigned type, size_t at, size_t len)
{
	const unsigned char *value = reading->bytes + at;
	struct stun_message *out = reading->out;

	switch (type) {
	case STUN_MAPPED_ADDRESS:
		read_first_addr(value, len, &reading->plain);
		break;
	case STUN_XOR_MAPPED_ADDRESS:
	case STUN_XOR_MAPPED_ADDRESS_OLD:
		if (!addr_is_set(&out->mapped))
			read_addr(value, len, reading->bytes + 4, &out->mapped);
		break;
	case STUN_RESPONSE_ORIGIN:
	case STUN_SOURCE_ADDRESS:
		read_first_addr(value, len, &out->origin);
		break;
	case STUN_OTHER_ADDRESS:
	case STUN_CHANGED_ADDRESS:
		read_first_addr(value, len, &out->other);
		break;
	case STUN_ALTERNATE_SERVER:
		read_first_addr(value, len, &out->alternate);
		break;
	case STUN_ERROR_CODE:
		read_error(value, len, out);
		break;
	case STUN_USERNAME:
		out->username = (const char *)value;
		out->username_len = len;
		break;
	case STUN_MESSAGE_INTEGRITY:
		out->integrity = len == MAC_SHA1_SIZE ? value : NULL;
		out->integrity_at = at - 4;
		break;
	case STUN_MESSAGE_INTEGRITY_SHA256:
	case STUN_UNKNOWN_ATTRIBUTES:
	case STUN_REFLECTED_FROM:
	case STUN_REALM:
	case STUN_NONCE:
	case STUN_PADDING:
		break;
	default:
		read_numbers(type, value, len, out);
		break;
	}
}

/* RFC 8489 §14.7: it is the last one, and covers all before it. */
static enum err check_fingerprint(const struct reading *reading, size_t at, size_t len)
{
	if (len != 4 || at + len != reading->len ||
	    stun_get32(reading->bytes + at) != stun_fingerprint(reading->bytes, at - 4))
		return ERR_SYNTAX;
	reading->out->has_fingerprint = true;
	return ERR_OK;
}

static enum err read_attributes(struct reading *reading)
{
	size_t at = STUN_HEADER_SIZE;
	unsigned n = 0;

	while (at < reading->len) {
		const unsigned type = stun_get16(reading->bytes + at);
		const size_t len = stun_get16(reading->bytes + at + 2);
		enum err err = ERR_OK;

		at += 4;
		if (len > reading->len - at)
			return ERR_SYNTAX;
		if (++n > STUN_MAX_ATTRIBUTES)
			return ERR_LIMIT;
		if (type == STUN_FINGERPRINT && reading->out->has_cookie)
			err = check_fingerprint(reading, at, len);
		else if (!reading->out->integrity) /* what follows that proves nothing (RFC 8489
						      §14.5) */
			read_value(reading, type, at, len);
		if (err)
			return err;
		at += (len + 3) & ~(size_t)3;
	}
	return at == reading->len ? ERR_OK : ERR_SYNTAX;
}

enum err stun_read(const void *bytes, size_t len, struct stun_message *out)
{
	struct reading reading = { .bytes = bytes, .len = len, .out = out };

	memset(out, 0, sizeof(*out));
	if (!stun_is_stun(bytes, len) || len % 4 != 0 ||
	    stun_get16(reading.bytes + 2) != len - STUN_HEADER_SIZE)
		return ERR_SYNTAX;
	if (len > STUN_MAX_SIZE)
		return ERR_TOO_LARGE;
	out->class = class_of(stun_get16(bytes));
	out->method = method_of(stun_get16(bytes));
	memcpy(out->id, reading.bytes + 4, STUN_ID_SIZE);
	out->has_cookie = stun_get32(reading.bytes + 4) == STUN_MAGIC_COOKIE;
	if (out->method == 0)
		return ERR_SYNTAX; /* zeros, as some devices keep a NAT's mapping alive */
	enum err err = read_attributes(&reading);
	if (!err && !addr_is_set(&out->mapped))
		out->mapped = reading.plain;
	return err;
}

bool stun_check_integrity(const void *bytes, const struct stun_message *message,
			  const void *key, size_t key_len)
{
	unsigned char copy[STUN_MAX_SIZE], mac[MAC_SHA1_SIZE];

	if (!message->integrity || message->integrity_at > sizeof(copy))
		return false;
	/* The length in the header is one that ends with the attribute, whatever follows it. */
	memcpy(copy, bytes, message->integrity_at);
	stun_put16(copy + 2,
		   (uint16_t)(message->integrity_at + 4 + MAC_SHA1_SIZE - STUN_HEADER_SIZE));
	mac_sha1(key, key_len, copy, message->integrity_at, mac);
	return mac_equal(mac, message->integrity, sizeof(mac));
}
