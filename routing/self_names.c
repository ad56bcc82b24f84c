#include "routing/self_names.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"
#include "proxy/sip/uri.h"

enum { HOST_SIZE = 256, SIP_PORT = 5060, SIPS_PORT = 5061, N_KINDS = 3, N_BUCKETS = 256 };

struct key {
	uint16_t port;
	uint16_t len;     /* of host */
	const char *host; /* IPv6 without brackets, as addr_host writes it; in any letters */
};

/* What serves one host and port: by TLS, TCP and UDP there may be different listeners. */
struct self {
	struct self *next;
	struct key key;
	char host[HOST_SIZE];              /* the key's */
	struct listener *by_kind[N_KINDS]; /* enum kind; the first that came */
};

enum kind { KIND_UDP, KIND_TCP, KIND_TLS };

/* All of these names are our own: nobody else can make a bucket long, so that the hash may be a
 * simple one. Each request asks several times. */
struct self_names {
	struct self *buckets[N_BUCKETS];
};

static enum kind kind_of(const struct listener *listener)
{
	switch (listener->transport) {
	case TRANSPORT_UDP:
		return KIND_UDP;
	case TRANSPORT_TCP:
		return KIND_TCP;
	case TRANSPORT_TLS:
	case TRANSPORT_MTLS:
		return KIND_TLS;
	}
	return KIND_UDP;
}

/* IPv4 has one spelling only, and that passes for a name; IPv6 gets that of addr_host, in text.
 * False for what is no host. */
static bool fill_key(struct key *key, const char *host, uint16_t port,
		     char text[ADDR_TEXT_SIZE])
{
	struct addr addr;
	size_t len;

	if (strchr(host, ':') && addr_parse(host, 0, &addr) == ERR_OK)
		host = addr_host(&addr, text);
	len = strlen(host);
	if (len > 1 && host[len - 1] == '.')
		len--;
	*key = (struct key){ port, (uint16_t)len, host };
	return len > 0 && len < HOST_SIZE;
}

/* Ours differ in the end: addresses of one network, hosts of one domain that are numbered. */
static unsigned bucket_of(const struct key *key)
{
	const unsigned char last = (unsigned char)key->host[key->len - 1];
	const unsigned char before = key->len > 1 ? (unsigned char)key->host[key->len - 2] : 0;

	return ((last | 0x20u) * 7 + (before | 0x20u) * 61 + key->len * 3u + key->port) %
	       N_BUCKETS;
}

static struct self *find(const struct self_names *names, const struct key *key)
{
	struct self *self = names->buckets[bucket_of(key)];

	while (self && (self->key.port != key->port || self->key.len != key->len ||
			strncasecmp(self->key.host, key->host, key->len) != 0))
		self = self->next;
	return self;
}

enum err self_names_add(struct self_names *names, const char *host, uint16_t port,
			struct listener *listener)
{
	char text[ADDR_TEXT_SIZE], domain[HOST_SIZE];
	struct key key;

	if (!fill_key(&key, host, port, text) ||
	    (!strchr(key.host, ':') && !text_domain(host, domain, sizeof(domain))))
		return ERR_OK; /* nobody could write it in a URI */
	struct self *self = find(names, &key);
	if (!self) {
		self = calloc(1, sizeof(*self));
		if (!self)
			return ERR_NO_MEMORY;
		text_copy_len(self->host, sizeof(self->host), key.host, key.len);
		self->key = (struct key){ key.port, key.len, self->host };
		self->next = names->buckets[bucket_of(&key)];
		names->buckets[bucket_of(&key)] = self;
	}
	if (!self->by_kind[kind_of(listener)])
		self->by_kind[kind_of(listener)] = listener;
	return ERR_OK;
}

static enum err add_address(struct self_names *names, const struct addr *addr,
			    struct listener *listener)
{
	char text[ADDR_TEXT_SIZE];

	return self_names_add(names, addr_host(addr, text), addr_port(&listener->addr),
			      listener);
}

/* Bound to every address, it is reached by every address of the host. */
static enum err add_every_address(struct self_names *names, struct listener *listener)
{
	struct ifaddrs *interfaces;
	enum err err = ERR_OK;

	if (getifaddrs(&interfaces) < 0)
		return ERR_IO;
	for (const struct ifaddrs *i = interfaces; i && err == ERR_OK; i = i->ifa_next) {
		struct addr addr;
		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			addr_from_sockaddr(&addr, i->ifa_addr, sizeof(struct sockaddr_in));
		else if (i->ifa_addr->sa_family == AF_INET6 && addr_is_ipv6(&listener->addr))
			addr_from_sockaddr(&addr, i->ifa_addr, sizeof(struct sockaddr_in6));
		else
			continue;
		err = add_address(names, &addr, listener);
	}
	freeifaddrs(interfaces);
	return err;
}

static enum err add_listener(struct self_names *names, struct listener *listener)
{
	enum err err = self_names_add(names, listener->host, listener->port, listener);

	if (err != ERR_OK)
		return err;
	if (addr_is_wildcard(&listener->addr))
		return add_every_address(names, listener);
	return add_address(names, &listener->addr, listener);
}

enum err self_names_new(struct listener *const *listeners, size_t n, struct self_names **out)
{
	struct self_names *names = calloc(1, sizeof(*names));
	enum err err = ERR_OK;

	if (!names)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		if (listeners[i])
			err = add_listener(names, listeners[i]);
	if (err != ERR_OK) {
		self_names_free(names);
		return err;
	}
	*out = names;
	return ERR_OK;
}

struct self_names *self_names_free(struct self_names *names)
{
	if (!names)
		return NULL;
	for (unsigned i = 0; i < N_BUCKETS; i++)
		for (struct self *self = names->buckets[i], *next; self; self = next) {
			next = self->next;
			free(self);
		}
	free(names);
	return NULL;
}

/* The listener that the transport of the URI asks for, else any: it is us that are meant. */
static struct listener *choose(const struct self *self, enum uri_transport transport)
{
	enum kind wanted = KIND_UDP;

	if (transport == URI_TRANSPORT_TLS)
		wanted = KIND_TLS;
	else if (transport == URI_TRANSPORT_TCP)
		wanted = KIND_TCP;
	for (unsigned i = 0; i < N_KINDS; i++)
		if (self->by_kind[(wanted + i) % N_KINDS])
			return self->by_kind[(wanted + i) % N_KINDS];
	return NULL;
}

bool self_names_has(const struct self_names *names, const url_t *url,
		    struct listener **out_listener)
{
	char text[ADDR_TEXT_SIZE];
	struct key key;
	int port;

	if ((url->url_type != url_sip && url->url_type != url_sips) || !url->url_host)
		return false;
	port = uri_port(url);
	if (port < 0)
		return false;
	enum uri_transport transport = uri_transport(url);
	if (port == 0)
		port = transport == URI_TRANSPORT_TLS ? SIPS_PORT : SIP_PORT;
	if (!fill_key(&key, url->url_host, (uint16_t)port, text))
		return false;
	const struct self *self = find(names, &key);
	if (!self)
		return false;
	if (out_listener)
		*out_listener = choose(self, transport);
	return true;
}
