#include "media/channels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/macros.h"

struct channels {
	pthread_mutex_t lock;
	struct channels_view view;
};

const char *channel_class_text(enum channel_class channel)
{
	static const char *const texts[] = { "partner", "device", "inside" };

	return (size_t)channel < COUNT(texts) ? texts[channel] : "";
}

enum err channels_new(struct channels **out)
{
	struct channels *channels = calloc(1, sizeof(*channels));

	if (!channels)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&channels->lock, NULL);
	*out = channels;
	return ERR_OK;
}

struct channels *channels_free(struct channels *channels)
{
	if (channels)
		pthread_mutex_destroy(&channels->lock);
	free(channels);
	return NULL;
}

void channels_set_bounds(struct channels *channels, unsigned n_max, unsigned kbps_max)
{
	pthread_mutex_lock(&channels->lock);
	channels->view.n_max = n_max;
	channels->view.kbps_max = kbps_max;
	pthread_mutex_unlock(&channels->lock);
}

static unsigned sum(const unsigned n[CHANNEL_N_CLASSES])
{
	unsigned total = 0;

	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++)
		total += n[i];
	return total;
}

/* Who asks for nothing more is never refused: a re-INVITE in a call that has its channel. */
static enum channels_verdict judge(const struct channels_view *view,
				   const struct channels_claim *more)
{
	const unsigned n = sum(more->n), used = sum(view->n_used);

	if (n && (used >= view->n_max || n > view->n_max - used))
		return CHANNELS_FULL;
	if (more->kbps && view->kbps_max &&
	    (uint64_t)view->kbps_used + more->kbps > view->kbps_max)
		return CHANNELS_NO_BANDWIDTH;
	return CHANNELS_TAKEN;
}

static void count_taken(struct channels_view *view, const struct channels_claim *more,
			struct channels_claim *claim)
{
	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++) {
		view->n_used[i] += more->n[i];
		claim->n[i] += more->n[i];
	}
	view->kbps_used += more->kbps;
	claim->kbps += more->kbps;
	if (sum(view->n_used) > view->n_most)
		view->n_most = sum(view->n_used);
}

enum channels_verdict channels_take(struct channels *channels,
				    const struct channels_claim *more,
				    struct channels_claim *claim)
{
	enum channels_verdict verdict;

	pthread_mutex_lock(&channels->lock);
	verdict = judge(&channels->view, more);
	switch (verdict) {
	case CHANNELS_TAKEN:
		count_taken(&channels->view, more, claim);
		break;
	case CHANNELS_FULL:
		channels->view.n_refused++;
		break;
	case CHANNELS_NO_BANDWIDTH:
		channels->view.n_refused_bandwidth++;
		break;
	}
	pthread_mutex_unlock(&channels->lock);
	return verdict;
}

void channels_lower(struct channels *channels, unsigned kbps, struct channels_claim *claim)
{
	pthread_mutex_lock(&channels->lock);
	channels->view.kbps_used -= kbps;
	pthread_mutex_unlock(&channels->lock);
	claim->kbps -= kbps;
}

void channels_give(struct channels *channels, struct channels_claim *claim)
{
	pthread_mutex_lock(&channels->lock);
	for (unsigned i = 0; i < CHANNEL_N_CLASSES; i++)
		channels->view.n_used[i] -= claim->n[i];
	channels->view.kbps_used -= claim->kbps;
	pthread_mutex_unlock(&channels->lock);
	memset(claim, 0, sizeof(*claim));
}

void channels_look(struct channels *channels, struct channels_view *out)
{
	pthread_mutex_lock(&channels->lock);
	*out = channels->view;
	pthread_mutex_unlock(&channels->lock);
}
