#include "proxy/base/log_journal.h"

#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "proxy/base/macros.h"
#include "proxy/base/reason.h"

/* An entry is ENTRY, then fields with a FIELD behind each; neither byte occurs within, as
 * log_format and add_value let no control character through but tab and line feed. */
enum { ENTRY = '\x1d', FIELD = '\x1e', MAX_FIELDS = 64, MAX_VALUE = 1024, PREFIX_LEN = 3 };

bool log_journal_is_there(void)
{
	return access("/run/systemd/journal/socket", W_OK) == 0;
}

static void add_upper(struct buf *buf, const char *key)
{
	for (; *key; key++) {
		char letter = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key;

		buf_add(buf, &letter, 1);
	}
}

static void add_value(struct buf *buf, const char *value)
{
	for (size_t i = 0; value[i] && i < MAX_VALUE; i++)
		buf_add(buf, (unsigned char)value[i] < ' ' ? "?" : value + i, 1);
	buf_puts(buf, "\x1e");
}

/* What log_format puts before each line of text for journals that read standard error:
 * "<4>". */
static void add_lines(struct buf *buf, const char *text, size_t len)
{
	while (len > PREFIX_LEN) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;

		if (line_len > PREFIX_LEN)
			buf_add(buf, text + PREFIX_LEN, line_len - PREFIX_LEN);
		if (!end || line_len + 1 >= len)
			return;
		buf_puts(buf, "\n");
		text += line_len + 1;
		len -= line_len + 1;
	}
}

/* The line as people read it. */
static void add_message(struct buf *buf, const struct log_line *line, unsigned flags)
{
	struct buf text;

	buf_init(&text, buf->max);
	log_format(&text, line, flags);
	if (text.err && !buf->err)
		buf->err = text.err;
	buf_printf(buf, "PRIORITY=%c\x1eMESSAGE=", text.len > PREFIX_LEN ? text.bytes[1] : '6');
	add_lines(buf, buf_text(&text), text.len);
	buf_puts(buf, "\x1e");
	buf_fini(&text);
}

static void add_message_id(struct buf *buf, const char *code)
{
	enum reason reason = reason_by_code(code);
	char id[REASON_MESSAGE_ID_SIZE];

	if (reason != REASON_NONE)
		buf_printf(buf, "MESSAGE_ID=%s\x1e", reason_message_id(reason, id));
}

void log_journal_format(struct buf *buf, const struct log_line *line, unsigned flags)
{
	buf_puts(buf, "\x1d");
	add_message(buf, line, flags | LOG_FORMAT_JOURNAL);
	buf_puts(buf, "SYSLOG_IDENTIFIER=nuncio\x1eNUNCIO_EVENT=");
	add_value(buf, line->event);
	for (size_t i = 0; i < line->n_pairs; i++) {
		const struct log_pair *pair = &line->pairs[i];

		if (!pair->value || !*pair->value)
			continue;
		buf_puts(buf, "NUNCIO_");
		add_upper(buf, pair->key);
		buf_puts(buf, "=");
		add_value(buf, pair->value);
		if (strcmp(pair->key, "reason") == 0)
			add_message_id(buf, pair->value);
	}
}

bool log_journal_is_entry(const char *bytes, size_t len)
{
	return len > 0 && bytes[0] == ENTRY;
}

static void send_entry(const char *bytes, size_t len)
{
	struct iovec fields[MAX_FIELDS];
	int n = 0;

	while (len > 0 && n < MAX_FIELDS) {
		const char *end = memchr(bytes, FIELD, len);

		if (!end)
			break;
		fields[n++] = (struct iovec){ (void *)bytes, (size_t)(end - bytes) };
		len -= (size_t)(end + 1 - bytes);
		bytes = end + 1;
	}
	/* There is no further place to complain at. */
	(void)sd_journal_sendv(fields, n);
}

void log_journal_write(const char *bytes, size_t len)
{
	while (log_journal_is_entry(bytes, len)) {
		const char *next = memchr(bytes + 1, ENTRY, len - 1);
		size_t entry_len = next ? (size_t)(next - bytes) : len;

		send_entry(bytes + 1, entry_len - 1);
		bytes += entry_len;
		len -= entry_len;
	}
}
