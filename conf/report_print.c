#include <string.h>

#include "conf/report.h"
#include "conf/report_source.h"

enum { SHOWN_BYTES = 200 }; /* of a line; a file may be one long line */

struct colours {
	const char *error, *warning, *place, *caret, *end;
};

static const struct colours plain = { "", "", "", "", "" };
static const struct colours coloured = { "\033[1;31m", "\033[1;33m", "\033[1m", "\033[1;32m",
					 "\033[0m" };

/* One line of a file, without its end. */
static bool find_line(const struct report_source *source, unsigned line, const char **out,
		      size_t *out_len)
{
	const char *at = source->text, *end = source->text + source->len, *stop;

	for (unsigned i = 1; i < line; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return false;
		at++;
	}
	stop = memchr(at, '\n', (size_t)(end - at));
	if (!stop)
		stop = end;
	if (stop > at && stop[-1] == '\r')
		stop--;
	*out = at;
	*out_len = (size_t)(stop - at);
	return *out_len > 0;
}

/* The byte at which a column (in characters, from 1) begins. */
static size_t byte_of_column(const char *line, size_t len, unsigned column)
{
	size_t at = 0;

	for (unsigned i = 1; i < column && at < len; i++) {
		at++;
		while (at < len && ((unsigned char)line[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

/* How many characters the word at a place has: what the caret underlines. */
static size_t word_chars(const char *line, size_t len, size_t at)
{
	size_t n = 0;
	bool is_quoted = at < len && (line[at] == '"' || line[at] == '\'');

	for (size_t i = at; i < len; i++) {
		if (is_quoted ? i > at && line[i] == line[at]
			      : strchr(" \t,]}", line[i]) != NULL)
			return n + (is_quoted ? 1 : 0) + (n == 0 && !is_quoted);
		if (!is_quoted && line[i] == ':' && (i + 1 == len || line[i + 1] == ' '))
			break;
		if (((unsigned char)line[i] & 0xc0) != 0x80)
			n++;
	}
	return n ? n : 1;
}

static void add_line(const char *line, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		buf_add(out, c == '\t' ? "\t" : c < ' ' || c == 0x7f ? "?" : &line[i], 1);
	}
}

/* The line, and under it the caret with the hint. Tabs are repeated, so that the caret stands
 * below its word however wide they are. False if there is no such line, or nothing to point at:
 * no hint was printed then. */
static bool print_line(const struct report_row *row, const struct report_source *source,
		       const struct colours *colours, struct buf *out)
{
	const char *line;
	size_t len, at, n;

	if (!find_line(source, row->line, &line, &len))
		return false;
	at = byte_of_column(line, len, row->column);
	if (len > SHOWN_BYTES)
		len = SHOWN_BYTES;
	buf_printf(out, "%4u | ", row->line);
	add_line(line, len, out);
	buf_puts(out, "\n");
	if (at > len)
		return false;

	buf_puts(out, "     | ");
	for (size_t i = 0; i < at; i++) {
		if (((unsigned char)line[i] & 0xc0) != 0x80)
			buf_puts(out, line[i] == '\t' ? "\t" : " ");
	}
	buf_puts(out, colours->caret);
	n = word_chars(line, len, at);
	for (size_t i = 0; i < n; i++)
		buf_puts(out, "^");
	if (*row->hint)
		buf_printf(out, " %s", row->hint);
	buf_printf(out, "%s\n", colours->end);
	return true;
}

static void print_row(const struct report *report, const struct report_row *row,
		      const struct colours *colours, struct buf *out)
{
	const struct report_source *source = NULL;
	char code[8];

	buf_puts(out, colours->place);
	add_line(row->file, strlen(row->file), out);
	if (row->line)
		buf_printf(out, ":%u:%u: ", row->line, row->column);
	else if (*row->file)
		buf_puts(out, ": ");
	buf_printf(out, "%s%s%s:%s ", colours->end,
		   row->is_error ? colours->error : colours->warning,
		   row->is_error ? "error" : "warning", colours->end);
	if (*row->key)
		buf_printf(out, "%s: ", row->key);
	buf_printf(out, "%s [%s]\n", row->text, report_code(row->is_error, row->fault, code));

	if (row->line)
		source = report_source_of(report, row->file);
	if ((!source || !print_line(row, source, colours, out)) && *row->hint)
		buf_printf(out, "     = %s\n", row->hint);
}

void report_print(struct report *report, bool is_coloured, struct buf *out)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows);
	size_t n_all = report_n_errors(report) + report_n_warnings(report);

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_puts(out, "\n");
		print_row(report, &rows[i], is_coloured ? &coloured : &plain, out);
	}
	if (n_all > n)
		buf_printf(out, "\n... and %zu more\n", n_all - n);
}

void report_print_count(struct report *report, struct buf *out)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows), n_files = 0;
	size_t n_errors = report_n_errors(report), n_warnings = report_n_warnings(report);

	for (size_t i = 0; i < n; i++)
		n_files += *rows[i].file && (!i || strcmp(rows[i].file, rows[i - 1].file) != 0);
	if (!n_errors && !n_warnings) {
		buf_puts(out, "no faults");
		return;
	}
	if (n_errors)
		buf_printf(out, "%zu %s", n_errors, n_errors == 1 ? "error" : "errors");
	if (n_errors && n_warnings)
		buf_puts(out, ", ");
	if (n_warnings)
		buf_printf(out, "%zu %s", n_warnings, n_warnings == 1 ? "warning" : "warnings");
	if (n_files)
		buf_printf(out, " in %zu %s", n_files, n_files == 1 ? "file" : "files");
}
