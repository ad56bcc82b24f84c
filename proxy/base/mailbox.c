#include "proxy/base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/base/loop.h"

enum { MAX_LETTERS = 65536, MAX_OFFERED = 1024 };

struct mailbox {
	struct loop_watch watch;
	void *owner;
	int fd;
	pthread_mutex_t lock; /* over the list and its count, for a few instructions */
	struct list letters;
	unsigned n_letters;
};

/* Delivers what waits now; what is posted meanwhile wakes the loop again. */
static bool deliver_all(struct mailbox *mailbox)
{
	struct list batch;

	pthread_mutex_lock(&mailbox->lock);
	if (list_is_empty(&mailbox->letters)) {
		pthread_mutex_unlock(&mailbox->lock);
		return false;
	}
	list_prepend(&mailbox->letters, &batch);
	list_remove(&mailbox->letters); /* batch is the head now */
	mailbox->n_letters = 0;
	pthread_mutex_unlock(&mailbox->lock);

	while (!list_is_empty(&batch)) {
		struct letter *letter = container_of(batch.next, struct letter, link);
		list_remove(&letter->link);
		letter->deliver(letter, mailbox->owner);
	}
	return true;
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct mailbox *mailbox = container_of(watch, struct mailbox, watch);
	uint64_t n_posts;

	/* Before the list is taken, so that a letter posted after that wakes us again. Another
	 * outcome than 8 bytes is EAGAIN: somebody woke us for nothing. */
	if (read(mailbox->fd, &n_posts, sizeof(n_posts)) == sizeof(n_posts))
		deliver_all(mailbox);
}

enum err mailbox_new(struct loop *loop, void *owner, struct mailbox **out)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	if (!mailbox)
		return ERR_NO_MEMORY;

	mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->fd < 0) {
		enum err err = err_from_errno(errno);
		free(mailbox);
		return err;
	}
	mailbox->owner = owner;
	list_init(&mailbox->letters);
	pthread_mutex_init(&mailbox->lock,
			   NULL); /* cannot fail with these attributes on Linux */
	loop_watch_start(loop, &mailbox->watch, mailbox->fd, LOOP_READ, on_ready);
	*out = mailbox;
	return ERR_OK;
}

struct mailbox *mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return NULL;

	while (deliver_all(mailbox))
		;
	loop_watch_stop(&mailbox->watch);
	close(mailbox->fd);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
	return NULL;
}

static enum err post(struct mailbox *mailbox, struct letter *letter, unsigned max_letters)
{
	static const uint64_t one = 1;
	bool is_first;

	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->n_letters >= max_letters) {
		pthread_mutex_unlock(&mailbox->lock);
		return ERR_LIMIT;
	}
	is_first = mailbox->n_letters++ == 0;
	list_append(&mailbox->letters, &letter->link);
	pthread_mutex_unlock(&mailbox->lock);

	/* The first letter wakes; those after it are taken along. A full counter (EAGAIN) means
	 * that the loop is awake already. */
	if (is_first && write(mailbox->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort(); /* an eventfd that cannot be written is not one any more */
	return ERR_OK;
}

enum err mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
	return post(mailbox, letter, MAX_LETTERS);
}

enum err mailbox_offer(struct mailbox *mailbox, struct letter *letter)
{
	return post(mailbox, letter, MAX_OFFERED);
}
