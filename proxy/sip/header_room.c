#include "proxy/sip/header_room.h"

#include <sofia-sip/msg_parser.h>

msg_param_t *header_room_list(struct header_room *room, size_t n)
{
	msg_param_t *list = header_room_take(room, MSG_PARAMS_NUM(n + 1) * sizeof(*list));

	if (list)
		list[n] = NULL;
	return list;
}
