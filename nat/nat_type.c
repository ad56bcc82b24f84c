#include "nat/nat_type.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/macros.h"

const char *nat_type_text(enum nat_type type)
{
	static const char *const texts[] = {
		[NAT_UNKNOWN] = "Unknown",
		[NAT_OPEN_INTERNET] = "Open Internet",
		[NAT_FULL_CONE] = "Full Cone",
		[NAT_RESTRICTED_CONE] = "Restricted Cone",
		[NAT_PORT_RESTRICTED_CONE] = "Port Restricted Cone",
		[NAT_SYMMETRIC] = "Symmetric NAT",
		[NAT_UDP_BLOCKED] = "Firewall blocking UDP",
		[NAT_SYMMETRIC_FIREWALL] = "Symmetric UDP Firewall",
	};

	return texts[type];
}

const char *nat_behaviour_text(enum nat_behaviour behaviour)
{
	static const char *const texts[] = {
		[NAT_BEHAVIOUR_UNKNOWN] = "unknown",
		[NAT_ENDPOINT_INDEPENDENT] = "endpoint-independent",
		[NAT_ADDRESS_DEPENDENT] = "address-dependent",
		[NAT_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
	};

	return texts[behaviour];
}

const char *nat_confidence_text(enum nat_confidence confidence)
{
	static const char *const texts[] = {
		[NAT_NO_CONFIDENCE] = "none",
		[NAT_LOW] = "low",
		[NAT_MEDIUM] = "medium",
		[NAT_HIGH] = "high",
	};

	return texts[confidence];
}

static bool has_answered(const struct stun_answer *answer)
{
	return answer->outcome == STUN_ANSWERED;
}

/* What several servers say of one thing: nobody (value 0), all the same, or they disagree. */
struct opinion {
	unsigned value, n;
	bool is_divided;
};

static void hear(struct opinion *opinion, unsigned value)
{
	if (!value)
		return;
	opinion->is_divided |= opinion->n > 0 && opinion->value != value;
	opinion->value = value;
	opinion->n++;
}

/* ---- our address ---- */

static unsigned n_who_say(const struct nat_observation *observations, size_t n,
			  const struct addr *mapped)
{
	unsigned n_same = 0;

	for (size_t i = 0; i < n; i++)
		n_same += has_answered(&observations[i].first) &&
			  addr_same_host(&observations[i].first.mapped, mapped);
	return n_same;
}

/* The server whose word on our address counts: most say so too. NULL if none answered;
 * is_divided if as many say another. */
static const struct nat_observation *speaker(const struct nat_observation *observations,
					     size_t n, bool *out_is_divided)
{
	const struct nat_observation *best = NULL;
	unsigned n_best = 0;

	*out_is_divided = false;
	for (size_t i = 0; i < n; i++) {
		if (!has_answered(&observations[i].first))
			continue;
		const unsigned n_same =
			n_who_say(observations, n, &observations[i].first.mapped);
		if (n_same > n_best) {
			best = &observations[i];
			n_best = n_same;
			*out_is_divided = false;
		} else if (n_same == n_best && !addr_same_host(&observations[i].first.mapped,
							       &best->first.mapped)) {
			*out_is_divided = true;
		}
	}
	return best;
}

static bool is_translated(const struct nat_observation *observation)
{
	return !addr_equal(&observation->first.mapped, &observation->local);
}

/* ---- filtering: RFC 5780 §4.4 ---- */

/* Whether it answered from another address, or another port, as it was asked to. Some only say
 * that they do. */
static bool did_change(const struct nat_observation *observation,
		       const struct stun_answer *answer, bool of_ip)
{
	if (!has_answered(answer))
		return false;
	return addr_same_host(&answer->from, &observation->server) != of_ip &&
	       addr_port(&answer->from) != addr_port(&observation->server);
}

/* Silence of an address proves a filter if that address answers when it is asked directly. */
static bool is_filtered(const struct stun_answer *changed, const struct stun_answer *direct)
{
	return changed->outcome == STUN_SILENT && has_answered(direct);
}

static enum nat_behaviour filtering_by(const struct nat_observation *observation)
{
	if (did_change(observation, &observation->change_both, true))
		return NAT_ENDPOINT_INDEPENDENT;
	if (!is_filtered(&observation->change_both, &observation->at_other_both))
		return NAT_BEHAVIOUR_UNKNOWN;
	if (did_change(observation, &observation->change_port, false))
		return NAT_ADDRESS_DEPENDENT;
	return is_filtered(&observation->change_port, &observation->at_other_port)
		       ? NAT_ADDRESS_AND_PORT_DEPENDENT
		       : NAT_BEHAVIOUR_UNKNOWN;
}

/* ---- mapping: RFC 5780 §4.3 ---- */

static enum nat_behaviour mapping_by(const struct nat_observation *observation)
{
	const struct addr *mapped = &observation->again.mapped;

	if (!has_answered(&observation->again) || !has_answered(&observation->at_other_ip) ||
	    !has_answered(&observation->at_other_both))
		return NAT_BEHAVIOUR_UNKNOWN;
	if (addr_equal(&observation->at_other_ip.mapped, mapped) &&
	    addr_equal(&observation->at_other_both.mapped, mapped))
		return NAT_ENDPOINT_INDEPENDENT;
	return addr_equal(&observation->at_other_ip.mapped, &observation->at_other_both.mapped)
		       ? NAT_ADDRESS_DEPENDENT
		       : NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* Two servers without other addresses, asked from one socket. Unlike a server's own two
 * addresses they may lie each in its way, so only their agreement on the host makes it
 * count. */
static void mapping_across(const struct nat_observation *observations, size_t n,
			   struct opinion *out)
{
	const struct nat_observation *first = NULL;
	const struct addr *mapped;

	for (size_t i = 0; i < n && !first; i++)
		if (has_answered(&observations[i].first))
			first = &observations[i];
	if (!first || first->again.outcome == STUN_SILENT)
		return;
	mapped = has_answered(&first->again) ? &first->again.mapped : &first->first.mapped;
	for (size_t i = 0; i < n; i++) {
		const struct stun_answer *across = &observations[i].across;

		if (&observations[i] == first || !has_answered(across) ||
		    !addr_same_host(&across->mapped, mapped) ||
		    addr_same_host(&observations[i].server, &first->server))
			continue;
		hear(out, addr_equal(&across->mapped, mapped) ? NAT_ENDPOINT_INDEPENDENT
							      : NAT_ADDRESS_AND_PORT_DEPENDENT);
	}
}

/* ---- the verdict ---- */

static void say(struct nat_verdict *out, const char *reason)
{
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
}

static void leave_open(struct nat_verdict *out, const char *reason)
{
	out->type = NAT_UNKNOWN;
	out->is_inconclusive = true;
	out->confidence = NAT_NO_CONFIDENCE;
	say(out, reason);
}

/* No server answered by UDP. That it is UDP that is blocked, and not the servers that are down,
 * TCP must prove. */
static void judge_silence(const struct nat_observation *observations, size_t n,
			  struct nat_verdict *out)
{
	unsigned n_proofs = 0, n_unsent = 0, n_refused = 0;

	for (size_t i = 0; i < n; i++) {
		n_proofs += observations[i].tcp == STUN_TCP_ANSWERED ||
			    observations[i].tcp == STUN_TCP_CONNECTED;
		n_unsent += observations[i].first.outcome == STUN_UNSENT;
		n_refused += observations[i].first.outcome == STUN_REFUSED;
		if (observations[i].tcp == STUN_TCP_ANSWERED) {
			out->address = observations[i].tcp_mapped;
			addr_set_port(&out->address, 0);
			out->is_behind_nat =
				!addr_same_host(&out->address, &observations[i].local);
		}
	}
	if (n_refused) {
		leave_open(out, "the servers refuse Binding requests");
	} else if (n_proofs) {
		out->type = NAT_UDP_BLOCKED;
		out->confidence = n_proofs > 1 ? NAT_HIGH : NAT_MEDIUM;
		snprintf(
			out->reason, sizeof(out->reason),
			"no answer by UDP from %zu server%s, while %u of them can be reached by TCP",
			n, n == 1 ? "" : "s", n_proofs);
	} else if (n_unsent == n) {
		leave_open(out,
			   "no request could be sent: this host has no way to the servers");
	} else {
		leave_open(
			out,
			"no server answered, neither by UDP nor by TCP: they are down, or there is no network");
	}
}

static void judge_type(struct nat_verdict *out)
{
	if (!out->is_behind_nat) {
		out->type = out->filtering == NAT_ENDPOINT_INDEPENDENT ? NAT_OPEN_INTERNET
			    : out->filtering                           ? NAT_SYMMETRIC_FIREWALL
								       : NAT_UNKNOWN;
	} else if (out->mapping > NAT_ENDPOINT_INDEPENDENT) {
		out->type = NAT_SYMMETRIC;
	} else if (out->mapping == NAT_ENDPOINT_INDEPENDENT) {
		out->type = out->filtering == NAT_ENDPOINT_INDEPENDENT ? NAT_FULL_CONE
			    : out->filtering == NAT_ADDRESS_DEPENDENT  ? NAT_RESTRICTED_CONE
			    : out->filtering ? NAT_PORT_RESTRICTED_CONE
					     : NAT_UNKNOWN;
	}
}

/* What kept us from a verdict, in words for who runs it. */
static const char *missing(const struct nat_observation *observations, size_t n,
			   const struct nat_verdict *verdict)
{
	bool can_change = false, was_silent = false;

	for (size_t i = 0; i < n; i++) {
		const struct nat_observation *seen = &observations[i];

		can_change |= seen->change_both.outcome != STUN_NOT_ASKED &&
			      seen->change_both.outcome != STUN_REFUSED &&
			      !(has_answered(&seen->change_both) &&
				!did_change(seen, &seen->change_both, true));
		was_silent |= seen->at_other_ip.outcome == STUN_SILENT ||
			      seen->at_other_both.outcome == STUN_SILENT ||
			      seen->at_other_port.outcome == STUN_SILENT;
	}
	if (!can_change)
		return "no server can answer from another address (RFC 5780): filtering was not tested";
	if (was_silent)
		return "the other address of a server does not answer: packets were lost, outbound traffic is filtered, or the "
		       "server is wrong about itself";
	return verdict->is_behind_nat && !verdict->mapping ? "the mapping could not be compared"
							   : "not enough packets came through";
}

static unsigned n_answered(const struct nat_observation *observations, size_t n)
{
	unsigned n_answers = 0;

	for (size_t i = 0; i < n; i++)
		n_answers += has_answered(&observations[i].first);
	return n_answers;
}

static void explain(const struct nat_observation *observations, size_t n, unsigned n_judges,
		    struct nat_verdict *out)
{
	const unsigned n_answers = n_answered(observations, n);

	if (out->type == NAT_UNKNOWN) {
		leave_open(out, missing(observations, n, out));
		return;
	}
	out->confidence = n_answers > 1 && n_judges > 1 ? NAT_HIGH
			  : n_answers > 1 || n_judges   ? NAT_MEDIUM
							: NAT_LOW;
	snprintf(out->reason, sizeof(out->reason),
		 "%u of %zu server%s answered, %u of them from other addresses too", n_answers,
		 n, n == 1 ? "" : "s", n_judges);
}

static void judge_behaviour(const struct nat_observation *observations, size_t n,
			    const struct nat_observation *honest, struct nat_verdict *out)
{
	struct opinion mapping = { 0 }, filtering = { 0 }, across = { 0 };
	unsigned n_judges = 0;

	for (size_t i = 0; i < n; i++) {
		/* Who is wrong about our address is no witness. */
		if (!has_answered(&observations[i].first) ||
		    !addr_same_host(&observations[i].first.mapped, &honest->first.mapped))
			continue;
		const enum nat_behaviour by_filter = filtering_by(&observations[i]);
		hear(&filtering, by_filter);
		hear(&mapping, mapping_by(&observations[i]));
		n_judges += by_filter != NAT_BEHAVIOUR_UNKNOWN ||
			    mapping_by(&observations[i]) != NAT_BEHAVIOUR_UNKNOWN;
	}
	mapping_across(observations, n, &across);
	if (!mapping.n)
		mapping = across;
	else if (across.n && (mapping.value > NAT_ENDPOINT_INDEPENDENT) !=
				     (across.value > NAT_ENDPOINT_INDEPENDENT))
		mapping.is_divided = true;
	out->mapping =
		mapping.is_divided ? NAT_BEHAVIOUR_UNKNOWN : (enum nat_behaviour)mapping.value;
	out->filtering = filtering.is_divided ? NAT_BEHAVIOUR_UNKNOWN
					      : (enum nat_behaviour)filtering.value;
	judge_type(out);
	if (out->type == NAT_UNKNOWN && (mapping.is_divided || filtering.is_divided))
		leave_open(out, mapping.is_divided ? "the servers disagree on the mapping"
						   : "the servers disagree on the filtering");
	else
		explain(observations, n, n_judges, out);
}

void nat_judge(const struct nat_observation *observations, size_t n, struct nat_verdict *out)
{
	const struct nat_observation *honest;
	bool is_divided;

	memset(out, 0, sizeof(*out));
	if (n == 0) {
		say(out, "no STUN server is configured");
		return;
	}
	honest = speaker(observations, n, &is_divided);
	if (!honest) {
		judge_silence(observations, n, out);
		return;
	}
	if (is_divided) {
		leave_open(out, "the servers disagree on our address");
		return;
	}
	out->address = honest->first.mapped;
	out->is_behind_nat = is_translated(honest);
	judge_behaviour(observations, n, honest, out);
}
