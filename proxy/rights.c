#include "proxy/rights.h"

#include <grp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/macros.h"

enum { MAX_GROUPS = 256 };

/* NSS may read files; the caller is the main thread. */
static bool group_id(const char *name, gid_t *out)
{
	struct group entry, *found = NULL;
	char space[4096];

	if (getgrnam_r(name, &entry, space, sizeof(space), &found) != 0 || !found)
		return false;
	*out = found->gr_gid;
	return true;
}

static bool is_member(const struct ucred *peer, const gid_t *groups, size_t n, gid_t group)
{
	for (size_t i = 0; i < n; i++) {
		if (groups[i] == group)
			return true;
	}
	return peer->gid == group;
}

enum right right_of_peer(int fd)
{
	gid_t groups[MAX_GROUPS], adm;
	socklen_t groups_len = sizeof(groups);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return RIGHT_NONE;
	/* More groups than that: only the first one counts, which is on the safe side. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) != 0)
		groups_len = 0;
	if (peer.uid == 0 || peer.uid == geteuid())
		return RIGHT_CHANGE;
	if (is_member(&peer, groups, groups_len / sizeof(groups[0]), getegid()))
		return RIGHT_CHANGE;
	if (group_id("adm", &adm) &&
	    is_member(&peer, groups, groups_len / sizeof(groups[0]), adm))
		return RIGHT_LOOK;
	return RIGHT_NONE;
}
