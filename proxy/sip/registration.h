/* What a REGISTER says (RFC 3261 §10.2, RFC 6140 §5.2), taken out of the message: which
 * contacts, and for how long. What it means is the registrar's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/sip/message.h"
#include "proxy/sip/uri.h"

enum {
	REGISTRATION_MAX_CONTACTS = 8,
	REGISTRATION_URI_SIZE = 256,
	REGISTRATION_INSTANCE_SIZE = 128
};

struct registration_contact {
	/* as it was written, without brackets, headers and bnc */
	char uri[REGISTRATION_URI_SIZE];
	char host[256]; /* normalised */
	uint16_t port;  /* 0: none is written */
	enum uri_transport transport;
	bool is_bulk;     /* RFC 6140: ;bnc */
	bool has_expires; /* else the message's, else the registrar's preset */
	uint32_t expires_s;
	/* RFC 5626 §4: */
	char instance[REGISTRATION_INSTANCE_SIZE]; /* +sip.instance without quotes; "": none */
	/* 0: none, or without an instance, or the message does not say that it supports
	 * outbound */
	uint32_t reg_id;
};

struct registration {
	bool is_wildcard; /* "Contact: *": everything goes */
	bool has_expires;
	uint32_t expires_s;         /* of the Expires header */
	const char *gin, *outbound; /* these under Require; the message's; NULL: not */
	/* Supported: outbound (RFC 5626 §4.2.1), and nobody stands between us */
	bool supports_outbound;
	/* an extension under Require that we do not have; the message's; NULL: none */
	const char *unsupported;
	unsigned n_contacts;
	struct registration_contact contacts[REGISTRATION_MAX_CONTACTS];
};

/* Reads it. ERR_SYNTAX: a contact that is no SIP URI, too long or holds what may not stand in
 * one, a wildcard that is not alone or not with Expires: 0, a bulk contact with a user (RFC
 * 6140 §5.2), an instance that cannot be one, two contacts with reg-id that do not both go (RFC
 * 5626 §6). ERR_LIMIT: more contacts than above. */
enum err registration_read(const msg_t *msg, struct registration *out) MUST_CHECK;

/* The same of a phone's; instance "" and reg_id 0: none. */
enum err registration_add_phone(msg_t *response, const char *uri, const char *instance,
				uint32_t reg_id, uint64_t expires_s) MUST_CHECK;

/* Adds one Contact with its time to the answer. */
enum err registration_add_contact(msg_t *response, const char *uri, bool is_bulk,
				  uint64_t expires_s) MUST_CHECK;
