/* Text on the terminal: colours only where they belong, lines of 80 columns, and the few words
 * that several verbs print alike. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct args;

enum ink { INK_PLAIN, INK_OK, INK_WARN, INK_FAIL, INK_DETAIL, INK_STRONG };

/* Whether the stream gets colours: --color=always|never, else a terminal, TERM not dumb,
 * NO_COLOR unset. */
struct screen {
	FILE *file;
	bool has_colour, is_terminal;
	unsigned columns;
};

void screen_init(struct screen *screen, FILE *file, const struct args *args);

/* Prints in a colour, which always stands beside words that say the same. */
void screen_print(const struct screen *screen, enum ink ink, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints at most len bytes of strangers' text: what would steer the terminal becomes "?". */
void screen_put(const struct screen *screen, const char *text, size_t len);

/* Prints text as a paragraph of 80 columns: the first line after what stands there already
 * (used columns), the others indented. Ends with a line end. */
void screen_paragraph(const struct screen *screen, unsigned used, unsigned indent,
		      const char *text);

/* "3 d ago" out of seconds. */
const char *screen_ago(int64_t seconds, char out[40]);
