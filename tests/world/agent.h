/* A user agent, or a partner's proxy, of a scenario: a party that remembers what it sent and
 * received, so that a script may say "180" or "BYE" and no more. It keeps one call at a time:
 * the newest. */
#pragma once

#include <stdint.h>

#include "proxy/base/buf.h"
#include "tests/world/network.h"

enum { AGENT_TEXT = 192 * 1024, AGENT_MAX_ROUTES = 8 };

/* A header that a script gives: replaces, adds or takes away. */
struct wish {
	char kind; /* '=' instead of what the agent would write, '+' besides, '-' without it */
	char name[64];
	char value[6000];
};

struct agent {
	struct party party;
	char user[128]; /* its address of record: "sip:bob@partner.example" */

	/* The call. */
	char call_id[192], local_tag[64], remote_tag[128];
	char remote_uri[256], remote_target[512];
	char routes[AGENT_MAX_ROUTES][512];
	unsigned n_routes;
	uint32_t cseq;
	bool is_inside; /* the other end's tag is known */

	char sent[AGENT_TEXT];   /* the last that it sent */
	char invite[AGENT_TEXT]; /* the last INVITE that it sent: for CANCEL and ACK */
	uint32_t invite_cseq;
	int invite_status;          /* of the last final response to that; 0: none yet */
	char answered[AGENT_TEXT];  /* the last response that it saw */
	char challenge[AGENT_TEXT]; /* the last 407 or 401 */
	struct list requests;       /* kept.link: what it received, the newest first */
	uint64_t flow_id;           /* by which the newest message came */
	unsigned flow_worker;
	bool keeps_flow;   /* it sends by that flow instead of its own connection */
	uint64_t *counter; /* of branches, tags and Call-IDs; shared */
};

/* agent: all zero, and not zeroed again here: it is most of a megabyte, and a sweep makes
 * thousands. address: "203.0.113.1:5061". False if it is none. */
bool agent_init(struct agent *agent, const char *name, const char *address,
		const char *listener, const char *names, const char *user, uint64_t *counter);
void agent_fini(struct agent *agent);
/* Forgets every call and message. */
void agent_forget(struct agent *agent);

/* Writes a request. uri "" means inside the call, to where the other end wants it; else a new
 * call begins, unless the method is ACK or CANCEL. False if there is nothing to refer to. */
bool agent_request(struct agent *agent, const char *method, const char *uri,
		   const struct wish *wishes, size_t n_wishes, const char *transport,
		   struct buf *out);

/* Writes a response to the newest request of that method ("" for any). */
bool agent_response(struct agent *agent, int status, const char *phrase, const char *method,
		    const struct wish *wishes, size_t n_wishes, struct buf *out);

/* Where the newest request of that method came by; false if there is none. */
bool agent_where(const struct agent *agent, const char *method, uint64_t *out_flow_id,
		 unsigned *out_worker, char listener[64]);

/* The newest request; "" if there is none. */
const char *agent_asked(const struct agent *agent);

/* The values of a header of the newest request, joined by commas; "" if there are none. */
void agent_header(const struct agent *agent, const char *name, char *out, size_t size);

/* Looks at the first message of its inbox and remembers what matters. */
void agent_learn(struct agent *agent, const struct received *received);

/* The answer to its last 407 or 401 under one algorithm: the value of Proxy-Authorization or
 * Authorization. */
bool agent_authorize(const struct agent *agent, const char *method, const char *uri,
		     const char *auth_user, const char *password, const char *algorithm,
		     const char *nc, char *out, size_t size);
