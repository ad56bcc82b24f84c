/* Which servers answer. Keyed by peer, address, port and transport (what fails by one partner's
 * certificate need not fail another's at the same hoster); shared by the workers of a process
 * (short lock or atomics); apart from the DNS cache, so that one failed attempt poisons nothing
 * (field.md pitfall 3). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/reason.h"

struct health_table;
/* one server; lives as long as the table (bounded: the oldest unused give way) */
struct health;

enum health_state {
	HEALTH_UNKNOWN,
	HEALTH_UP,
	HEALTH_DOWN,
	HEALTH_TRYING /* half-open: one request may try */
};

struct health_view {
	enum health_state state;
	struct addr addr;
	enum conf_transport transport;
	char peer[256];
	enum reason last_reason;
	uint64_t since_ms, last_success_ms, last_failure_ms, retry_at_ms; /* loop clock */
	uint32_t n_failures_in_a_row;
	uint64_t n_successes, n_failures;
};

enum err health_table_new(struct health_table **out) MUST_CHECK;
struct health_table *health_table_free(struct health_table *table);

/* The record of a server, made if need be; NULL if memory is short: the functions below take
 * that as a server of which nothing is known. */
struct health *health_of(struct health_table *table, const char *peer, const struct addr *addr,
			 enum conf_transport transport);

/* May a request try it now? DOWN becomes TRYING for one caller when its retry time came (2 s
 * doubled to 60 s). */
bool health_may_try(struct health *health, uint64_t now_ms);
/* May it not be tried now? Changes nothing: for the order of hops. */
bool health_is_down(struct health *health, uint64_t now_ms);
void health_succeeded(struct health *health, uint64_t now_ms);
void health_failed(struct health *health, enum reason reason, uint64_t now_ms);
/* The answer says "not now" for so long (503 with Retry-After); more than ten minutes are not
 * believed. */
void health_rest(struct health *health, uint64_t until_ms, enum reason reason);

/* Calls fn with a copy of each, in order of peer, address, port: status. */
void health_each(struct health_table *table,
		 void (*fn)(const struct health_view *view, void *user), void *user);
void health_look(struct health *health, struct health_view *out);
