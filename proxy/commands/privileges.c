#include "proxy/commands/privileges.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/text.h"

static enum err look_up(const char *user, struct passwd *entry, char *space, size_t size)
{
	struct passwd *found = NULL;
	int number = getpwnam_r(user, entry, space, size, &found);

	if (number != 0)
		return err_from_errno(number);
	return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err privileges_make_folder(const char *path, const char *user)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX], space[4096];
	struct passwd entry;
	enum err err;

	if (!slash || slash == path ||
	    !text_copy_len(folder, sizeof(folder), path, (size_t)(slash - path)))
		return ERR_OK;
	if (mkdir(folder, 0755) != 0)
		return errno == EEXIST ? ERR_OK : err_from_errno(errno);
	if (!*user || geteuid() != 0)
		return ERR_OK;
	err = look_up(user, &entry, space, sizeof(space));
	if (err)
		return err;
	return chown(folder, entry.pw_uid, entry.pw_gid) == 0 ? ERR_OK : err_from_errno(errno);
}

enum err privileges_drop(const char *user)
{
	struct passwd entry;
	char space[4096];
	enum err err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_from_errno(errno);
	if (!*user)
		return ERR_OK;
	err = look_up(user, &entry, space, sizeof(space));
	if (err)
		return err;
	if (geteuid() == entry.pw_uid)
		return ERR_OK;
	if (initgroups(user, entry.pw_gid) != 0 ||
	    setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid) != 0 ||
	    setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid) != 0)
		return err_from_errno(errno);
	return ERR_OK;
}

void privileges_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	/* Without it the old bound holds, and limits.connections is reached earlier. */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
