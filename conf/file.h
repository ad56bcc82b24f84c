/* A whole file in memory, and what may be read at all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"

/* Reads a regular file of at most max bytes; out is malloced and terminated. ERR_NOT_FOUND,
 * ERR_ACCESS, ERR_INVALID (not a regular file), ERR_TOO_LARGE, ERR_IO, ERR_NO_MEMORY.
 * Blocks. */
enum err file_read(const char *path, size_t max, char **out, size_t *out_len) MUST_CHECK;

/* Looks without opening: the same errors. May path be a folder? is_open_to_others (may be NULL)
 * tells whether every user of this host can read it. */
enum err file_look(const char *path, bool may_be_folder, bool *is_open_to_others) MUST_CHECK;

/* ERR_ACCESS: what lets this process in, as a command for a shell: "chgrp nuncio FILE && chmod
 * g+r FILE", or the same for the folder that bars the way. "" where that is no answer (root, or
 * a path that is too long). Returns out. */
enum { FILE_REMEDY_SIZE = 768 };
const char *file_access_remedy(const char *path, char out[FILE_REMEDY_SIZE]);
