/* Partners and backends in status: one survey counts the states of all and remembers the few
 * that a summary shows; rows are made one at a time, so that ten thousand need not be made at
 * once. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "proxy/server.h"

enum status_kind { STATUS_PARTNERS, STATUS_BACKENDS, N_STATUS_KINDS };

/* The rows of a list, and the problems, that a summary holds at most. */
enum { STATUS_SUMMARY_ROWS = 16 };

struct status_peers;

/* Surveys all peers of the running snapshot, which it holds from then on. Costs no allocation
 * for each. Main thread. */
enum err status_peers_new(struct server *server, struct status_peers **out) MUST_CHECK;
struct status_peers *status_peers_free(struct status_peers *peers); /* NULL is fine */

/* {"up":..,"down":..,"unknown":..,"off":..}: how many of the kind are in which state. */
json_t *status_peers_counts(const struct status_peers *peers, enum status_kind kind);
unsigned status_peers_n_errors(const struct status_peers *peers);
unsigned status_peers_n_warnings(const struct status_peers *peers);

/* How many peers there are of both kinds, and the row of one: NULL if it is of the other kind
 * or memory is short. */
size_t status_peers_n(const struct status_peers *peers);
json_t *status_peers_row(const struct status_peers *peers, size_t i, enum status_kind kind);
/* Appends the problems of one. */
void status_peers_problems(const struct status_peers *peers, size_t i, json_t *problems);

/* For a summary: an array of at most STATUS_SUMMARY_ROWS rows, those that are down first; and
 * problems, errors first, until there are so many of them in the array. */
json_t *status_peers_first_rows(const struct status_peers *peers, enum status_kind kind);
void status_peers_first_problems(const struct status_peers *peers, json_t *problems);
