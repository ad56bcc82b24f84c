#include "routing/record_route.h"

#include <string.h>

#include "proxy/base/mac.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "routing/record_route_keys.h"

/* The token: version, key number, worker, time, both ends, MAC; 35 bytes, which are 56
 * characters of base32 without any padding. Lower case, as some devices think that user parts
 * may be lowered; and all of it stands unescaped in a URI (RFC 3261 §25.1). */
enum {
	VERSION = 1,
	PLAIN_BYTES = 3 + 4 + 8 + 8,
	MAC_BYTES = 12,
	TOKEN_BYTES = PLAIN_BYTES + MAC_BYTES,
	TOKEN_CHARS = TOKEN_BYTES * 8 / 5,
	CALL_ID_BYTES = 256, /* longer ones are signed by their MAC */
};

static const char alphabet[32] =
	"abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648 §6, in lower case */

uint64_t record_route_end(const struct record_route_keys *keys, const char *id)
{
	return random_siphash(keys->ends, id, strlen(id));
}

static void put(unsigned char *to, uint64_t number, unsigned n_bytes)
{
	while (n_bytes-- > 0) {
		to[n_bytes] = (unsigned char)number;
		number >>= 8;
	}
}

static uint64_t get(const unsigned char *from, unsigned n_bytes)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < n_bytes; i++)
		number = number << 8 | from[i];
	return number;
}

static void encode(const unsigned char token[TOKEN_BYTES], char text[TOKEN_CHARS + 1])
{
	for (size_t i = 0; i < TOKEN_BYTES / 5; i++) {
		uint64_t group = get(token + 5 * i, 5);
		for (unsigned k = 0; k < 8; k++)
			text[8 * i + k] = alphabet[group >> (35 - 5 * k) & 31];
	}
	text[TOKEN_CHARS] = '\0';
}

static int digit(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

/* False if text is no token by its looks. */
static bool decode(const char *text, unsigned char token[TOKEN_BYTES])
{
	if (!text || strnlen(text, TOKEN_CHARS + 1) != TOKEN_CHARS)
		return false;
	for (size_t i = 0; i < TOKEN_BYTES / 5; i++) {
		uint64_t group = 0;
		for (unsigned k = 0; k < 8; k++) {
			int value = digit(text[8 * i + k]);
			if (value < 0)
				return false;
			group = group << 5 | (unsigned)value;
		}
		put(token + 5 * i, group, 5);
	}
	return token[0] == VERSION;
}

/* The MAC over what is plain in the token and the Call-ID. */
static enum err sign(const struct record_route_key *key, const unsigned char *plain,
		     const char *call_id, unsigned char mac[MAC_SIZE])
{
	unsigned char bytes[PLAIN_BYTES + CALL_ID_BYTES];
	size_t len = strlen(call_id);

	memcpy(bytes, plain, PLAIN_BYTES);
	if (len < CALL_ID_BYTES) {
		memcpy(bytes + PLAIN_BYTES, call_id, len);
	} else { /* as long as no short one is, so that the two cannot be mistaken */
		memset(bytes + PLAIN_BYTES, 0, CALL_ID_BYTES);
		enum err err = mac_sha256(key->bytes, sizeof(key->bytes), call_id, len,
					  bytes + PLAIN_BYTES);
		if (err != ERR_OK)
			return err;
		len = CALL_ID_BYTES;
	}
	return mac_sha256(key->bytes, sizeof(key->bytes), bytes, PLAIN_BYTES + len, mac);
}

static const char *transport_parameter(const struct listener *listener)
{
	switch (listener->transport) {
	case TRANSPORT_UDP:
		return "";
	case TRANSPORT_TCP:
		return ";transport=tcp";
	case TRANSPORT_TLS:
	case TRANSPORT_MTLS:
		return ";transport=tls";
	}
	return "";
}

enum err record_route_sign(const struct record_route_keys *keys,
			   const struct record_route_token *token, const char *call_id,
			   char out[RECORD_ROUTE_TEXT_SIZE])
{
	unsigned char bytes[TOKEN_BYTES], mac[MAC_SIZE];

	bytes[0] = VERSION;
	bytes[1] = keys->current.number;
	bytes[2] = token->worker;
	put(bytes + 3, token->made_at_s, 4);
	put(bytes + 7, token->caller, 8);
	put(bytes + 15, token->callee, 8);
	enum err err = sign(&keys->current, bytes, call_id, mac);
	if (err != ERR_OK)
		return err;

	memcpy(bytes + PLAIN_BYTES, mac, MAC_BYTES);
	encode(bytes, out);
	return ERR_OK;
}

enum err record_route_entry(const char *is_signed, const struct listener *listener,
			    char out[RECORD_ROUTE_VALUE_SIZE])
{
	size_t len;

	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, 0, "<sip:");
	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, len, is_signed);
	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, len, "@");
	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, len, listener->sent_by);
	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, len, ";lr");
	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, len, transport_parameter(listener));
	len = text_append(out, RECORD_ROUTE_VALUE_SIZE, len, ">");
	return len + 1 < RECORD_ROUTE_VALUE_SIZE ? ERR_OK : ERR_TOO_LARGE;
}

enum err record_route_value(const struct record_route_keys *keys,
			    const struct record_route_token *token, const char *call_id,
			    const struct listener *listener, char out[RECORD_ROUTE_VALUE_SIZE])
{
	char text[RECORD_ROUTE_TEXT_SIZE];
	enum err err = record_route_sign(keys, token, call_id, text);

	return err == ERR_OK ? record_route_entry(text, listener, out) : err;
}

enum record_route_verdict record_route_verify(const struct record_route_keys *keys,
					      const url_t *route, const char *call_id,
					      struct record_route_token *out)
{
	unsigned char bytes[TOKEN_BYTES], mac[MAC_SIZE];

	if (!decode(route->url_user, bytes))
		return RECORD_ROUTE_NONE;

	const struct record_route_key *key = record_route_keys_find(keys, bytes[1]);
	if (!key || sign(key, bytes, call_id, mac) != ERR_OK ||
	    !mac_equal(mac, bytes + PLAIN_BYTES, MAC_BYTES))
		return RECORD_ROUTE_FORGED;
	out->worker = bytes[2];
	out->made_at_s = (uint32_t)get(bytes + 3, 4);
	out->caller = get(bytes + 7, 8);
	out->callee = get(bytes + 15, 8);
	return RECORD_ROUTE_VALID;
}
