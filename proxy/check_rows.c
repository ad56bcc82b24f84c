#include "proxy/check_rows.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/json_text.h"
#include "proxy/status_problem.h"

enum { MAX_ROWS = 4096 };

void check_rows_fini(struct check_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->rows[i].evidence);
		free(rows->rows[i].remedy);
	}
	free(rows->rows);
	rows->rows = NULL;
	rows->n = rows->size = 0;
}

static struct check_row *grow(struct check_rows *rows)
{
	if (rows->n == rows->size) {
		size_t size = rows->size ? 2 * rows->size : 16;
		struct check_row *more =
			size > MAX_ROWS ? NULL : realloc(rows->rows, size * sizeof(*more));
		if (!more) {
			rows->err = ERR_NO_MEMORY;
			return NULL;
		}
		rows->rows = more;
		rows->size = size;
	}
	return &rows->rows[rows->n];
}

/* The row is added only with its texts. */
static void add(struct check_rows *rows, const struct check_row *row, const char *remedy,
		const char *format, va_list args)
{
	struct check_row *to = grow(rows);
	struct buf text;

	if (!to)
		return;
	*to = *row;
	buf_init(&text, 0); /* what goes into it is bounded */
	buf_vprintf(&text, format, args);
	to->evidence = buf_take(&text);
	buf_fini(&text);
	to->remedy = strdup(remedy);
	if (!to->evidence || !to->remedy) {
		free(to->evidence);
		free(to->remedy);
		rows->err = ERR_NO_MEMORY;
		return;
	}
	text_copy(to->subject, sizeof(to->subject), rows->subject);
	to->took_ms = -1;
	rows->n++;
}

void check_ok(struct check_rows *rows, const char *fact, const char *format, ...)
{
	struct check_row row = {
		.state = CHECK_OK, .fact = fact, .code = "", .means = "", .act = ""
	};
	va_list args;

	va_start(args, format);
	add(rows, &row, "", format, args);
	va_end(args);
}

void check_untested(struct check_rows *rows, const char *fact, const char *format, ...)
{
	struct check_row row = {
		.state = CHECK_UNTESTED, .fact = fact, .code = "", .means = "", .act = ""
	};
	va_list args;

	va_start(args, format);
	add(rows, &row, "", format, args);
	va_end(args);
}

void check_fault(struct check_rows *rows, enum check_state state, enum check_code code,
		 const char *remedy, const char *format, ...)
{
	const struct check_code_row *known = check_code_row(code);
	struct check_row row = { .state = state,
				 .fact = known->fact,
				 .code = known->code,
				 .means = known->means,
				 .act = check_actor(known->part, rows->is_ours),
				 .is_paste = remedy != NULL };
	va_list args;

	va_start(args, format);
	add(rows, &row, remedy ? remedy : known->remedy, format, args);
	va_end(args);
}

void check_refused(struct check_rows *rows, const char *fact, enum reason reason,
		   const char *format, ...)
{
	const struct reason_row *known = reason_row(reason);
	struct check_row row = { .state = CHECK_FAIL,
				 .fact = fact,
				 .code = known->code,
				 .means = known->cause,
				 .act = actor_text(known->act) };
	va_list args;

	va_start(args, format);
	add(rows, &row, known->remedy, format, args);
	va_end(args);
}

void check_took(struct check_rows *rows, uint64_t took_ms)
{
	if (rows->n > 0)
		rows->rows[rows->n - 1].took_ms = (int64_t)took_ms;
}

void check_rows_append(struct check_rows *to, struct check_rows *from)
{
	size_t n = 0;

	for (; n < from->n; n++) {
		struct check_row *row = grow(to);

		if (!row)
			break;
		*row = from->rows[n];
		to->n++;
	}
	to->is_unknown |= from->is_unknown;
	if (from->err)
		to->err = from->err;
	if (n > 0)
		memmove(from->rows, from->rows + n, (from->n - n) * sizeof(*from->rows));
	from->n -= n;
	check_rows_fini(from);
}

size_t check_rows_count(const struct check_rows *rows, enum check_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++)
		n += rows->rows[i].state == state;
	return n;
}

const char *check_state_text(enum check_state state)
{
	static const char *const texts[] = { [CHECK_OK] = "ok",
					     [CHECK_WARN] = "warn",
					     [CHECK_FAIL] = "fail",
					     [CHECK_UNTESTED] = "untested" };

	return texts[state];
}

static json_t *row_to_json(const struct check_row *row)
{
	json_t *object =
		json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:b}", "subject",
			  json_text(row->subject), "state", check_state_text(row->state),
			  "fact", row->fact, "code", row->code, "evidence",
			  json_text(row->evidence), "means", row->means, "act", row->act,
			  "remedy", json_text(row->remedy), "paste", row->is_paste);

	if (object && row->took_ms >= 0)
		json_object_set_new(object, "took_ms", json_integer(row->took_ms));
	return object;
}

static json_t *counts_to_json(const struct check_rows *rows)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "facts", (json_int_t)rows->n, "failures",
			 (json_int_t)check_rows_count(rows, CHECK_FAIL), "warnings",
			 (json_int_t)check_rows_count(rows, CHECK_WARN), "untested",
			 (json_int_t)check_rows_count(rows, CHECK_UNTESTED));
}

json_t *check_rows_to_json(const struct check_rows *rows)
{
	json_t *problems = json_array(), *list = json_array();

	for (size_t i = 0; i < rows->n; i++) {
		const struct check_row *row = &rows->rows[i];

		json_array_append_new(list, row_to_json(row));
		if (row->state == CHECK_FAIL || row->state == CHECK_WARN)
			status_problem(problems, row->code,
				       row->state == CHECK_FAIL ? "error" : "warning",
				       row->subject, row->evidence, row->act, row->remedy);
	}
	if (rows->err) {
		json_decref(problems);
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:i, s:b, s:b, s:o, s:o, s:o}", "version", 1, "ok",
			 check_rows_count(rows, CHECK_FAIL) == 0, "known", !rows->is_unknown,
			 "problems", problems, "rows", list, "counts", counts_to_json(rows));
}
