#include "proxy/commands/nat_text.h"

#include <string.h>

#include "proxy/commands/grid.h"
#include "proxy/commands/record.h"

static enum ink ink_of(const json_t *nat)
{
	return json_is_true(json_object_get(nat, "inconclusive")) ? INK_WARN
	       : strcmp(record_text(nat, "type"), "Unknown") == 0 ? INK_DETAIL
								  : INK_OK;
}

static void print_address(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state"), *address = record_text(row, "address");

	grid_add(grid, strcmp(state, "known") == 0 ? INK_OK : INK_WARN, 0, state,
		 record_text(row, "listener"), *address ? address : "-",
		 record_text(row, "server"), NULL);
}

void nat_text_print(const struct screen *screen, const json_t *nat)
{
	const char *address = record_text(nat, "address");
	const json_t *row;
	struct grid grid;
	size_t i;

	screen_print(screen, ink_of(nat), "%s", record_text(nat, "type"));
	if (*address)
		fprintf(screen->file, "  %s %s",
			json_is_true(json_object_get(nat, "behind_nat")) ? "behind" : "at",
			address);
	fprintf(screen->file, "\n  mapping %s, filtering %s, confidence %s\n  ",
		record_text(nat, "mapping"), record_text(nat, "filtering"),
		record_text(nat, "confidence"));
	screen_paragraph(screen, 2, 2, record_text(nat, "reason"));
	if (json_is_true(json_object_get(nat, "detecting")))
		screen_print(screen, INK_DETAIL, "  a new look is under way\n");
	if (*record_text(nat, "looked"))
		screen_print(screen, INK_DETAIL, "  looked %s\n", record_text(nat, "looked"));
	if (json_array_size(json_object_get(nat, "addresses")) == 0)
		return;
	screen_print(screen, INK_STRONG, "public addresses\n");
	grid_init(&grid, screen);
	json_array_foreach(json_object_get(nat, "addresses"), i, row)
		print_address(&grid, row);
	grid_print(&grid);
}

bool nat_text_line(const struct screen *screen, const json_t *nat)
{
	const json_t *addresses = json_object_get(nat, "addresses"), *row;
	size_t i;

	if (!*record_text(nat, "looked") && json_array_size(addresses) == 0)
		return false;
	screen_print(screen, INK_STRONG, "nat");
	fputs(": ", screen->file);
	screen_print(screen, ink_of(nat), "%s", record_text(nat, "type"));
	fprintf(screen->file, ", confidence %s", record_text(nat, "confidence"));
	json_array_foreach(addresses, i, row) {
		if (i == 1) {
			fprintf(screen->file, " ...");
			break;
		}
		fprintf(screen->file, "; %s at %s (%s)", record_text(row, "listener"),
			*record_text(row, "address") ? record_text(row, "address") : "-",
			record_text(row, "state"));
	}
	fputc('\n', screen->file);
	return true;
}
