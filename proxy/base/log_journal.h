/* The journal's own form of a log event (sd_journal_sendv): each key is a field,
 * NUNCIO_CALL_ID=..., and a reason has the MESSAGE_ID of its text in our catalogue, so that
 * `journalctl -x` explains it. Entries are formatted by who logs and sent by the log's thread,
 * because the journal's socket may block. For log*.c alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/buf.h"
#include "proxy/base/log_format.h"

/* True if the journal's socket is there: in a container standard error may be a journal's while
 * it is not. */
bool log_journal_is_there(void);

/* Adds the line as one entry: bytes that log_journal_write reads again. */
void log_journal_format(struct buf *buf, const struct log_line *line, unsigned flags);

/* True if bytes begin with an entry, not with plain text. */
bool log_journal_is_entry(const char *bytes, size_t len);

/* Sends whole entries, in their order. May block. */
void log_journal_write(const char *bytes, size_t len);
