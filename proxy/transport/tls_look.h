/* A client's TLS session that only looks: it goes on whatever certificate the server shows, and
 * keeps what traffic would have said of it and what the chain holds. For the checks of an
 * administrator: nothing but an OPTIONS of our own may be sent over it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/transport/tls.h"

enum { TLS_LOOK_MAX = 8 };

/* One certificate of the chain. */
struct tls_shown {
	char subject[256], issuer[256];
	int64_t not_before, not_after; /* seconds since 1970 */
	char key[32];                  /* "RSA 2048" */
	char signature[32];            /* "RSA-SHA256" */
	bool has_weak_key, has_weak_signature, is_self_signed;
};

struct tls_look {
	bool has_chain;      /* the rest is filled */
	enum reason verdict; /* what traffic would have said; REASON_NONE: it trusts it */
	unsigned n_sent;     /* certificates */
	/* The path upwards from the leaf, as far as it was sent and is kept. */
	unsigned n;
	struct tls_shown path[TLS_LOOK_MAX];
	/* It ends with a root, or its last issuer is a root that we know; not known without
	 * either: then is_incomplete only where it looks so. */
	bool is_incomplete, has_root;
	bool is_trusted; /* its issuer is one that we trust */
};

/* Like tls_session_dial, whose errors it has. only: offers this version alone, CONF_TLS_UNSET:
 * as the hop says; ERR_UNSUPPORTED if GnuTLS does not have that version. */
enum err tls_session_look(const struct hop *hop, enum conf_tls_version only,
			  struct tls_session **out) MUST_CHECK;

/* What was seen; complete once the handshake has ended. The session's. NULL for one that does
 * not look. */
const struct tls_look *tls_session_seen(const struct tls_session *session);
