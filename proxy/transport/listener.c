#include "proxy/transport/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/host.h"
#include "proxy/base/text.h"
#include "proxy/transport/listener_socket.h"

bool listener_is_tls(const struct listener *listener)
{
	return listener->transport == TRANSPORT_TLS || listener->transport == TRANSPORT_MTLS;
}

const char *listener_via_transport(enum conf_transport transport)
{
	switch (transport) {
	case TRANSPORT_UDP:
		return "UDP";
	case TRANSPORT_TCP:
		return "TCP";
	case TRANSPORT_TLS:
	case TRANSPORT_MTLS:
		return "TLS";
	}
	return "UDP";
}

/* The parts of "host", "host:port", "[v6]:port", "v6". A port that is not written leaves
 * out_port as it is. */
static bool split_host_port(const char *text, char host[256], uint16_t *out_port)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = strrchr(end ? end : text, ':');
	bool is_bare_ipv6 = !end && colon && strchr(text, ':') != colon;
	size_t len = colon && !is_bare_ipv6 ? (size_t)(colon - text) : strlen(text);

	if (!text_copy_len(host, 256, text, len) || (text[0] == '[' && !end))
		return false;
	if (!colon || is_bare_ipv6)
		return true;

	char *rest = NULL;
	unsigned long port = strtoul(colon + 1, &rest, 10);
	if (colon[1] < '0' || colon[1] > '9' || *rest || port == 0 || port > UINT16_MAX)
		return false;
	*out_port = (uint16_t)port;
	return true;
}

bool listener_advertise(struct listener *listener, const char *text)
{
	char written[256], host[256], literal[ADDR_TEXT_SIZE];
	uint16_t port = addr_port(&listener->addr);
	struct addr addr;

	if (!split_host_port(text, written, &port))
		return false;
	if (addr_parse(written, 0, &addr) == ERR_OK)
		text_copy(host, sizeof(host), addr_uri_host(&addr, literal));
	else if (!text_domain(written, host, sizeof(host)))
		return false;
	memcpy(listener->host, host, sizeof(host));
	listener->port = port;
	snprintf(listener->sent_by, sizeof(listener->sent_by), "%s:%u", listener->host, port);
	return true;
}

/* What stands in our Via where nothing is advertised. A Via needs one address, also where all
 * are bound. */
static void advertise_address(struct listener *listener)
{
	struct addr addr = listener->addr;
	char text[ADDR_TEXT_SIZE];

	if (addr_is_wildcard(&addr))
		listener_primary_address(addr_is_ipv6(&addr), &addr);
	text_copy(listener->host, sizeof(listener->host), addr_uri_host(&addr, text));
	listener->port = addr_port(&listener->addr);
	snprintf(listener->sent_by, sizeof(listener->sent_by), "%s:%u", listener->host,
		 listener->port);
}

/* True if the sockets of previous are those that settings ask for. Port 0 is content with
 * any. */
static bool has_same_sockets(const struct settings_listener *settings,
			     const struct listener *previous)
{
	if ((settings->transport == TRANSPORT_UDP) != (previous->transport == TRANSPORT_UDP))
		return false;
	if (!addr_same_host(&settings->addr, &previous->addr))
		return false;
	return settings->port == 0 || settings->port == addr_port(&previous->addr);
}

static void sockets_unref(struct listener_sockets *sockets)
{
	if (!sockets || __atomic_sub_fetch(&sockets->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (unsigned i = 0; i < sockets->n; i++) {
		if (sockets->fds[i] >= 0)
			close(sockets->fds[i]);
	}
	free(sockets);
}

static enum err take_over(struct listener *listener, const struct listener *previous)
{
	__atomic_add_fetch(&previous->sockets->n_refs, 1, __ATOMIC_RELAXED);
	listener->sockets = previous->sockets;
	listener->addr = previous->addr;
	return ERR_OK;
}

static enum err open_sockets(const struct settings_listener *settings,
			     const struct listener *previous, struct listener *listener,
			     unsigned n_workers)
{
	struct listener_socket_wish wish = {
		.addr = settings->addr,
		.is_udp = settings->transport == TRANSPORT_UDP,
		.is_dual = strcmp(settings->bind, "*") == 0,
		.is_shared = n_workers > 1,
	};
	enum err err = ERR_OK;

	if (previous && has_same_sockets(settings, previous) &&
	    previous->sockets->n == n_workers)
		return take_over(listener, previous);

	struct listener_sockets *sockets =
		calloc(1, sizeof(*sockets) + n_workers * sizeof(sockets->fds[0]));
	if (!sockets)
		return ERR_NO_MEMORY;
	sockets->n_refs = 1;
	listener->sockets = sockets;
	addr_set_port(&wish.addr, settings->port);
	if (wish.is_shared && settings->port != 0)
		err = listener_socket_probe(&wish);
	while (err == ERR_OK && sockets->n < n_workers) {
		err = listener_socket_open(&wish, &sockets->fds[sockets->n]);
		if (err == ERR_OK)
			err = listener_socket_addr(sockets->fds[sockets->n++], &wish.addr);
	}
	listener->addr = wish.addr;
	return err;
}

static void report_socket(const struct settings_listener *settings, struct report *report,
			  enum err err)
{
	char text[ADDR_TEXT_SIZE];
	struct addr addr = settings->addr;

	addr_set_port(&addr, settings->port);
	report_error(report, FAULT_SOCKET,
		     settings->bind_place.line ? &settings->bind_place : &settings->place,
		     "bind", "listener '%s' cannot be opened on %s (%s): %s", settings->name,
		     addr_text(&addr, text), conf_transport_text(settings->transport),
		     err != ERR_ADDRESS          ? err_text(err)
		     : host_has(&settings->addr) ? "in use by another program"
						 : "no address of this host");
	if (err == ERR_ACCESS)
		report_hint(report, "ports below 1024 need CAP_NET_BIND_SERVICE");
}

enum err listener_open(const struct settings_listener *settings, unsigned index,
		       unsigned n_workers, const struct listener *previous,
		       struct report *report, struct listener **out)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	if (!listener)
		return ERR_NO_MEMORY;

	listener->n_refs = 1;
	text_copy(listener->name, sizeof(listener->name), settings->name);
	listener->index = index;
	listener->network = settings->network;
	listener->transport = settings->transport;
	listener->addr = settings->addr;
	listener->tls_minimum = settings->minimum;
	enum err err = open_sockets(settings, previous, listener, n_workers);
	if (err != ERR_OK) {
		report_socket(settings, report, err);
		listener_unref(listener);
		return err;
	}
	if (n_workers == 0)
		addr_set_port(&listener->addr,
			      settings->port); /* a dry run: nothing was bound */
	advertise_address(listener);
	if (settings->advertise && settings->advertise[0] &&
	    !listener_advertise(listener, settings->advertise)) {
		report_error(report, FAULT_BAD_VALUE, &settings->place, "advertise",
			     "'%s' is neither a name nor an address", settings->advertise);
		listener_unref(listener);
		return ERR_INVALID;
	}
	*out = listener;
	return ERR_OK;
}

struct listener *listener_ref(struct listener *listener)
{
	__atomic_add_fetch(&listener->n_refs, 1, __ATOMIC_RELAXED);
	return listener;
}

struct listener *listener_unref(struct listener *listener)
{
	if (!listener || __atomic_sub_fetch(&listener->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	sockets_unref(listener->sockets);
	for (unsigned i = 0; i < listener->n_certificates; i++)
		credentials_unref(listener->certificates[i]);
	tls_trust_unref(listener->trust);
	free(listener);
	return NULL;
}
