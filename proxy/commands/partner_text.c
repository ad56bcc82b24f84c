#include "proxy/commands/partner_text.h"

#include <string.h>

#include "proxy/base/macros.h"
#include "proxy/commands/grid.h"
#include "proxy/commands/record.h"

static enum ink ink_of(const char *state)
{
	static const struct {
		const char *state;
		enum ink ink;
	} inks[] = {
		{ "up", INK_OK },        { "approved", INK_OK },  { "down", INK_FAIL },
		{ "limited", INK_WARN }, { "watched", INK_WARN },
	};

	for (size_t i = 0; i < COUNT(inks); i++)
		if (strcmp(inks[i].state, state) == 0)
			return inks[i].ink;
	return INK_DETAIL;
}

/* ---- the list ---- */

static void add_route(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state");
	const json_t *days = json_object_get(row, "certificate_days_left");
	char seen[40], requests[GRID_CELL], certificate[GRID_CELL] = "";

	snprintf(requests, sizeof(requests), "%lld in, %lld out, %lld failed",
		 record_number(row, "requests_received"), record_number(row, "requests_sent"),
		 record_number(row, "failures"));
	if (days)
		snprintf(certificate, sizeof(certificate), "certificate %lld d",
			 (long long)json_integer_value(days));
	grid_add(grid, ink_of(state), 0, state, record_text(row, "domain"), "route",
		 screen_ago(record_number(row, "last_seen_s"), seen), requests, certificate,
		 NULL);
}

static void add_discovered(struct grid *grid, const json_t *row)
{
	const char *state = record_text(row, "state");
	const json_t *certificate = json_object_get(row, "certificate");
	char seen[40], requests[GRID_CELL], more[GRID_CELL] = "";

	snprintf(requests, sizeof(requests), "%lld in, %lld out, %lld failed, %lld refused",
		 record_number(row, "requests_received"), record_number(row, "requests_sent"),
		 record_number(row, "failed") + record_number(row, "sent_failed"),
		 record_number(row, "requests_refused"));
	if (certificate)
		snprintf(more, sizeof(more), "certificate %lld d, ",
			 record_number(certificate, "days_left"));
	snprintf(more + strlen(more), sizeof(more) - strlen(more), "%lld user%s",
		 record_number(row, "users"), record_number(row, "users") == 1 ? "" : "s");
	grid_add(grid, ink_of(state), 0, state, record_text(row, "domain"), "discovered",
		 screen_ago(record_number(row, "last_seen_s"), seen), requests, more, NULL);
}

void partner_text_list(const struct screen *screen, const json_t *answer)
{
	const json_t *routes = json_object_get(answer, "routes"),
		     *discovered = json_object_get(answer, "discovered"), *row;
	struct grid grid;
	size_t i;

	grid_init(&grid, screen);
	json_array_foreach(routes, i, row)
		add_route(&grid, row);
	json_array_foreach(discovered, i, row)
		add_discovered(&grid, row);
	screen_print(screen, INK_STRONG, "partners: %zu with a route, %zu discovered\n",
		     json_array_size(routes), json_array_size(discovered));
	grid_print(&grid);
}

/* ---- one ---- */

static void begin_line(const struct screen *screen, const char *title)
{
	screen_print(screen, INK_DETAIL, "  %-16s", title);
	fputc(' ', screen->file);
}

static void put_line(const struct screen *screen, const char *title, const char *text)
{
	if (!*text)
		return;
	begin_line(screen, title);
	screen_paragraph(screen, 19, 19, text);
}

static void put_head(const struct screen *screen, const json_t *row, const char *kind)
{
	const char *state = record_text(row, "state");

	screen_put(screen, record_text(row, "domain"), SIZE_MAX);
	fprintf(screen->file, " (%s): ", kind);
	screen_print(screen, ink_of(state), "%s", state);
	fputc('\n', screen->file);
}

static void show_connections(const struct screen *screen, const json_t *row)
{
	begin_line(screen, "connections");
	fprintf(screen->file, "%lld in, %lld out\n", record_number(row, "connections_in"),
		record_number(row, "connections_out"));
}

static void show_route(const struct screen *screen, const json_t *row)
{
	char seen[40];

	put_head(screen, row, "route");
	put_line(screen, "server", record_text(row, "server"));
	put_line(screen, "seen", screen_ago(record_number(row, "last_seen_s"), seen));
	begin_line(screen, "requests");
	fprintf(screen->file, "%lld received, %lld sent, %lld failed\n",
		record_number(row, "requests_received"), record_number(row, "requests_sent"),
		record_number(row, "failures"));
	show_connections(screen, row);
	if (strcmp(record_text(row, "last_reason"), "none") != 0)
		put_line(screen, "failed last by", record_text(row, "last_reason"));
	if (json_object_get(row, "certificate_days_left")) {
		begin_line(screen, "certificate");
		fprintf(screen->file, "%lld days left\n",
			record_number(row, "certificate_days_left"));
	}
}

/* What the configuration says against it, whatever was said here. */
static const char *obstacle(const json_t *row)
{
	const char *listed = record_text(row, "listed");

	if (strcmp(listed, "denied") == 0)
		return "federation.deny names it: it is refused all the same";
	if (strcmp(listed, "not-listed") == 0)
		return "federation.allow does not name it: it is refused all the same";
	return "";
}

static void show_word(const struct screen *screen, const json_t *row)
{
	put_line(screen, "said", record_text(row, "said"));
	put_line(screen, "until", record_text(row, "until"));
	put_line(screen, "because", record_text(row, "note"));
	if (strcmp(record_text(row, "why"), "none") != 0)
		put_line(screen, "limited by", record_text(row, "why"));
	put_line(screen, "but", obstacle(row));
}

static void show_certificate(const struct screen *screen, const json_t *certificate)
{
	if (!certificate)
		return;
	put_line(screen, "certificate", record_text(certificate, "names"));
	put_line(screen, "issued by", record_text(certificate, "issuer"));
	begin_line(screen, "valid until");
	fprintf(screen->file, "%s (%lld days left)\n", record_text(certificate, "not_after"),
		record_number(certificate, "days_left"));
	put_line(screen, "SHA-256", record_text(certificate, "sha256"));
}

static void show_discovered(const struct screen *screen, const json_t *row)
{
	put_head(screen, row, "discovered");
	show_word(screen, row);
	put_line(screen, "first seen", record_text(row, "first_seen"));
	put_line(screen, "last seen", record_text(row, "last_seen"));
	begin_line(screen, "requests");
	fprintf(screen->file,
		"%lld received: %lld succeeded, %lld failed, %lld refused by limits\n",
		record_number(row, "requests_received"), record_number(row, "succeeded"),
		record_number(row, "failed"), record_number(row, "requests_refused"));
	begin_line(screen, "");
	fprintf(screen->file, "%lld sent, %lld failed\n", record_number(row, "requests_sent"),
		record_number(row, "sent_failed"));
	show_connections(screen, row);
	begin_line(screen, "users addressed");
	fprintf(screen->file, "%lld\n", record_number(row, "users"));
	put_line(screen, "SRV target", record_text(row, "srv_target"));
	put_line(screen, "known by", record_text(row, "rule"));
	show_certificate(screen, json_object_get(row, "certificate"));
}

void partner_text_show(const struct screen *screen, const json_t *answer)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "routes"), i, row)
		show_route(screen, row);
	json_array_foreach(json_object_get(answer, "discovered"), i, row)
		show_discovered(screen, row);
}

/* ---- what changed ---- */

/* "limited, by partner-suspicious"; "approved until 2031-12-31T23:59:59.000+00:00, because
 * ...". */
static void put_state(const struct screen *screen, const json_t *row)
{
	const char *why = record_text(row, "why"), *until = record_text(row, "until"),
		   *note = record_text(row, "note");

	fputs(row ? record_text(row, "state") : "not known", screen->file);
	if (*why && strcmp(why, "none") != 0)
		fprintf(screen->file, ", by %s", why);
	if (*until)
		fprintf(screen->file, " until %s", until);
	if (*note) {
		fputs(", because: ", screen->file);
		screen_put(screen, note, SIZE_MAX);
	}
}

void partner_text_changed(const struct screen *screen, const json_t *answer)
{
	const json_t *is = json_array_get(json_object_get(answer, "discovered"), 0),
		     *was = json_array_get(json_object_get(answer, "before"), 0);
	bool is_approved = strcmp(record_text(is, "state"), "approved") == 0;

	screen_put(screen, record_text(is ? is : was, "domain"), SIZE_MAX);
	fputs(": ", screen->file);
	put_state(screen, is);
	fputs(" (was: ", screen->file);
	put_state(screen, was);
	fputs(")\n", screen->file);
	if (is_approved && !json_is_true(json_object_get(answer, "open")))
		fputs("open federation is switched off, so nothing is exchanged with it: "
		      "federation.open\n",
		      screen->file);
	if (is_approved && *obstacle(is))
		fprintf(screen->file, "%s\n", obstacle(is));
}
