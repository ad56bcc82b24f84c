/* Whether the files of our certificates are still those in use: somebody, or a hook of an ACME
 * client, may have renewed them and not reloaded. They are loaded, and compared, only when they
 * look different (time, size or inode) from when they were looked at last. Main thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/snapshot.h"

enum certificate_file_state {
	CERTIFICATE_FILE_SAME,
	CERTIFICATE_FILE_CHANGED, /* another certificate, which could be used */
	CERTIFICATE_FILE_BROKEN,  /* what could not be used */
};

struct certificate_file_row {
	const char *name; /* of the certificate; the snapshot's */
	const char *path; /* of its first file; the snapshot's */
	enum certificate_file_state state;
	char text[256]; /* when the other one ends, or what is wrong with it */
};

struct certificate_files;

enum err certificate_files_new(struct certificate_files **out) MUST_CHECK;
/* NULL is fine */
struct certificate_files *certificate_files_free(struct certificate_files *files);

/* Looks at the files of the snapshot's certificates. True if some state is another one than
 * before. */
bool certificate_files_look(struct certificate_files *files, struct snapshot *snapshot);

/* Of the last look. */
size_t certificate_files_count(const struct certificate_files *files);
const struct certificate_file_row *certificate_files_at(const struct certificate_files *files,
							size_t i);
