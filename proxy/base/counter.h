/* What is counted, for /metrics: one table of families (name, type, help, labels with their
 * fixed values), and the values, which each worker keeps for itself. Counting takes no lock and
 * no memory: a worker is the only writer of its struct counters, and anybody may read. Values
 * of labels are indices into fixed lists, in the order of the enums that are named below, so
 * that no stranger can make a new series. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/buf.h"
#include "proxy/base/error.h"

/* Indices: network as enum conf_network, transport as enum conf_transport, reason as enum
 * reason; method by counter_method, code by counter_code; the others are the enums below. */
enum counter {
	/* Kept here, by counter_add*. */
	COUNTER_REQUESTS,            /* network, origin, method */
	COUNTER_RESPONSES,           /* network, direction, code */
	COUNTER_REFUSALS,            /* reason, network */
	COUNTER_RETRANSMISSIONS,     /* direction, transport */
	COUNTER_TRANSACTIONS,        /* gauge: kind */
	COUNTER_MALFORMED,           /* network, malformed */
	COUNTER_LIMITED,             /* limit */
	COUNTER_SHED,                /* network, method, cause */
	COUNTER_CONNECTIONS,         /* gauge: network, transport, direction */
	COUNTER_CONNECTIONS_OPENED,  /* network, transport, direction */
	COUNTER_CONNECTION_FAILURES, /* network, transport, direction, reason */
	COUNTER_RECEIVED_BYTES,      /* network, transport */
	COUNTER_SENT_BYTES,          /* network, transport */
	COUNTER_SEND_QUEUE_BYTES,    /* gauge: network */
	COUNTER_TLS_HANDSHAKES,      /* network, direction, reason (REASON_NONE: ok) */
	COUNTER_AUTH_FAILURES,       /* network */
	COUNTER_DNS_QUERIES,         /* dns type, dns result */
	COUNTER_LOCATION_LOOKUPS,    /* lookup */
	COUNTER_STUN_CHECKS,         /* stun check */
	COUNTER_STUN_REQUESTS,       /* stun request */

	/* Kept here, by counter_observe. */
	COUNTER_FORWARD_DELAY,  /* method */
	COUNTER_RESPONSE_DELAY, /* method */
	COUNTER_TLS_DURATION,   /* direction */
	COUNTER_DNS_DURATION,   /* dns type */
	COUNTER_LOOP_LAG,       /* none; the worker is added when it is printed */

	/* Told by the caller when it prints: counter_print_head, counter_print_sample. */
	COUNTER_BUILD_INFO, /* version, commit */
	COUNTER_CONFIG_LAST_RELOAD_SUCCESSFUL,
	COUNTER_CONFIG_LAST_RELOAD_TIMESTAMP,
	COUNTER_CONFIG_RELOADS, /* result: applied, rejected, unchanged */
	COUNTER_CONFIG_WARNINGS,
	COUNTER_LISTENER_UP,            /* listener, transport */
	COUNTER_PUBLIC_ADDRESS_CHANGES, /* listener */
	COUNTER_BANNED_SOURCES,
	COUNTER_CERTIFICATE_NOT_AFTER,         /* certificate */
	COUNTER_PARTNER_CERTIFICATE_NOT_AFTER, /* partner */
	COUNTER_PARTNER_UP,                    /* partner */
	COUNTER_PARTNER_PROBE_DURATION,        /* partner */
	COUNTER_PARTNER_LAST_SEEN,             /* partner */
	COUNTER_PARTNER_REQUESTS,              /* partner, direction */
	COUNTER_PARTNER_FAILURES,              /* partner, reason */
	COUNTER_PARTNER_CONNECTIONS,           /* partner, direction: inbound, outbound */
	COUNTER_DISCOVERED_PARTNERS,           /* state */
	COUNTER_DISCOVERED_FAILURES,           /* partner, kind */
	COUNTER_BACKEND_UP,                    /* backend */
	COUNTER_BACKEND_USERS,                 /* backend */
	COUNTER_REGISTRATIONS,                 /* network */
	COUNTER_MEDIA_CHANNELS,                /* class */
	COUNTER_MEDIA_CHANNELS_LIMIT,
	COUNTER_MEDIA_REFUSED, /* bound */
	COUNTER_MEDIA_RELAYS,
	COUNTER_MEDIA_PORT_PAIRS, /* state */
	COUNTER_MEDIA_PACKETS,
	COUNTER_MEDIA_BYTES,
	COUNTER_MEDIA_REJECTED_SOURCES,
	COUNTER_MEDIA_SRTP_FAILURES,
	COUNTER_MEDIA_DROPPED,
	COUNTER_MEDIA_TIMEOUTS,
	COUNTER_MEDIA_KERNEL_UP,
	COUNTER_MEDIA_KERNEL_FLOWS,
	COUNTER_MEDIA_KERNEL_PACKETS,
	COUNTER_STATE_FAILURES,
	COUNTER_STATE_DROPPED,
	COUNTER_LOG_LINES_DROPPED,
	COUNTER_PROCESS_CPU,
	COUNTER_PROCESS_MEMORY,
	COUNTER_PROCESS_OPEN_FDS,
	COUNTER_PROCESS_MAX_FDS,
	COUNTER_PROCESS_START_TIME,

	N_COUNTERS
};

enum counter_origin { /* begins like federation's enum origin_kind */
		      COUNTER_ORIGIN_STRANGER,
		      COUNTER_ORIGIN_BACKEND,
		      COUNTER_ORIGIN_PARTNER,
		      COUNTER_ORIGIN_PARTNER_UNTRUSTED,
		      COUNTER_ORIGIN_DISCOVERED,
		      COUNTER_ORIGIN_PHONE,
};
enum counter_direction { COUNTER_IN, COUNTER_OUT };
enum counter_kind { COUNTER_CLIENT, COUNTER_SERVER };
enum counter_malformed {
	COUNTER_MALFORMED_FRAME,  /* no message begins or ends here: the connection is lost */
	COUNTER_MALFORMED_SYNTAX, /* Sofia could not read the start line or a header */
	COUNTER_MALFORMED_HEADER, /* one is missing, doubled or contradicts another */
	COUNTER_MALFORMED_VERSION,
	COUNTER_MALFORMED_SIZE,
};
enum counter_limit {
	COUNTER_LIMIT_MESSAGE_SIZE,
	COUNTER_LIMIT_CONNECTIONS,
	COUNTER_LIMIT_HANDSHAKES,
	COUNTER_LIMIT_REQUESTS,
	COUNTER_LIMIT_AUTH_FAILURES,
	COUNTER_LIMIT_TRANSACTIONS,
	COUNTER_LIMIT_SEND_QUEUE,
	COUNTER_LIMIT_LOAD,
};
enum counter_shed { COUNTER_SHED_SEND_QUEUE, COUNTER_SHED_LOAD };
enum counter_lookup { /* where a local user's home was found */
		      COUNTER_LOOKUP_BOUND,
		      COUNTER_LOOKUP_LISTED,
		      COUNTER_LOOKUP_LEARNED,
		      COUNTER_LOOKUP_SEARCHED,
		      COUNTER_LOOKUP_BALANCED,
		      COUNTER_LOOKUP_UNKNOWN,
};
enum counter_stun_check { COUNTER_STUN_ANSWERED, COUNTER_STUN_SILENT };
enum counter_stun_request {
	COUNTER_STUN_REQUEST_ANSWERED,
	COUNTER_STUN_REQUEST_LIMITED,
	COUNTER_STUN_REQUEST_MALFORMED,
};
enum counter_dns_type {
	COUNTER_DNS_A,
	COUNTER_DNS_AAAA,
	COUNTER_DNS_SRV,
	COUNTER_DNS_NAPTR,
	COUNTER_DNS_OTHER,
};
enum counter_dns_result {
	COUNTER_DNS_OK,
	COUNTER_DNS_NXDOMAIN,
	COUNTER_DNS_NODATA,
	COUNTER_DNS_SERVFAIL,
	COUNTER_DNS_TIMEOUT,
};

enum { COUNTER_MAX_LABELS = 4 };

struct counters {
	uint32_t first[N_COUNTERS]; /* place in values */
	uint16_t sizes[N_COUNTERS]
		      [COUNTER_MAX_LABELS]; /* of each label's list; 0: not kept here */
	_Atomic int64_t values[];
};

/* Makes one worker's values, all 0. NULL when memory is short. */
struct counters *counters_new(void);
struct counters *counters_free(struct counters *counters);

/* The index of a method's name ("INVITE"): one of the 14 registered, or "other". */
unsigned counter_method(const char *name);

/* The index of a response's status: a registered one, or "4xx" and so on, or "other". */
unsigned counter_code(int status);

/* Adds n, for gauges also a negative one. counters may be NULL, and an index that is not in its
 * list counts nothing. The worker's thread only. */
static inline void counter_add4(struct counters *counters, enum counter counter, unsigned i,
				unsigned j, unsigned k, unsigned l, int64_t n)
{
	if (!counters)
		return;

	const uint16_t *sizes = counters->sizes[counter];
	if (i >= sizes[0] || j >= sizes[1] || k >= sizes[2] || l >= sizes[3])
		return;

	_Atomic int64_t *value =
		&counters->values[counters->first[counter] +
				  ((i * sizes[1] + j) * sizes[2] + k) * sizes[3] + l];
	/* One writer: no locked instruction is needed. */
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void counter_add3(struct counters *counters, enum counter counter, unsigned i,
				unsigned j, unsigned k, int64_t n)
{
	counter_add4(counters, counter, i, j, k, 0, n);
}

static inline void counter_add2(struct counters *counters, enum counter counter, unsigned i,
				unsigned j, int64_t n)
{
	counter_add4(counters, counter, i, j, 0, 0, n);
}

static inline void counter_add1(struct counters *counters, enum counter counter, unsigned i,
				int64_t n)
{
	counter_add4(counters, counter, i, 0, 0, 0, n);
}

/* Puts one observation into the histogram; i is 0 for one without labels. Otherwise like
 * counter_add1. */
void counter_observe(struct counters *counters, enum counter counter, unsigned i, uint64_t us);

/* The sum of one value over all workers (status, tests); unused indices are 0. Histograms: how
 * many observations. Any thread. */
int64_t counters_sum(const struct counters *const *per_worker, unsigned n_workers,
		     enum counter counter, const unsigned at[COUNTER_MAX_LABELS]);

/* The sum of all values of a family that is no histogram. Any thread. */
int64_t counters_total(const struct counters *const *per_worker, unsigned n_workers,
		       enum counter counter);

/* The families that are kept here, in the text format of Prometheus 0.0.4 or OpenMetrics 1.0.
 * Of families with many possible series only those are printed that are not 0. Any thread. */
void counters_print(struct buf *buf, const struct counters *const *per_worker,
		    unsigned n_workers, bool is_openmetrics);

/* A family of the caller's: first its head, then a sample for each; label_values has as many as
 * the family has labels (NULL if none), and they may hold anything. */
void counter_print_head(struct buf *buf, enum counter counter, bool is_openmetrics);
void counter_print_sample(struct buf *buf, enum counter counter,
			  const char *const *label_values, double value);

/* The process_ families, read from the system. May block for a moment: the main thread. */
void counter_print_process(struct buf *buf, bool is_openmetrics);

/* What must stand last: "# EOF" in OpenMetrics. */
void counter_print_end(struct buf *buf, bool is_openmetrics);
