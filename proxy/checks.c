#include "proxy/checks.h"

#include <stdlib.h>

#include "proxy/json_text.h"
#include "proxy/partner_check.h"
#include "proxy/selfcheck.h"

/* One under way; the slot is free where exchange is NULL. */
struct slot {
	struct http_exchange *exchange;
	struct selfcheck *selfcheck;
	struct partner_check *partner; /* either of them */
};

struct checks {
	struct check_means means;
	struct slot slots[CHECKS_MAX];
};

enum err checks_new(struct server *server, struct checks **out)
{
	struct checks *checks = calloc(1, sizeof(*checks));

	if (!checks)
		return ERR_NO_MEMORY;
	checks->means = (struct check_means){ .server = server,
					      .looker = { .loop = server->loop },
					      .prober = { .loop = server->loop } };
	*out = checks;
	return ERR_OK;
}

struct checks *checks_free(struct checks *checks)
{
	if (!checks)
		return NULL;
	for (size_t i = 0; i < CHECKS_MAX; i++) {
		selfcheck_cancel(checks->slots[i].selfcheck);
		partner_check_cancel(checks->slots[i].partner);
	}
	free(checks);
	return NULL;
}

static struct slot *find_slot(struct checks *checks)
{
	for (size_t i = 0; i < CHECKS_MAX; i++)
		if (!checks->slots[i].exchange)
			return &checks->slots[i];
	return NULL;
}

static void on_done(void *user, const struct check_rows *rows)
{
	struct slot *slot = user;
	struct http_exchange *exchange = slot->exchange;
	struct http_answer answer = { .status = 200, .content_type = "application/json" };

	answer.body = json_take_text(check_rows_to_json(rows));
	if (!answer.body)
		answer.status = 500;
	*slot = (struct slot){ 0 };
	http_finish(exchange, &answer);
}

enum err checks_selfcheck(struct checks *checks, const struct http_request *request,
			  const char *domain)
{
	struct slot *slot = find_slot(checks);
	enum err err;

	if (!slot)
		return ERR_LIMIT;
	err = selfcheck_start(&checks->means, domain, on_done, slot, &slot->selfcheck);
	if (!err)
		slot->exchange = http_hold(request);
	return err;
}

enum err checks_partner(struct checks *checks, const struct http_request *request,
			const char *domain, bool as_if_allowed)
{
	struct slot *slot = find_slot(checks);
	enum err err;

	if (!slot)
		return ERR_LIMIT;
	err = partner_check_start(&checks->means, domain, as_if_allowed, on_done, slot,
				  &slot->partner);
	if (!err)
		slot->exchange = http_hold(request);
	return err;
}
