/* What the two files of sdp share: the lines of the text. */
#pragma once

#include "media/sdp.h"

struct sdp_line {
	const char *text; /* terminated; "a=..." */
	int media;        /* -1: of the session */
};

struct sdp {
	char *text; /* owned: the lines, terminated each */
	struct sdp_line *lines;
	unsigned n_lines;
	struct sdp_stream *streams;
	unsigned n_streams;
};

/* What follows "a=NAME" if the line is that attribute: "" for one without a value, else the
 * text behind the colon; NULL: another. Case matters as little as to Sofia, so that what it
 * reads is what is replaced. */
const char *sdp_line_attribute(const char *line, const char *name);
