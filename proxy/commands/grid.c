#include "proxy/commands/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"

struct grid_row {
	enum ink ink;
	unsigned coloured, n_cells;
	char cells[GRID_COLUMNS][GRID_CELL];
};

void grid_init(struct grid *grid, const struct screen *screen)
{
	*grid = (struct grid){ .screen = screen };
}

/* A terminal must not see what strangers' text would do to it. */
static void make_plain(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

void grid_add(struct grid *grid, enum ink ink, unsigned coloured, ...)
{
	struct grid_row *row;
	const char *cell;
	va_list cells;

	if (grid->n_rows == grid->size) {
		unsigned size = grid->size ? 2 * grid->size : 16;
		struct grid_row *rows = realloc(grid->rows, size * sizeof(*rows));

		if (!rows)
			return;
		grid->rows = rows;
		grid->size = size;
	}
	row = &grid->rows[grid->n_rows++];
	*row = (struct grid_row){ .ink = ink, .coloured = coloured };
	va_start(cells, coloured);
	while (row->n_cells < GRID_COLUMNS && (cell = va_arg(cells, const char *))) {
		text_copy(row->cells[row->n_cells], GRID_CELL, cell);
		make_plain(row->cells[row->n_cells++]);
	}
	va_end(cells);
}

static void measure(const struct grid *grid, int widths[GRID_COLUMNS])
{
	memset(widths, 0, GRID_COLUMNS * sizeof(*widths));
	for (unsigned i = 0; i < grid->n_rows; i++) {
		for (unsigned c = 0; c < grid->rows[i].n_cells; c++) {
			int len = (int)strlen(grid->rows[i].cells[c]);

			if (len > widths[c])
				widths[c] = len;
		}
	}
}

static void print_row(const struct grid *grid, const struct grid_row *row,
		      const int widths[GRID_COLUMNS])
{
	int used = 0;

	for (unsigned c = 0; c < row->n_cells; c++) {
		bool is_last = c + 1 == row->n_cells;
		int left = (int)grid->screen->columns - used - 2,
		    len = (int)strlen(row->cells[c]);
		bool is_cut = is_last && grid->screen->is_terminal && len > left && left > 3;

		fputs("  ", grid->screen->file);
		screen_print(grid->screen, c == row->coloured ? row->ink : INK_PLAIN, "%.*s%s",
			     is_cut ? left - 3 : len, row->cells[c], is_cut ? "..." : "");
		if (!is_last)
			fprintf(grid->screen->file, "%*s", widths[c] - len, "");
		used += 2 + widths[c];
	}
	fputc('\n', grid->screen->file);
}

void grid_print(struct grid *grid)
{
	int widths[GRID_COLUMNS];

	measure(grid, widths);
	for (unsigned i = 0; i < grid->n_rows; i++)
		print_row(grid, &grid->rows[i], widths);
	free(grid->rows);
	*grid = (struct grid){ .screen = grid->screen };
}
