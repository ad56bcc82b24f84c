#include "conf/check.h"
#include "conf/file.h"

enum { NOTHING = 0, SECRET_FILE = 1, MAY_BE_FOLDER = 2, MAY_BE_MISSING = 4 };

static void hint_access(enum err err, const char *path, struct report *report)
{
	char remedy[FILE_REMEDY_SIZE];

	if (err == ERR_ACCESS && *file_access_remedy(path, remedy))
		report_hint(report, "%s", remedy);
}

static void look(const struct settings_file *file, const char *key, unsigned what,
		 struct report *report)
{
	bool is_open_to_others = false;
	enum err err;

	if (!file->path)
		return;
	err = file_look(file->path, what & MAY_BE_FOLDER, &is_open_to_others);
	if (err == ERR_NOT_FOUND && what & MAY_BE_MISSING) {
		report_warning(report, FAULT_FILE_UNREADABLE, &file->place, key,
			       "%.512s does not exist yet: there are no users", file->path);
	} else if (err == ERR_INVALID) {
		report_error(report, FAULT_FILE_UNREADABLE, &file->place, key,
			     "%.512s is no file, expected %s", file->path,
			     what & MAY_BE_FOLDER ? "a file or a folder" : "a file");
	} else if (err) {
		report_error(report, FAULT_FILE_UNREADABLE, &file->place, key,
			     "%.512s cannot be read: %s", file->path, err_text(err));
		hint_access(err, file->path, report);
	} else if (what & SECRET_FILE && is_open_to_others) {
		report_warning(report, FAULT_FILE_OPEN_TO_OTHERS, &file->place, key,
			       "%.512s can be read by every user of this host", file->path);
		report_hint(report, "chmod o= %.512s", file->path);
	}
}

void check_files(const struct settings *settings, struct report *report)
{
	for (size_t i = 0; i < settings->n_certificates; i++) {
		const struct settings_certificate *certificate = &settings->certificates[i];

		look(&certificate->chain, "chain", NOTHING, report);
		look(&certificate->key, "key", SECRET_FILE, report);
		look(&certificate->pkcs12, "pkcs12", SECRET_FILE, report);
		look(&certificate->passphrase, "passphrase_file", SECRET_FILE, report);
	}
	for (size_t i = 0; i < settings->tls.n_trust; i++)
		look(&settings->tls.trust[i], "trust", MAY_BE_FOLDER, report);
	for (size_t i = 0; i < settings->tls.n_crl; i++)
		look(&settings->tls.crl[i], "crl", NOTHING, report);
	for (size_t i = 0; i < settings->n_backends; i++)
		look(&settings->backends[i].password_file, "password_file", SECRET_FILE,
		     report);
	look(&settings->users_file, "users_file", SECRET_FILE | MAY_BE_MISSING, report);
}
