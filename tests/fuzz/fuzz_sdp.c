/* Offer and answer of strangers through a relay's eyes: the first byte chooses policies, then
 * comes the offer, a zero byte, and the answer. Whatever comes in, what goes out can be read
 * again, has the same m-lines, and names no address but ours where we relay. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/negotiation.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void make_sides(uint8_t choice, struct media_side sides[RELAY_N_LEGS],
		       struct media_policy *policy)
{
	static const char *const shown[] = { "203.0.113.1", "2001:db8::2" };

	memset(policy, 0, sizeof(*policy));
	for (unsigned leg = 0; leg < RELAY_N_LEGS; leg++) {
		sides[leg].network = (enum conf_network)((choice >> leg) % 3);
		must(!addr_parse(shown[leg], 0, &sides[leg].bind));
		must(!addr_parse("192.0.2.7", 5060, &sides[leg].source));
		sides[leg].shown = sides[leg].bind;
		policy->srtp[leg] = (enum conf_srtp)(choice >> (2 + 2 * leg) & 3);
	}
	policy->hold = (enum conf_hold)(choice % 3);
	policy->suites[0] = SRTP_AES_CM_128_HMAC_SHA1_80;
	policy->suites[1] = SRTP_AEAD_AES_128_GCM;
	policy->n_suites = 2;
}

static void check_text(const struct negotiation *negotiation, const struct sdp *from,
		       enum relay_leg leg, const struct media_side *side, const char *text,
		       size_t len)
{
	struct sdp *again = NULL;
	enum err err = sdp_read(text, len, &again);

	must(err == ERR_OK || err == ERR_LIMIT); /* it may have grown over a bound */
	if (err)
		return;
	must(sdp_n_streams(again) == sdp_n_streams(from));
	for (unsigned i = 0; i < sdp_n_streams(again); i++) {
		const struct sdp_stream *stream = sdp_stream(again, i);

		if (negotiation->lines[i].is_kept)
			continue;
		must(stream->is_rejected || addr_same_host(&stream->rtp, &side->shown));
		must(!*stream->ice_ufrag || negotiation->lines[i].told[leg].has_ice);
	}
	sdp_free(again);
}

static void print(const struct negotiation *negotiation, const struct sdp *from,
		  enum relay_leg leg, const struct media_side sides[RELAY_N_LEGS],
		  const struct media_policy *policy)
{
	const struct media_ports ports = { .port = 30000,
					   .ice_ufrag = "ufrag123",
					   .ice_pwd = "passwordpasswordpassword" };
	struct sdp_out *outs = calloc(sdp_n_streams(from) + 1, sizeof(*outs));
	struct buf out;

	must(outs != NULL);
	buf_init(&out, 0);
	for (unsigned i = 0; i < sdp_n_streams(from); i++)
		negotiation_out(negotiation, i, leg, &sides[leg], policy, &ports, &outs[i]);
	sdp_write(from, outs, sdp_n_streams(from), &out);
	must(out.err == ERR_OK);
	check_text(negotiation, from, leg, &sides[leg], buf_text(&out), out.len);
	buf_fini(&out);
	free(outs);
}

static void answer(struct negotiation *negotiation, const uint8_t *bytes, size_t len,
		   const struct media_side sides[RELAY_N_LEGS],
		   const struct media_policy *policy)
{
	struct relay_end end;
	struct sdp *sdp = NULL;

	if (sdp_read((const char *)bytes, len, &sdp))
		return;
	if (negotiation_answer(negotiation, sdp, sides, policy) == MEDIA_OK) {
		print(negotiation, sdp, RELAY_CALLER, sides, policy);
		for (unsigned i = 0; i < negotiation->n_lines; i++)
			for (unsigned leg = 0;
			     leg < RELAY_N_LEGS && negotiation->lines[i].stream >= 0; leg++)
				negotiation_end(negotiation, NULL, i, (enum relay_leg)leg,
						sides, policy, &end);
	}
	sdp_free(sdp);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct media_side sides[RELAY_N_LEGS] = { 0 };
	struct negotiation *negotiation = NULL;
	struct media_policy policy;
	const uint8_t *zero;
	struct sdp *sdp = NULL;

	if (len < 2)
		return 0;
	make_sides(bytes[0], sides, &policy);
	zero = memchr(bytes + 1, '\0', len - 1);
	if (sdp_read((const char *)bytes + 1, zero ? (size_t)(zero - bytes - 1) : len - 1,
		     &sdp))
		return 0;
	if (negotiation_offer(NULL, sdp, RELAY_CALLER, sides, &policy, &negotiation) ==
	    MEDIA_OK) {
		must(negotiation->n_streams <= RELAY_MAX_STREAMS);
		print(negotiation, sdp, RELAY_CALLEE, sides, &policy);
		if (zero)
			answer(negotiation, zero + 1, len - (size_t)(zero + 1 - bytes), sides,
			       &policy);
		negotiation_free(negotiation);
	}
	sdp_free(sdp);
	return 0;
}
