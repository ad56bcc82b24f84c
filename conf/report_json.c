#include <string.h>

#include "conf/report.h"

/* JSON strings are UTF-8; a byte that belongs to no character becomes U+FFFD (RFC 8259
 * §8.1). */
static size_t utf8_len(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	size_t len = first < 0x80                    ? 1
		     : first >= 0xc2 && first < 0xe0 ? 2
		     : first >= 0xe0 && first < 0xf0 ? 3
		     : first >= 0xf0 && first < 0xf5 ? 4
						     : 0;

	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

static void add_string(struct buf *out, const char *text)
{
	size_t len;

	buf_puts(out, "\"");
	for (; *text; text += len) {
		len = utf8_len(text);
		if (!len) {
			buf_puts(out, "\\ufffd");
			len = 1;
		} else if (*text == '"' || *text == '\\') {
			buf_printf(out, "\\%c", *text);
		} else if ((unsigned char)*text < ' ' || *text == 0x7f) {
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*text);
		} else {
			buf_add(out, text, len);
		}
	}
	buf_puts(out, "\"");
}

static void add_member(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	add_string(out, text);
}

static void add_row(struct buf *out, const struct report_row *row)
{
	struct buf where;
	char code[8];

	buf_init(&where, 0);
	if (row->line)
		buf_printf(&where, "%s:%u:%u", row->file, row->line, row->column);
	else
		buf_puts(&where, row->file);
	if (where.err && !out->err)
		out->err = where.err;

	buf_printf(out, "{\"code\":\"%s\"", report_code(row->is_error, row->fault, code));
	add_member(out, "severity", row->is_error ? "error" : "warning");
	add_member(out, "where", buf_text(&where));
	add_member(out, "file", row->file);
	buf_printf(out, ",\"line\":%u,\"column\":%u", row->line, row->column);
	add_member(out, "key", row->key);
	add_member(out, "text", row->text);
	add_member(out, "act", "you");
	add_member(out, "remedy", *row->hint ? row->hint : conf_fault_remedy(row->fault));
	buf_puts(out, "}");
	buf_fini(&where);
}

void report_print_json_problems(struct report *report, struct buf *out)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows);

	buf_puts(out, "[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_puts(out, ",");
		add_row(out, &rows[i]);
	}
	buf_puts(out, "]");
}

void report_print_json(struct report *report, struct buf *out)
{
	buf_printf(out,
		   "{\"version\":1,\"ok\":%s,\"errors\":%zu,\"warnings\":%zu,\"problems\":",
		   report_n_errors(report) ? "false" : "true", report_n_errors(report),
		   report_n_warnings(report));
	report_print_json_problems(report, out);
	buf_puts(out, "}\n");
}
