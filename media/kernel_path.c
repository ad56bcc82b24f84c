#include "media/kernel_path.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/kernel_path_inside.h"
#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

enum {
	TICK_MS = 1000,    /* between two looks at the counts */
	SETTLE_MS = 200,   /* routes change in crowds */
	REOPEN_MS = 30000, /* after the kernel refused what it should not */
};

/* ---- open and closed ---- */

static void show(struct kernel_path *path, enum kernel_path_state state, enum err err,
		 const char *why)
{
	pthread_mutex_lock(&path->lock);
	path->state = state;
	path->err = err;
	text_copy(path->why, sizeof(path->why), why);
	path->is_held = false;
	pthread_mutex_unlock(&path->lock);
	atomic_store_explicit(&path->is_open, state == KERNEL_PATH_ON, memory_order_relaxed);
}

/* Closing the door takes out whatever is in. */
static void shut(struct kernel_path *path)
{
	timer_stop(&path->tick);
	timer_stop(&path->settling);
	timer_stop(&path->reopening);
	loop_watch_stop(&path->watch);
	if (!path->door)
		return;
	path->ops->close(path->door);
	path->door = NULL;
	kernel_flows_forget(path);
}

static void open_door(struct kernel_path *path);

static void on_reopening(struct timer *timer)
{
	open_door(container_of(timer, struct kernel_path, reopening));
}

void kernel_path_fail(struct kernel_path *path, enum err err)
{
	shut(path);
	show(path, KERNEL_PATH_FAILED, err, "the kernel refused a change of flows");
	log_event(LOG_WARNING, "relayed media leave the kernel path for a while", "reason",
		  err_text(err), NULL);
	timer_start(path->loop, &path->reopening, REOPEN_MS, on_reopening);
}

bool kernel_path_may_pass(struct kernel_path *path)
{
	const bool may = path->ops->may_pass(path->door);
	bool was_held;

	pthread_mutex_lock(&path->lock);
	was_held = path->is_held;
	path->is_held = !may;
	pthread_mutex_unlock(&path->lock);
	if (may == was_held)
		log_event(
			LOG_WARNING,
			may ? "relayed media may take the kernel path again"
			    : "relayed media do not take the kernel path while IPsec policies hold for this host",
			NULL);
	return may;
}

/* ---- looking after them ---- */

static void on_settled(struct timer *timer)
{
	struct kernel_path *path = container_of(timer, struct kernel_path, settling);

	kernel_flows_evict(path, !kernel_path_may_pass(path));
}

static void on_watched(struct loop_watch *watch, unsigned events)
{
	struct kernel_path *path = container_of(watch, struct kernel_path, watch);

	if (path->ops->look(path->door) && !timer_is_running(&path->settling))
		timer_start(path->loop, &path->settling, SETTLE_MS, on_settled);
}

static void on_tick(struct timer *timer)
{
	struct kernel_path *path = container_of(timer, struct kernel_path, tick);
	enum err err;

	timer_start(path->loop, timer, TICK_MS, on_tick);
	err = kernel_flows_count(path);
	if (err)
		kernel_path_fail(path, err);
	else if (!kernel_path_may_pass(path))
		kernel_flows_evict(path, true);
}

static void open_door(struct kernel_path *path)
{
	char why[KERNEL_WHY_SIZE] = "";
	enum err err = path->ops->open(path->n_max, &path->door, why);
	int fd;

	if (err) {
		path->door = NULL;
		log_event(
			LOG_WARNING,
			"relayed media cannot take the kernel path, and go through the program",
			"reason", err_text(err), "msg", why, NULL);
		show(path, KERNEL_PATH_FAILED, err, why);
		if (err != ERR_ACCESS &&
		    err != ERR_UNSUPPORTED) /* these do not change by themselves */
			timer_start(path->loop, &path->reopening, REOPEN_MS, on_reopening);
		return;
	}
	fd = path->ops->watched(path->door);
	if (fd >= 0)
		loop_watch_start(path->loop, &path->watch, fd, LOOP_READ, on_watched);
	timer_start(path->loop, &path->tick, TICK_MS, on_tick);
	show(path, KERNEL_PATH_ON, ERR_OK, "");
	if (kernel_path_may_pass(path))
		log_event(LOG_INFO, "relayed media may take the kernel path", NULL);
}

struct switching {
	struct letter letter;
	bool is_on;
};

static void on_switch(struct letter *letter, void *owner)
{
	struct switching *switching = container_of(letter, struct switching, letter);
	struct kernel_path *path = owner;
	const bool is_on = switching->is_on;

	free(switching);
	if (is_on && !path->door) {
		timer_stop(&path->reopening);
		open_door(path);
	} else if (!is_on) {
		if (path->door)
			log_event(LOG_INFO, "relayed media go through the program again", NULL);
		shut(path);
		show(path, KERNEL_PATH_OFF, ERR_OK, "");
	}
}

enum err kernel_path_switch(struct kernel_path *path, bool is_on)
{
	struct switching *switching = calloc(1, sizeof(*switching));
	enum err err;

	if (!switching)
		return ERR_NO_MEMORY;
	switching->letter.deliver = on_switch;
	switching->is_on = is_on;
	err = mailbox_post(path->mailbox, &switching->letter);
	if (err)
		free(switching);
	return err;
}

/* ---- life ---- */

static void *run(void *user)
{
	struct kernel_path *path = user;

	loop_run(path->loop);
	return NULL;
}

/* Signals are for the main thread. */
static enum err start(struct kernel_path *path)
{
	sigset_t all, before;
	int failed_at;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed_at = pthread_create(&path->thread, NULL, run, path);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed_at)
		return ERR_LIMIT;
	path->has_thread = true;
	pthread_setname_np(path->thread, "media-kernel");
	return ERR_OK;
}

enum err kernel_path_new(const struct kernel_path_settings *settings, struct kernel_path **out)
{
	struct kernel_path *path = calloc(1, sizeof(*path));
	enum err err = ERR_OK;

	if (!path)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&path->lock, NULL);
	list_init(&path->ordered);
	list_init(&path->unanswered);
	path->ops = settings->ops ? settings->ops : &kernel_nft_door;
	path->n_max = settings->n_flows;
	path->loop = settings->loop;
	if (!path->loop)
		err = loop_new(&path->loop);
	if (!err)
		err = mailbox_new(path->loop, path, &path->mailbox);
	if (!err && !settings->loop)
		err = start(path);
	if (err) {
		mailbox_free(path->mailbox);
		if (!settings->loop && path->loop)
			loop_free(path->loop);
		pthread_mutex_destroy(&path->lock);
		free(path);
		return err;
	}
	*out = path;
	return ERR_OK;
}

static void on_stop(struct letter *letter, void *owner)
{
	struct kernel_path *path = owner;

	loop_stop(path->loop);
}

struct kernel_path *kernel_path_free(struct kernel_path *path)
{
	if (!path)
		return NULL;
	if (path->has_thread) {
		path->stop.deliver = on_stop;
		while (mailbox_post(path->mailbox, &path->stop)) /* full: it is being emptied */
			usleep(1000);
		pthread_join(path->thread, NULL);
	}
	shut(path);
	path->mailbox = mailbox_free(path->mailbox); /* the orders that still wait */
	shut(path);                                  /* one of them may have opened it */
	loop_defer_cancel(&path->batch);
	kernel_flows_settle(&path->batch);
	kernel_flows_answer_rest(path);
	if (path->has_thread)
		loop_free(path->loop);
	pthread_mutex_destroy(&path->lock);
	free(path);
	return NULL;
}

bool kernel_path_is_open(const struct kernel_path *path)
{
	return atomic_load_explicit(&path->is_open, memory_order_relaxed);
}

enum err kernel_path_order(struct kernel_path *path, struct kernel_flow *flow)
{
	flow->order.deliver = kernel_flows_take;
	return mailbox_post(path->mailbox, &flow->order);
}

void kernel_path_look(struct kernel_path *path, struct kernel_path_view *out)
{
	*out = (struct kernel_path_view){
		.n_flows = atomic_load_explicit(&path->n_in, memory_order_relaxed),
		.packets = atomic_load_explicit(&path->packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&path->bytes, memory_order_relaxed),
		.n_entered = atomic_load_explicit(&path->n_entered, memory_order_relaxed),
		.n_refused = atomic_load_explicit(&path->n_refused, memory_order_relaxed),
		.n_evicted = atomic_load_explicit(&path->n_evicted, memory_order_relaxed),
	};
	pthread_mutex_lock(&path->lock);
	out->state = path->state;
	out->is_held = path->is_held;
	out->err = path->err;
	memcpy(out->why, path->why, sizeof(out->why));
	pthread_mutex_unlock(&path->lock);
}
