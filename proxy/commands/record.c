#include "proxy/commands/record.h"

#include <stdint.h>
#include <string.h>

#include "proxy/commands/grid.h"

const char *record_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long record_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void line(struct grid *grid, const json_t *record, const char *title, const char *key)
{
	if (*record_text(record, key))
		grid_add(grid, INK_PLAIN, 0, title, record_text(record, key), NULL);
}

static void put(const struct screen *screen, const json_t *record, const char *key)
{
	screen_put(screen, record_text(record, key), SIZE_MAX);
}

static void print_request(const struct screen *screen, const json_t *record)
{
	struct grid grid;

	grid_init(&grid, screen);
	put(screen, record, "method");
	fputs("  ", screen->file);
	put(screen, record, "from");
	fputs(" -> ", screen->file);
	put(screen, record, "to");
	fputc('\n', screen->file);
	line(&grid, record, "at", "time");
	line(&grid, record, "Call-ID", "call_id");
	line(&grid, record, "came by", "listener");
	line(&grid, record, "transport", "transport");
	line(&grid, record, "from address", "peer");
	line(&grid, record, "certificate", "cert_names");
	line(&grid, record, "sender", "origin");
	line(&grid, record, "known as", "partner");
	line(&grid, record, "goes to", "target");
	line(&grid, record, "DNS", "evidence");
	grid_print(&grid);
}

/* Who the sender is and where it goes are always told, also which servers rest, and so is the
 * step at which it ended. */
static bool is_deciding(const json_t *step, size_t i, size_t n)
{
	return i + 1 == n || *record_text(step, "place") ||
	       strcmp(record_text(step, "step"), "classify") == 0 ||
	       strcmp(record_text(step, "step"), "route") == 0 ||
	       strcmp(record_text(step, "step"), "health") == 0;
}

static void print_steps(const struct screen *screen, const json_t *record, bool with_all)
{
	const json_t *steps = json_object_get(record, "steps");
	size_t n = json_array_size(steps), hidden = 0;
	struct grid grid;

	grid_init(&grid, screen);
	for (size_t i = 0; i < n; i++) {
		const json_t *step = json_array_get(steps, i);

		if (!with_all && !is_deciding(step, i, n)) {
			hidden++;
			continue;
		}
		grid_add(&grid, INK_DETAIL, 2, record_text(step, "step"),
			 record_text(step, "rule"),
			 *record_text(step, "place") ? record_text(step, "place") : "-",
			 record_text(step, "result"), NULL);
	}
	fputs("\nrules\n", screen->file);
	grid_print(&grid);
	if (hidden > 0)
		screen_print(screen, INK_DETAIL, "  %zu more with --all\n", hidden);
}

static void add_tried(struct grid *grid, const json_t *hop)
{
	const char *reason = record_text(hop, "reason");
	char status[32] = "no answer";

	if (record_number(hop, "status") != 0)
		snprintf(status, sizeof(status), "%lld", record_number(hop, "status"));
	grid_add(grid, *reason ? INK_FAIL : INK_OK, 0, *reason ? "FAIL" : "ok",
		 record_text(hop, "to"), status, reason, record_text(hop, "cause"), NULL);
}

static void print_hops(const struct screen *screen, const json_t *record)
{
	const json_t *hops = json_object_get(record, "hops"), *hop;
	bool is_real = json_object_get(record, "id") != NULL; /* a dry run has no number */
	struct grid grid;
	size_t i;

	if (json_array_size(hops) == 0)
		return;
	grid_init(&grid, screen);
	json_array_foreach(hops, i, hop) {
		if (is_real)
			add_tried(&grid, hop);
		else
			grid_add(&grid, *record_text(hop, "reason") ? INK_FAIL : INK_PLAIN, 0,
				 record_text(hop, "to"), record_text(hop, "reason"),
				 record_text(hop, "cause"), NULL);
	}
	fputs(is_real ? "\nservers that were tried\n"
		      : "\nservers that would be tried, in this order\n",
	      screen->file);
	grid_print(&grid);
}

/* What the other side said of its refusal. */
static void print_diagnostics(const struct screen *screen, const json_t *record)
{
	const json_t *ms = json_object_get(record, "ms_diagnostics");
	const char *source = record_text(ms, "source"), *reason = record_text(ms, "reason");
	char text[320];

	if (ms) {
		snprintf(text, sizeof(text), "%lld%s%s%s%s", record_number(ms, "id"),
			 *source ? ", of " : "", source, *reason ? ": " : "", reason);
		fputs("  ms-diagnostics ", screen->file);
		screen_paragraph(screen, 17, 17, text);
		return;
	}
	if (!*record_text(record, "peer_diagnostics"))
		return;
	fputs("  they say       ", screen->file);
	screen_paragraph(screen, 17, 17, record_text(record, "peer_diagnostics"));
}

static void print_verdict(const struct screen *screen, const json_t *record)
{
	bool is_accepted = json_is_true(json_object_get(record, "accepted"));
	long long status = record_number(record, "status");

	fputc('\n', screen->file);
	if (is_accepted) {
		screen_print(screen, INK_OK, "accepted");
		if (*record_text(record, "target"))
			fprintf(screen->file, ", goes to %s", record_text(record, "target"));
		if (status)
			fprintf(screen->file, ", answered with %lld", status);
		fputc('\n', screen->file);
		print_diagnostics(screen, record);
		return;
	}
	screen_print(screen, INK_FAIL, "refused: %s", record_text(record, "reason"));
	if (status)
		fprintf(screen->file, ", answered with %lld", status);
	fputs("\n  what happened  ", screen->file);
	screen_paragraph(screen, 17, 17, record_text(record, "cause"));
	print_diagnostics(screen, record);
	fprintf(screen->file, "  who must act   %s\n  what to do     ",
		record_text(record, "act"));
	screen_paragraph(screen, 17, 17, record_text(record, "remedy"));
}

void record_print(const struct screen *screen, const json_t *record, bool with_all)
{
	print_request(screen, record);
	print_steps(screen, record, with_all);
	print_hops(screen, record);
	print_verdict(screen, record);
}

static void print_ends(const struct screen *screen, const json_t *record, bool is_inbound)
{
	fputs(is_inbound ? "TLS handshake  from " : "TLS handshake  to ", screen->file);
	if (*record_text(record, "target")) {
		put(screen, record, "target");
		fputs(" at ", screen->file);
	}
	put(screen, record, "peer");
	fputc('\n', screen->file);
}

/* Pairs of a title and the text of one or two keys. */
static void print_seen(const struct screen *screen, const json_t *record, const json_t *tls)
{
	bool is_theirs = strcmp(record_text(tls, "alert_from"), "them") == 0;
	long long n_similar = record_number(tls, "n_similar");
	char version[GRID_CELL], similar[64];
	struct grid grid;

	snprintf(version, sizeof(version), "%s%s%s (at least TLS %s)",
		 *record_text(tls, "version") ? record_text(tls, "version") : "none agreed",
		 *record_text(tls, "cipher") ? ", " : "", record_text(tls, "cipher"),
		 record_text(tls, "minimum"));
	snprintf(similar, sizeof(similar), "%lld more of this peer within ten seconds",
		 n_similar);
	grid_init(&grid, screen);
	line(&grid, record, "at", "time");
	line(&grid, record, "listener", "listener");
	line(&grid, tls, "name asked for", "sni");
	grid_add(&grid, INK_PLAIN, 0, "version", version, NULL);
	line(&grid, tls, "versions offered", "offered");
	line(&grid, tls, is_theirs ? "their alert" : "our alert", "alert");
	line(&grid, tls, "we found", "verify");
	line(&grid, tls, "certificate", "subject");
	line(&grid, tls, "its issuer", "issuer");
	line(&grid, tls, "to be had at", "issuer_url");
	line(&grid, tls, "valid from", "not_before");
	line(&grid, tls, "valid until", "not_after");
	line(&grid, tls, "serial number", "serial");
	line(&grid, tls, "SHA-256", "sha256");
	line(&grid, tls, "names wanted", "expected");
	line(&grid, record, "names shown", "cert_names");
	line(&grid, tls, "issuers accepted", "ca_list");
	line(&grid, tls,
	     json_is_false(json_object_get(tls, "ca_list_has_ours")) ? "ours is of another"
								     : "our issuer",
	     "our_issuer");
	line(&grid, tls, "our names", "our_names");
	if (json_is_true(json_object_get(tls, "asked_certificate")))
		grid_add(&grid, INK_PLAIN, 0, "asked for ours",
			 json_is_true(json_object_get(tls, "sent_certificate"))
				 ? "and it was sent"
				 : "there was none to send",
			 NULL);
	if (n_similar > 0)
		grid_add(&grid, INK_PLAIN, 0, "similar", similar, NULL);
	grid_print(&grid);
}

void record_print_handshake(const struct screen *screen, const json_t *record)
{
	const json_t *tls = json_object_get(record, "tls");

	print_ends(screen, record, strcmp(record_text(tls, "direction"), "in") == 0);
	print_seen(screen, record, tls);
	print_verdict(screen, record);
}
