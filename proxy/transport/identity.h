/* Who a certificate says it is (RFC 5922): the names in it, and whether they speak for a
 * domain. The names are worked out once per connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum { IDENTITY_MAX_NAMES = 128, IDENTITY_NAME_SIZE = 256 };

/* IDENTITY_IP is no identity of RFC 5922: it counts only where a server is configured by its
 * address. */
enum identity_name_kind { IDENTITY_URI, IDENTITY_DNS, IDENTITY_CN, IDENTITY_IP };

struct identity_name {
	enum identity_name_kind kind;
	char text[IDENTITY_NAME_SIZE]; /* normalised domain; a wildcard keeps its "*." */
};

/* The identity of one verified certificate. Immutable; counted; any thread. */
struct identity {
	int n_refs; /* atomic */
	/* SAN URI "sip:domain" and SAN DNS; CN only when there is no SAN identity (RFC 5922
	 * §7.1) */
	struct identity_name *names;
	size_t n_names;
	char sha256[65];
	int64_t not_after; /* seconds since 1970 */
	int64_t not_before;
	char issuer[256];
	bool has_server_auth, has_client_auth, has_sip_domain, has_any_eku; /* RFC 5924 */
	/* the extension is there at all; without it every usage is allowed (RFC 5280
	 * §4.2.1.12) */
	bool has_eku;
};

/* Reads the names of a DER certificate. */
enum err identity_from_der(const void *der, size_t len, struct identity **out) MUST_CHECK;
struct identity *identity_ref(struct identity *identity);
struct identity *identity_unref(struct identity *identity);

/* True if one of the names is domain (whole, ASCII case-insensitive). A wildcard name matches
 * one label only, and only if allow_wildcard. out_name, if not NULL, gets the name that
 * matched. out_wildcard_only, if not NULL, is set when only a wildcard that is not allowed
 * would have matched. */
bool identity_matches(const struct identity *identity, const char *domain, bool allow_wildcard,
		      const char **out_name, bool *out_wildcard_only);

/* All names as text "a, b, *.c", cut at size. */
const char *identity_text(const struct identity *identity, char *out, size_t size);
