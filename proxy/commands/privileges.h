/* service.user: from root to somebody who may less, once the sockets are open. */
#pragma once

#include "proxy/base/error.h"

/* Makes the folder of a path if it is missing, and gives it to user ("": leaves the owner). For
 * the control socket, which is opened as that user. */
enum err privileges_make_folder(const char *path, const char *user) MUST_CHECK;

/* Becomes user for good, with its groups, and never gets new privileges. "" changes no user.
 * ERR_NOT_FOUND if there is no such user, ERR_ACCESS if we are not root and not that user.
 * Before any other thread is started. */
enum err privileges_drop(const char *user) MUST_CHECK;

/* As many descriptors as the system lets us have. */
void privileges_raise_files(void);
