#include "proxy/late.h"

#include <stdlib.h>

#include "proxy/base/macros.h"
#include "proxy/call_media.h"
#include "proxy/response.h"

struct late {
	struct list link; /* branch.lates */
	struct branch *branch;
	struct client_txn *txn;
	struct health *health; /* of the server */
};

static void late_free(struct late *late)
{
	list_remove(&late->link);
	client_txn_detach(late->txn);
	free(late);
}

/* A provisional makes the transaction send its CANCEL, and a refusal its ACK. */
static void on_response(void *user, struct client_txn *txn, struct arrival *response)
{
	const struct late *late = user;
	const int status = response->sip->sip_status->st_status;

	/* slow, but there */
	health_succeeded(late->health, loop_now_ms(late->branch->context->worker->loop));
	if (status >= 200 && status < 300)
		response_arrived_late(late->branch, response);
}

/* Nothing comes of it any more: the ports that it was told are of no use. */
static void end(struct late *late)
{
	struct branch *branch = late->branch;

	late_free(late);
	if (list_is_empty(&branch->lates) && branch->state == BRANCH_DONE)
		call_media_branch_failed(branch);
}

static void on_failure(void *user, struct client_txn *txn, enum err err, enum reason reason)
{
	end(user);
}

static void on_ended(void *user, struct client_txn *txn)
{
	end(user);
}

void late_keep(struct branch *branch)
{
	const bool is_invite = branch->context->is_invite;
	struct late *late = is_invite ? calloc(1, sizeof(*late)) : NULL;
	struct client_txn *txn = branch->txn;

	branch->txn = NULL;
	client_txn_cancel(txn, NULL); /* should it ring there after all */
	if (!late) {
		client_txn_detach(txn);
		return;
	}
	late->branch = branch;
	late->txn = txn;
	late->health = branch->hops[branch->next - 1].health;
	list_append(&branch->lates, &late->link);
	client_txn_set_user(
		txn, &(struct client_txn_user){ late, on_response, on_failure, on_ended });
}

void late_end(struct branch *branch)
{
	struct list *link, *following;

	list_for_each(link, following, &branch->lates)
		late_free(container_of(link, struct late, link));
}
