/* SIP URIs: comparison (RFC 3261 §19.1.4) and parts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/sip/message.h"

enum uri_transport {
	URI_TRANSPORT_NONE,
	URI_TRANSPORT_UDP,
	URI_TRANSPORT_TCP,
	URI_TRANSPORT_TLS,
	URI_TRANSPORT_OTHER
};

/* Reads a SIP URI from text into memory of home; NULL if it is none. */
url_t *uri_parse(su_home_t *home, const char *text);

/* The transport parameter (sips without one: TLS). */
enum uri_transport uri_transport(const url_t *url);

/* The port, 0 if none is written; -1 if it is no port number. */
int uri_port(const url_t *url);

/* A parameter's value ("" if it has none), copied into out; false if it is not there or too
 * long. */
bool uri_param(const url_t *url, const char *name, char *out, size_t size);

/* RFC 3261 §19.1.4. */
bool uri_equal(const url_t *a, const url_t *b);
