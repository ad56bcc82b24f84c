#include "routing/record_route.h"

#include <string.h>

#include "proxy/base/mac.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "routing/record_route_keys.h"

/* The token: version, key number, worker, time, both ends, MAC; 35 bytes, which are 56
 * characters of base32 without any padding. Lower case, as some devices think that user parts
 * may be lowered; and all of it stands unescaped in a URI (RFC 3261 §25.1). The second version
 * has the flows of both ends before the MAC, each with a byte that says what it is, and zeros
 * up to five bytes. */
enum {
	VERSION = 1,
	VERSION_FLOWS = 2,
	ENDS_BYTES = 3 + 4 + 8 + 8,
	FLOW_BYTES = 1 + 4 + 16 + 2 + 16, /* at most */
	PLAIN_BYTES = ENDS_BYTES + 2 * FLOW_BYTES + 4,
	MAC_BYTES = 12,
	TOKEN_BYTES = ENDS_BYTES + MAC_BYTES,
	MAX_BYTES = 115,
	TOKEN_CHARS = TOKEN_BYTES * 8 / 5,
	MAX_CHARS = MAX_BYTES * 8 / 5,
	CALL_ID_BYTES = 256, /* longer ones are signed by their MAC */
};

_Static_assert(ENDS_BYTES + 2 * FLOW_BYTES + MAC_BYTES <= MAX_BYTES,
	       "a token has room for both flows");
_Static_assert((int)MAX_CHARS < (int)RECORD_ROUTE_TEXT_SIZE, "and its text for the token");

enum flow_kind { FLOW_NONE, FLOW_CONNECTION, FLOW_IPV4, FLOW_IPV6 };

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

static void encode(const unsigned char *token, size_t len, char text[RECORD_ROUTE_TEXT_SIZE])
{
	for (size_t i = 0; i < len / 5; i++) {
		uint64_t group = get(token + 5 * i, 5);
		for (unsigned k = 0; k < 8; k++)
			text[8 * i + k] = alphabet[group >> (35 - 5 * k) & 31];
	}
	text[len * 8 / 5] = '\0';
}

/* What each character stands for, and one more; 0: nothing. */
static const unsigned char digits[256] = {
	['a'] = 1,  ['b'] = 2,  ['c'] = 3,  ['d'] = 4,  ['e'] = 5,  ['f'] = 6,  ['g'] = 7,
	['h'] = 8,  ['i'] = 9,  ['j'] = 10, ['k'] = 11, ['l'] = 12, ['m'] = 13, ['n'] = 14,
	['o'] = 15, ['p'] = 16, ['q'] = 17, ['r'] = 18, ['s'] = 19, ['t'] = 20, ['u'] = 21,
	['v'] = 22, ['w'] = 23, ['x'] = 24, ['y'] = 25, ['z'] = 26, ['2'] = 27, ['3'] = 28,
	['4'] = 29, ['5'] = 30, ['6'] = 31, ['7'] = 32,
};

/* Its length; 0 if text is no token by its looks. */
static size_t decode(const char *text, unsigned char token[MAX_BYTES])
{
	size_t n_chars = text ? strnlen(text, MAX_CHARS + 1) : 0;

	if (n_chars < TOKEN_CHARS || n_chars > MAX_CHARS || n_chars % 8)
		return 0;
	for (size_t i = 0; i < n_chars / 8; i++) {
		uint64_t group = 0;
		for (unsigned k = 0; k < 8; k++) {
			const unsigned value = digits[(unsigned char)text[8 * i + k]];
			if (!value)
				return 0;
			group = group << 5 | (value - 1);
		}
		put(token + 5 * i, group, 5);
	}
	if (token[0] != (n_chars == TOKEN_CHARS ? VERSION : VERSION_FLOWS))
		return 0;
	return n_chars / 8 * 5;
}

/* The MAC over what is plain in the token and the Call-ID. */
static void sign(const struct record_route_key *key, const unsigned char *plain, size_t n_plain,
		 const char *call_id, unsigned char mac[MAC_SIZE])
{
	unsigned char bytes[PLAIN_BYTES + CALL_ID_BYTES];
	size_t len = strlen(call_id);

	memcpy(bytes, plain, n_plain);
	if (len < CALL_ID_BYTES) {
		memcpy(bytes + n_plain, call_id, len);
	} else { /* as long as no short one is, so that the two cannot be mistaken */
		memset(bytes + n_plain, 0, CALL_ID_BYTES);
		mac_sha256(&key->mac, call_id, len, bytes + n_plain);
		len = CALL_ID_BYTES;
	}
	mac_sha256(&key->mac, bytes, n_plain + len, mac);
}

/* ---- flows ---- */

static const void *host_of(const struct addr *addr)
{
	return addr_is_ipv6(addr) ? (const void *)&addr->in6.sin6_addr
				  : (const void *)&addr->in4.sin_addr;
}

/* Returns how many bytes it took. */
static size_t put_flow(const struct token_flow *flow, unsigned char *to)
{
	size_t n_host = addr_is_ipv6(&flow->remote) ? 16 : 4;

	to[0] = FLOW_NONE;
	if (!flow->is_set)
		return 1;
	put(to + 1, flow->listener, 4);
	if (flow->id) {
		to[0] = FLOW_CONNECTION;
		put(to + 5, flow->id, 8);
		return 13;
	}
	to[0] = n_host == 16 ? FLOW_IPV6 : FLOW_IPV4;
	memcpy(to + 5, host_of(&flow->remote), n_host);
	put(to + 5 + n_host, addr_port(&flow->remote), 2);
	memset(to + 7 + n_host, 0, n_host);
	if (addr_is_set(&flow->local) &&
	    addr_is_ipv6(&flow->local) == addr_is_ipv6(&flow->remote))
		memcpy(to + 7 + n_host, host_of(&flow->local), n_host);
	return 7 + 2 * n_host;
}

static void get_addr(const unsigned char *host, size_t n_host, uint16_t port, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (n_host == 16) {
		out->in6.sin6_family = AF_INET6;
		memcpy(&out->in6.sin6_addr, host, n_host);
		out->len = sizeof(out->in6);
	} else {
		out->in4.sin_family = AF_INET;
		memcpy(&out->in4.sin_addr, host, n_host);
		out->len = sizeof(out->in4);
	}
	addr_set_port(out, port);
}

/* How many bytes it is; 0 if it is none, or longer than what is left. */
static size_t get_flow(const unsigned char *from, size_t left, struct token_flow *out)
{
	size_t n_host = left && from[0] == FLOW_IPV6 ? 16 : 4;

	memset(out, 0, sizeof(*out));
	if (!left || from[0] > FLOW_IPV6)
		return 0;
	if (from[0] == FLOW_NONE)
		return 1;
	if (left < (from[0] == FLOW_CONNECTION ? 13 : 7 + 2 * n_host))
		return 0;
	out->is_set = true;
	out->listener = (uint32_t)get(from + 1, 4);
	if (from[0] == FLOW_CONNECTION) {
		out->id = get(from + 5, 8);
		return 13;
	}
	get_addr(from + 5, n_host, (uint16_t)get(from + 5 + n_host, 2), &out->remote);
	get_addr(from + 7 + n_host, n_host, 0, &out->local);
	return 7 + 2 * n_host;
}

/* Both flows, and zeros up to a whole group. Returns how long all that is plain is. */
static size_t put_flows(const struct record_route_token *token, unsigned char *plain)
{
	size_t len = ENDS_BYTES;

	len += put_flow(&token->caller_flow, plain + len);
	len += put_flow(&token->callee_flow, plain + len);
	for (; (len + MAC_BYTES) % 5; len++)
		plain[len] = 0;
	return len;
}

static bool get_flows(const unsigned char *plain, size_t n_plain,
		      struct record_route_token *out)
{
	size_t n, len = ENDS_BYTES;

	n = get_flow(plain + len, n_plain - len, &out->caller_flow);
	len += n;
	return n && get_flow(plain + len, n_plain - len, &out->callee_flow);
}

uint32_t record_route_listener(const struct record_route_keys *keys, const char *name)
{
	return (uint32_t)record_route_end(keys, name);
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
	const bool has_flows = token->caller_flow.is_set || token->callee_flow.is_set;
	unsigned char bytes[MAX_BYTES + MAC_SIZE], mac[MAC_SIZE];

	bytes[0] = has_flows ? VERSION_FLOWS : VERSION;
	bytes[1] = keys->current.number;
	bytes[2] = token->worker;
	put(bytes + 3, token->made_at_s, 4);
	put(bytes + 7, token->caller, 8);
	put(bytes + 15, token->callee, 8);
	size_t n_plain = has_flows ? put_flows(token, bytes) : ENDS_BYTES;
	sign(&keys->current, bytes, n_plain, call_id, mac);
	memcpy(bytes + n_plain, mac, MAC_BYTES);
	encode(bytes, n_plain + MAC_BYTES, out);
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
	unsigned char bytes[MAX_BYTES], mac[MAC_SIZE];
	size_t len = decode(route->url_user, bytes), n_plain = len - MAC_BYTES;

	if (!len)
		return RECORD_ROUTE_NONE;

	const struct record_route_key *key = record_route_keys_find(keys, bytes[1]);
	if (!key)
		return RECORD_ROUTE_FORGED;
	sign(key, bytes, n_plain, call_id, mac);
	if (!mac_equal(mac, bytes + n_plain, MAC_BYTES))
		return RECORD_ROUTE_FORGED;
	out->caller_flow.is_set = out->callee_flow.is_set = false;
	if (n_plain > ENDS_BYTES && !get_flows(bytes, n_plain, out))
		return RECORD_ROUTE_FORGED;
	out->worker = bytes[2];
	out->made_at_s = (uint32_t)get(bytes + 3, 4);
	out->caller = get(bytes + 7, 8);
	out->callee = get(bytes + 15, 8);
	return RECORD_ROUTE_VALID;
}
