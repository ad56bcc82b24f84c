/* All faults of one load: errors and warnings with their places, sorted, bounded, printed as
 * the best compilers do, or as JSON. Whoever checks something of the configuration adds to the
 * same report. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"
#include "proxy/base/buf.h"
#include "proxy/base/error.h"

/* Numbers are stable: they stand in "E012", in documentation and in scripts. */
enum fault {
	/* The text of a file. */
	FAULT_FILE = 1,     /* cannot be read, or is too large */
	FAULT_YAML = 2,     /* not YAML */
	FAULT_ALIAS = 3,    /* anchors, aliases and tags are not read */
	FAULT_TOO_DEEP = 4, /* depth or count over the bound */
	FAULT_INCLUDE = 5,  /* names nothing, or stands in an included file */
	FAULT_VERSION = 6,  /* version: is not ours */

	/* Keys and values. */
	FAULT_DUPLICATE_KEY = 10,
	FAULT_WRONG_KIND = 11, /* a list where a word belongs */
	FAULT_UNKNOWN_KEY = 12,
	FAULT_BAD_VALUE = 13, /* not a duration, not an address, not one of the words */
	FAULT_OUT_OF_RANGE = 14,
	FAULT_MISSING_KEY = 15,
	FAULT_NOT_IN_VERSION = 16,
	FAULT_CONFLICT = 17, /* two keys that exclude each other */

	/* What stands in different places and must fit together. */
	FAULT_DUPLICATE = 20,      /* domain, listener, backend, partner */
	FAULT_DANGLING = 21,       /* a name that is not defined */
	FAULT_OWN_DOMAIN = 22,     /* a partner's domain is one of ours */
	FAULT_FOREIGN_DOMAIN = 23, /* a backend's domain is none of ours */
	FAULT_NO_CERTIFICATE = 24, /* tls or mtls without one */
	FAULT_NOT_LOCAL = 25,      /* bind: is not on this host */
	FAULT_NO_LISTENER = 26,    /* none matches a route's port and transport */
	FAULT_WEAK_TRUST = 27,     /* trustworthy over UDP or TCP on a public address */
	FAULT_NO_TLS = 28,         /* a wan listener, or a public log-on, without TLS */
	FAULT_OLD_TLS = 29,        /* TLS 1.0 or 1.1 */
	FAULT_NOTHING_SERVED = 30, /* no domain, or no enabled listener */

	/* Files that are named. */
	FAULT_FILE_UNREADABLE = 40,
	FAULT_FILE_OPEN_TO_OTHERS = 41,
	FAULT_USERS = 42, /* the users file's own rules */

	/* Certificates and keys; found by proxy/transport. */
	FAULT_CERTIFICATE = 50, /* not a certificate, unreadable container */
	FAULT_KEY = 51,         /* not a key, wrong passphrase */
	FAULT_KEY_MISMATCH = 52,
	FAULT_CERTIFICATE_TIME = 53, /* expired, not yet valid, soon to expire */
	FAULT_CHAIN = 54,            /* does not link up, holds a root */
	FAULT_WEAK_KEY = 55,
	FAULT_CERTIFICATE_NAME = 56, /* has none of our domains */
	FAULT_CERTIFICATE_USAGE = 57,
	FAULT_TRUST = 58,    /* a trust anchor or CRL that cannot be used */
	FAULT_PRIORITY = 59, /* GnuTLS does not know the priority string */

	/* The system. */
	FAULT_SOCKET = 60, /* a listener's socket could not be opened */
	FAULT_ROUTE = 61,  /* a route that cannot be compiled */
};

enum { REPORT_MAX_FAULTS = 200 };

struct report;

/* One line of the report. */
struct report_row {
	bool is_error;
	enum fault fault;
	const char *file; /* "" if it has no place */
	unsigned line, column;
	const char *key;  /* what it is about, may be "" */
	const char *text; /* what is wrong, what was expected */
	const char *hint; /* under the caret; may be "" */
};

enum err report_new(struct report **out) MUST_CHECK;
struct report *report_free(struct report *report); /* NULL is fine; returns NULL */

/* Adds a fault. place may be NULL (or its line 0) if it has none; key may be NULL. Everything
 * is copied. What lies beyond the first REPORT_MAX_FAULTS is counted, not kept; an error takes
 * the place of a warning then, as it is what the load fails for. */
void report_error(struct report *report, enum fault fault, const struct place *place,
		  const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void report_warning(struct report *report, enum fault fault, const struct place *place,
		    const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Gives the fault that was added last a hint: what to do, the nearest name. */
void report_hint(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Keeps a copy of a file's text, so that the line of a fault can be shown. A secret one (users)
 * is never shown. */
void report_source(struct report *report, const char *file, const char *text, size_t len,
		   bool is_secret);

/* Whether an error stands at that very place: what is wrong already need not be looked at
 * again. */
bool report_has_error_at(const struct report *report, const struct place *place);

size_t report_n_errors(const struct report *report);
size_t report_n_warnings(const struct report *report);

/* True if memory ran out while faults were added: the report is then not complete. */
bool report_is_broken(const struct report *report);

/* The rows, sorted by file, line and column; out stays the report's, until something is
 * added. */
size_t report_rows(struct report *report, const struct report_row **out);

/* "FILE:LINE:COLUMN: error: key: text [E012]", the line and a caret; an empty line between
 * faults. */
void report_print(struct report *report, bool is_coloured, struct buf *out);

/* "2 errors, 1 warning in 2 files" without a line end; "no faults". */
void report_print_count(struct report *report, struct buf *out);

/* {"version":1,"ok":..,"problems":[{"code","severity","where","file","line","column","text","act",
 * "remedy"}]} and a line end. */
void report_print_json(struct report *report, struct buf *out);

/* The array of problems alone, for answers that hold more than the report. */
void report_print_json_problems(struct report *report, struct buf *out);

/* "E012", or "W027". */
const char *report_code(bool is_error, enum fault fault, char out[8]);

/* What to do about it in a few words; "" if the number is unknown. */
const char *conf_fault_remedy(enum fault fault);

/* What stands behind a code, for `nuncio help E012`: some lines of text. NULL if there is
 * none. */
const char *conf_fault_help(const char *code);

/* The codes in their order, for lists and documentation: out_title gets a few words. Returns
 * the number of the i-th fault, 0 after the last. */
unsigned conf_fault_at(size_t i, const char **out_title);
