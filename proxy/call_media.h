/* The media of calls on the path of a request: which messages media/calls is shown, as what,
 * and what its verdicts mean in SIP. Calls that no network of media.relay touches are never
 * looked at. */
#pragma once

#include "media/relay_ops.h"
#include "proxy/context.h"
#include "proxy/transport/transport.h"

/* What a context keeps of the media of its call. */
struct call_media {
	char call_id[256];
	bool is_first;  /* the INVITE that makes the call */
	bool had_offer; /* the request had SDP */
	bool is_bye;
};

/* Makes what serves the calls, once the settings are known: media workers only if a listener's
 * network is relayed. Main thread. */
enum err call_media_start(struct server *server, const struct settings *settings) MUST_CHECK;
/* The same by others than the media workers: for tests. */
enum err call_media_start_with(struct server *server, const struct settings_media *settings,
			       const struct relay_ops *ops, void *media) MUST_CHECK;
/* What a reload changes. Main thread. */
void call_media_take_settings(struct server *server, const struct settings_media *settings);
/* Ends all calls; then the media workers, while the workers' mailboxes are still there. Main
 * thread, workers have stopped. */
void call_media_stop(struct server *server);

/* The request as it goes to hop: changes its SDP. A reason: it must not go. With
 * branch->waits_for_media it must not go yet: how the world sees our ports is being asked, and
 * it is to be shown again when call_media_waits says no. */
enum reason call_media_request(struct branch *branch, const struct hop *hop, msg_t *msg);

bool call_media_waits(const struct branch *branch);

/* A response of the branch, before it goes back: changes its SDP. True: it must not go yet, as
 * it holds an offer and how the world sees our ports is being asked; it is unchanged, and to be
 * shown again when call_media_waits says no. Never without may_wait. */
bool call_media_response(struct branch *branch, const struct arrival *response, bool may_wait);

/* The branch is done, and there was no 2xx, nor will there be one: its relay goes at once, as
 * the caller may try again within the second. Nothing happens if there was one after all. */
void call_media_branch_failed(const struct branch *branch);
/* A final went back, or (0) nothing will. */
void call_media_final(struct context *context, const msg_t *request, int status);
/* The context ends; each of its branches has ended before, so nothing is left to give back. */
void call_media_end(struct context *context);
