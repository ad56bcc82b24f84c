/* Who sent a request: the answer of classify (design.md 3). */
#pragma once

#include <stdbool.h>

#include "conf/settings.h"
#include "proxy/base/reason.h"

enum origin_kind {
	ORIGIN_STRANGER,
	ORIGIN_BACKEND,
	/* trusted: by certificate identity, or by address if the route is marked trustworthy */
	ORIGIN_PARTNER,
	ORIGIN_PARTNER_UNTRUSTED, /* must be authorized by digest */
	/* open federation: no route, but a certificate that may speak for the domain */
	ORIGIN_DISCOVERED,
	ORIGIN_PHONE, /* a user of ours by a remote listener, proved by digest */
};

struct origin {
	enum origin_kind kind;
	/* partner; stranger: the route that refused it, if there is one */
	const struct settings_route *route;
	/* backend; stranger: the one whose address it came from */
	const struct settings_backend *backend;
	enum reason reason; /* stranger: why */
	/* stranger: the domain's SRV record may say that the certificate speaks for it; it was
	 * not in the question */
	bool needs_srv;
	/* which rule decided: "certificate-names-domain", "route-pins-name", "address",
	 * "backend-address", ... */
	const char *rule;
	/* The texts are the last, and only as much of them is touched as is used. */
	/* "partner:partner.example", "backend:berlin", "phone:168@corp.example", "" for
	 * strangers */
	char id[272];
	char domain[256];   /* the From domain it speaks for, normalised */
	char server[256];   /* discovered by SRV: the server that speaks for the domain; "" */
	char evidence[256]; /* what it decided on: "certificate name sip.partner.example" */
};

/* A stranger of whom nothing is known. */
void origin_clear(struct origin *origin);

/* A copy of what is used of from. */
void origin_copy(struct origin *to, const struct origin *from);

const char *origin_kind_text(
	/* "partner", "partner-untrusted", "discovered", "backend", "phone", "stranger" */
	enum origin_kind kind);
