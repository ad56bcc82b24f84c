/* The Contacts of a message (RFC 3261 §20.10): where a 3xx leads to, and where a sender says
 * that it is. */
#pragma once

#include "proxy/sip/message.h"

enum { CONTACTS_MAX = 16, CONTACTS_URI_SIZE = 256 };

struct contact {
	/* As it may stand in a Request-URI (§19.1.1, table 1): without headers and method; ""
	 * if it is too long, or holds what no request line can. */
	char uri[CONTACTS_URI_SIZE];
	bool is_sip; /* sip or sips */
	unsigned q;  /* thousandths; 1000 if there is none, or it is no qvalue */
};

/* Sofia's Contacts of one header line; they live in home. NULL: it is no Contact, is longer
 * than Sofia bears, or there is no memory. */
sip_contact_t *contacts_make(su_home_t *home, const char *line);

/* The Contacts in their order, at most CONTACTS_MAX of them; returns how many. 0 too if one of
 * the lines is no Contact. */
size_t contacts_read(const msg_t *msg, struct contact out[CONTACTS_MAX]);

/* The host of the first Contact of a request, as it is written there; false: there is none, or
 * it is too long. */
bool contacts_first_host(const msg_t *msg, char *out, size_t size);

/* Takes those away that is_gone says, by their place in contacts_read's order; those that did
 * not fit there stay. ERR_NO_MEMORY: Contacts may be missing then. */
enum err contacts_remove(msg_t *msg, const bool is_gone[CONTACTS_MAX]) MUST_CHECK;
