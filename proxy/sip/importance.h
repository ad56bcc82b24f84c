/* How much a request matters where not all can be carried (field.md pitfall 10): what is shed
 * first, and what last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/sip/message.h"

enum importance {
	/* what belongs to a call that is there: ACK, BYE, CANCEL, PRACK, UPDATE, re-INVITE; and
	 * REGISTER */
	IMPORTANCE_CALL,
	IMPORTANCE_NEW_CALL, /* INVITE */
	IMPORTANCE_MESSAGE,  /* MESSAGE, SUBSCRIBE, PUBLISH, and what nobody knows */
	IMPORTANCE_NOTICE,   /* NOTIFY: the next one makes up for it */
	N_IMPORTANCES
};

/* Of a request; is_inside_dialog: it has a To tag. */
enum importance importance_of(const sip_t *sip, bool is_inside_dialog);

/* How much of a room of so many bytes (or anything else) may be taken up before such a request
 * is shed: all of it, three quarters, a half, a quarter. */
size_t importance_share(enum importance importance, size_t room);

/* "new calls": for a record. */
const char *importance_text(enum importance importance);
