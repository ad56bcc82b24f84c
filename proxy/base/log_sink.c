#include "proxy/base/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/log_journal.h"

/* Two buffers: one is filled under the lock while the other is written without it. */
struct log_sink {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	char *filling, *writing;
	size_t len; /* of filling */
	bool is_stopping, has_next_file;
	size_t switch_at;           /* from this byte of filling on, next_file is meant */
	struct log_file *next_file; /* NULL: standard error */
	struct log_file *file;      /* the thread's alone */
	void (*on_tick)(void);
};

static struct timespec from_now(clockid_t clock, unsigned ms)
{
	struct timespec at;

	clock_gettime(clock, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void write_text(const char *lines, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, lines, len);
		if (n < 0 && errno == EAGAIN) { /* somebody made it non-blocking */
			struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
			if (poll(&ready, 1, 1000) <= 0)
				return;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* there is no further place to complain at */
		lines += n;
		len -= (size_t)n;
	}
}

void log_sink_write_stderr(const char *lines, size_t len)
{
	if (log_journal_is_entry(lines, len))
		log_journal_write(lines, len);
	else
		write_text(lines, len);
}

static void write_lines(struct log_file *file, const char *lines, size_t len)
{
	if (len == 0)
		return;
	/* A disk that is full must not silence the log. */
	if (!file || log_file_write(file, wall_us(), lines, len) != ERR_OK)
		log_sink_write_stderr(lines, len);
}

/* Writes out what was put, without the lock, which is held before and after. */
static void write_out(struct log_sink *sink)
{
	char *lines = sink->filling;
	size_t len = sink->len, first = sink->has_next_file ? sink->switch_at : len;
	bool switches = sink->has_next_file;
	struct log_file *next = sink->next_file;

	sink->filling = sink->writing;
	sink->writing = lines;
	sink->len = 0;
	sink->has_next_file = false;
	sink->next_file = NULL;
	pthread_mutex_unlock(&sink->lock);

	write_lines(sink->file, lines, first);
	if (switches) {
		log_file_close(sink->file);
		sink->file = next;
	}
	write_lines(sink->file, lines + first, len - first);
	pthread_mutex_lock(&sink->lock);
}

static void tick(struct log_sink *sink)
{
	pthread_mutex_unlock(&sink->lock);
	sink->on_tick();
	if (sink->file)
		log_file_tick(sink->file, wall_us());
	pthread_mutex_lock(&sink->lock);
}

static void *run(void *user)
{
	struct log_sink *sink = user;
	struct timespec next_tick = from_now(CLOCK_MONOTONIC, 1000);
	bool is_time = false;

	pthread_mutex_lock(&sink->lock);
	for (;;) {
		while (!sink->is_stopping && sink->len == 0 && !sink->has_next_file && !is_time)
			is_time = pthread_cond_timedwait(&sink->wake, &sink->lock,
							 &next_tick) == ETIMEDOUT;
		if (is_time) {
			tick(sink);
			next_tick = from_now(CLOCK_MONOTONIC, 1000);
			is_time = false;
		}
		if (sink->len > 0 || sink->has_next_file)
			write_out(sink);
		else if (sink->is_stopping)
			break;
	}
	pthread_mutex_unlock(&sink->lock);
	return NULL;
}

static void sink_free(struct log_sink *sink)
{
	log_file_close(sink->next_file);
	log_file_close(sink->file);
	pthread_cond_destroy(&sink->wake);
	pthread_mutex_destroy(&sink->lock);
	free(sink->filling);
	free(sink->writing);
	free(sink);
}

/* Signals are for the main thread. */
static int create_thread(struct log_sink *sink)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int number = pthread_create(&sink->thread, NULL, run, sink);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return number;
}

enum err log_sink_start(struct log_file *file, void (*on_tick)(void), struct log_sink **out)
{
	pthread_condattr_t attributes;
	struct log_sink *sink = calloc(1, sizeof(*sink));
	if (!sink)
		return ERR_NO_MEMORY;

	pthread_mutex_init(&sink->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sink->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	sink->on_tick = on_tick;
	sink->filling = malloc(LOG_SINK_BYTES);
	sink->writing = malloc(LOG_SINK_BYTES);
	if (!sink->filling || !sink->writing) {
		sink_free(sink);
		return ERR_NO_MEMORY;
	}

	sink->file = file;
	int number = create_thread(sink);
	if (number) {
		sink->file = NULL; /* stays the caller's */
		sink_free(sink);
		return err_from_errno(number);
	}
	*out = sink;
	return ERR_OK;
}

bool log_sink_put(struct log_sink *sink, const char *lines, size_t len)
{
	pthread_mutex_lock(&sink->lock);
	bool fits = len <= LOG_SINK_BYTES - sink->len;
	if (fits) {
		memcpy(sink->filling + sink->len, lines, len);
		sink->len += len;
		pthread_cond_signal(&sink->wake);
	}
	pthread_mutex_unlock(&sink->lock);
	return fits;
}

void log_sink_switch(struct log_sink *sink, struct log_file *file)
{
	struct log_file *unused = NULL;

	pthread_mutex_lock(&sink->lock);
	if (sink->has_next_file) /* switched twice before the thread looked */
		unused = sink->next_file;
	else
		sink->switch_at = sink->len;
	sink->next_file = file;
	sink->has_next_file = true;
	pthread_cond_signal(&sink->wake);
	pthread_mutex_unlock(&sink->lock);
	log_file_close(unused);
}

void log_sink_stop(struct log_sink *sink)
{
	struct timespec deadline = from_now(CLOCK_REALTIME, LOG_SINK_STOP_MS);

	pthread_mutex_lock(&sink->lock);
	sink->is_stopping = true;
	pthread_cond_signal(&sink->wake);
	pthread_mutex_unlock(&sink->lock);

	/* A thread that hangs in the disk keeps what it uses; the process is about to end. */
	if (pthread_timedjoin_np(sink->thread, NULL, &deadline) == 0)
		sink_free(sink);
	else
		pthread_detach(sink->thread);
}
