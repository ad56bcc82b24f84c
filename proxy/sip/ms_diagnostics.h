/* ms-diagnostics and ms-diagnostics-public ([MS-OCER]): why a server of Microsoft's kind, or
 * one that speaks its words, refused. They stand in responses only. What is read is a
 * stranger's text: bounded, and cleaned. */
#pragma once

#include <stdbool.h>

#include "proxy/sip/message.h"

enum { MS_DIAGNOSTICS_REASON_SIZE = 128, MS_DIAGNOSTICS_SOURCE_SIZE = 80 };

struct ms_diagnostics {
	/* 1034; its sub-code, if there is one, is left out */
	unsigned id;
	char reason[MS_DIAGNOSTICS_REASON_SIZE]; /* "" if it gave none */
	/* the host whose words these are; "" if it did not say */
	char source[MS_DIAGNOSTICS_SOURCE_SIZE];
};

/* The first of these headers that has a number, ms-diagnostics before ms-diagnostics-public;
 * false, with zeros in out, if there is none. Control characters, quotes and backslashes do not
 * come out. */
bool ms_diagnostics_read(const msg_t *msg, struct ms_diagnostics *out);

/* Adds the header. ERR_NO_MEMORY, ERR_SYNTAX. */
enum err ms_diagnostics_add(msg_t *response,
			    const struct ms_diagnostics *diagnostics) MUST_CHECK;

/* What [MS-OCER] says of a number that we send, "" for others. */
const char *ms_diagnostics_text(unsigned id);
