/* Who may do what on the control socket: the kernel says who connected, nobody has to log
 * on. */
#pragma once

enum right {
	RIGHT_NONE,
	RIGHT_LOOK,   /* group adm */
	RIGHT_CHANGE, /* root, our own user, our own group (nuncio) */
};

/* The right of who connected the Unix socket fd. */
enum right right_of_peer(int fd);
