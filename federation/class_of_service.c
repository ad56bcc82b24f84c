#include "federation/class_of_service.h"

#include <string.h>

#include "proxy/base/text.h"

enum { DIALLED_SIZE = 256 };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False if it is too long, or an escape is none, or a zero byte. */
static bool unescape(const char *from, char out[DIALLED_SIZE])
{
	size_t n = 0;

	for (; *from && *from != ';'; from++) {
		int c = (unsigned char)*from;

		if (c == '%') {
			int high = hex(from[1]), low = high < 0 ? -1 : hex(from[2]);

			if (low < 0)
				return false;
			c = high << 4 | low;
			from += 2;
		}
		if (!c || n + 1 >= DIALLED_SIZE)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

/* Signs between digits, and spaces that an escape may have brought. */
static bool is_sign(char c)
{
	return strchr("-.() ", c) != NULL;
}

static bool is_number(const char *text)
{
	bool has_digit = false;

	for (; *text; text++) {
		has_digit |= *text >= '0' && *text <= '9';
		if (!(*text >= '0' && *text <= '9') && !strchr("+*#", *text) && !is_sign(*text))
			return false;
	}
	return has_digit;
}

static void strip_signs(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (!is_sign(*text))
			*to++ = *text;
	*to = '\0';
}

const char *class_of_service_denies(const struct settings_class *class, const url_t *url)
{
	const char *user =
		url->url_type == url_tel && !url->url_user ? url->url_host : url->url_user;
	char dialled[DIALLED_SIZE];

	if (!class || !class->n_deny)
		return NULL;
	if (!user || !unescape(user, dialled))
		return user ? class->deny[0].text : NULL;
	if (is_number(dialled))
		strip_signs(dialled);
	for (size_t i = 0; i < class->n_deny; i++)
		if (text_glob(class->deny[i].text, dialled))
			return class->deny[i].text;
	return NULL;
}
