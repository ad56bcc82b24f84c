#include "proxy/certificate_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/base/text.h"

enum { N_PATHS = 3 };

/* What tells a file from its successor without reading it. */
struct stamp {
	bool is_there;
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct file {
	struct certificate_file_row row;
	struct stamp stamps[N_PATHS];
};

struct certificate_files {
	struct snapshot *snapshot; /* counted; that of the last look */
	struct file *files;        /* one a certificate */
	size_t n;
};

enum err certificate_files_new(struct certificate_files **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? ERR_OK : ERR_NO_MEMORY;
}

static void forget(struct certificate_files *files)
{
	free(files->files);
	files->files = NULL;
	files->n = 0;
	files->snapshot = snapshot_unref(files->snapshot);
}

struct certificate_files *certificate_files_free(struct certificate_files *files)
{
	if (files)
		forget(files);
	free(files);
	return NULL;
}

static void read_stamps(const struct settings_certificate *settings, struct stamp out[N_PATHS])
{
	const char *const paths[N_PATHS] = { settings->chain.path, settings->key.path,
					     settings->pkcs12.path };

	memset(out, 0, N_PATHS * sizeof(*out));
	for (size_t i = 0; i < N_PATHS; i++) {
		struct stat stat_buf;

		if (!paths[i] || stat(paths[i], &stat_buf) != 0)
			continue;
		out[i] = (struct stamp){ true, stat_buf.st_mtim, stat_buf.st_size,
					 stat_buf.st_ino };
	}
}

static bool is_same(const struct stamp a[N_PATHS], const struct stamp b[N_PATHS])
{
	for (size_t i = 0; i < N_PATHS; i++) {
		if (a[i].is_there != b[i].is_there ||
		    a[i].changed.tv_sec != b[i].changed.tv_sec ||
		    a[i].changed.tv_nsec != b[i].changed.tv_nsec || a[i].size != b[i].size ||
		    a[i].inode != b[i].inode)
			return false;
	}
	return true;
}

static void note_fault(struct certificate_file_row *row, struct report *report)
{
	const struct report_row *rows;
	size_t n = report_rows(report, &rows);

	row->state = CERTIFICATE_FILE_BROKEN;
	text_copy(row->text, sizeof(row->text), "memory is short");
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].is_error)
			continue;
		text_copy(row->text, sizeof(row->text), rows[i].text);
		return;
	}
}

static void compare(struct certificate_file_row *row,
		    const struct settings_certificate *settings,
		    const struct credentials *in_use)
{
	struct credentials *found = NULL;
	struct report *report;
	char time[32];

	if (report_new(&report))
		return;
	row->text[0] = '\0';
	if (credentials_load(settings, report, &found)) {
		note_fault(row, report);
	} else if (strcmp(credentials_fingerprint(found), credentials_fingerprint(in_use)) ==
		   0) {
		row->state = CERTIFICATE_FILE_SAME;
	} else {
		row->state = CERTIFICATE_FILE_CHANGED;
		snprintf(row->text, sizeof(row->text), "it ends on %.10s; the one in use",
			 text_time((uint64_t)credentials_not_after(found, NULL) * 1000000,
				   time));
		snprintf(row->text + strlen(row->text), sizeof(row->text) - strlen(row->text),
			 " on %.10s",
			 text_time((uint64_t)credentials_not_after(in_use, NULL) * 1000000,
				   time));
	}
	credentials_unref(found);
	report_free(report);
}

/* The rows of another snapshot; each file is compared at the first look. */
static bool begin(struct certificate_files *files, struct snapshot *snapshot)
{
	const struct settings *settings = snapshot->settings;
	struct file *made = calloc(settings->n_certificates + 1, sizeof(*made));

	if (!made)
		return false;
	forget(files);
	files->files = made;
	files->n = settings->n_certificates;
	files->snapshot = snapshot_ref(snapshot);
	for (size_t i = 0; i < files->n; i++) {
		const struct settings_certificate *certificate = &settings->certificates[i];

		made[i].row.name = certificate->name;
		made[i].row.path = certificate->chain.path ? certificate->chain.path
							   : certificate->pkcs12.path;
	}
	return true;
}

bool certificate_files_look(struct certificate_files *files, struct snapshot *snapshot)
{
	bool is_new = files->snapshot != snapshot, has_changed = false;

	if (is_new && !begin(files, snapshot))
		return false;
	for (size_t i = 0; i < files->n; i++) {
		const struct settings_certificate *settings =
			&snapshot->settings->certificates[i];
		const enum certificate_file_state before = files->files[i].row.state;
		struct stamp stamps[N_PATHS];

		read_stamps(settings, stamps);
		if (!is_new && is_same(stamps, files->files[i].stamps))
			continue;
		memcpy(files->files[i].stamps, stamps, sizeof(stamps));
		compare(&files->files[i].row, settings, snapshot->credentials[i]);
		has_changed |= files->files[i].row.state != before;
	}
	return has_changed;
}

size_t certificate_files_count(const struct certificate_files *files)
{
	return files->n;
}

const struct certificate_file_row *certificate_files_at(const struct certificate_files *files,
							size_t i)
{
	return &files->files[i].row;
}
