#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "conf/report.h"
#include "proxy/base/buf.h"
#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/timer.h"
#include "proxy/commands/args.h"
#include "proxy/commands/notify.h"
#include "proxy/commands/privileges.h"
#include "proxy/commands/screen.h"
#include "proxy/control.h"
#include "proxy/control_socket.h"
#include "proxy/reload.h"
#include "proxy/worker.h"

enum {
	/* Timer B and F: after that no transaction is left to wait for (RFC 3261 §17.1) */
	DRAIN_MS = 32000,
	DRAIN_LOOK_MS = 100,
	STATUS_MS = 5000,
};

/* The process while it serves; on run's stack. */
struct daemon {
	struct server *server;
	struct control *control;
	struct loop_watch signals;
	int signal_fd;
	struct timer status, watchdog, drain;
	uint64_t watchdog_ms, drain_until_ms;
};

static const struct option_row *const options[] = { &option_config_run, &option_color,
						    &option_help, NULL };
static const struct example_row examples[] = {
	{ "nuncio run -c conf/examples/quickstart.yaml",
	  "Runs in the foreground; Ctrl-C drains, twice ends at once." },
	{ "systemctl start nuncio", "As a service; see nuncio.service." },
	{ "kill -HUP $(systemctl show -P MainPID nuncio)",
	  "Reloads; `nuncio reload` tells the outcome too." },
	{ 0 },
};

/* Blocked before the first thread starts, so that all threads inherit it and one descriptor
 * gets them. */
static enum err block_signals(int *out_fd)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_from_errno(errno);
	*out_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *out_fd < 0 ? err_from_errno(errno) : ERR_OK;
}

static void count_reload(struct server *server, const char *text, bool ok)
{
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;

	if (!ok)
		server->n_reloads_rejected++;
	else if (json_array_size(json_object_get(answer, "changes")) == 0)
		server->n_reloads_unchanged++;
	else
		server->n_reloads_applied++;
	json_decref(answer);
}

/* The reload of both ways, the signal and the control socket. */
static char *reload_and_notify(struct server *server, uint64_t confirm_ms, bool *out_ok)
{
	char *answer;

	notify_reloading();
	answer = reload_now(server, confirm_ms, out_ok);
	count_reload(server, answer, *out_ok);
	notify_ready(server);
	return answer;
}

static void on_drain_look(struct timer *timer)
{
	struct daemon *daemon = container_of(timer, struct daemon, drain);
	struct loop *loop = daemon->server->loop;

	if (server_n_busy(daemon->server) == 0 || loop_now_ms(loop) >= daemon->drain_until_ms)
		loop_stop(loop);
	else
		timer_start(loop, timer, DRAIN_LOOK_MS, on_drain_look);
}

static void on_end_wanted(struct daemon *daemon)
{
	struct server *server = daemon->server;

	if (__atomic_exchange_n(&server->is_draining, true, __ATOMIC_RELAXED)) {
		log_event(LOG_INFO, "ends at once", NULL);
		loop_stop(server->loop);
		return;
	}
	log_event(LOG_INFO, "draining: no new requests, those in progress go on", NULL);
	notify_stopping();
	reload_confirm_end(server);
	for (unsigned i = 0; i < server->n_workers; i++)
		worker_post_drain(server->workers[i]);
	daemon->drain_until_ms = loop_now_ms(server->loop) + DRAIN_MS;
	timer_start(server->loop, &daemon->drain, DRAIN_LOOK_MS, on_drain_look);
}

static void on_signal(struct loop_watch *watch, unsigned events)
{
	struct daemon *daemon = container_of(watch, struct daemon, signals);
	struct signalfd_siginfo info;
	bool ok;

	while (read(daemon->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			free(reload_and_notify(daemon->server, 0, &ok));
		else
			on_end_wanted(daemon);
	}
}

static void on_status(struct timer *timer)
{
	struct daemon *daemon = container_of(timer, struct daemon, status);

	if (!daemon->server->is_draining)
		notify_status(daemon->server);
	timer_start(daemon->server->loop, timer, STATUS_MS, on_status);
}

static void on_watchdog(struct timer *timer)
{
	struct daemon *daemon = container_of(timer, struct daemon, watchdog);

	if (control_is_alive(daemon->control))
		notify_watchdog();
	timer_start(daemon->server->loop, timer, daemon->watchdog_ms / 3, on_watchdog);
}

static void print_report(struct report *report, const struct args *args)
{
	struct screen screen;
	struct buf text;

	buf_init(&text, 0);
	screen_init(&screen, stderr, args);
	report_print(report, screen.has_colour, &text);
	if (text.len > 0) {
		buf_puts(&text, "\n");
		report_print_count(report, &text);
		fprintf(stderr, "%s\n", buf_text(&text));
	}
	buf_fini(&text);
}

static enum exit_code complain(const char *what, enum err err)
{
	fprintf(stderr, "nuncio run: %s: %s\n", what, err_text(err));
	return err == ERR_ACCESS ? EXIT_NOT_ALLOWED : EXIT_NO;
}

/* A second daemon on the same file would share the first one's ports (SO_REUSEPORT) before it
 * found the control socket taken; so this is asked before any socket is opened. */
static bool is_running_already(const char *path)
{
	struct settings *settings = NULL;
	struct report *report;
	bool is_running;

	if (report_new(&report))
		return false;
	/* Its faults are found again, with all others, when the server is made. */
	if (settings_load(path, report, &settings) != ERR_OK)
		settings = NULL;
	is_running = settings && control_socket_answers(settings->service.control);
	if (is_running)
		fprintf(stderr, "nuncio run: another nuncio answers on %s\n",
			settings->service.control);
	settings_free(settings);
	report_free(report);
	return is_running;
}

static enum exit_code load(const struct args *args, struct daemon *daemon)
{
	const char *path = args_value(args, "config", path_config);
	struct report *report;
	enum err err;

	if (is_running_already(path))
		return EXIT_NO;
	if (report_new(&report))
		return complain("start", ERR_NO_MEMORY);
	err = server_new(path, report, &daemon->server);
	print_report(report, args);
	if (err && report_n_errors(report) == 0)
		complain("start", err);
	report_free(report);
	return err ? EXIT_NO : EXIT_YES;
}

/* From here on as the user that serves: files that are made belong to it. */
static enum exit_code open_control(struct daemon *daemon)
{
	const struct settings *settings = daemon->server->snapshot->settings;
	const char *what = "service.control";
	enum err err =
		privileges_make_folder(settings->service.control, settings->service.user);

	if (err)
		return complain(settings->service.control, err);
	err = privileges_drop(settings->service.user);
	if (err)
		return complain("service.user", err);
	err = log_start(&settings->log);
	if (err)
		return complain("log", err);
	err = control_start(daemon->server, reload_and_notify, &what, &daemon->control);
	if (err) {
		log_stop();
		return complain(what, err);
	}
	return EXIT_YES;
}

static enum exit_code serve(struct daemon *daemon)
{
	struct server *server = daemon->server;
	enum err err = server_start(server);

	if (err)
		return complain("start", err);
	loop_watch_start(server->loop, &daemon->signals, daemon->signal_fd, LOOP_READ,
			 on_signal);
	timer_start(server->loop, &daemon->status, STATUS_MS, on_status);
	daemon->watchdog_ms = notify_watchdog_ms();
	if (daemon->watchdog_ms > 0)
		timer_start(server->loop, &daemon->watchdog, 0, on_watchdog);
	log_event(LOG_INFO, "started", "config", server->snapshot->path, NULL);
	notify_ready(server);
	loop_run(server->loop);
	loop_watch_stop(&daemon->signals);
	timer_stop(&daemon->status);
	timer_stop(&daemon->watchdog);
	timer_stop(&daemon->drain);
	return EXIT_YES;
}

static enum exit_code run(const struct args *args)
{
	struct daemon daemon = { .signal_fd = -1 };
	enum exit_code code;
	enum err err = block_signals(&daemon.signal_fd);

	if (err)
		return complain("signals", err);
	privileges_raise_files();
	code = load(args, &daemon);
	if (code == EXIT_YES)
		code = open_control(&daemon);
	if (code == EXIT_YES) {
		code = serve(&daemon);
		server_stop(daemon.server);
		control_stop(daemon.control);
		log_event(LOG_INFO, "stopped", NULL);
		log_stop();
	}
	server_free(daemon.server);
	close(daemon.signal_fd);
	return code;
}

const struct verb verb_run = {
	.name = "run",
	.operands = "",
	.summary = "serve: the daemon, in the foreground",
	.text = "Reads the configuration (default /etc/nuncio/nuncio.yaml), opens the sockets, "
		"becomes service.user, and "
		"serves until it is told to end. Does not fork and writes no PID file. SIGHUP "
		"reloads. SIGTERM and "
		"SIGINT drain: no new requests, at most 32 s for those in progress; a second "
		"one ends at once. A "
		"configuration with faults is not started: all of them are printed.",
	.options = options,
	.examples = examples,
	.exits = { [EXIT_YES] = "it served and was told to end",
		   [EXIT_NO] = "it could not start: faults in the configuration, or another "
			       "one runs",
		   [EXIT_NOT_ALLOWED] =
			   "it may not open a file, a port or the control socket" },
	.run = run,
};
