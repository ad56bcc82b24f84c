/* Letters from any thread to the loop of one worker. The only way in which workers talk. */
#pragma once

#include "proxy/base/error.h"
#include "proxy/base/list.h"

struct loop;
struct mailbox;

/* Embedded in what is sent; deliver is called in the receiving loop and owns the letter from
 * then on. */
struct letter {
	struct list link;
	void (*deliver)(struct letter *letter, void *owner);
};

/* Makes the mailbox of the loop's thread; owner is passed to each letter. */
enum err mailbox_new(struct loop *loop, void *owner, struct mailbox **out) MUST_CHECK;

/* Delivers what is still there, closes, frees. Nobody may post any more. Returns NULL; NULL is
 * fine. */
struct mailbox *mailbox_free(struct mailbox *mailbox);

/* Hands a letter over. Any thread; never blocks (a short lock). Returns ERR_LIMIT, with the
 * letter untouched, when max_letters wait already. */
enum err mailbox_post(struct mailbox *mailbox, struct letter *letter) MUST_CHECK;

/* The same for what strangers can cause: ERR_LIMIT comes far earlier, so that their letters
 * neither fill the memory nor keep those out that must arrive (orders, the end). */
enum err mailbox_offer(struct mailbox *mailbox, struct letter *letter) MUST_CHECK;
