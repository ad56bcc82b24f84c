#include "proxy/commands/changes.h"

#include "proxy/commands/grid.h"
#include "proxy/commands/record.h"

static enum ink ink_of(const char *sign)
{
	return *sign == '+' ? INK_OK : *sign == '-' ? INK_FAIL : INK_WARN;
}

void changes_print(const struct screen *screen, const json_t *changes)
{
	const json_t *change;
	struct grid grid;
	size_t i;

	grid_init(&grid, screen);
	json_array_foreach(changes, i, change) {
		char what[GRID_CELL];

		snprintf(what, sizeof(what), "%s %s %s", record_text(change, "sign"),
			 record_text(change, "what"), record_text(change, "name"));
		grid_add(&grid, ink_of(record_text(change, "sign")), 0, what,
			 record_text(change, "text"), NULL);
	}
	grid_print(&grid);
}
