/* The log on disk: nuncio.log, and by size nuncio.log.1 (the younger) to nuncio.log.N-1. These
 * calls may block; the log thread alone makes them, and log.c opens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

struct log_file;

/* Opens nuncio.log in directory, which must exist, to add to it. max_bytes 0: no bound; n_files
 * counts nuncio.log too. delete_daily: when the local day changes, and at the start if the file
 * is of an earlier day, all of them are deleted. The usual errors of the system. */
enum err log_file_open(const char *directory, uint64_t max_bytes, unsigned n_files,
		       bool delete_daily, uint64_t wall_us, struct log_file **out) MUST_CHECK;
struct log_file *log_file_close(struct log_file *file);

/* Writes whole lines; turns to a new file between two of them. */
enum err log_file_write(struct log_file *file, uint64_t wall_us, const char *lines,
			size_t len) MUST_CHECK;

/* Deletes if the day has changed; so that an idle log goes too. */
void log_file_tick(struct log_file *file, uint64_t wall_us);
