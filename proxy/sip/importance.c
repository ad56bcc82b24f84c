#include "proxy/sip/importance.h"

#include <string.h>

#include "proxy/base/macros.h"

/* Those that are not here are IMPORTANCE_MESSAGE, both ways. */
static const struct {
	const char *method;
	enum importance outside, inside;
} rows[] = {
	{ "INVITE", IMPORTANCE_NEW_CALL, IMPORTANCE_CALL },
	{ "ACK", IMPORTANCE_CALL, IMPORTANCE_CALL },
	{ "BYE", IMPORTANCE_CALL, IMPORTANCE_CALL },
	{ "CANCEL", IMPORTANCE_CALL, IMPORTANCE_CALL },
	{ "PRACK", IMPORTANCE_CALL, IMPORTANCE_CALL },
	{ "UPDATE", IMPORTANCE_CALL, IMPORTANCE_CALL },
	{ "INFO", IMPORTANCE_MESSAGE, IMPORTANCE_CALL },
	{ "REFER", IMPORTANCE_MESSAGE, IMPORTANCE_CALL },
	{ "OPTIONS", IMPORTANCE_MESSAGE, IMPORTANCE_CALL },
	{ "REGISTER", IMPORTANCE_CALL, IMPORTANCE_CALL }, /* without it nobody is reached */
	{ "NOTIFY", IMPORTANCE_NOTICE, IMPORTANCE_NOTICE },
};

static const char *const texts[N_IMPORTANCES] = {
	[IMPORTANCE_CALL] = "requests of calls",
	[IMPORTANCE_NEW_CALL] = "new calls",
	[IMPORTANCE_MESSAGE] = "messages and subscriptions",
	[IMPORTANCE_NOTICE] = "notifications",
};

enum importance importance_of(const sip_t *sip, bool is_inside_dialog)
{
	const char *method = message_method(sip);

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].method[0] == method[0] && strcmp(rows[i].method, method) == 0)
			return is_inside_dialog ? rows[i].inside : rows[i].outside;
	return IMPORTANCE_MESSAGE;
}

size_t importance_share(enum importance importance, size_t room)
{
	return room / N_IMPORTANCES * (N_IMPORTANCES - (size_t)importance);
}

const char *importance_text(enum importance importance)
{
	return texts[importance];
}
