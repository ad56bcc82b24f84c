/* A growing piece of text or bytes that remembers its first error: add without looking, ask
 * once at the end. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "proxy/base/error.h"

struct buf {
	char *bytes; /* always terminated once something was added; owned */
	size_t len, size;
	size_t max; /* 0: no bound */
	enum err err;
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf); /* empties, keeps the memory and forgets the error */

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_puts(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args);

/* The text so far, "" if nothing was added. Stays the buf's. */
const char *buf_text(const struct buf *buf);

/* Hands the text (malloced, terminated) to the caller and empties the buf. NULL after an
 * error. */
char *buf_take(struct buf *buf);
