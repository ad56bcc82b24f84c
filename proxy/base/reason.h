/* Every verdict has a reason: a row of one table with a stable code, the SIP status it gives,
 * who must act, and what to do. docs/reasons.md, `nuncio help CODE`, the log, Reason headers,
 * metrics and the journal catalogue are all made from it. Adding a reason is adding an enum
 * value and its row. */
#pragma once

#include <stdbool.h>

#include <stddef.h>

enum reason {
	REASON_NONE = 0, /* accepted */

	/* The message itself. */
	REASON_MALFORMED,         /* 400 */
	REASON_MESSAGE_TOO_LARGE, /* 513 */
	REASON_VERSION,           /* 505 */
	REASON_URI_SCHEME,        /* 416 */
	REASON_TOO_MANY_HOPS,     /* 483 */
	REASON_LOOP,              /* 482 */
	REASON_MAX_BREADTH,       /* 440 */
	REASON_PROXY_REQUIRE,     /* 420 */
	REASON_METHOD,            /* 405, a method for ourselves that we do not serve */
	REASON_NO_TRANSACTION,    /* 481, CANCEL without one */

	/* Who sent it. */
	REASON_STRANGER,          /* 403 */
	REASON_NOT_A_PARTNER,     /* 403, the From domain has no route */
	REASON_ROUTE_DISABLED,    /* 403 */
	REASON_IDENTITY_MISMATCH, /* 403, certificate does not speak for the From domain */
	/* 403, partner is trusted by certificate and showed none */
	REASON_NO_CERTIFICATE,
	REASON_WILDCARD_CERTIFICATE,       /* 403 */
	REASON_ADDRESS_MISMATCH,           /* 403, trusted by address, came from another */
	REASON_OWN_DOMAIN_FROM_OUTSIDE,    /* 403 */
	REASON_FOREIGN_DOMAIN_FROM_INSIDE, /* 403, a backend asserts a domain it may not */
	REASON_WRONG_LISTENER,             /* 403 */
	REASON_AUTHORIZATION_NEEDED,       /* 407 */
	REASON_AUTHORIZATION_WRONG,        /* 403 after a wrong digest */
	REASON_AUTHORIZATION_STALE,        /* 407 */
	REASON_ROUTE_TOKEN_FORGED,         /* 403 */
	REASON_DIALOG_IDENTITY,            /* 403, in-dialog request from another identity */
	REASON_UNKNOWN_DIALOG,             /* 481, To tag without our signed Route */
	REASON_LOG_ON_NEEDED,              /* 401, a backend's REGISTER without credentials */
	REASON_LOG_ON_STALE,               /* 401 */
	REASON_REGISTRATION_BRIEF,         /* 423, shorter than registrar.min_expires */
	REASON_REGISTRATION_OLD,           /* 500, overtaken by a newer one (RFC 3261 10.3) */
	REASON_REGISTRATION_FULL,          /* 503, more contacts than are kept */
	/* 403, a user who is locked, or may not come from the internet */
	REASON_PHONE_NOT_ALLOWED,
	/* 403, a phone that says to be, or registers, another user */
	REASON_PHONE_IDENTITY,
	/* 403, the domain's SRV record leads to other servers than the one that sent this */
	REASON_SRV_ELSEWHERE,
	/* 403, it leads to this server, which may not speak for the domain */
	REASON_SRV_TARGET_OUTSIDE,
	REASON_PARTNER_NOT_ALLOWED, /* 403, federation.allow or deny */
	REASON_PARTNER_BLOCKED,     /* 403, a discovered domain that was blocked */

	/* Limits. */
	REASON_RATE_LIMITED,          /* 503 */
	REASON_BANNED,                /* dropped */
	REASON_TOO_MANY_TRANSACTIONS, /* 503 */
	REASON_TOO_MANY_CONNECTIONS,
	REASON_TOO_MANY_HANDSHAKES,
	REASON_OVERLOAD, /* 503, out of memory or queue */
	/* 503, less important than others, and there is no time or room for all */
	REASON_SHED_LOAD,
	REASON_DRAINING,             /* 503 */
	REASON_PARTNER_RATE_LIMITED, /* 503, a discovered domain, federation.discovered.rate */
	REASON_PARTNER_SUSPICIOUS,   /* 503, .suspicious_rate */
	REASON_PARTNER_TOO_MANY_USERS, /* 503, .max_users */

	/* What it wants. */
	REASON_SERVICE_NOT_ALLOWED,   /* 403, services of the partner */
	REASON_NO_RELAY,              /* 403, foreign to foreign */
	REASON_DIAL_DENIED,           /* 403, class of service */
	REASON_UNKNOWN_USER,          /* 404, no backend for a local user */
	REASON_NO_ROUTE,              /* 404: domain is neither local nor a partner */
	REASON_PARTNERS_SWITCHED_OFF, /* 403 */
	REASON_EXTENSION_UNSUPPORTED,
	/* Why a Contact of a 3xx is not followed. */
	REASON_REDIRECT_LOOP,
	REASON_REDIRECT_LIMIT,
	REASON_REDIRECT_NUMBER,

	/* The way there. */
	REASON_DNS_NO_ADDRESS,       /* 503 */
	REASON_DNS_FAILED,           /* 503 */
	REASON_DNS_TIMEOUT,          /* 503 */
	REASON_CONNECT_REFUSED,      /* 503 */
	REASON_CONNECT_UNREACHABLE,  /* 503 */
	REASON_CONNECT_TIMEOUT,      /* 503 */
	REASON_CONNECTION_LOST,      /* 503 */
	REASON_SEND_QUEUE_FULL,      /* 503 */
	REASON_PEER_NOT_READING,     /* 503, its connection was ended for it */
	REASON_NO_ANSWER,            /* 408 */
	REASON_ALL_SERVERS_DOWN,     /* 503, every hop is known to be dead */
	REASON_NEXT_HOP_503,         /* 503 passed as 500 by RFC 3261 16.7 */
	REASON_TIMER_C,              /* 408 */
	REASON_CANCELLED,            /* 487 */
	REASON_NO_LISTENER,          /* 500, no listener serves the hop's transport */
	REASON_NOT_LOGGED_ON,        /* 503, the backend has no address and has not logged on */
	REASON_FLOW_FAILED,          /* 430, inside a dialog: the phone's flow is gone */
	REASON_PHONE_UNREACHABLE,    /* 480, none of the phone's flows works */
	REASON_NO_FEDERATION_RECORD, /* 404, the domain has no _sipfederationtls._tcp record */
	/* 503, no backend has the user, but some could not be asked */
	REASON_SEARCH_INCOMPLETE,
	/* 488, a call that is relayed, with SDP that we cannot read */
	REASON_SDP_UNREADABLE,
	REASON_SRTP_REQUIRED, /* 488, media.srtp: require, and plain RTP was offered */
	/* 488, media.srtp: off, or no suite or key that we understand */
	REASON_SRTP_NOT_TAKEN,
	REASON_CHANNELS_FULL,  /* 503, media.channels */
	REASON_BANDWIDTH_FULL, /* 503, media.bandwidth */
	REASON_NO_MEDIA_PORTS, /* 503, media.ports */
	REASON_MEDIA_TIMEOUT,  /* nothing came on a relay any more: media.timeout */

	/* TLS: the outcome of a handshake. "peer" is the other side. */
	REASON_TLS_EXPIRED,
	REASON_TLS_NOT_YET_VALID,
	REASON_TLS_NAME_MISMATCH,
	REASON_TLS_WILDCARD,
	REASON_TLS_NO_CLIENT_CERTIFICATE,
	REASON_TLS_UNKNOWN_CA, /* we do not trust theirs */
	REASON_TLS_SELF_SIGNED,
	REASON_TLS_INCOMPLETE_CHAIN,
	REASON_TLS_USAGE, /* EKU or key usage */
	REASON_TLS_REVOKED,
	REASON_TLS_WEAK_KEY,
	REASON_TLS_WEAK_SIGNATURE,
	REASON_TLS_CONSTRAINTS, /* who signed it may not sign such a one */
	REASON_TLS_BAD_CERTIFICATE,
	REASON_TLS_VERSION,
	REASON_TLS_NO_CIPHER,
	REASON_TLS_NOT_TLS,      /* plain bytes on a TLS port */
	REASON_TLS_PEER_NOT_TLS, /* we spoke TLS to a plain port */
	REASON_TLS_TIMEOUT,
	REASON_TLS_PEER_CLOSED,     /* closed or reset during the handshake */
	REASON_TLS_PEER_UNKNOWN_CA, /* alert: they do not trust ours */
	REASON_TLS_PEER_EXPIRED,    /* alert: ours has expired, they say */
	REASON_TLS_PEER_REVOKED,
	REASON_TLS_PEER_BAD_CERTIFICATE,   /* alert: bad, unknown or unsupported certificate */
	REASON_TLS_PEER_WANTS_CERTIFICATE, /* alert: certificate required */
	REASON_TLS_PEER_VERSION,
	REASON_TLS_PEER_NO_CIPHER,
	REASON_TLS_PEER_UNKNOWN_NAME, /* alert: unrecognised SNI */
	REASON_TLS_PEER_ACCESS_DENIED,
	REASON_TLS_ALERT, /* any other alert of theirs */
	REASON_TLS_INTERNAL,

	N_REASONS
};

enum actor { ACT_NOBODY, ACT_YOU, ACT_PARTNER, ACT_EITHER, ACT_SENDER };

struct reason_row {
	const char *code; /* "identity-mismatch": stable, kebab-case, at most 40 characters */
	/* the SIP status that a refusal gives; 0: no SIP answer belongs to it */
	int status;
	const char *phrase; /* the SIP reason phrase */
	enum actor act;
	const char *cause;  /* one or two sentences: what happened */
	const char *remedy; /* what the one who must act does about it */
	unsigned ms_id;     /* [MS-OCER] number for ms-diagnostics, 0: none */
};

/* The row; never NULL for 0 <= reason < N_REASONS. */
const struct reason_row *reason_row(enum reason reason);

/* The code alone, for logs. */
const char *reason_code(enum reason reason);

/* A challenge: no refusal yet, as the sender is asked to repeat the request with
 * credentials. */
bool reason_is_challenge(enum reason reason);

/* The reason with that code; REASON_NONE if there is none. */
enum reason reason_by_code(const char *code);

enum { REASON_MESSAGE_ID_SIZE = 33 };

/* The journal's MESSAGE_ID of a reason: 32 hex digits made from its code, the same in every
 * version, so that `journalctl -x` finds its text in our catalogue. Returns out. */
const char *reason_message_id(enum reason reason, char out[REASON_MESSAGE_ID_SIZE]);

/* "you", "the partner", ... for texts. */
const char *actor_text(enum actor actor);
