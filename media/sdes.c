#include "media/sdes.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"

enum { MAX_TAG = 999999999 };

/* A run of digits; false if there is none, or it is over max. */
static bool read_number(const char **at, unsigned long max, unsigned long *out)
{
	const char *c = *at;
	unsigned long number = 0;

	if (!isdigit((unsigned char)*c))
		return false;
	for (; isdigit((unsigned char)*c); c++) {
		number = number * 10 + (unsigned long)(*c - '0');
		if (number > max)
			return false;
	}
	*at = c;
	*out = number;
	return true;
}

static bool skip_spaces(const char **at)
{
	const size_t n = strspn(*at, " \t");

	*at += n;
	return n > 0;
}

/* "|1:4": which key it is, and in how many bytes packets say so. */
static enum err read_mki(const char *text, size_t len, struct srtp_key *key)
{
	unsigned long number, n_bytes;
	const char *at = text;

	if (!read_number(&at, UINT32_MAX, &number) || *at != ':')
		return ERR_SYNTAX;
	at++;
	if (!read_number(&at, 128, &n_bytes) || at != text + len || !n_bytes)
		return ERR_SYNTAX;
	if (n_bytes > sizeof(key->mki))
		return ERR_UNSUPPORTED;
	key->mki_len = (uint8_t)n_bytes;
	memset(key->mki, 0, sizeof(key->mki));
	for (unsigned long i = n_bytes; i > 0 && number; i--, number >>= 8)
		key->mki[i - 1] = (uint8_t)number;
	return number ? ERR_SYNTAX : ERR_OK; /* it does not fit into so few bytes */
}

/* "inline:KEY[|LIFETIME][|MKI:LENGTH]". */
static enum err read_key(const char *text, size_t len, enum srtp_suite suite,
			 struct srtp_key *key)
{
	static const char method[] = "inline:";
	const char *end = text + len;

	if (len < sizeof(method) || strncasecmp(text, method, sizeof(method) - 1) != 0)
		return ERR_UNSUPPORTED;
	text += sizeof(method) - 1;
	if (memchr(text, ';', (size_t)(end - text)))
		return ERR_UNSUPPORTED;

	const char *bar = memchr(text, '|', (size_t)(end - text));
	enum err err = suite_key_read(suite, text, (size_t)((bar ? bar : end) - text), key);
	while (!err && bar) {
		const char *part = bar + 1;

		bar = memchr(part, '|', (size_t)(end - part));
		const size_t part_len = (size_t)((bar ? bar : end) - part);
		if (memchr(part, ':', part_len))
			err = read_mki(part, part_len, key);
	}
	return err;
}

/* Session parameters: only the hint about replay windows changes nothing. */
static enum err check_parameters(const char *at)
{
	while (skip_spaces(&at) && *at) {
		if (strncasecmp(at, "WSH=", 4) != 0)
			return ERR_UNSUPPORTED;
		at += strcspn(at, " \t");
	}
	return ERR_OK;
}

enum err sdes_read(const char *text, struct sdes *out)
{
	struct sdes sdes = { 0 };
	unsigned long tag;
	char name[48];

	skip_spaces(&text);
	if (!read_number(&text, MAX_TAG, &tag) || !skip_spaces(&text))
		return ERR_SYNTAX;
	sdes.tag = (unsigned)tag;
	size_t len = strcspn(text, " \t");
	const bool fits = text_copy_len(name, sizeof(name), text, len);
	const enum srtp_suite suite = fits ? suite_by_name(name) : SRTP_NONE;
	if (suite == SRTP_NONE)
		return ERR_UNSUPPORTED;
	text += len;
	if (!skip_spaces(&text))
		return ERR_SYNTAX;
	len = strcspn(text, " \t");
	enum err err = check_parameters(text + len);
	if (!err)
		err = read_key(text, len, suite, &sdes.key);
	if (!err)
		*out = sdes;
	suite_key_wipe(&sdes.key);
	return err;
}

void sdes_print(const struct sdes *sdes, struct buf *out)
{
	char text[SRTP_KEY_TEXT_SIZE];

	buf_printf(out, "%u %s inline:%s", sdes->tag, suite_name(sdes->key.suite),
		   suite_key_print(&sdes->key, text));
	explicit_bzero(text, sizeof(text));
}
