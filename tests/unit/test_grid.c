#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/commands/grid.h"

struct sheet {
	struct screen screen;
	char *text;
	size_t len;
};

static void open_sheet(struct sheet *sheet)
{
	memset(sheet, 0, sizeof(*sheet));
	screen_init(&sheet->screen, open_memstream(&sheet->text, &sheet->len), NULL);
	assert_false(sheet->screen.is_terminal);
	assert_false(sheet->screen.has_colour);
}

static void close_sheet(struct sheet *sheet, const char *want)
{
	fclose(sheet->screen.file);
	assert_string_equal(sheet->text, want);
	free(sheet->text);
}

static void test_columns_are_as_wide_as_needed(void **state)
{
	struct sheet sheet;
	struct grid grid;

	open_sheet(&sheet);
	grid_init(&grid, &sheet.screen);
	grid_add(&grid, INK_OK, 0, "up", "partner.example", "x", NULL);
	grid_add(&grid, INK_FAIL, 0, "down", "b.example",
		 "a longer last column is never padded", NULL);
	grid_print(&grid);
	close_sheet(&sheet, "  up    partner.example  x\n"
			    "  down  b.example        a longer last column is never padded\n");
}

static void test_colour_stands_around_one_cell(void **state)
{
	struct sheet sheet;
	struct grid grid;

	open_sheet(&sheet);
	sheet.screen.has_colour = true;
	grid_init(&grid, &sheet.screen);
	grid_add(&grid, INK_FAIL, 1, "a", "down", NULL);
	grid_print(&grid);
	close_sheet(&sheet, "  a  \033[31mdown\033[0m\n");
}

static void test_the_last_cell_is_cut_on_terminals_only(void **state)
{
	struct sheet sheet;
	struct grid grid;

	open_sheet(&sheet);
	sheet.screen.is_terminal = true;
	sheet.screen.columns = 20;
	grid_init(&grid, &sheet.screen);
	grid_add(&grid, INK_PLAIN, 0, "abc", "0123456789012345", NULL);
	grid_print(&grid);
	sheet.screen.is_terminal = false;
	grid_add(&grid, INK_PLAIN, 0, "abc", "0123456789012345", NULL);
	grid_print(&grid);
	close_sheet(&sheet, "  abc  0123456789...\n  abc  0123456789012345\n");
}

/* A partner may call itself what it likes; the terminal of who looks must not obey it. */
static void test_strangers_cannot_steer_the_terminal(void **state)
{
	struct sheet sheet;
	struct grid grid;

	open_sheet(&sheet);
	grid_init(&grid, &sheet.screen);
	grid_add(&grid, INK_PLAIN, 0, "\033[2J\r\nx\x7f", NULL);
	grid_print(&grid);
	close_sheet(&sheet, "  ?[2J??x?\n");
}

static void test_many_rows(void **state)
{
	struct sheet sheet;
	struct grid grid;
	char want[100 * 4 + 1] = "";

	open_sheet(&sheet);
	grid_init(&grid, &sheet.screen);
	for (int i = 0; i < 100; i++) {
		grid_add(&grid, INK_PLAIN, 0, "r", NULL);
		strcat(want, "  r\n");
	}
	grid_print(&grid);
	close_sheet(&sheet, want);
}

static void test_paragraph(void **state)
{
	struct sheet sheet;

	open_sheet(&sheet);
	fputs("title: ", sheet.screen.file);
	screen_paragraph(&sheet.screen, 7, 4,
			 "word word word word word word word word word word word word word "
			 "word word word");
	close_sheet(
		&sheet,
		"title: word word word word word word word word word word word word word word\n"
		"    word word\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_as_wide_as_needed),
		cmocka_unit_test(test_colour_stands_around_one_cell),
		cmocka_unit_test(test_the_last_cell_is_cut_on_terminals_only),
		cmocka_unit_test(test_strangers_cannot_steer_the_terminal),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_paragraph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
