/* Responses that hold an offer (RFC 3264 §5) and must not go back yet: how the world sees the
 * ports of further m-lines is being asked (mission 128). They wait with their branch, in their
 * order, for as long as a request would. The loop of the branch's worker. */
#pragma once

#include "proxy/branch.h"

typedef void held_response_deliver(struct branch *branch, struct arrival *arrival);

/* Shows a response to media, and keeps it if it has to wait, or others before it do; false: it
 * goes on now, as it is then. Once its time has come deliver gets it, with what it was given
 * here but the bytes; the branch is still there, whatever became of it. is_late: it is a 2xx of
 * a server that was given up. */
bool held_response_keep(struct branch *branch, struct arrival *arrival, bool is_late,
			held_response_deliver *deliver);

/* What waits is of no use any more: the branch was refused, or goes to another server. Not so
 * of a server that was given up before. */
void held_response_drop(struct branch *branch);

/* A 2xx of a server that was given up waits. */
bool held_response_has_late(const struct branch *branch);

/* The branch is freed. */
void held_response_end(struct branch *branch);
