/* An IPv4 or IPv6 address with a port, as the system calls want it. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proxy/base/error.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	};
	socklen_t len; /* 0: no address */
};

enum { ADDR_TEXT_SIZE = 64 }; /* room for "[ipv6%scope]:port" and its end */

/* Reads a bare address ("192.0.2.1", "2001:db8::1", "[2001:db8::1]") without a port; names are
 * not looked up. ERR_SYNTAX if it is none. */
enum err addr_parse(const char *text, uint16_t port, struct addr *out) MUST_CHECK;

/* Reads "192.0.2.1:5060", "[2001:db8::1]:5060", or an address alone, which gets preset_port. */
enum err addr_parse_port(const char *text, uint16_t preset_port, struct addr *out) MUST_CHECK;

/* Copies what the system filled in; a mapped IPv4 address (::ffff:192.0.2.1) becomes IPv4. */
void addr_from_sockaddr(struct addr *addr, const struct sockaddr *sa, socklen_t len);

/* Prints the address alone, IPv6 without brackets; returns text. */
const char *addr_host(const struct addr *addr, char text[ADDR_TEXT_SIZE]);

/* Prints the address as a SIP or URI host: IPv6 in brackets (RFC 3261 §25.1); returns text. */
const char *addr_uri_host(const struct addr *addr, char text[ADDR_TEXT_SIZE]);

/* Prints address and port, IPv6 in brackets; returns text. */
const char *addr_text(const struct addr *addr, char text[ADDR_TEXT_SIZE]);

void addr_set_port(struct addr *addr, uint16_t port);

static inline bool addr_is_set(const struct addr *addr)
{
	return addr->len != 0;
}

static inline bool addr_is_ipv6(const struct addr *addr)
{
	return addr->len != 0 && addr->sa.sa_family == AF_INET6;
}

/* 0 if there is no address. */
static inline uint16_t addr_port(const struct addr *addr)
{
	if (addr->len == 0)
		return 0;
	return ntohs(addr_is_ipv6(addr) ? addr->in6.sin6_port : addr->in4.sin_port);
}

bool addr_is_wildcard(const struct addr *addr); /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *addr);

/* True for what is not routed on the internet: RFC 1918, RFC 6598, RFC 4193, link-local,
 * loopback. */
bool addr_is_private(const struct addr *addr);

bool addr_equal(const struct addr *a, const struct addr *b);     /* address and port */
bool addr_same_host(const struct addr *a, const struct addr *b); /* address alone */

/* A keyed hash over the address, with or without the port, for tables that strangers fill. */
uint64_t addr_hash(const struct addr *addr, bool with_port);
