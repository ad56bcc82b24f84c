/* One server as a client sees it: connects, shakes hands, asks with OPTIONS, and tells how far
 * it came and what it saw. For the checks of an administrator, on the loop of the main thread:
 * a socket of its own, a deadline for each stage, nothing of it in the pool, in health or in
 * the limits. struct check_prober is the seam of tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/loop.h"
#include "proxy/transport/hop.h"
#include "proxy/transport/identity.h"
#include "proxy/transport/tls_look.h"

enum check_stage { CHECK_CONNECT, CHECK_HANDSHAKE, CHECK_ASK, CHECK_DONE };

struct check_question {
	const struct hop *hop; /* its pointers must hold until the end */
	enum conf_tls_version
		only; /* offers this version alone; CONF_TLS_UNSET: as the hop says */
	/* no OPTIONS; where the certificate does not hold there is none anyway */
	bool only_handshake;
	bool asks_anyway;      /* OPTIONS whatever the certificate is worth: to ourselves */
	const char *from, *to; /* domains of the OPTIONS; copied */
	uint64_t stage_ms;     /* at most, of each stage */
};

struct check_result {
	enum check_stage stage; /* that failed, or CHECK_DONE */
	enum reason reason;     /* why it failed; REASON_NONE */
	/* in CHECK_ASK: the other side refused our certificate (TLS 1.3) */
	bool was_refused_later;
	/* set by who tried it: without TLS it says nothing, with TLS it does */
	bool speaks_tls;
	bool is_rehearsal; /* nobody was dialled (check_rehearsal.h) */
	bool cannot;       /* our TLS library does not have that version */
	bool has_tls;      /* the rest of TLS was filled */
	struct tls_look look;
	struct tls_diagnosis diagnosis;
	struct identity *identity; /* the probe's; NULL: no certificate was seen */
	int status;                /* of the response; 0: none */
	uint64_t connect_ms, handshake_ms, ask_ms;
};

/* One under way. Embedded in its owner; zeroed memory is none. */
struct check_probe {
	void (*on_end)(struct check_probe *probe, const struct check_result *result);
	bool is_active;
	uintptr_t tag; /* the owner's, to be set after check_probe_start */
	void *own;     /* of whoever does it */
	struct loop_call call;
};

struct check_prober;

struct check_prober_ops {
	void (*start)(struct check_prober *prober, struct check_probe *probe,
		      const struct check_question *question);
	void (*cancel)(struct check_prober *prober, struct check_probe *probe);
};

struct check_prober {
	struct loop *loop;
	const struct check_prober_ops *ops; /* NULL: the network */
	void *user;
};

/* on_end comes exactly once, from the loop, never inside; result is valid during the call, and
 * probe may be used again in it. */
void check_probe_start(struct check_prober *prober, struct check_probe *probe,
		       const struct check_question *question,
		       void (*on_end)(struct check_probe *probe,
				      const struct check_result *result));
/* on_end will not come; fine if it is not active. */
void check_probe_cancel(struct check_prober *prober, struct check_probe *probe);
/* For whoever stands behind ops: the end, from the loop. */
void check_probe_tell(struct check_probe *probe, const struct check_result *result);
