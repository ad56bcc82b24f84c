/* Responses that hold an offer (RFC 3264 §5) and must not go back yet: how the world sees the ports of further m-lines is being asked
 * (mission 128). They wait with their branch, in their order, for as long as a request would. The loop of the branch's worker. */
#pragma once

#include "proxy/branch.h"

/* Shows a response to media, and keeps it if it has to wait, or others before it do; false: it goes on now, as it is then. Once its
 * time has come deliver gets it, with what it was given here but the bytes; the branch is still there, whatever became of it. */
bool held_response_keep(struct branch *branch, struct arrival *arrival,
			void (*deliver)(struct branch *branch, struct arrival *arrival));

/* What waits is of no use any more: the branch was refused, or goes to another server. */
void held_response_drop(struct branch *branch);
