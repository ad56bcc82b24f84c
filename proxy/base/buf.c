#include "proxy/base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 128 };

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void buf_fini(struct buf *buf)
{
	free(buf->bytes);
	buf->bytes = NULL;
	buf->len = buf->size = 0;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->err = ERR_OK;
	if (buf->bytes)
		buf->bytes[0] = '\0';
}

/* Makes room for len more bytes and the terminator; false after an error, old or new. */
static bool make_room(struct buf *buf, size_t len)
{
	if (buf->err)
		return false;
	if (len > SIZE_MAX / 2 - buf->len - 1 || (buf->max && len > buf->max - buf->len)) {
		buf->err = ERR_TOO_LARGE;
		return false;
	}

	size_t wanted = buf->len + len + 1;
	if (wanted <= buf->size)
		return true;

	size_t size = buf->size ? buf->size : FIRST_SIZE;
	while (size < wanted)
		size *= 2;
	char *bytes = realloc(buf->bytes, size);
	if (!bytes) {
		buf->err = ERR_NO_MEMORY;
		return false;
	}
	buf->bytes = bytes;
	buf->size = size;
	return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!make_room(buf, len))
		return;

	if (len > 0)
		memcpy(buf->bytes + buf->len, bytes, len);
	buf->len += len;
	buf->bytes[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	if (!make_room(buf, 0))
		return;

	va_list again;
	va_copy(again, args);
	size_t room = buf->size - buf->len;
	int len = vsnprintf(buf->bytes + buf->len, room, format, args);
	if (len < 0) {
		buf->err = ERR_INVALID;
	} else if ((size_t)len < room && (!buf->max || (size_t)len <= buf->max - buf->len)) {
		buf->len += (size_t)len;
	} else if (make_room(buf, (size_t)len)) {
		vsnprintf(buf->bytes + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	buf->bytes[buf->len] = '\0'; /* what did not fit was not added in part */
	va_end(again);
}

const char *buf_text(const struct buf *buf)
{
	return buf->bytes ? buf->bytes : "";
}

char *buf_take(struct buf *buf)
{
	if (!buf->bytes)
		make_room(buf, 0);
	if (buf->err) {
		buf_fini(buf);
		return NULL;
	}

	char *text = buf->bytes;
	text[buf->len] = '\0';
	buf->bytes = NULL;
	buf->len = buf->size = 0;
	return text;
}
