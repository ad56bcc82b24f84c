/* Limits: what one source address or partner may do to us, in bounded memory, shared by the
 * workers (sharded short locks). Over a limit: refused with Retry-After for a while, then
 * silence (issue "Limits"; mission 87). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/reason.h"

struct accounts;

enum account_verdict {
	ACCOUNT_WELCOME,
	ACCOUNT_REFUSED /* answer 503 with Retry-After */,
	ACCOUNT_SILENT /* drop */
};

enum err accounts_new(struct accounts **out) MUST_CHECK;
struct accounts *accounts_free(struct accounts *accounts);
/* Takes the limits of a new snapshot; state stays. Any thread. */
void accounts_set_limits(struct accounts *accounts, const struct settings_limits *limits);

/* One request from a source (networks wan and remote). peer_id is "" until classified:
 * strangers are charged by address, known partners by id. out_retry_after_s is written when
 * refused. */
enum account_verdict account_request(struct accounts *accounts, const struct addr *source,
				     const char *peer_id, uint64_t now_ms,
				     unsigned *out_retry_after_s);
/* One connection, one handshake: REASON_NONE, REASON_TOO_MANY_CONNECTIONS,
 * REASON_TOO_MANY_HANDSHAKES, REASON_BANNED. */
enum reason account_connection(struct accounts *accounts, const struct addr *source,
			       bool is_tls, uint64_t now_ms);
void account_connection_ended(struct accounts *accounts, const struct addr *source);
/* A transaction begins or ends; total and per source or partner (a tenth of limits.transactions
 * for one stranger source). */
enum reason account_transaction(struct accounts *accounts, const struct addr *source,
				const char *peer_id);
void account_transaction_ended(struct accounts *accounts, const struct addr *source,
			       const char *peer_id);
/* True if it sends more than its part of what comes from outside: more than half of all
 * requests of the last whole second, or more than twice as many as others do on average. Who
 * floods is to be shed first. */
bool account_is_heavy(struct accounts *accounts, const struct addr *source, const char *peer_id,
		      uint64_t now_ms);
/* How full limits.transactions is: 0: less than three quarters, 1, and each step half of what
 * was left, up to 4. Any thread. */
unsigned accounts_fullness(const struct accounts *accounts);
/* A wrong digest, a forged token: too many and the source is banned. True if it is banned
 * now. */
bool account_auth_failure(struct accounts *accounts, const struct addr *source,
			  uint64_t now_ms);
bool account_is_banned(struct accounts *accounts, const struct addr *source, uint64_t now_ms);
unsigned accounts_n_banned(struct accounts *accounts, uint64_t now_ms);
