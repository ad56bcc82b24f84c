#include "proxy/commands/screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proxy/base/text.h"
#include "proxy/commands/args.h"

enum { COLUMNS = 80 };

static const char *const escapes[] = {
	[INK_PLAIN] = "",        [INK_OK] = "\033[32m",     [INK_WARN] = "\033[33m",
	[INK_FAIL] = "\033[31m", [INK_DETAIL] = "\033[90m", [INK_STRONG] = "\033[1m",
};

static bool wants_colour(const struct screen *screen, const struct args *args)
{
	const char *choice = args ? args_value(args, "color", "auto") : "auto";
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	if (strcmp(choice, "auto") != 0)
		return strcmp(choice, "always") == 0;
	return screen->is_terminal && (!no_color || !*no_color) && term &&
	       strcmp(term, "dumb") != 0;
}

void screen_init(struct screen *screen, FILE *file, const struct args *args)
{
	struct winsize size = { 0 };

	screen->file = file;
	screen->is_terminal = isatty(fileno(file)) == 1;
	screen->has_colour = wants_colour(screen, args);
	screen->columns = COLUMNS;
	if (screen->is_terminal && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= 40)
		screen->columns = size.ws_col;
}

void screen_print(const struct screen *screen, enum ink ink, const char *format, ...)
{
	va_list args;

	if (screen->has_colour && ink != INK_PLAIN)
		fputs(escapes[ink], screen->file);
	va_start(args, format);
	vfprintf(screen->file, format, args);
	va_end(args);
	if (screen->has_colour && ink != INK_PLAIN)
		fputs("\033[0m", screen->file);
}

void screen_put(const struct screen *screen, const char *text, size_t len)
{
	for (; len > 0 && *text; len--, text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, screen->file);
}

void screen_paragraph(const struct screen *screen, unsigned used, unsigned indent,
		      const char *text)
{
	unsigned column = used;
	bool is_first = true;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (!is_first && column + 1 + len > COLUMNS - 1) {
			fprintf(screen->file, "\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		if (!is_first)
			fputc(' ', screen->file);
		screen_put(screen, text, len);
		column += (unsigned)len + (is_first ? 0 : 1);
		is_first = false;
		text += len;
		if (*text == '\n') {
			fprintf(screen->file, "\n%*s", text[1] ? (int)indent : 0, "");
			column = indent;
			is_first = true;
		}
		text += *text != '\0';
	}
	fputc('\n', screen->file);
}

const char *screen_ago(int64_t seconds, char out[40])
{
	char duration[32];

	if (seconds < 0)
		snprintf(out, 40, "never");
	else if (seconds == 0)
		snprintf(out, 40, "now");
	else
		snprintf(out, 40, "%s ago", text_duration((uint64_t)seconds * 1000, duration));
	return out;
}
