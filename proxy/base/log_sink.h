/* The end of the log that may block: a thread of its own, which writes to a file or to standard
 * error what others put into a bounded buffer. For log.c alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/log_file.h"

struct log_sink;

enum { LOG_SINK_BYTES = 1024 * 1024, LOG_SINK_STOP_MS = 2000 };

/* Starts the thread. Takes the file over; NULL means standard error. on_tick is called from the
 * thread about once a second, without any lock held, and may put. */
enum err log_sink_start(struct log_file *file, void (*on_tick)(void),
			struct log_sink **out) MUST_CHECK;

/* Takes whole lines to be written later. Any thread; never waits for the disk. False if there
 * is no room: the lines are dropped. */
bool log_sink_put(struct log_sink *sink, const char *lines, size_t len);

/* What is put from now on goes to file, which is taken over; NULL: standard error. */
void log_sink_switch(struct log_sink *sink, struct log_file *file);

/* Writes what is left and ends the thread. If that takes longer than LOG_SINK_STOP_MS (the disk
 * hangs), returns without. Nobody may put any more. */
void log_sink_stop(struct log_sink *sink);

/* Writes to standard error, now; what log_journal_format made, to the journal. */
void log_sink_write_stderr(const char *lines, size_t len);
