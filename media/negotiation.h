/* negotiation: what offer and answer (RFC 3264) of one dialog have come to, m-line by m-line,
 * on both legs: what each side said, what we told it, and so what the ends of the relay are to
 * do. Knows SDP and policy; nothing of SIP, dialogs, or sockets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "media/relay.h"
#include "media/sdp.h"

enum { MEDIA_MAX_STUN_SERVERS = 4 };

/* How a side is, from the configuration and its messages. */
struct media_side {
	enum conf_network network;
	struct addr bind;   /* ours towards it; its family is that of the side's media */
	struct addr shown;  /* what stands in SDP: bind, or what is advertised for it */
	struct addr source; /* where its SIP comes from; unset: not known yet */
	/* Whom to ask how the world sees each media port, since it stands behind a router; 0:
	 * nobody. */
	struct addr stun_servers[MEDIA_MAX_STUN_SERVERS];
	unsigned n_stun_servers;
};

/* What holds for a call from its begin to its end, whatever a reload says. */
struct media_policy {
	enum conf_srtp srtp[RELAY_N_LEGS];
	enum conf_hold hold;
	enum srtp_suite suites[SETTINGS_MAX_SUITES];
	unsigned n_suites;
	uint32_t timeout_ms;
	bool sends_bye; /* when nothing comes any more */
	uint8_t dscp;
	uint8_t fingerprint[32]; /* of our DTLS certificate */
};

/* What one leg of one m-line was told. */
struct media_told {
	bool is_rejected;
	struct sdp_profile profile;
	unsigned n_crypto;
	struct sdes crypto[SETTINGS_MAX_SUITES];
	bool is_muxed, has_ice, has_fingerprint;
	enum sdp_setup setup;
	enum sdp_mode mode;
};

struct media_line {
	char type[SDP_TYPE_SIZE];
	enum sdp_kind kind;
	int stream;       /* of the relay; -1: none */
	bool is_kept;     /* goes past us */
	bool is_passed;   /* security is between the ends, and we pass it on as it is */
	bool hides_hold;  /* the answerer is not told of the offerer's hold */
	bool is_rejected; /* by the answer, or by us */
	/* made when first needed; stay, so that ROC does (RFC 3711 §3.3.1) */
	struct srtp_key ours[RELAY_N_LEGS][SRTP_N_SUITES];
	/* Ours since a side began ICE anew; "": those that the relay has from its begin. */
	struct media_ice {
		char ufrag[RELAY_ICE_UFRAG_SIZE], pwd[RELAY_ICE_PWD_SIZE];
	} ice[RELAY_N_LEGS];
	struct sdp_stream theirs[RELAY_N_LEGS];
	struct media_told told[RELAY_N_LEGS];
	/* ours of its DTLS association, active or passive, which stays (RFC 8842 §5); none:
	 * there is none */
	enum sdp_setup role[RELAY_N_LEGS];
};

struct negotiation {
	enum relay_leg offerer;
	bool is_answered;
	/* another offer was answered since: the same answer, given again, changes nothing */
	bool is_over;
	bool offers_hold;
	bool is_hold;       /* one side, or both, does not want to be sent to */
	unsigned n_streams; /* of the relay that are needed */
	unsigned n_lines;
	struct media_line *lines; /* owned */
};

/* wipes the keys; NULL is fine; returns NULL */
struct negotiation *negotiation_free(struct negotiation *negotiation);

/* A copy, to go on from. NULL: no memory. */
struct negotiation *negotiation_copy(const struct negotiation *from);

/* What came of an offer or answer. */
enum media_verdict {
	MEDIA_OK,
	MEDIA_NO_MEMORY,
	MEDIA_NOT_SDP,       /* an answer with more m-lines than the offer, or bounds */
	MEDIA_SRTP_REQUIRED, /* plain RTP where the policy wants SRTP */
	/* SRTP where the policy wants none, or in no way that we understand */
	MEDIA_SRTP_REFUSED,
};

/* An offer of leg offerer. before: what held until now (NULL: nothing), and stays. */
enum media_verdict negotiation_offer(const struct negotiation *before, const struct sdp *sdp,
				     enum relay_leg offerer,
				     const struct media_side sides[RELAY_N_LEGS],
				     const struct media_policy *policy,
				     struct negotiation **out) MUST_CHECK;

/* The answer of the other leg; may be repeated, with another one (RFC 3261 §13.2.1: what comes
 * reliably counts). */
enum media_verdict negotiation_answer(struct negotiation *negotiation, const struct sdp *sdp,
				      const struct media_side sides[RELAY_N_LEGS],
				      const struct media_policy *policy) MUST_CHECK;

/* The ports and ICE credentials that the relay has for a stream and leg. */
struct media_ports {
	uint16_t port;
	/* how the world sees it; unset: as it is, at the address that is shown */
	struct addr mapped;
	uint16_t mapped_rtcp_port; /* of the same address; 0: the next one */
	const char *ice_ufrag, *ice_pwd;
};

/* What leg is told for m-line i. */
void negotiation_out(const struct negotiation *negotiation, unsigned i, enum relay_leg leg,
		     const struct media_side *side, const struct media_policy *policy,
		     const struct media_ports *ports, struct sdp_out *out);

/* What the end of leg is to do for m-line i, whose stream is not -1, once there is an answer.
 * before: the negotiation that held until now; NULL: none. */
void negotiation_end(const struct negotiation *negotiation, const struct negotiation *before,
		     unsigned i, enum relay_leg leg,
		     const struct media_side sides[RELAY_N_LEGS],
		     const struct media_policy *policy, struct relay_end *out);

/* A guess at what the call takes, each way. */
unsigned negotiation_kbps(const struct negotiation *negotiation);
/* The same of an offer to go on with: what holds, whatever either side says of it, and the
 * m-lines that come. now NULL: nothing holds. */
unsigned negotiation_kbps_after(const struct negotiation *now, const struct negotiation *offer);
