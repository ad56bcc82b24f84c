#include "media/calls_inside.h"

/* One question and its repeat (RFC 8489 §6.2.1); a caller waits for it before anything
 * rings. */
enum { DEADLINE_MS = 1000 };

static bool is_asked(const struct fork *fork, enum relay_leg leg)
{
	return fork->sides[leg].n_stun_servers > 0;
}

static void set_all(struct fork *fork, enum relay_leg leg, unsigned first,
		    enum fork_mapping_state state)
{
	for (unsigned i = first; i < fork->n_streams; i++) {
		fork->mappings[i][leg].rtp_state = state;
		fork->mappings[i][leg].rtcp_state = state;
	}
}

void fork_ask_mappings(struct calls *calls, struct fork *fork, unsigned first)
{
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		const struct media_side *side = &fork->sides[leg];

		if (!is_asked(fork, (enum relay_leg)leg))
			continue;
		set_all(fork, (enum relay_leg)leg, first, MAPPING_ASKED);
		if (calls->ops->ask_mapping(fork->relay, (enum relay_leg)leg,
					    side->stun_servers, side->n_stun_servers,
					    DEADLINE_MS))
			set_all(fork, (enum relay_leg)leg, first, MAPPING_NONE);
	}
}

bool fork_waits_for_mapping(const struct fork *fork)
{
	for (unsigned i = 0; i < fork->n_streams; i++)
		for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++)
			if (fork->mappings[i][leg].rtp_state == MAPPING_ASKED ||
			    fork->mappings[i][leg].rtcp_state == MAPPING_ASKED)
				return true;
	return false;
}

bool fork_take_mapping(struct fork *fork, const struct relay_event *event)
{
	struct fork_mapping *mapping;
	enum fork_mapping_state *state;

	if (event->stream >= fork->n_streams)
		return true;
	mapping = &fork->mappings[event->stream][event->leg];
	state = event->is_rtcp ? &mapping->rtcp_state : &mapping->rtp_state;
	if (event->err) {
		/* What a side was told stays, also if nobody answers any more. */
		const bool is_news = *state == MAPPING_ASKED;

		*state = *state == MAPPING_KNOWN ? MAPPING_KNOWN : MAPPING_NONE;
		return !is_news;
	}
	if (*state != MAPPING_ASKED) /* too late, or a router that changed its mind: the port
					that was told counts */
		return true;
	*state = MAPPING_KNOWN;
	if (event->is_rtcp)
		mapping->rtcp = event->addr;
	else
		mapping->rtp = event->addr;
	return true;
}

void fork_fill_mapping(const struct fork *fork, unsigned stream, enum relay_leg leg,
		       struct media_ports *out)
{
	const struct fork_mapping *mapping = &fork->mappings[stream][leg];

	if (mapping->rtp_state != MAPPING_KNOWN)
		return;
	out->mapped = mapping->rtp;
	/* An address of RTCP's own has no room in SDP but with that of RTP: routers with
	 * several addresses pair them (RFC 4787 §4.1). */
	if (mapping->rtcp_state == MAPPING_KNOWN &&
	    addr_same_host(&mapping->rtcp, &mapping->rtp))
		out->mapped_rtcp_port = addr_port(&mapping->rtcp);
}

bool calls_wait(struct calls *calls, const struct calls_key *key)
{
	struct list *link, *next;
	bool is_waiting = false;
	struct call *call;

	pthread_mutex_lock(&calls->lock);
	call = call_find(calls, key);
	if (call) {
		list_for_each(link, next, &call->forks)
			is_waiting |=
				fork_waits_for_mapping(container_of(link, struct fork, link));
	}
	pthread_mutex_unlock(&calls->lock);
	return is_waiting;
}
