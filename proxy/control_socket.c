#include "proxy/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/text.h"

enum { BACKLOG = 64, MODE = 0660 };

/* True if a process listens on the socket: then it is not ours to remove. */
static bool somebody_answers(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers;

	if (fd < 0)
		return true;
	/* A full backlog (EAGAIN) is somebody too. */
	answers = connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0 ||
		  errno == EAGAIN || errno == EACCES;
	close(fd);
	return answers;
}

bool control_socket_answers(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stat st;

	return text_copy(name.sun_path, sizeof(name.sun_path), path) && lstat(path, &st) == 0 &&
	       S_ISSOCK(st.st_mode) && somebody_answers(&name);
}

static enum err make_way(const struct sockaddr_un *name)
{
	struct stat st;

	if (lstat(name->sun_path, &st) != 0)
		return errno == ENOENT ? ERR_OK : err_from_errno(errno);
	if (!S_ISSOCK(st.st_mode) || somebody_answers(name))
		return ERR_EXISTS;
	return unlink(name->sun_path) == 0 || errno == ENOENT ? ERR_OK : err_from_errno(errno);
}

/* Group adm reads logs on Debian, and may look here: without an entry of its own the mode would
 * keep it out. */
static void let_adm_in(const char *path)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[5];
	} acl = {
		.header = { POSIX_ACL_XATTR_VERSION },
		.entries = { { ACL_USER_OBJ, ACL_READ | ACL_WRITE, (uint32_t)ACL_UNDEFINED_ID },
			     { ACL_GROUP_OBJ, ACL_READ | ACL_WRITE,
			       (uint32_t)ACL_UNDEFINED_ID },
			     { ACL_GROUP, ACL_READ | ACL_WRITE, 0 },
			     { ACL_MASK, ACL_READ | ACL_WRITE, (uint32_t)ACL_UNDEFINED_ID },
			     { ACL_OTHER, 0, (uint32_t)ACL_UNDEFINED_ID } },
	};
	struct group entry, *found = NULL;
	char space[4096];

	if (getgrnam_r("adm", &entry, space, sizeof(space), &found) != 0 || !found)
		return;
	acl.entries[2].e_id = found->gr_gid;
	if (setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0) != 0)
		log_event(LOG_DEBUG, "no access list on the control socket", "file", path,
			  "error", err_text(err_from_errno(errno)), NULL);
}

static enum err bind_and_listen(int fd, const struct sockaddr_un *name,
				struct control_socket *out)
{
	struct stat st;

	/* Linux makes the file with the descriptor's mode, so it is never wider than this. */
	if (fchmod(fd, MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)name, sizeof(*name)) != 0)
		return err_from_errno(errno);
	if (chmod(name->sun_path, MODE) != 0 || listen(fd, BACKLOG) != 0)
		return err_from_errno(errno);
	let_adm_in(name->sun_path);
	if (lstat(name->sun_path, &st) != 0)
		return err_from_errno(errno);
	out->device = st.st_dev;
	out->inode = st.st_ino;
	out->changed = st.st_ctim;
	return ERR_OK;
}

enum err control_socket_open(const char *path, struct control_socket *out)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	enum err err;

	if (!text_copy(name.sun_path, sizeof(name.sun_path), path))
		return ERR_TOO_LARGE;
	err = make_way(&name);
	if (err)
		return err;
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return err_from_errno(errno);
	err = bind_and_listen(out->fd, &name, out);
	if (err) {
		close(out->fd);
		return err;
	}
	text_copy(out->path, sizeof(out->path), path);
	return ERR_OK;
}

void control_socket_remove(const struct control_socket *socket)
{
	struct stat st;

	if (lstat(socket->path, &st) == 0 && st.st_dev == socket->device &&
	    st.st_ino == socket->inode && st.st_ctim.tv_sec == socket->changed.tv_sec &&
	    st.st_ctim.tv_nsec == socket->changed.tv_nsec)
		unlink(socket->path);
}
