/* What a check of the network found: one row a fact, in order. "Not tested" is a state of its
 * own, so that nothing is green by silence. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/reason.h"
#include "proxy/check_code.h"

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAIL, CHECK_UNTESTED };

struct check_row {
	enum check_state state;
	char subject[256]; /* the domain, or the server, that it is about */
	const char *fact;  /* "SRV" */
	const char *code;  /* what is wrong, "" for nothing */
	char *evidence;    /* owned */
	const char *means, *act;
	char *remedy;    /* owned; "" for none */
	bool is_paste;   /* the remedy is text to paste */
	int64_t took_ms; /* -1: it took nothing worth telling */
};

/* Embedded; zeroed memory holds none. */
struct check_rows {
	struct check_row *rows;
	size_t n, size;
	char subject[256]; /* of the rows that are added from now on */
	bool is_ours;      /* the domain: who must act hangs on it */
	bool is_unknown;   /* what mattered could not be found out */
	enum err err;      /* memory was short: rows are missing */
};

void check_rows_fini(struct check_rows *rows);

/* Evidence is a format; it may hold strangers' text. */
void check_ok(struct check_rows *rows, const char *fact, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void check_untested(struct check_rows *rows, const char *fact, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* state is CHECK_WARN or CHECK_FAIL. remedy: text to paste; NULL: that of the code. */
void check_fault(struct check_rows *rows, enum check_state state, enum check_code code,
		 const char *remedy, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same with the code and the texts of a reason. */
void check_refused(struct check_rows *rows, const char *fact, enum reason reason,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Of the row that was added last. */
void check_took(struct check_rows *rows, uint64_t took_ms);

/* Moves the rows of from behind those of to; from is empty then. */
void check_rows_append(struct check_rows *to, struct check_rows *from);

size_t check_rows_count(const struct check_rows *rows, enum check_state state);

/* The answer of /v1: {"version", "ok", "known", "problems", "rows", "counts"}; NULL if memory
 * is short. */
json_t *check_rows_to_json(const struct check_rows *rows);

/* "ok", "warn", "fail", "untested". */
const char *check_state_text(enum check_state state);
