#include "proxy/transport/flow.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/transport/stand_in.h"
#include "proxy/transport/trace.h"

struct flow *flow_ref(struct flow *flow)
{
	flow->n_refs++;
	return flow;
}

struct flow *flow_unref(struct flow *flow)
{
	if (!flow || --flow->n_refs > 0)
		return NULL;

	list_remove(&flow->link);
	identity_unref(flow->identity);
	listener_unref(flow->listener);
	free(flow->speaks_for);
	flow->speaks_for = NULL;
	flow->ops->destroy(flow);
	return NULL;
}

enum err flow_send(struct flow *flow, struct wire *wire)
{
	if (flow->is_closed)
		return ERR_CLOSED;
	enum err err = flow->ops->send(flow, wire);
	if (err == ERR_OK && !flow_is_stand_in(flow)) /* that is its owner's */
		trace_message(flow, true, wire->bytes, wire->len);
	return err;
}

void flow_close(struct flow *flow, enum reason why)
{
	if (!flow->is_closed)
		flow->ops->close(flow, why);
}

enum err flow_watch(struct flow *flow, struct flow_user *user,
		    void (*on_closed)(struct flow_user *user, enum err err, enum reason reason))
{
	user->on_closed = on_closed;
	list_init(&user->link);
	if (flow->is_closed)
		return ERR_CLOSED;
	list_append(&flow->users, &user->link);
	return ERR_OK;
}

void flow_unwatch(struct flow_user *user)
{
	if (user->link.next)
		list_remove(&user->link);
}

bool flow_note_peer(struct flow *flow, const char *id)
{
	if (!flow->is_inbound || flow->speaks_for_others || !*id)
		return false;
	if (flow->speaks_for) {
		flow->speaks_for_others = strcmp(flow->speaks_for, id) != 0;
		return false;
	}
	flow->speaks_for = strdup(id);
	flow->speaks_for_others = !flow->speaks_for;
	return flow->speaks_for != NULL;
}

enum err flow_peer_chain(struct flow *flow, struct peer_chain **out)
{
	return flow->ops->peer_chain ? flow->ops->peer_chain(flow, out) : ERR_NOT_FOUND;
}

bool flow_is_reliable(const struct flow *flow)
{
	return flow->transport != TRANSPORT_UDP;
}
