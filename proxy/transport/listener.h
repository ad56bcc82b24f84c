/* One address and port where we are reached, with the sockets of all workers. Made by the main
 * thread, used by the workers, part of the snapshot. Immutable but for its count. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/transport/credentials.h"

enum { LISTENER_MAX_CERTIFICATES = 16 };

/* The sockets behind an address, one for each worker (SO_REUSEPORT). A reload that keeps the
 * address keeps them. */
struct listener_sockets {
	int n_refs; /* atomic */
	unsigned n;
	int fds[]; /* -1: closed already, by its worker */
};

struct listener {
	int n_refs; /* atomic */
	char name[64];
	unsigned index; /* position among the listeners of its snapshot: metrics, tokens */
	enum conf_network network;
	enum conf_transport transport;
	struct addr addr; /* as bound, with the real port */
	/* host:port for Via, Record-Route, Contact: advertised, via_name, or the address */
	char sent_by[272];
	char host[256];       /* its host part, normalised: we are addressed by it */
	uint16_t port;        /* its port */
	bool is_seen_by_stun; /* they are what STUN servers see */
	struct listener_sockets *sockets;
	/* by SNI; the first is the preset */
	struct credentials *certificates[LISTENER_MAX_CERTIFICATES];
	unsigned n_certificates;
	struct tls_trust *trust;
	unsigned tls_minimum; /* settings' value for TLS 1.2 etc. */
};

/* Opens the sockets of one listener for n_workers. If previous (may be NULL) has the same bind,
 * port and transport, and as many workers, its sockets are taken over, so nothing is lost. Port
 * 0 binds an ephemeral port (tests). A fault goes to report at the listener's place:
 * ERR_ADDRESS, ERR_ACCESS, ERR_LIMIT. */
enum err listener_open(const struct settings_listener *settings, unsigned index,
		       unsigned n_workers, const struct listener *previous,
		       struct report *report, struct listener **out) MUST_CHECK;

/* Replaces sent_by, host and port by what text says: a name or address, with or without ":port"
 * (IPv6 in brackets); without one the listener's own port stands. False, and nothing changed,
 * if it is no host. Only before the listener is shared: for sip.via_name, which
 * settings_listener does not hold. */
bool listener_advertise(struct listener *listener, const char *text) MUST_CHECK;

struct listener *listener_ref(struct listener *listener);
struct listener *listener_unref(struct listener *listener);

bool listener_is_tls(const struct listener *listener); /* tls or mtls */
/* "UDP", "TCP", "TLS": the word for Via. */
const char *listener_via_transport(enum conf_transport transport);
