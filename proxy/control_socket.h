/* The Unix socket on which the command line reaches the daemon: made so that nobody else's is
 * taken over. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "proxy/base/error.h"

struct control_socket {
	int fd; /* listening */
	dev_t device;
	ino_t inode;
	struct timespec changed; /* inode numbers are used again */
	char path[108];
};

/* True if a process listens on the socket file path. */
bool control_socket_answers(const char *path);

/* Binds path with mode 0660, and lets group adm connect too where the file system has access
 * lists. A socket that a dead process left is removed. ERR_EXISTS if somebody answers there,
 * ERR_TOO_LARGE if the path is longer than 107 bytes, ERR_ACCESS, ERR_ADDRESS, ERR_NOT_FOUND
 * (no such folder), ERR_IO. */
enum err control_socket_open(const char *path, struct control_socket *out) MUST_CHECK;

/* Removes the file, if it still is ours. The descriptor belongs to who listens on it. */
void control_socket_remove(const struct control_socket *socket);
