/* Phones out on the internet: who sent a request that came by a listener of the network remote.
 * Nobody is trusted there by an address or a certificate: digest proves a user of users_file,
 * and then the connection that it came by. */
#pragma once

#include "proxy/request.h"
#include "proxy/sip/digest.h"
#include "routing/location.h"

enum { PHONE_ID_SIZE = 272 };

/* The address of record of a user: "168" is 168 of the first domain, "anna@corp.test" says its
 * own. False if the user can have none: no domain, or one that is not ours. */
bool phone_identity(const struct snapshot *snapshot, const struct user *user,
		    struct location_name *out);

/* The user whose address of record that is; NULL if there is none. */
const struct user *phone_find(const struct snapshot *snapshot, const char *user,
			      const char *domain);

/* "phone:168@corp.example", as the origin of requests and the end of dialogs. False if it is
 * too long. */
bool phone_id(const struct location_name *name, char out[PHONE_ID_SIZE]);
/* The user of such an id; NULL if it is none, or the user is gone. */
const struct user *phone_of_id(const struct snapshot *snapshot, const char *id);

/* May its phones come from the internet? */
bool phone_is_allowed(const struct user *user);

/* A keyed hash of what the user proves itself with: it changes with the password, and when the
 * user may not come in any more. */
uint64_t phone_proof(const struct snapshot *snapshot, const struct user *user);

/* What a user proves itself with, by the algorithms that the configuration takes. */
void phone_secret(const struct settings *settings, const struct user *user,
		  struct digest_secret *out);

/* For whom the nonces of a challenge are good: the host that the request came from, where
 * phones come in; "" elsewhere. */
const char *phone_nonce_scope(const struct flow *flow, char text[ADDR_TEXT_SIZE]);

/* The flow that a request came by. */
void phone_flow_of(const struct flow *flow, struct phone_flow *out);
void phone_token_flow(const struct record_route_keys *keys, const struct flow *flow,
		      struct token_flow *out);
/* True if that is the flow of a token. */
bool phone_is_token_flow(const struct record_route_keys *keys, const struct flow *flow,
			 const struct token_flow *token);

/* The step `log-on` of a REGISTER at a remote listener: a challenge, a refusal, or
 * request->phone, who registers itself. */
enum reason phone_log_on(struct request *request);

/* The step `classify` at a remote listener. Sets the origin; or request->must_prove:
 * phone_authorize decides. */
enum reason phone_classify(struct request *request);

/* The step `authorize` for it: digest. */
enum reason phone_authorize(struct request *request);

/* What a phone dials, url, against its class of service. Others may dial whatever they want. */
enum reason phone_check_class(struct request *request, const url_t *url);
