#include "media/srtp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "media/srtp_ciphers.h"
#include "proxy/base/macros.h"
#include "proxy/base/random.h"

enum {
	WINDOW = 1024,   /* packets: a burst of video may be late by as much */
	MAX_COPY = 2048, /* what is tried under several rollover counters */
	HALF_SEQUENCE = 32768,
	MAX_BEFORE = 8,
	MAX_ROC = 64,      /* a day of speech */
	FREE_TRIES = 1000, /* of those that are only guessed */
	ONE_IN = 16,       /* so many packets is guessed about afterwards */
};

/* An SSRC that was seen under a key, with the rollover counter it had when the key was
 * replaced. */
struct known {
	uint32_t ssrc, roc;
};

/* The SSRCs that were seen; last is that of the last packet, which nearly always is that of the
 * next one. */
struct ssrcs {
	unsigned n;
	uint32_t last;
	uint32_t list[SRTP_MAX_SSRCS];
};

struct srtp_way {
	srtp_t session;
	struct srtp_key key;
	bool is_in;
	struct ssrcs rtp, rtcp;
	unsigned n_before;
	struct known before[MAX_BEFORE];
	uint32_t max_roc; /* of a key that is older than we */
	unsigned n_tries; /* on account of it */
	uint64_t n_late;  /* packets since those that were free */
	uint64_t lot[2];  /* which of them are guessed about: nobody else knows */
};

static bool set_policies(enum srtp_suite suite, srtp_policy_t *policy)
{
	srtp_crypto_policy_t *rtp = &policy->rtp, *rtcp = &policy->rtcp;

	switch (suite) { /* SRTCP has the long tag always (RFC 4568 6.2.2) */
	case SRTP_AES_CM_128_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(rtcp);
		return true;
	case SRTP_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(rtcp);
		return true;
	case SRTP_AES_256_CM_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(rtcp);
		return true;
	case SRTP_AES_256_CM_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(rtcp);
		return true;
	case SRTP_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(rtcp);
		return true;
	case SRTP_AEAD_AES_256_GCM:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(rtp);
		srtp_crypto_policy_set_aes_gcm_256_16_auth(rtcp);
		return true;
	case SRTP_NONE:
	case SRTP_N_SUITES:
		break;
	}
	return false;
}

static enum err started;

static void start_once(void)
{
	started = srtp_init() == srtp_err_status_ok ? srtp_ciphers_install() : ERR_IO;
}

enum err srtp_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_once);
	return started;
}

/* Calls the library with a policy for our key; ssrc is looked at where type is
 * ssrc_specific. */
static srtp_err_status_t with_policy(struct srtp_way *way, srtp_ssrc_type_t type, uint32_t ssrc)
{
	srtp_master_key_t master = { way->key.bytes, way->key.mki, way->key.mki_len };
	srtp_master_key_t *masters[] = { &master };
	srtp_policy_t policy = { .ssrc = { type, ssrc }, .window_size = WINDOW };

	if (!set_policies(way->key.suite, &policy))
		return srtp_err_status_no_such_op;
	if (way->key.mki_len > 0) {
		policy.keys = masters;
		policy.num_master_keys = COUNT(masters);
	} else {
		policy.key = way->key.bytes;
	}
	return type == ssrc_specific ? srtp_add_stream(way->session, &policy)
				     : srtp_create(&way->session, &policy);
}

/* The rollover counters that the old key's SSRCs had last. */
static void remember(struct srtp_way *way, const struct srtp_way *before)
{
	if (!before || !way->is_in)
		return;
	for (unsigned i = before->rtp.n; i > 0 && way->n_before < MAX_BEFORE; i--) {
		struct known *known = &way->before[way->n_before];

		known->ssrc = before->rtp.list[i - 1];
		way->n_before += srtp_get_stream_roc(before->session, known->ssrc,
						     &known->roc) == srtp_err_status_ok;
	}
}

enum err srtp_way_new(const struct srtp_key *key, bool is_in, const struct srtp_way *before,
		      struct srtp_way **out)
{
	struct srtp_way *way;
	srtp_err_status_t status;

	if (key->mki_len > SRTP_MKI_SIZE)
		return ERR_INVALID;
	way = calloc(1, sizeof(*way));
	if (!way)
		return ERR_NO_MEMORY;
	way->key = *key;
	way->is_in = is_in;
	status = with_policy(way, is_in ? ssrc_any_inbound : ssrc_any_outbound, 0);
	if (status != srtp_err_status_ok) {
		way->session = NULL;
		srtp_way_free(way);
		return status == srtp_err_status_alloc_fail ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
	}
	remember(way, before);
	*out = way;
	return ERR_OK;
}

struct srtp_way *srtp_way_free(struct srtp_way *way)
{
	if (!way)
		return NULL;
	if (way->session)
		/* wipes its keys; can only fail on what was never made */
		(void)srtp_dealloc(way->session);
	suite_key_wipe(&way->key);
	free(way);
	return NULL;
}

void srtp_way_expect_roc(struct srtp_way *way, uint32_t max_roc)
{
	way->max_roc = max_roc < MAX_ROC ? max_roc : MAX_ROC;
	if (max_roc && !way->lot[0])
		random_bytes(way->lot, sizeof(way->lot));
}

bool srtp_way_has_key(const struct srtp_way *way, const struct srtp_key *key)
{
	return suite_key_equal(&way->key, key);
}

bool srtp_has_suite(enum srtp_suite suite)
{
	struct srtp_way *way = NULL;
	struct srtp_key key;
	enum err err;

	suite_key_random(suite, &key);
	err = srtp_way_new(&key, true, NULL, &way);
	suite_key_wipe(&key);
	srtp_way_free(way);
	return !err;
}

static uint32_t ssrc_of(const uint8_t *bytes, bool is_rtcp)
{
	const uint8_t *at = bytes + (is_rtcp ? 4 : 8);

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_known(struct ssrcs *ssrcs, uint32_t ssrc)
{
	if (ssrcs->n > 0 && ssrcs->last == ssrc)
		return true;
	for (unsigned i = 0; i < ssrcs->n; i++) {
		if (ssrcs->list[i] == ssrc) {
			ssrcs->last = ssrc;
			return true;
		}
	}
	return false;
}

static void know(struct ssrcs *ssrcs, uint32_t ssrc)
{
	ssrcs->list[ssrcs->n++] = ssrcs->last = ssrc;
}

static enum srtp_result result_of(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return SRTP_DONE;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return SRTP_REPLAYED;
	case srtp_err_status_key_expired:
		return SRTP_REFUSED;
	default:
		return SRTP_FORGED;
	}
}

enum srtp_result srtp_way_protect(struct srtp_way *way, uint8_t *bytes, size_t *len,
				  bool is_rtcp)
{
	struct ssrcs *ssrcs = is_rtcp ? &way->rtcp : &way->rtp;
	uint32_t ssrc = ssrc_of(bytes, is_rtcp);
	int length = (int)*len, has_mki = way->key.mki_len > 0;
	srtp_err_status_t status;

	if (!is_known(ssrcs, ssrc)) {
		if (ssrcs->n == SRTP_MAX_SSRCS)
			return SRTP_REFUSED;
		know(ssrcs, ssrc);
	}
	status = is_rtcp ? srtp_protect_rtcp_mki(way->session, bytes, &length, has_mki, 0)
			 : srtp_protect_mki(way->session, bytes, &length, has_mki, 0);
	if (status == srtp_err_status_ok)
		*len = (size_t)length;
	return result_of(status);
}

static srtp_err_status_t unprotect(struct srtp_way *way, uint8_t *bytes, size_t *len,
				   bool is_rtcp)
{
	int length = (int)*len, has_mki = way->key.mki_len > 0;
	srtp_err_status_t status =
		is_rtcp ? srtp_unprotect_rtcp_mki(way->session, bytes, &length, has_mki)
			: srtp_unprotect_mki(way->session, bytes, &length, has_mki);

	if (status == srtp_err_status_ok)
		*len = (size_t)length;
	return status;
}

static srtp_err_status_t try_roc(struct srtp_way *way, const uint8_t *copy, uint8_t *bytes,
				 size_t *len, uint32_t roc)
{
	srtp_err_status_t status = srtp_set_stream_roc(way->session, ssrc_of(copy, false), roc);

	memcpy(bytes, copy, *len);
	return status == srtp_err_status_ok ? unprotect(way, bytes, len, false) : status;
}

/* A stranger without the key may send so much that looking at all of it would cost too much,
 * but what he sends must not keep others from being looked at: after the first ones each packet
 * has the same chance, whoever sends how many. */
static bool may_guess(struct srtp_way *way)
{
	const uint64_t turn = way->n_late;

	if (!way->max_roc || way->n_tries < FREE_TRIES)
		return way->max_roc > 0;
	way->n_late++;
	return random_siphash(way->lot, &turn, sizeof(turn)) % ONE_IN == 0;
}

static srtp_err_status_t try_likely(struct srtp_way *way, const uint8_t *copy, uint8_t *bytes,
				    size_t *len)
{
	uint32_t ssrc = ssrc_of(copy, false);
	uint16_t sequence = (uint16_t)(copy[2] << 8 | copy[3]);
	uint32_t rocs[3];
	unsigned n_rocs = 0;

	if (sequence < HALF_SEQUENCE)
		rocs[n_rocs++] = 1;
	for (unsigned i = 0; i < way->n_before; i++) {
		if (way->before[i].ssrc == ssrc) {
			rocs[n_rocs++] = way->before[i].roc;
			rocs[n_rocs++] = way->before[i].roc + 1;
			break;
		}
	}
	for (unsigned i = 0; i < n_rocs; i++)
		if (try_roc(way, copy, bytes, len, rocs[i]) == srtp_err_status_ok)
			return srtp_err_status_ok;
	return srtp_err_status_auth_fail;
}

static srtp_err_status_t try_all(struct srtp_way *way, const uint8_t *copy, uint8_t *bytes,
				 size_t *len)
{
	if (!may_guess(way))
		return srtp_err_status_auth_fail;
	for (uint32_t roc = 1; roc <= way->max_roc; roc++) {
		way->n_tries += way->n_tries < FREE_TRIES;
		if (try_roc(way, copy, bytes, len, roc) == srtp_err_status_ok)
			return srtp_err_status_ok;
	}
	return srtp_err_status_auth_fail;
}

/* A new SSRC that cannot be read: its first packets may have been lost before we listened, and
 * its sequence gone over the end; or its sender keeps the counter over a change of keys; or the
 * key is older than we. */
static srtp_err_status_t try_rocs(struct srtp_way *way, const uint8_t *copy, uint8_t *bytes,
				  size_t *len)
{
	uint32_t ssrc = ssrc_of(copy, false), now;
	bool is_there = srtp_get_stream_roc(way->session, ssrc, &now) ==
			srtp_err_status_ok; /* by its RTCP */
	srtp_err_status_t status;

	if (!is_there && with_policy(way, ssrc_specific, ssrc) != srtp_err_status_ok)
		return srtp_err_status_auth_fail;
	status = try_likely(way, copy, bytes, len);
	if (status != srtp_err_status_ok)
		status = try_all(way, copy, bytes, len);
	if (status == srtp_err_status_ok)
		return status;
	if (is_there)
		(void)srtp_set_stream_roc(way->session, ssrc,
					  0); /* it is there, so it can be set */
	else
		(void)srtp_remove_stream(way->session,
					 htonl(ssrc)); /* in network order, unlike above */
	return status;
}

static enum srtp_result unprotect_new(struct srtp_way *way, struct ssrcs *ssrcs, uint8_t *bytes,
				      size_t *len)
{
	bool is_rtcp = ssrcs == &way->rtcp;
	uint32_t ssrc = ssrc_of(bytes, is_rtcp);
	uint8_t copy[MAX_COPY];
	srtp_err_status_t status;

	if (ssrcs->n == SRTP_MAX_SSRCS || *len > sizeof(copy))
		return SRTP_REFUSED;
	memcpy(copy, bytes, *len);
	status = unprotect(way, bytes, len, is_rtcp);
	if (status == srtp_err_status_auth_fail && !is_rtcp)
		status = try_rocs(way, copy, bytes, len);
	if (status == srtp_err_status_ok)
		know(ssrcs, ssrc);
	return result_of(status);
}

enum srtp_result srtp_way_unprotect(struct srtp_way *way, uint8_t *bytes, size_t *len,
				    bool is_rtcp)
{
	struct ssrcs *ssrcs = is_rtcp ? &way->rtcp : &way->rtp;

	if (*len < (is_rtcp ? 8 : 12))
		return SRTP_FORGED;
	if (!is_known(ssrcs, ssrc_of(bytes, is_rtcp)))
		return unprotect_new(way, ssrcs, bytes, len);
	return result_of(unprotect(way, bytes, len, is_rtcp));
}
