#include "proxy/certificate_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/log.h"
#include "proxy/base/macros.h"
#include "proxy/base/table.h"
#include "proxy/base/text.h"
#include "proxy/certificate_files.h"
#include "proxy/certificate_use.h"
#include "proxy/peer_certificates.h"
#include "proxy/status_problem.h"

enum { DAY_S = 86400, NOT_YET = CERTIFICATE_WARN_DAYS + 1, MAX_USES = 5 };

/* What was told of one certificate. */
struct told {
	UT_hash_handle hh;
	char key[PEER_CERTIFICATES_ID_SIZE + 16]; /* "own edge", "< partner:partner.example" */
	char sha256[FINGERPRINT_SIZE];
	int mark;
	bool is_there; /* in the round that goes on */
};

struct certificate_watch {
	struct server *server;
	struct timer timer;
	/* of no more than there are certificates: what is gone is forgotten */
	struct told *table;
	struct certificate_files *files;
};

/* ---- how long ---- */

int certificate_watch_days(int64_t left_s)
{
	return (int)(left_s >= 0 ? left_s / DAY_S : -1 - (-left_s - 1) / DAY_S);
}

int certificate_watch_mark(int64_t left_s)
{
	static const int marks[] = { 1, 7, 14, CERTIFICATE_WARN_DAYS };

	if (left_s < 0)
		return 0;
	for (size_t i = 0; i < COUNT(marks); i++) {
		if (left_s < (int64_t)marks[i] * DAY_S)
			return marks[i];
	}
	return NOT_YET;
}

const char *certificate_watch_state(int64_t left_s)
{
	return left_s < CERTIFICATE_ERROR_DAYS * DAY_S  ? "fail"
	       : left_s < CERTIFICATE_WARN_DAYS * DAY_S ? "warn"
							: "ok";
}

/* ---- telling once ---- */

static struct told *find(const struct certificate_watch *watch, const char *key)
{
	struct told *told;

	HASH_FIND_STR(watch->table, key, told);
	return told;
}

static struct told *find_or_make(struct certificate_watch *watch, const char *key)
{
	struct told *told = find(watch, key);

	if (told)
		return told;
	told = calloc(1, sizeof(*told));
	if (!told)
		return NULL;
	text_copy(told->key, sizeof(told->key), key);
	told->mark = NOT_YET;
	HASH_ADD_STR(watch->table, key, told);
	if (find(watch, key))
		return told;
	free(told);
	return NULL;
}

/* True if the mark is one that was not told of this certificate; where memory is short it is
 * told again. */
static bool is_news(struct certificate_watch *watch, const char *key, const char *sha256,
		    int mark)
{
	struct told *told = find_or_make(watch, key);
	bool is_news;

	if (!told)
		return mark != NOT_YET;
	told->is_there = true;
	if (strcmp(told->sha256, sha256) != 0) {
		text_copy(told->sha256, sizeof(told->sha256), sha256);
		told->mark = NOT_YET;
	}
	is_news = mark < told->mark;
	told->mark = mark;
	return is_news;
}

static void forget_gone(struct certificate_watch *watch)
{
	struct told *told, *next;

	HASH_ITER(hh, watch->table, told, next)
	{
		if (!told->is_there) {
			HASH_DEL(watch->table, told);
			free(told);
		} else {
			told->is_there = false;
		}
	}
}

/* One certificate as the log tells of it. */
struct ending {
	const char *whose, *name, *names, *which, *used_by;
	int64_t not_after, left_s;
};

static void tell(const struct ending *ending)
{
	const int days = certificate_watch_days(ending->left_s);
	char days_text[16], when[32], text[640];

	snprintf(days_text, sizeof(days_text), "%d", days);
	text_time((uint64_t)ending->not_after * 1000000, when);
	snprintf(text, sizeof(text), "%s %.120s %s on %s%s%.160s%s%.160s", ending->whose,
		 ending->name, days < 0 ? "expired" : "expires", when,
		 ending->which[0] ? "; the first to end is " : "", ending->which,
		 ending->used_by[0] ? "; used by " : "", ending->used_by);
	log_event(ending->left_s < CERTIFICATE_ERROR_DAYS * DAY_S ? LOG_ERROR : LOG_WARNING,
		  days < 0 ? "certificate expired" : "certificate expires", "msg", text,
		  "config", ending->name, "days", days_text, "cert_names", ending->names, NULL);
}

/* ---- looking ---- */

static int64_t now_s(const struct certificate_watch *watch)
{
	return (int64_t)(loop_wall_us(watch->server->loop) / 1000000);
}

static void look_at_own(struct certificate_watch *watch, size_t i)
{
	const struct snapshot *snapshot = watch->server->snapshot;
	const struct credentials *credentials = snapshot->credentials[i];
	const char *name = snapshot->settings->certificates[i].name;
	char key[sizeof(((struct told *)0)->key)], names[256], used_by[256];
	struct ending ending = {
		.whose = "our certificate", .name = name, .used_by = used_by, .names = names
	};

	ending.not_after = credentials_not_after(credentials, &ending.which);
	ending.left_s = ending.not_after - now_s(watch);
	snprintf(key, sizeof(key), "own %.90s", name);
	if (!is_news(watch, key, credentials_fingerprint(credentials),
		     certificate_watch_mark(ending.left_s)))
		return;
	identity_text(credentials_identity(credentials), names, sizeof(names));
	certificate_use_text(snapshot->settings, (int)i, MAX_USES, used_by, sizeof(used_by));
	tell(&ending);
}

static void look_at_peer(struct certificate_watch *watch, const struct peer_certificate *peer)
{
	struct ending ending = { .whose =
					 peer->is_inbound
						 ? "the certificate with which they connect, of"
						 : "the certificate of the server of",
				 .name = peer->id,
				 .names = peer->names,
				 .which = "",
				 .used_by = "",
				 .not_after = peer->not_after,
				 .left_s = peer->not_after - now_s(watch) };
	char key[sizeof(((struct told *)0)->key)];

	snprintf(key, sizeof(key), "%c %s", peer->is_inbound ? '<' : '>', peer->id);
	if (is_news(watch, key, peer->sha256, certificate_watch_mark(ending.left_s)))
		tell(&ending);
}

static void look_at_peers(struct certificate_watch *watch)
{
	struct peer_certificate *list;
	size_t n;

	if (peer_certificates_list(watch->server->peer_certificates, &list, &n))
		return; /* the next look is in a minute */
	for (size_t i = 0; i < n; i++)
		look_at_peer(watch, &list[i]);
	peer_certificates_done(list, n);
}

static void log_files(const struct certificate_files *files)
{
	for (size_t i = 0; i < certificate_files_count(files); i++) {
		const struct certificate_file_row *row = certificate_files_at(files, i);

		if (row->state != CERTIFICATE_FILE_SAME)
			log_event(
				LOG_WARNING,
				row->state == CERTIFICATE_FILE_CHANGED
					? "the certificate on disk is not the one in use: `nuncio reload` takes it"
					: "the certificate on disk cannot be used",
				"config", row->name, "file", row->path, "msg", row->text, NULL);
	}
}

static void on_timer(struct timer *timer)
{
	struct certificate_watch *watch = container_of(timer, struct certificate_watch, timer);
	struct server *server = watch->server;

	for (size_t i = 0; i < server->snapshot->settings->n_certificates; i++)
		look_at_own(watch, i);
	look_at_peers(watch);
	forget_gone(watch);
	if (certificate_files_look(watch->files, server->snapshot))
		log_files(watch->files);
	timer_start(server->loop, timer, CERTIFICATE_WATCH_MS, on_timer);
}

enum err certificate_watch_new(struct server *server, struct certificate_watch **out)
{
	struct certificate_watch *watch = calloc(1, sizeof(*watch));
	enum err err;

	if (!watch)
		return ERR_NO_MEMORY;
	err = certificate_files_new(&watch->files);
	if (err) {
		free(watch);
		return err;
	}
	watch->server = server;
	timer_start(server->loop, &watch->timer, 0, on_timer);
	*out = watch;
	return ERR_OK;
}

struct certificate_watch *certificate_watch_free(struct certificate_watch *watch)
{
	struct told *told, *next;

	if (!watch)
		return NULL;
	timer_stop(&watch->timer);
	HASH_ITER(hh, watch->table, told, next)
	{
		HASH_DEL(watch->table, told);
		free(told);
	}
	certificate_files_free(watch->files);
	free(watch);
	return NULL;
}

void certificate_watch_problems(const struct certificate_watch *watch, json_t *problems)
{
	for (size_t i = 0; watch && i < certificate_files_count(watch->files); i++) {
		const struct certificate_file_row *row = certificate_files_at(watch->files, i);
		char where[128], text[640];

		snprintf(where, sizeof(where), "certificate %.110s", row->name);
		if (row->state == CERTIFICATE_FILE_CHANGED) {
			snprintf(text, sizeof(text), "%.300s on disk is newer: %s", row->path,
				 row->text);
			status_problem(problems, "certificate-file-newer", "warning", where,
				       text, "you", "`nuncio reload` takes it into use.");
		} else if (row->state == CERTIFICATE_FILE_BROKEN) {
			snprintf(text, sizeof(text), "what is on disk cannot be used: %s",
				 row->text);
			status_problem(
				problems, "certificate-file-broken", "warning", where, text,
				"you",
				"Put the files right (`nuncio check`): a restart would not come up with them.");
		}
	}
}
