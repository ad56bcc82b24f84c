/* Room for a message's headers, their texts and their lists of parameters, in one piece:
 * nothing of them is ever given back alone, and a piece for each would cost Sofia's home a look
 * at its table each time. For the files of proxy/sip. */
#pragma once

#include <stddef.h>

#include <sofia-sip/msg_types.h>
#include <sofia-sip/su_alloc.h>

struct header_room {
	su_home_t *home; /* from which all is taken that finds no room any more */
	char *at;
	size_t left;
};

/* size bytes, not cleared, that live as long as the home; NULL: no memory. */
static inline void *header_room_take(struct header_room *room, size_t size)
{
	const size_t whole = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	char *at = room->at;

	if (whole > room->left)
		return su_alloc(room->home, (isize_t)size);
	room->at += whole;
	room->left -= whole;
	return at;
}

/* A list of n parameters with its end, n of at least 1, and room for more where Sofia will look
 * for it. The caller fills it. NULL: no memory. */
msg_param_t *header_room_list(struct header_room *room, size_t n);
