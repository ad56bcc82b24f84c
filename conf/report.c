#include "conf/report.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/report_source.h"
#include "conf/yaml.h"

/* Rows are kept as they come, each with a text of its own, and sorted when somebody looks. */
struct report {
	struct report_row rows[REPORT_MAX_FAULTS];
	size_t n_rows;
	size_t n_errors, n_warnings; /* those beyond the bound too */
	bool is_sorted, is_broken, is_last_kept;
	struct report_source *sources;
};

enum err report_new(struct report **out)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return ERR_NO_MEMORY;
	*out = report;
	return ERR_OK;
}

static void row_fini(struct report_row *row)
{
	free((char *)row->file);
	free((char *)row->key);
	free((char *)row->text);
	free((char *)row->hint);
}

struct report *report_free(struct report *report)
{
	struct report_source *next;

	if (!report)
		return NULL;
	for (size_t i = 0; i < report->n_rows; i++)
		row_fini(&report->rows[i]);
	for (struct report_source *source = report->sources; source; source = next) {
		next = source->next;
		free(source->file);
		free(source->text);
		free(source);
	}
	free(report);
	return NULL;
}

/* Control characters of a hostile file must not reach a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args)
{
	struct buf buf;
	char *text;

	buf_init(&buf, 4096);
	buf_vprintf(&buf, format, args);
	if (buf.err == ERR_TOO_LARGE || buf.err == ERR_LIMIT) {
		buf_clear(&buf);
		buf_puts(&buf, "a fault with too long a text");
	}
	buf_puts(&buf, "");
	text = buf_take(&buf);
	buf_fini(&buf);
	if (text)
		make_printable(text);
	return text;
}

/* Takes the last warning out, so that an error finds room; false if all are errors. */
static bool drop_warning(struct report *report)
{
	size_t i = report->n_rows;

	while (i > 0 && report->rows[i - 1].is_error)
		i--;
	if (i == 0)
		return false;
	row_fini(&report->rows[i - 1]);
	report->n_rows--;
	memmove(&report->rows[i - 1], &report->rows[i],
		(report->n_rows - (i - 1)) * sizeof(*report->rows));
	return true;
}

__attribute__((format(printf, 6, 0))) static void add(struct report *report, bool is_error,
						      enum fault fault,
						      const struct place *place,
						      const char *key, const char *format,
						      va_list args)
{
	bool has_place = place && place->file;
	struct report_row row = { .is_error = is_error, .fault = fault };

	if (is_error)
		report->n_errors++;
	else
		report->n_warnings++;
	report->is_last_kept = false;
	if (report->n_rows == REPORT_MAX_FAULTS && !(is_error && drop_warning(report)))
		return;

	row.file = strdup(has_place ? place->file : "");
	row.line = has_place ? place->line : 0;
	row.column = has_place ? place->column : 0;
	row.key = strdup(key ? key : "");
	row.text = format_text(format, args);
	row.hint = strdup("");
	if (!row.file || !row.key || !row.text || !row.hint) {
		row_fini(&row);
		report->is_broken = true;
		return;
	}
	make_printable((char *)row.key);
	report->rows[report->n_rows++] = row;
	report->is_sorted = false;
	report->is_last_kept = true;
}

void report_error(struct report *report, enum fault fault, const struct place *place,
		  const char *key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(report, true, fault, place, key, format, args);
	va_end(args);
}

void report_warning(struct report *report, enum fault fault, const struct place *place,
		    const char *key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(report, false, fault, place, key, format, args);
	va_end(args);
}

/* Nothing sorts between report_error and report_hint, so the last row is the last fault. */
void report_hint(struct report *report, const char *format, ...)
{
	struct report_row *row;
	va_list args;
	char *hint;

	if (!report->is_last_kept)
		return;
	va_start(args, format);
	hint = format_text(format, args);
	va_end(args);
	if (!hint) {
		report->is_broken = true;
		return;
	}
	row = &report->rows[report->n_rows - 1];
	free((char *)row->hint);
	row->hint = hint;
}

void report_source(struct report *report, const char *file, const char *text, size_t len,
		   bool is_secret)
{
	struct report_source *source = calloc(1, sizeof(*source));
	const size_t mark = yaml_mark_bytes(text, len);

	text += mark;
	len -= mark;
	if (!source) {
		report->is_broken = true;
		return;
	}
	source->file = strdup(file);
	source->is_secret = is_secret;
	source->text = is_secret ? NULL : malloc(len + 1);
	if (!source->file || (!is_secret && !source->text)) {
		free(source->file);
		free(source->text);
		free(source);
		report->is_broken = true;
		return;
	}
	if (!is_secret && len)
		memcpy(source->text, text, len);
	source->len = is_secret ? 0 : len;
	source->next = report->sources;
	report->sources = source;
}

const struct report_source *report_source_of(const struct report *report, const char *file)
{
	for (const struct report_source *source = report->sources; source;
	     source = source->next) {
		if (strcmp(source->file, file) == 0)
			return source->is_secret ? NULL : source;
	}
	return NULL;
}

bool report_has_error_at(const struct report *report, const struct place *place)
{
	for (size_t i = 0; i < report->n_rows; i++) {
		const struct report_row *row = &report->rows[i];

		if (row->is_error && row->line == place->line && row->column == place->column &&
		    place->file && strcmp(row->file, place->file) == 0)
			return true;
	}
	return false;
}

size_t report_n_errors(const struct report *report)
{
	return report->n_errors;
}

size_t report_n_warnings(const struct report *report)
{
	return report->n_warnings;
}

bool report_is_broken(const struct report *report)
{
	return report->is_broken;
}

static int compare_numbers(unsigned a, unsigned b)
{
	return a < b ? -1 : a > b;
}

/* Everything takes part, so that the order never depends on that of the checks. */
static int compare_rows(const void *left, const void *right)
{
	const struct report_row *a = left, *b = right;
	int order = strcmp(a->file, b->file);

	if (!order)
		order = compare_numbers(a->line, b->line);
	if (!order)
		order = compare_numbers(a->column, b->column);
	if (!order)
		order = (int)b->is_error - (int)a->is_error;
	if (!order)
		order = compare_numbers(a->fault, b->fault);
	if (!order)
		order = strcmp(a->key, b->key);
	return order ? order : strcmp(a->text, b->text);
}

size_t report_rows(struct report *report, const struct report_row **out)
{
	if (!report->is_sorted)
		qsort(report->rows, report->n_rows, sizeof(*report->rows), compare_rows);
	report->is_sorted = true;
	report->is_last_kept = false;
	*out = report->rows;
	return report->n_rows;
}

const char *report_code(bool is_error, enum fault fault, char out[8])
{
	snprintf(out, 8, "%c%03u", is_error ? 'E' : 'W', (unsigned)fault % 1000);
	return out;
}
