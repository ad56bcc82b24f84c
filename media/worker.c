#include "media/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "media/dtls.h"
#include "media/end.h"
#include "media/kernel_path.h"

enum { MAX_WORKERS = 64, PRESET_QUARANTINE_MS = 30000, MAX_TRIES = 1000, MAX_FLOWS = 16384 };

uint64_t relays_now_ms(const struct relays *relays)
{
	struct timespec now;

	if (relays->loop)
		return loop_now_ms(relays->loop);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct media_worker *relays_choose(struct relays *relays)
{
	unsigned first =
		atomic_fetch_add_explicit(&relays->next_worker, 1, memory_order_relaxed);
	struct media_worker *best = NULL;

	for (unsigned i = 0; i < relays->n_workers; i++) {
		struct media_worker *worker = &relays->workers[(first + i) % relays->n_workers];

		if (!best ||
		    atomic_load_explicit(&worker->counts.n_relays, memory_order_relaxed) <
			    atomic_load_explicit(&best->counts.n_relays, memory_order_relaxed))
			best = worker;
	}
	return best;
}

static void *run(void *user)
{
	struct media_worker *worker = user;

	loop_run(worker->loop);
	return NULL;
}

static void prepare_buffers(struct media_worker *worker)
{
	for (unsigned i = 0; i < WORKER_MAX_BATCH; i++) {
		struct packet *packet = &worker->packets[i];

		worker->parts[i] = (struct iovec){ packet->bytes, PACKET_ROOM };
		worker->heads[i].msg_hdr = (struct msghdr){ .msg_name = &packet->source.sa,
							    .msg_iov = &worker->parts[i],
							    .msg_iovlen = 1 };
		worker->sending.heads[i].msg_hdr =
			(struct msghdr){ .msg_iov = &worker->sending.parts[i],
					 .msg_iovlen = 1 };
	}
}

static enum err prepare(struct media_worker *worker, struct relays *relays)
{
	enum err err = ERR_OK;

	worker->relays = relays;
	list_init(&worker->list);
	prepare_buffers(worker);
	if (relays->loop)
		worker->loop = relays->loop;
	else
		err = loop_new(&worker->loop);
	worker->owns_loop = !err && !relays->loop;
	return err ? err : mailbox_new(worker->loop, worker, &worker->mailbox);
}

/* Signals are for the main thread. */
static enum err start(struct media_worker *worker)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return ERR_LIMIT;
	worker->has_thread = true;
	pthread_setname_np(worker->thread, "media");
	return ERR_OK;
}

enum err relays_new(const struct relays_settings *settings, struct relays **out)
{
	struct relays *relays;
	enum err err;

	if (settings->n_workers > MAX_WORKERS || (settings->n_workers == 0 && !settings->loop))
		return ERR_INVALID;
	relays = calloc(1, sizeof(*relays));
	if (!relays)
		return ERR_NO_MEMORY;
	relays->loop = settings->n_workers == 0 ? settings->loop : NULL;
	relays->kernel_door = settings->kernel_door;
	err = ports_new(settings->first_port, settings->last_port,
			settings->quarantine_ms ? settings->quarantine_ms
						: PRESET_QUARANTINE_MS,
			&relays->ports);
	if (!err)
		err = srtp_start();
	if (!err)
		err = dtls_context_new(&relays->dtls);
	relays->n_workers = settings->n_workers ? settings->n_workers : 1;
	if (!err && !(relays->workers = calloc(relays->n_workers, sizeof(*relays->workers)))) {
		relays->n_workers = 0;
		err = ERR_NO_MEMORY;
	}
	for (unsigned i = 0; !err && i < relays->n_workers; i++)
		err = prepare(&relays->workers[i], relays);
	for (unsigned i = 0; !err && settings->n_workers > 0 && i < relays->n_workers; i++)
		err = start(&relays->workers[i]);
	if (err) {
		relays_free(relays);
		return err;
	}
	*out = relays;
	return ERR_OK;
}

static void on_stop(struct letter *letter, void *owner)
{
	struct media_worker *worker = owner;

	loop_stop(worker->loop);
}

static void stop_thread(struct media_worker *worker)
{
	if (!worker->has_thread)
		return;
	worker->stop.deliver = on_stop;
	while (mailbox_post(worker->mailbox, &worker->stop)) /* full: it is being emptied */
		usleep(1000);
	pthread_join(worker->thread, NULL);
}

/* Takes every flow out: the workers' threads order none any more, but their mailboxes take the
 * answers. */
static void end_kernel(struct relays *relays)
{
	struct kernel_path *path = atomic_exchange(&relays->kernel, NULL);

	kernel_path_free(path);
}

static void worker_end(struct media_worker *worker)
{
	worker->mailbox = mailbox_free(worker->mailbox); /* the orders that still wait */
	if (!worker->loop)
		return;
	for (unsigned n_tries = 0; !list_is_empty(&worker->list) && n_tries < MAX_TRIES;
	     n_tries++) {
		struct list *link, *following;

		list_for_each(link, following, &worker->list)
			end_relay(container_of(link, struct relay, link));
		if (!list_is_empty(&worker->list))
			usleep(1000); /* an owner's mailbox is full: it is being emptied */
	}
	if (worker->owns_loop)
		loop_free(worker->loop);
}

struct relays *relays_free(struct relays *relays)
{
	if (!relays)
		return NULL;
	for (unsigned i = 0; relays->workers && i < relays->n_workers; i++)
		stop_thread(&relays->workers[i]);
	end_kernel(relays);
	for (unsigned i = 0; relays->workers && i < relays->n_workers; i++)
		worker_end(&relays->workers[i]);
	free(relays->workers);
	ports_free(relays->ports);
	dtls_context_free(relays->dtls);
	free(relays);
	return NULL;
}

enum err relays_set_ports(struct relays *relays, uint16_t first_port, uint16_t last_port)
{
	return ports_set_range(relays->ports, first_port, last_port);
}

enum err relays_set_kernel(struct relays *relays, bool is_on)
{
	struct kernel_path *path = atomic_load(&relays->kernel);
	const struct kernel_path_settings settings = { .loop = relays->loop,
						       .ops = relays->kernel_door,
						       .n_flows = MAX_FLOWS };
	enum err err;

	if (!path && !is_on)
		return ERR_OK;
	if (path)
		return kernel_path_switch(path, is_on);
	err = kernel_path_new(&settings, &path);
	if (err)
		return err;
	err = kernel_path_switch(path, true);
	if (err)
		kernel_path_free(path);
	else
		atomic_store_explicit(&relays->kernel, path, memory_order_release);
	return err;
}

void relays_kernel_view(const struct relays *relays, struct kernel_path_view *out)
{
	struct kernel_path *path = atomic_load_explicit(&relays->kernel, memory_order_acquire);

	*out = (struct kernel_path_view){ .state = KERNEL_PATH_OFF };
	if (path)
		kernel_path_look(path, out);
}

/* "" if it cannot be read. */
static void read_setting(const char *path, char *out, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd < 0 ? 0 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	out[len > 0 ? len : 0] = '\0';
}

unsigned relays_ephemeral_overlap(uint16_t first_port, uint16_t last_port)
{
	char range[64], reserved[8192];

	read_setting("/proc/sys/net/ipv4/ip_local_port_range", range, sizeof(range));
	read_setting("/proc/sys/net/ipv4/ip_local_reserved_ports", reserved, sizeof(reserved));
	return ports_overlap(first_port, last_port, range, reserved);
}

void relays_totals(const struct relays *relays, struct relays_totals *out)
{
	struct relays_totals totals = { 0 };
	struct kernel_path_view kernel;
	struct ports_use use;

	for (unsigned i = 0; i < relays->n_workers; i++) {
		const struct worker_counts *counts = &relays->workers[i].counts;

		totals.packets += atomic_load_explicit(&counts->packets, memory_order_relaxed);
		totals.bytes += atomic_load_explicit(&counts->bytes, memory_order_relaxed);
		totals.rejected_sources +=
			atomic_load_explicit(&counts->rejected_sources, memory_order_relaxed);
		totals.srtp_failures +=
			atomic_load_explicit(&counts->srtp_failures, memory_order_relaxed);
		totals.dropped += atomic_load_explicit(&counts->dropped, memory_order_relaxed);
		totals.timeouts +=
			atomic_load_explicit(&counts->timeouts, memory_order_relaxed);
		totals.n_relays +=
			atomic_load_explicit(&counts->n_relays, memory_order_relaxed);
		totals.n_streams +=
			atomic_load_explicit(&counts->n_streams, memory_order_relaxed);
	}
	relays_kernel_view(relays, &kernel);
	totals.packets += kernel.packets;
	totals.bytes += kernel.bytes;
	ports_use(relays->ports, relays_now_ms(relays), &use);
	totals.n_pairs = use.n_pairs;
	totals.n_pairs_used = use.n_used;
	totals.n_pairs_resting = use.n_resting;
	totals.n_pairs_least_free = use.n_least_free;
	*out = totals;
}

void relays_fingerprint(const struct relays *relays, uint8_t out[32])
{
	dtls_context_fingerprint(relays->dtls, out);
}

static void on_note(struct letter *letter, void *mailbox_owner)
{
	struct relay_note *note = container_of(letter, struct relay_note, letter);
	struct relay *closed = note->event.kind == RELAY_CLOSED ? note->event.relay : NULL;

	note->on_event(&note->event, mailbox_owner);
	if (closed)
		free(closed); /* with the note in it */
	else
		free(note);
}

static void fill(struct relay_note *note, struct relay *relay, const struct relay_event *event)
{
	note->letter.deliver = on_note;
	note->on_event = relay->owner.on_event;
	note->event = *event;
	note->event.relay = relay;
	note->event.user = relay->owner.user;
}

void worker_tell(struct relay *relay, const struct relay_event *event)
{
	struct relay_note *note = calloc(1, sizeof(*note));

	if (!note)
		return;
	fill(note, relay, event);
	if (mailbox_post(relay->owner.mailbox, &note->letter))
		free(note);
}

bool worker_tell_last(struct relay *relay, const struct relay_event *event)
{
	if (event)
		fill(&relay->last_note, relay, event);
	return mailbox_post(relay->owner.mailbox, &relay->last_note.letter) == ERR_OK;
}
