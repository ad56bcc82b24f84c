#include "proxy/readvertise.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/mailbox.h"

/* True if a listener advertises something else than what is known now. */
static bool is_outdated(const struct server *server)
{
	const struct snapshot *snapshot = server->snapshot;

	for (size_t i = 0; i < snapshot->settings->n_listeners; i++) {
		const struct listener *listener = snapshot->listeners[i];
		struct public_view view;
		char text[ADDR_TEXT_SIZE];

		if (listener && snapshot->settings->listeners[i].advertises_stun &&
		    public_addresses_look(server->public_addresses, listener->name, &view) &&
		    addr_is_set(&view.addr) &&
		    strcmp(addr_text(&view.addr, text), listener->sent_by) != 0)
			return true;
	}
	return false;
}

bool readvertise_now(struct server *server)
{
	struct snapshot_parts parts = {
		.keys = server->keys,
		.addresses = server->addresses,
		.public_addresses = server->public_addresses,
		.previous = server->snapshot,
		.n_workers = server->snapshot->n_sockets,
	};
	struct report *report = NULL;
	struct snapshot *snapshot;
	enum err err;

	if (!is_outdated(server))
		return false;
	err = report_new(&report);
	if (!err)
		err = snapshot_revive(server->snapshot, &parts, report, &snapshot);
	report_free(report);
	if (err) { /* the monitor goes on, and the next news try again */
		log_event(LOG_ERROR, "the public address cannot be taken into use", "error",
			  err_text(err), NULL);
		return false;
	}
	server_swap(server, snapshot);
	return true;
}

struct note {
	struct letter letter;
};

static void deliver(struct letter *letter, void *owner)
{
	struct server *server = owner;

	free(container_of(letter, struct note, letter));
	if (!server->is_ending) /* then the workers are gone */
		readvertise_now(server);
}

void readvertise_post(struct server *server)
{
	struct note *note = server->mailbox ? calloc(1, sizeof(*note)) : NULL;

	if (!note)
		return;
	note->letter.deliver = deliver;
	if (mailbox_post(server->mailbox, &note->letter))
		free(note);
}
