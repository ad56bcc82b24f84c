#include "proxy/base/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/random.h"

static void set_in4(struct addr *addr, struct in_addr host, uint16_t port)
{
	memset(addr, 0, sizeof(*addr));
	addr->in4.sin_family = AF_INET;
	addr->in4.sin_addr = host;
	addr->in4.sin_port = htons(port);
	addr->len = sizeof(addr->in4);
}

/* A mapped IPv4 address (RFC 4291 §2.5.5.2) and the IPv4 address itself are the same host. */
static void set_in6(struct addr *addr, const struct in6_addr *host, uint32_t scope,
		    uint16_t port)
{
	if (IN6_IS_ADDR_V4MAPPED(host)) {
		struct in_addr in4;
		memcpy(&in4, &host->s6_addr[12], sizeof(in4));
		set_in4(addr, in4, port);
		return;
	}
	memset(addr, 0, sizeof(*addr));
	addr->in6.sin6_family = AF_INET6;
	addr->in6.sin6_addr = *host;
	addr->in6.sin6_scope_id = scope;
	addr->in6.sin6_port = htons(port);
	addr->len = sizeof(addr->in6);
}

static bool parse_number(const char *text, size_t max_digits, uint32_t max, uint32_t *out)
{
	uint64_t number = 0;
	size_t n = strlen(text);

	if (n == 0 || n > max_digits)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	if (number > max)
		return false;
	*out = (uint32_t)number;
	return true;
}

/* The zone of RFC 4007 §11: an interface's name or its number. */
static bool parse_scope(const char *text, uint32_t *out)
{
	if (parse_number(text, 10, UINT32_MAX, out))
		return *out != 0;
	if (!*text || strlen(text) >= IF_NAMESIZE)
		return false;
	*out = if_nametoindex(text);
	return *out != 0;
}

/* text[len] is an address without brackets. */
static enum err parse_host(const char *text, size_t len, uint16_t port, struct addr *out)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	struct in_addr in4;
	struct in6_addr in6;
	uint32_t scope = 0;

	if (len == 0 || len >= sizeof(host) || memchr(text, '\0', len))
		return ERR_SYNTAX;
	memcpy(host, text, len);
	host[len] = '\0';

	/* Most hosts are names, and are told from addresses by less than a try to read them. */
	if (host[0] >= '0' && host[0] <= '9' && inet_pton(AF_INET, host, &in4) == 1) {
		set_in4(out, in4, port);
		return ERR_OK;
	}
	if (!memchr(host, ':', len))
		return ERR_SYNTAX;

	char *percent = strchr(host, '%');
	if (percent) {
		*percent = '\0';
		if (!parse_scope(percent + 1, &scope))
			return ERR_SYNTAX;
	}
	if (inet_pton(AF_INET6, host, &in6) != 1)
		return ERR_SYNTAX;
	set_in6(out, &in6, scope, port);
	return ERR_OK;
}

/* "[...]" at the start of text: what follows the bracket, or NULL if that is no IPv6
 * address. */
static const char *parse_bracketed(const char *text, uint16_t port, struct addr *out)
{
	const char *end = strchr(text, ']');

	if (!end || !memchr(text, ':', (size_t)(end - text)))
		return NULL;
	if (parse_host(text + 1, (size_t)(end - text) - 1, port, out) != ERR_OK)
		return NULL;
	return end + 1;
}

enum err addr_parse(const char *text, uint16_t port, struct addr *out)
{
	struct addr addr;

	if (text[0] == '[') {
		const char *rest = parse_bracketed(text, port, &addr);
		if (!rest || *rest)
			return ERR_SYNTAX;
	} else if (parse_host(text, strlen(text), port, &addr) != ERR_OK) {
		return ERR_SYNTAX;
	}
	*out = addr;
	return ERR_OK;
}

enum err addr_parse_port(const char *text, uint16_t preset_port, struct addr *out)
{
	struct addr addr;
	uint32_t port = preset_port;
	const char *colon = strchr(text, ':');
	const char *rest;

	if (text[0] == '[') {
		rest = parse_bracketed(text, 0, &addr);
		if (!rest)
			return ERR_SYNTAX;
	} else if (colon && !strchr(colon + 1, ':')) {
		rest = colon;
		if (parse_host(text, (size_t)(colon - text), 0, &addr) != ERR_OK)
			return ERR_SYNTAX;
	} else {
		return addr_parse(text, preset_port, out);
	}

	if (*rest && (*rest != ':' || !parse_number(rest + 1, 5, UINT16_MAX, &port)))
		return ERR_SYNTAX;
	*out = addr;
	addr_set_port(out, (uint16_t)port);
	return ERR_OK;
}

void addr_from_sockaddr(struct addr *addr, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	memset(addr, 0, sizeof(*addr));
	if (sa->sa_family == AF_INET && len >= sizeof(in4)) {
		memcpy(&in4, sa, sizeof(in4));
		set_in4(addr, in4.sin_addr, ntohs(in4.sin_port));
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		set_in6(addr, &in6.sin6_addr, in6.sin6_scope_id, ntohs(in6.sin6_port));
	}
}

/* Decimal digits without leading zeros; returns where they end. By hand, as are dots and colons
 * below: the C library's printf cost a twentieth of a transaction. */
static char *put_number(char *to, unsigned number)
{
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n)
		*to++ = digits[--n];
	return to;
}

static char *put_octet(char *to, unsigned char octet)
{
	if (octet >= 100)
		*to++ = (char)('0' + octet / 100);
	if (octet >= 10)
		*to++ = (char)('0' + octet / 10 % 10);
	*to++ = (char)('0' + octet % 10);
	return to;
}

static char *put_ipv4(char *to, const struct in_addr *in)
{
	const unsigned char *bytes = (const unsigned char *)&in->s_addr;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*to++ = '.';
		to = put_octet(to, bytes[i]);
	}
	*to = '\0';
	return to;
}

const char *addr_host(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
	text[0] = '\0';
	if (addr->len == 0)
		return text;
	if (!addr_is_ipv6(addr)) {
		put_ipv4(text, &addr->in4.sin_addr);
		return text;
	}

	inet_ntop(AF_INET6, &addr->in6.sin6_addr, text, ADDR_TEXT_SIZE);
	if (addr->in6.sin6_scope_id) {
		size_t len = strlen(text);
		snprintf(text + len, ADDR_TEXT_SIZE - len, "%%%u", addr->in6.sin6_scope_id);
	}
	return text;
}

const char *addr_uri_host(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
	char host[ADDR_TEXT_SIZE];

	if (!addr_is_ipv6(addr))
		return addr_host(addr, text);

	/* RFC 3261 §25.1 knows no zone in an IPv6reference. */
	inet_ntop(AF_INET6, &addr->in6.sin6_addr, host, INET6_ADDRSTRLEN);
	snprintf(text, ADDR_TEXT_SIZE, "[%.46s]", host);
	return text;
}

const char *addr_text(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
	char *end;

	text[0] = '\0';
	if (addr->len == 0)
		return text;
	if (addr_is_ipv6(addr)) {
		char host[ADDR_TEXT_SIZE];

		snprintf(text, ADDR_TEXT_SIZE, "[%.55s]:%u", addr_host(addr, host),
			 addr_port(addr));
		return text;
	}
	end = put_ipv4(text, &addr->in4.sin_addr);
	*end++ = ':';
	*put_number(end, addr_port(addr)) = '\0';
	return text;
}

void addr_set_port(struct addr *addr, uint16_t port)
{
	if (addr_is_ipv6(addr))
		addr->in6.sin6_port = htons(port);
	else if (addr->len)
		addr->in4.sin_port = htons(port);
}

bool addr_is_wildcard(const struct addr *addr)
{
	if (addr->len == 0)
		return false;
	if (addr_is_ipv6(addr))
		return IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
	return addr->in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* True if addr is IPv4 and its first n_bits are those of net. */
static bool in_net4(const struct addr *addr, uint32_t net, unsigned n_bits)
{
	return (ntohl(addr->in4.sin_addr.s_addr) ^ net) >> (32 - n_bits) == 0;
}

bool addr_is_loopback(const struct addr *addr)
{
	if (addr->len == 0)
		return false;
	if (addr_is_ipv6(addr))
		return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
	return in_net4(addr, 0x7f000000, 8);
}

bool addr_is_private(const struct addr *addr)
{
	if (addr->len == 0)
		return false;
	if (addr_is_loopback(addr))
		return true;
	if (addr_is_ipv6(addr)) {
		const uint8_t *host = addr->in6.sin6_addr.s6_addr;
		return (host[0] & 0xfe) == 0xfc /* RFC 4193: fc00::/7 */
		       || IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr);
	}
	return in_net4(addr, 0x0a000000, 8) || in_net4(addr, 0xac100000, 12) ||
	       in_net4(addr, 0xc0a80000, 16)     /* RFC 1918 */
	       || in_net4(addr, 0x64400000, 10)  /* RFC 6598: 100.64.0.0/10 */
	       || in_net4(addr, 0xa9fe0000, 16); /* link-local */
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	if (a->len == 0 || b->len == 0)
		return a->len == b->len;
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (!addr_is_ipv6(a))
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

uint64_t addr_hash(const struct addr *addr, bool with_port)
{
	struct {
		uint8_t host[16];
		uint32_t scope;
		uint16_t port;
		uint16_t family;
	} key = { 0 };

	if (addr_is_ipv6(addr)) {
		memcpy(key.host, &addr->in6.sin6_addr, 16);
		key.scope = addr->in6.sin6_scope_id;
		key.family = AF_INET6;
	} else if (addr->len) {
		memcpy(key.host, &addr->in4.sin_addr, 4);
		key.family = AF_INET;
	}
	if (with_port)
		key.port = addr_port(addr);
	return random_keyed_hash(&key, sizeof(key));
}
