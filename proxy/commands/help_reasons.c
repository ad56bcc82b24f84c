#include "proxy/base/macros.h"
#include "proxy/base/reason.h"
#include "proxy/commands/help.h"

void help_reasons_markdown(FILE *file)
{
	fputs("# Reasons\n\n"
	      "Every refusal and every failed delivery has one of these codes: in the log, in "
	      "`nuncio why`, in the\n"
	      "metrics, and towards known partners in the `Warning` header of our answer. "
	      "Strangers get the bare status.\n"
	      "`nuncio help CODE` prints one of them; `journalctl -x` shows the same text "
	      "beside the log line.\n\n"
	      "This page is made from the table in `proxy/base/reason.c`:\n"
	      "`nuncio help reasons --as markdown > docs/reasons.md`.\n",
	      file);
	for (int i = 1; i < N_REASONS; i++) {
		const struct reason_row *row = reason_row((enum reason)i);

		fprintf(file, "\n## %s\n\n", row->code);
		if (row->status)
			fprintf(file, "Answered with **%d %s**. ", row->status, row->phrase);
		fprintf(file, "Who must act: **%s**.\n\n%s\n\n*Remedy:* %s\n",
			actor_text(row->act), row->cause, row->remedy);
	}
}

void help_reasons_catalog(FILE *file)
{
	for (int i = 1; i < N_REASONS; i++) {
		const struct reason_row *row = reason_row((enum reason)i);
		char id[REASON_MESSAGE_ID_SIZE];

		fprintf(file,
			"%s-- %s\nSubject: nuncio: %s\nDefined-By: nuncio\nDocumentation: "
			"man:nuncio-reasons(7)\n\n"
			"%s\n\nWho must act: %s.\n%s\n",
			i == 1 ? "" : "\n", reason_message_id((enum reason)i, id), row->code,
			row->cause, actor_text(row->act), row->remedy);
	}
}
