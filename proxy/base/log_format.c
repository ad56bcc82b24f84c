#include "proxy/base/log_format.h"

#include <stdbool.h>
#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum { MAX_VALUE = 1024, MAX_TEXT = 64 * 1024 };

static const struct {
	const char *name;
	char priority; /* syslog's */
} levels[] = {
	[LOG_ERROR] = { "error", '3', },
	[LOG_WARNING] = { "warning", '4', },
	[LOG_INFO] = { "info", '6', },
	[LOG_DEBUG] = { "debug", '7', },
};

/* The length of the UTF-8 character at the start of text, 0 if there is none (RFC 3629 §4). */
static size_t utf8_len(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char first, last, min_second, max_second, len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (text[0] < rows[i].first || text[0] > rows[i].last)
			continue;
		if (rows[i].len > left)
			return 0;
		if (rows[i].len > 1 &&
		    (text[1] < rows[i].min_second || text[1] > rows[i].max_second))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
		}
		return rows[i].len;
	}
	return 0;
}

static bool is_control(const unsigned char *text, size_t len)
{
	return text[0] < 0x20 || text[0] == 0x7f ||
	       (len == 2 && text[0] == 0xc2 &&
		text[1] < 0xa0); /* C1: terminals obey them too */
}

/* The letter of a short escape, 0 if c has none. */
static char short_escape(unsigned char c)
{
	switch (c) {
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static void escape_text(struct buf *buf, const char *value, size_t len)
{
	const unsigned char *at = (const unsigned char *)value, *end = at + len;

	while (at < end) {
		size_t n = utf8_len(at, (size_t)(end - at));
		if (n > 0 && !is_control(at, n)) {
			if (*at == '"' || *at == '\\')
				buf_puts(buf, "\\");
			buf_add(buf, at, n);
			at += n;
			continue;
		}
		if (short_escape(*at))
			buf_printf(buf, "\\%c", short_escape(*at));
		else
			buf_printf(buf, "\\x%02x", *at);
		at++;
	}
}

/* Bytes that are no UTF-8 have no place in JSON (RFC 8259 §8.1): U+FFFD stands for them. */
static void escape_json(struct buf *buf, const char *value, size_t len)
{
	const unsigned char *at = (const unsigned char *)value, *end = at + len;

	while (at < end) {
		size_t n = utf8_len(at, (size_t)(end - at));
		if (n == 0)
			buf_puts(buf, "\\ufffd");
		else if (short_escape(*at))
			buf_printf(buf, "\\%c", short_escape(*at));
		else if (n == 1 && is_control(at, n))
			buf_printf(buf, "\\u%04x", *at);
		else if (is_control(at, n))
			buf_printf(buf, "\\u%04x",
				   at[1]); /* U+0080 to U+009F: C2 80 to C2 9F */
		else if (*at == '"' || *at == '\\')
			buf_printf(buf, "\\%c", *at);
		else
			buf_add(buf, at, n);
		at += n ? n : 1;
	}
}

static void add_bounded(struct buf *buf, const char *value,
			void (*escape)(struct buf *buf, const char *value, size_t len))
{
	size_t len = strnlen(value, MAX_VALUE + 1);

	escape(buf, value, len > MAX_VALUE ? MAX_VALUE : len);
	if (len > MAX_VALUE)
		buf_puts(buf, "...");
}

static void add_json_string(struct buf *buf, const char *value)
{
	buf_puts(buf, "\"");
	add_bounded(buf, value, escape_json);
	buf_puts(buf, "\"");
}

static bool is_number(const char *value)
{
	const char *at = value + (*value == '-');
	size_t n_digits = strspn(at, "0123456789");

	if (n_digits == 0 || n_digits > 18 || (n_digits > 1 && *at == '0'))
		return false;
	at += n_digits;
	if (*at == '.') {
		n_digits = strspn(++at, "0123456789");
		at += n_digits;
	}
	return n_digits > 0 && n_digits <= 18 && !*at;
}

static bool is_numeric_key(const char *key)
{
	static const char *const keys[] = { "status", "cseq",       "bytes",
					    "count",  "duration_s", "line" };

	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return false;
}

static bool is_given(const struct log_pair *pair)
{
	return pair->value && *pair->value;
}

static void format_json(struct buf *buf, const struct log_line *line)
{
	char time[32];

	buf_printf(buf, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":",
		   text_time(line->wall_us, time), levels[line->level].name);
	add_json_string(buf, line->event);
	for (size_t i = 0; i < line->n_pairs; i++) {
		const struct log_pair *pair = &line->pairs[i];
		if (!is_given(pair))
			continue;
		buf_printf(buf, ",\"%s\":", pair->key);
		if (is_numeric_key(pair->key) && is_number(pair->value))
			buf_puts(buf, pair->value);
		else
			add_json_string(buf, pair->value);
	}
	if (line->text) {
		size_t len = line->text_len > MAX_TEXT ? MAX_TEXT : line->text_len;
		buf_puts(buf, ",\"text\":\"");
		escape_json(buf, line->text, len);
		if (len < line->text_len)
			buf_puts(buf, "...");
		buf_puts(buf, "\"");
	}
	buf_puts(buf, "}\n");
}

/* The value of key, NULL if it is not given. */
static const char *value_of(const struct log_line *line, const char *key)
{
	for (size_t i = 0; i < line->n_pairs; i++) {
		if (is_given(&line->pairs[i]) && strcmp(line->pairs[i].key, key) == 0)
			return line->pairs[i].value;
	}
	return NULL;
}

/* What is told as a sentence, and so not once more as a pair. */
struct sentence {
	const char *method, *from, *to, *reason, *msg;
};

static void add_sentence(struct buf *buf, const struct log_line *line, struct sentence *told)
{
	add_bounded(buf, line->event, escape_text);
	told->method = value_of(line, "method");
	told->from = value_of(line, "from");
	told->to = value_of(line, "to");
	if (!told->to)
		told->to = value_of(line, "ruri");
	if (!told->from || !told->to)
		told->from = told->to = NULL;
	told->reason = value_of(line, "reason");
	told->msg = value_of(line, "msg");

	if (told->method) {
		buf_puts(buf, " ");
		add_bounded(buf, told->method, escape_text);
	}
	if (told->from) {
		buf_puts(buf, " ");
		add_bounded(buf, told->from, escape_text);
		buf_puts(buf, " -> ");
		add_bounded(buf, told->to, escape_text);
	}
	if (told->reason) {
		buf_puts(buf, ": ");
		add_bounded(buf, told->reason, escape_text);
	}
	if (told->msg) {
		buf_puts(buf, told->reason ? " (" : ": ");
		add_bounded(buf, told->msg, escape_text);
		buf_puts(buf, told->reason ? ")" : "");
	}
}

static bool needs_quotes(const char *value)
{
	for (; *value; value++) {
		if ((unsigned char)*value <= ' ' || *value == '"' || *value == '\\')
			return true;
	}
	return false;
}

static void add_pair(struct buf *buf, const struct log_pair *pair)
{
	const char *quote = needs_quotes(pair->value) ? "\"" : "";

	buf_printf(buf, " %s=%s", strcmp(pair->key, "call_id") == 0 ? "call" : pair->key,
		   quote);
	add_bounded(buf, pair->value, escape_text);
	buf_puts(buf, quote);
}

/* Each line of the text, indented; the line ends of SIP are not shown. */
static void add_text_lines(struct buf *buf, const struct log_line *line, unsigned flags)
{
	const char *at = line->text;
	const char *end = at + (line->text_len > MAX_TEXT ? MAX_TEXT : line->text_len);

	while (at < end) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((feed ? feed : end) - at);
		if (flags & LOG_FORMAT_JOURNAL)
			buf_printf(buf, "<%c>", levels[line->level].priority);
		buf_puts(buf, "\t");
		escape_text(buf, at, len > 0 && at[len - 1] == '\r' ? len - 1 : len);
		buf_puts(buf, "\n");
		at = feed ? feed + 1 : end;
	}
	if (line->text_len > MAX_TEXT) {
		if (flags & LOG_FORMAT_JOURNAL)
			buf_printf(buf, "<%c>", levels[line->level].priority);
		buf_printf(buf, "\t... %zu more bytes\n", line->text_len - MAX_TEXT);
	}
}

void log_format(struct buf *buf, const struct log_line *line, unsigned flags)
{
	struct sentence told;
	char time[32];

	if (flags & LOG_FORMAT_JOURNAL)
		buf_printf(buf, "<%c>", levels[line->level].priority);
	if (flags & LOG_FORMAT_JSON) {
		format_json(buf, line);
		return;
	}
	if (!(flags & LOG_FORMAT_JOURNAL))
		buf_printf(buf, "%s ", text_time(line->wall_us, time));
	buf_printf(buf, "%s ", levels[line->level].name);
	add_sentence(buf, line, &told);
	for (size_t i = 0; i < line->n_pairs; i++) {
		const char *value = line->pairs[i].value;
		if (!is_given(&line->pairs[i]) || value == told.method || value == told.from ||
		    value == told.to || value == told.reason || value == told.msg)
			continue;
		add_pair(buf, &line->pairs[i]);
	}
	buf_puts(buf, "\n");
	if (line->text)
		add_text_lines(buf, line, flags);
}
