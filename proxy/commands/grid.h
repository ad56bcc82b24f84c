/* Columns for people: each as wide as its widest cell, the last one cut on terminals so that no
 * line wraps. */
#pragma once

#include "proxy/commands/screen.h"

enum { GRID_COLUMNS = 6, GRID_CELL = 160 };

struct grid {
	const struct screen *screen;
	struct grid_row *rows;
	unsigned n_rows, size;
};

/* Embedded; starts from nothing. */
void grid_init(struct grid *grid, const struct screen *screen);
/* Adds a row of at most GRID_COLUMNS cells, ended by NULL; the cell in column coloured (from 0)
 * gets the ink. Out of memory, the row is left out. */
void grid_add(struct grid *grid, enum ink ink, unsigned coloured, ...)
	__attribute__((sentinel));
/* Prints all rows, indented by two columns, and forgets them. */
void grid_print(struct grid *grid);
