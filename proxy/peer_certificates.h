/* The certificates by which partners and backends were known last, the one that they showed
 * when they connected to us and the one that they showed when we did: for warnings before they
 * expire, and for trying another trust on them. By the id of the rule
 * ("partner:partner.example"); bounded, who was seen longest ago gives way. Any thread (a short
 * lock). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/transport/flow.h"

enum { PEER_CERTIFICATES_MAX = 1000, PEER_CERTIFICATES_ID_SIZE = 96 };

struct peer_certificates;

struct peer_certificate {
	char id[PEER_CERTIFICATES_ID_SIZE];
	bool is_inbound;
	uint64_t seen_ms;
	int64_t not_after; /* of the one of its path that ends first; seconds since 1970 */
	char sha256[65], names[160], issuer[160];
	struct peer_chain *chain; /* counted; NULL: too large to be kept */
};

enum err peer_certificates_new(struct peer_certificates **out) MUST_CHECK;
/* NULL is fine */
struct peer_certificates *peer_certificates_free(struct peer_certificates *certificates);

/* Who is at the other end of flow was verified to be id: its certificate is noted, once for
 * each connection and id. Returns when it ends, 0 if nothing was noted: without a certificate,
 * or where it is known already or memory is short. */
int64_t peer_certificates_note(struct peer_certificates *certificates, const char *id,
			       struct flow *flow, uint64_t now_ms);

/* Copies all, ordered by id; give back with peer_certificates_done. ERR_NO_MEMORY. */
enum err peer_certificates_list(struct peer_certificates *certificates,
				struct peer_certificate **out, size_t *out_n) MUST_CHECK;
void peer_certificates_done(struct peer_certificate *list, size_t n);
