#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "conf/users.h"
#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/commands/args.h"
#include "proxy/commands/password.h"
#include "proxy/sip/digest.h"

static const struct option_row
	option_file = { .name = "file",
			.argument = "FILE",
			.completes = COMPLETES_FILE,
			.text = "the users file; default: users_file of the configuration" },
	option_realm = { .name = "realm",
			 .argument = "REALM",
			 .text = "the digest realm; default: that of the configuration" },
	option_auth_user = { .name = "auth-user",
			     .argument = "NAME",
			     .text = "the name for authentication; default: as it was, or "
				     "USER" },
	option_stdin = { .name = "stdin",
			 .text = "read the password from standard input, one line" },
	option_remove = { .name = "remove", .text = "take the user out of the file" },
	option_lock = { .name = "lock", .text = "refuse the user, keep the password" },
	option_unlock = { .name = "unlock", .text = "take the lock off, keep the password" },
	option_internet = { .name = "internet",
			    .argument = "yes|no",
			    .text = "whether its phones may come in from the internet" },
	option_class = { .name = "class",
			 .argument = "NAME",
			 .text = "its class of service, one of classes; \"\": none" },
	option_max_contacts = { .name = "max-contacts",
				.argument = "N",
				.text = "how many phones it may have at a time, 1 to 8" };
static const struct option_row *const options[] = { &option_file,
						    &option_realm,
						    &option_auth_user,
						    &option_stdin,
						    &option_remove,
						    &option_lock,
						    &option_unlock,
						    &option_internet,
						    &option_class,
						    &option_max_contacts,
						    &option_config_run,
						    &option_help,
						    NULL };
static const struct example_row examples[] = {
	{ "nuncio passwd 168",
	  "Asks for the password, and writes the users file of the configuration." },
	{ "pwgen -s 16 1 | nuncio passwd 168 --stdin --file users.yaml --realm corp.example",
	  "Without a configuration, from a pipe." },
	{ "nuncio passwd 168 --internet yes --class inside",
	  "A user whose phones come in from the internet." },
	{ "nuncio passwd 168 --lock && nuncio reload", "Refuses the user from now on." },
	{ 0 },
};

/* What the change is made on. */
struct task {
	const struct args *args;
	struct settings *settings; /* NULL: --file and --realm say everything */
	struct report *report;
	struct users *users;
	const char *path, *realm;
	struct settings_password_policy policy;
};

static enum exit_code complain_report(struct report *report, enum err err)
{
	struct buf text;

	buf_init(&text, 0);
	report_print(report, false, &text);
	fprintf(stderr, "%s%snuncio passwd: %s\n", buf_text(&text), text.len ? "\n" : "",
		report_n_errors(report) ? "nothing was changed" : err_text(err));
	buf_fini(&text);
	return err == ERR_ACCESS ? EXIT_NOT_ALLOWED : EXIT_NO;
}

static enum exit_code load(struct task *task)
{
	const struct args *args = task->args;
	enum err err;

	task->path = args_value(args, "file", NULL);
	task->realm = args_value(args, "realm", NULL);
	task->policy = (struct settings_password_policy){ .min_length = 10, .classes = 3 };
	if (!task->path || !task->realm || args_has(args, "config")) {
		err = settings_load(args_value(args, "config", path_config), task->report,
				    &task->settings);
		if (err)
			return complain_report(task->report, err);
		if (!task->path)
			task->path = task->settings->users_file.path;
		if (!task->realm)
			task->realm = task->settings->realm;
		task->policy = task->settings->password_policy;
	}
	if (!task->path) {
		fputs("nuncio passwd: the configuration has no users_file; set it, or name one "
		      "by --file\n",
		      stderr);
		return EXIT_NO;
	}
	err = users_load(task->path, false, task->report, &task->users);
	if (err == ERR_NOT_FOUND)
		err = users_new(&task->users);
	return err ? complain_report(task->report, err) : EXIT_YES;
}

/* A new file gets the group of its folder (/etc/nuncio is root:nuncio), so that the service can
 * read it. */
static void give_group(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	struct stat st;

	if (slash)
		text_copy_len(folder, sizeof(folder), path,
			      slash == path ? 1 : (size_t)(slash - path));
	if (stat(folder, &st) != 0 || st.st_gid == getegid())
		return;
	if (chown(path, (uid_t)-1, st.st_gid) != 0 || chmod(path, 0640) != 0)
		fprintf(stderr,
			"nuncio passwd: the group of %s stays; the service may not be able to "
			"read it\n",
			path);
}

static enum exit_code write_users(struct task *task, const char *what)
{
	bool is_new = access(task->path, F_OK) != 0;
	enum err err = users_write(task->path, task->users);

	if (err) {
		fprintf(stderr, "nuncio passwd: %s: %s; nothing was changed\n", task->path,
			err_text(err));
		return err == ERR_ACCESS ? EXIT_NOT_ALLOWED : EXIT_NOT_KNOWN;
	}
	if (is_new)
		give_group(task->path);
	printf("%s: user %s %s; `nuncio reload` takes it into use\n", task->path,
	       task->args->operands[0], what);
	return EXIT_YES;
}

static enum exit_code complain_missing(const struct task *task)
{
	fprintf(stderr, "nuncio passwd: there is no user %s in %s\n", task->args->operands[0],
		task->path);
	return EXIT_NO;
}

static enum exit_code remove_user(struct task *task)
{
	if (users_remove(task->users, task->args->operands[0]))
		return complain_missing(task);
	return write_users(task, "removed");
}

static enum exit_code put(struct task *task, const struct user *user, const char *what)
{
	enum err err = users_put(task->users, user);

	if (err == ERR_OK)
		return write_users(task, what);
	fprintf(stderr, "nuncio passwd: %s\n",
		err == ERR_EXISTS ? "another user has that name for authentication"
				  : err_text(err));
	return EXIT_NO;
}

static enum exit_code lock_user(struct task *task, bool is_locked)
{
	const struct user *old = users_find(task->users, task->args->operands[0]);
	struct user user;

	if (!old)
		return complain_missing(task);
	user = *old;
	user.is_locked = is_locked;
	return put(task, &user, is_locked ? "locked" : "unlocked");
}

static bool says_rights(const struct args *args)
{
	return args_has(args, "internet") || args_has(args, "class") ||
	       args_has(args, "max-contacts");
}

static bool is_class_name(const char *text)
{
	return strlen(text) < 64 &&
	       text[strspn(
		       text,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
		       '\0';
}

/* What the user's phones may, by the options; false after a complaint. */
static bool set_rights(const struct task *task, struct user *user)
{
	const char *internet = args_value(task->args, "internet", NULL),
		   *class = args_value(task->args, "class", NULL);
	const char *max_contacts = args_value(task->args, "max-contacts", NULL);

	if (internet && strcmp(internet, "yes") != 0 && strcmp(internet, "no") != 0) {
		fputs("nuncio passwd: --internet is yes or no\n", stderr);
		return false;
	}
	if (max_contacts && (strlen(max_contacts) != 1 || *max_contacts < '1' ||
			     *max_contacts > '0' + USER_MAX_CONTACTS)) {
		fprintf(stderr, "nuncio passwd: --max-contacts is a number from 1 to %d\n",
			USER_MAX_CONTACTS);
		return false;
	}
	if (class && *class &&
	    (!is_class_name(class) ||
	     (task->settings && !settings_find_class(task->settings, class)))) {
		fprintf(stderr, "nuncio passwd: there is no class %s in the configuration\n",
			class);
		return false;
	}
	if (internet)
		user->is_on_internet = !strcmp(internet, "yes");
	if (class)
		user->class = class;
	if (max_contacts)
		user->max_contacts = (unsigned)(*max_contacts - '0');
	return true;
}

/* The password stays. */
static enum exit_code change_rights(struct task *task, const struct user *old)
{
	struct user user = *old;

	return set_rights(task, &user) ? put(task, &user, "changed") : EXIT_NO;
}

static enum exit_code set_password(struct task *task, const char *password)
{
	const char *name = task->args->operands[0];
	const struct user *old = users_find(task->users, name);
	struct user user = old ? *old : (struct user){ .name = name, .auth_user = name };
	struct digest_secret secret;
	char what[640];
	enum exit_code code;

	if (!set_rights(task, &user))
		return EXIT_NO;
	user.auth_user = args_value(task->args, "auth-user", user.auth_user);
	digest_make_secret(user.auth_user, task->realm, password, &secret);
	text_copy(user.ha1.md5, sizeof(user.ha1.md5), secret.ha1[DIGEST_MD5]);
	text_copy(user.ha1.sha_256, sizeof(user.ha1.sha_256), secret.ha1[DIGEST_SHA256]);
	text_copy(user.ha1.sha_512_256, sizeof(user.ha1.sha_512_256),
		  secret.ha1[DIGEST_SHA512_256]);
	snprintf(what, sizeof(what),
		 "%s (authenticates as %s in realm %s: md5, sha-256, sha-512-256)%s",
		 old ? "has a new password" : "added", user.auth_user, task->realm,
		 user.is_locked ? ", still locked" : "");
	code = put(task, &user, what);
	explicit_bzero(&secret, sizeof(secret));
	explicit_bzero(&user.ha1, sizeof(user.ha1));
	return code;
}

static enum exit_code new_password(struct task *task)
{
	char password[PASSWORD_SIZE];
	bool ok = args_has(task->args, "stdin") ? password_from_stdin(password)
						: password_from_terminal(password);
	enum exit_code code = EXIT_NO;

	if (ok && password_check(password, task->args->operands[0], &task->policy))
		code = set_password(task, password);
	explicit_bzero(password, sizeof(password));
	return code;
}

static enum exit_code change(struct task *task)
{
	const struct user *old = users_find(task->users, task->args->operands[0]);

	if (args_has(task->args, "remove"))
		return remove_user(task);
	if (args_has(task->args, "lock") || args_has(task->args, "unlock"))
		return lock_user(task, args_has(task->args, "lock"));
	if (old && says_rights(task->args) && !args_has(task->args, "stdin") &&
	    !args_has(task->args, "auth-user"))
		return change_rights(task, old);
	return new_password(task);
}

static enum exit_code passwd(const struct args *args)
{
	struct task task = { .args = args };
	enum exit_code code;

	if (args_has(args, "remove") + args_has(args, "lock") + args_has(args, "unlock") +
		    args_has(args, "stdin") >
	    1) {
		fputs("nuncio passwd: --remove, --lock, --unlock and --stdin exclude each "
		      "other\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (says_rights(args) &&
	    (args_has(args, "remove") || args_has(args, "lock") || args_has(args, "unlock"))) {
		fputs("nuncio passwd: --remove, --lock and --unlock stand alone\n", stderr);
		return EXIT_USAGE;
	}
	if (report_new(&task.report)) {
		fputs("nuncio passwd: out of memory\n", stderr);
		return EXIT_NOT_KNOWN;
	}
	code = load(&task);
	if (code == EXIT_YES)
		code = change(&task);
	users_free(task.users);
	settings_free(task.settings);
	report_free(task.report);
	return code;
}

const struct verb verb_passwd = {
	.name = "passwd",
	.operands = "USER",
	.summary = "set the password of a user in the users file",
	.text = "Writes the users file: only hashes of the password, for MD5, SHA-256 and "
		"SHA-512-256 digest. The password "
		"comes from the terminal without echo or, with --stdin, from a pipe, never "
		"from the command line. "
		"password_policy: of the configuration applies. --internet, --class and --max-contacts "
		"change what the phones of a user may and leave its password, unless --stdin or --auth-user says "
		"that there is a new one; a new user is asked for one. Comments in the users file are "
		"lost.",
	.min_operands = 1,
	.max_operands = 1,
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "the file was written",
		   [EXIT_NO] = "too weak, no such user, or faults in a file",
		   [EXIT_NOT_ALLOWED] = "the file may not be read or written",
		   [EXIT_NOT_KNOWN] = "the file could not be written" },
	.run = passwd,
};
