#include "proxy/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/buf.h"
#include "proxy/base/log_format.h"
#include "proxy/base/log_journal.h"
#include "proxy/base/log_limit.h"
#include "proxy/base/log_sink.h"
#include "proxy/base/macros.h"

enum { MAX_PAIRS = 40, MAX_LINE = 512 * 1024 };

/* The one log of the process. What decides whether a line is written is atomic, so that asking
 * costs nothing; the rest is used under the lock. */
static struct {
	_Atomic int level;
	_Atomic unsigned traces, flags;
	_Atomic uint64_t n_dropped;
	pthread_mutex_t lock;
	struct log_sink *sink;
	struct log_limit *limit;
	uint64_t n_dropped_told;
} log_state = { .level = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t clock_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* systemd says in JOURNAL_STREAM which file its journal is (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

static bool has_directory(const struct log_settings *settings)
{
	return settings->directory && *settings->directory;
}

static enum err open_file(const struct log_settings *settings, struct log_file **out)
{
	*out = NULL;
	if (!has_directory(settings))
		return ERR_OK;
	return log_file_open(settings->directory, settings->max_size_bytes, settings->n_files,
			     settings->delete_daily, clock_us(CLOCK_REALTIME), out);
}

static void use(const struct log_settings *settings)
{
	unsigned flags = settings->is_json ? LOG_FORMAT_JSON : 0;

	if (!has_directory(settings) && stderr_is_journal())
		flags |= LOG_FORMAT_JOURNAL;
	if ((flags & LOG_FORMAT_JOURNAL) && log_journal_is_there())
		flags |= LOG_FORMAT_NATIVE;
	atomic_store(&log_state.level, settings->level);
	atomic_store(&log_state.traces, settings->trace);
	atomic_store(&log_state.flags, flags);
}

/* Gives a formatted line to the thread, or writes it where there is none. False if it must be
 * formatted anew: the log turned from a file to the journal, or back, while it was. */
static bool put(const struct buf *buf, unsigned flags)
{
	bool is_right;

	if (buf->err) {
		atomic_fetch_add(&log_state.n_dropped, 1);
		return true;
	}
	pthread_mutex_lock(&log_state.lock);
	is_right = ((flags ^ atomic_load(&log_state.flags)) & LOG_FORMAT_NATIVE) == 0;
	if (!is_right)
		;
	else if (!log_state.sink)
		log_sink_write_stderr(buf->bytes, buf->len);
	else if (!log_sink_put(log_state.sink, buf->bytes, buf->len))
		atomic_fetch_add(&log_state.n_dropped, 1);
	pthread_mutex_unlock(&log_state.lock);
	return is_right;
}

static void write_line(const struct log_line *line)
{
	struct buf buf;
	unsigned flags;

	buf_init(&buf, MAX_LINE);
	do {
		buf_clear(&buf);
		flags = atomic_load(&log_state.flags);
		if (flags & LOG_FORMAT_NATIVE)
			log_journal_format(&buf, line, flags);
		else
			log_format(&buf, line, flags);
	} while (!put(&buf, flags));
	buf_fini(&buf);
}

static void tell_suppressed(const struct log_suppressed *suppressed)
{
	char msg[64], count[24];

	snprintf(count, sizeof(count), "%llu", (unsigned long long)suppressed->n);
	snprintf(msg, sizeof(msg), "suppressed %s similar", count);
	const struct log_pair pairs[] = {
		{ "reason", suppressed->reason },
		{ "msg", msg },
		{ "peer", suppressed->peer },
		{ "count", count },
	};
	const struct log_line line = {
		.wall_us = clock_us(CLOCK_REALTIME),
		.level = LOG_WARNING,
		.event = "refused",
		.pairs = pairs,
		.n_pairs = COUNT(pairs),
	};
	write_line(&line);
}

static bool take_suppressed(uint64_t now_ms, struct log_suppressed *out)
{
	bool is_one = false;

	pthread_mutex_lock(&log_state.lock);
	if (log_state.limit)
		is_one = log_limit_take_ended(log_state.limit, now_ms, out);
	pthread_mutex_unlock(&log_state.lock);
	return is_one;
}

static void on_tick(void)
{
	struct log_suppressed suppressed;
	uint64_t n_dropped = atomic_load(&log_state.n_dropped);
	char count[24];

	while (take_suppressed(clock_us(CLOCK_MONOTONIC) / 1000, &suppressed))
		tell_suppressed(&suppressed);
	if (n_dropped == log_state.n_dropped_told)
		return;
	snprintf(count, sizeof(count), "%llu",
		 (unsigned long long)(n_dropped - log_state.n_dropped_told));
	log_state.n_dropped_told = n_dropped; /* this thread's alone */
	log_event(LOG_WARNING, "log lines dropped", "count", count, NULL);
}

static bool is_started(void)
{
	pthread_mutex_lock(&log_state.lock);
	bool yes = log_state.sink != NULL;
	pthread_mutex_unlock(&log_state.lock);
	return yes;
}

enum err log_start(const struct log_settings *settings)
{
	struct log_file *file = NULL;
	struct log_limit *limit = NULL;
	struct log_sink *sink = NULL;

	if (is_started())
		return ERR_EXISTS;
	enum err err = open_file(settings, &file);
	if (!err)
		err = log_limit_new(&limit);
	if (!err)
		err = log_sink_start(file, on_tick, &sink);
	if (err) {
		log_limit_free(limit);
		log_file_close(file);
		return err;
	}

	pthread_mutex_lock(&log_state.lock);
	use(settings);
	log_state.sink = sink;
	log_state.limit = limit;
	pthread_mutex_unlock(&log_state.lock);
	return ERR_OK;
}

enum err log_change(const struct log_settings *settings)
{
	struct log_file *file;

	if (is_started()) {
		enum err err = open_file(settings, &file);
		if (err)
			return err;
		pthread_mutex_lock(&log_state.lock);
		log_sink_switch(log_state.sink, file);
		use(settings);
		pthread_mutex_unlock(&log_state.lock);
		return ERR_OK;
	}
	use(settings);
	return ERR_OK;
}

void log_stop(void)
{
	struct log_suppressed suppressed;

	while (take_suppressed(UINT64_MAX, &suppressed)) /* all windows end now */
		tell_suppressed(&suppressed);

	pthread_mutex_lock(&log_state.lock);
	struct log_sink *sink = log_state.sink;
	struct log_limit *limit = log_state.limit;
	log_state.sink = NULL;
	log_state.limit = NULL;
	pthread_mutex_unlock(&log_state.lock);
	if (!sink)
		return;
	log_sink_stop(sink);
	log_limit_free(limit);
}

bool log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

bool log_traces(unsigned trace)
{
	return (atomic_load_explicit(&log_state.traces, memory_order_relaxed) & trace) != 0;
}

static size_t collect(struct log_pair *pairs, size_t n, va_list args)
{
	const char *key;

	while (n < MAX_PAIRS && (key = va_arg(args, const char *)))
		pairs[n++] = (struct log_pair){ key, va_arg(args, const char *) };
	return n;
}

static const char *find_value(const struct log_line *line, const char *key)
{
	for (size_t i = 0; i < line->n_pairs; i++) {
		if (line->pairs[i].value && strcmp(line->pairs[i].key, key) == 0)
			return line->pairs[i].value;
	}
	return "";
}

/* What strangers can cause as often as they like. */
static bool is_limited(const char *event)
{
	return strcmp(event, "refused") == 0 || strcmp(event, "TLS handshake failed") == 0;
}

/* False if a refusal like this was logged a moment ago. */
static bool admits(const struct log_line *line)
{
	struct log_suppressed ended = { .n = 0 };
	bool is_admitted = true;

	pthread_mutex_lock(&log_state.lock);
	if (log_state.limit)
		is_admitted = log_limit_admits(
			log_state.limit, clock_us(CLOCK_MONOTONIC) / 1000,
			find_value(line, "reason"), find_value(line, "peer"), &ended);
	pthread_mutex_unlock(&log_state.lock);
	if (ended.n > 0)
		tell_suppressed(&ended);
	return is_admitted;
}

void log_event(enum log_level level, const char *event, ...)
{
	struct log_pair pairs[MAX_PAIRS];
	struct log_line line = { .wall_us = clock_us(CLOCK_REALTIME),
				 .level = level,
				 .event = event,
				 .pairs = pairs };
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, event);
	line.n_pairs = collect(pairs, 0, args);
	va_end(args);
	if (!is_limited(event) || admits(&line))
		write_line(&line);
}

static const char *trace_name(unsigned area)
{
	switch (area) {
	case LOG_TRACE_REGISTRATION:
		return "registration";
	case LOG_TRACE_INTERCONNECTION:
		return "interconnection";
	case LOG_TRACE_MEDIA:
		return "media";
	case LOG_TRACE_TLS:
		return "tls";
	case LOG_TRACE_DNS:
		return "dns";
	default:
		return "all";
	}
}

void log_trace(unsigned area, const char *event, const char *text, size_t len, ...)
{
	struct log_pair pairs[MAX_PAIRS] = {
		{ "area", trace_name(area) },
	};
	struct log_line line = { .wall_us = clock_us(CLOCK_REALTIME),
				 .level = LOG_DEBUG,
				 .event = event,
				 .pairs = pairs,
				 .text = text,
				 .text_len = len };
	va_list args;

	if (!log_traces(area))
		return;
	va_start(args, len);
	line.n_pairs = collect(pairs, 1, args);
	va_end(args);
	write_line(&line);
}

uint64_t log_n_dropped(void)
{
	return atomic_load(&log_state.n_dropped);
}
