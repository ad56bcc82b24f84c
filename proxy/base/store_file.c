#include "proxy/base/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/store_queue.h"

enum {
	LAYOUT = 1,
	BUSY_MS = 200, /* another process looks at it, for a backup */
	LONGEST_SUFFIX = 16,
};

enum statement { UPDATE, INSERT, DELETE, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
	[UPDATE] = "UPDATE record SET value = ?3 WHERE kind = ?1 AND key = ?2",
	[INSERT] = "INSERT INTO record (kind, key, value) VALUES (?1, ?2, ?3)",
	[DELETE] = "DELETE FROM record WHERE kind = ?1 AND key = ?2",
};

struct store_file {
	char path[PATH_MAX];
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *statements[N_STATEMENTS];
	bool is_ready;     /* can be written to, as far as known */
	bool is_checked;   /* this file was found whole */
	bool is_condemned; /* damaged, as a write found out */
	bool was_replaced;
	uint64_t n_records;
	char fault[256];
};

/* What came of opening it. */
enum outcome { READY, DAMAGED, BROKEN };

enum err store_file_new(const char *directory, struct store_file **out)
{
	struct store_file *file = calloc(1, sizeof(*file));
	if (!file)
		return ERR_NO_MEMORY;
	if (snprintf(file->path, sizeof(file->path) - LONGEST_SUFFIX, "%s/nuncio.db",
		     directory) >= (int)sizeof(file->path) - LONGEST_SUFFIX)
		file->path[0] = '\0'; /* opening says so */
	*out = file;
	return ERR_OK;
}

static void close_db(struct store_file *file)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		sqlite3_finalize(file->statements[i]);
		file->statements[i] = NULL;
	}
	/* Cannot be busy: there is no other statement. What it still had to tidy up is done at
	 * the next start. */
	sqlite3_close(file->db);
	file->db = NULL;
	file->is_ready = false;
}

struct store_file *store_file_free(struct store_file *file)
{
	if (!file)
		return NULL;
	close_db(file);
	free(file);
	return NULL;
}

static void note_fault(struct store_file *file, const char *text, int number)
{
	if (number)
		snprintf(file->fault, sizeof(file->fault), "%.150s: %.50s (%.40s)", file->path,
			 text, strerror(number));
	else
		snprintf(file->fault, sizeof(file->fault), "%.150s: %.90s", file->path, text);
}

static bool says_damaged(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* Judges what SQLite answered, and keeps its words. */
static enum outcome outcome_of(struct store_file *file, int code)
{
	if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
		return READY;
	note_fault(file, file->db ? sqlite3_errmsg(file->db) : sqlite3_errstr(code),
		   file->db ? sqlite3_system_errno(file->db) : 0);
	/* SQLITE_ERROR: its tables are not those that our statements speak of. */
	return says_damaged(code) || (code & 0xff) == SQLITE_ERROR ? DAMAGED : BROKEN;
}

static enum outcome execute(struct store_file *file, const char *sql)
{
	return outcome_of(file, sqlite3_exec(file->db, sql, NULL, NULL, NULL));
}

/* Runs a statement that answers with one row, whose first column is copied. */
static enum outcome ask(struct store_file *file, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(file->db, sql, -1, &statement, NULL);

	out[0] = '\0';
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(statement, 0);
		snprintf(out, size, "%s", text ? (const char *)text : "");
	}
	enum outcome outcome = outcome_of(file, code);
	sqlite3_finalize(statement);
	return outcome;
}

static enum outcome open_db(struct store_file *file)
{
	if (!file->path[0]) {
		snprintf(file->fault, sizeof(file->fault), "the folder's name is too long");
		return BROKEN;
	}
	/* SQLite would make it readable to others; what it makes beside it gets the same
	 * mode. */
	int fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	int code = sqlite3_open_v2(file->path, &file->db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		sqlite3_extended_result_codes(file->db, 1);
		sqlite3_busy_timeout(file->db, BUSY_MS);
	}
	return outcome_of(file, code);
}

/* One owner at a time, so that two daemons with one folder do not mix their users; SQLite then
 * needs no shared memory, in which a full disk could kill us. */
static enum outcome check_whole(struct store_file *file, bool *out_is_new)
{
	char text[128];
	enum outcome outcome = execute(file, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA "
					     "temp_store = MEMORY; PRAGMA cache_size = -16384;"
					     "PRAGMA trusted_schema = OFF");

	if (outcome == READY && !file->is_checked) {
		outcome = ask(file, "PRAGMA quick_check(1)", text, sizeof(text));
		if (outcome == READY && strcmp(text, "ok") != 0) {
			note_fault(file, text, 0);
			return DAMAGED;
		}
	}
	if (outcome == READY)
		outcome = ask(file, "PRAGMA user_version", text, sizeof(text));
	if (outcome == READY && atoi(text) != 0 && atoi(text) != LAYOUT) {
		note_fault(file, "its layout is that of another version", 0);
		return DAMAGED;
	}
	file->is_checked |= outcome == READY;
	*out_is_new = atoi(text) == 0;
	return outcome;
}

static enum outcome make_table(struct store_file *file)
{
	return execute(file,
		       "BEGIN IMMEDIATE;"
		       "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, value BLOB,"
		       " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
		       "PRAGMA user_version = 1;" /* LAYOUT */
		       "COMMIT");
}

static enum outcome prepare(struct store_file *file, bool is_new)
{
	char text[128];
	enum outcome outcome =
		execute(file, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			      "PRAGMA journal_size_limit = 4194304");

	if (outcome == READY && is_new)
		outcome = make_table(file);
	for (size_t i = 0; i < N_STATEMENTS && outcome == READY; i++)
		outcome = outcome_of(file, sqlite3_prepare_v3(file->db, statements[i], -1,
							      SQLITE_PREPARE_PERSISTENT,
							      &file->statements[i], NULL));
	if (outcome == READY)
		outcome = ask(file, "SELECT count(*) FROM record", text, sizeof(text));
	if (outcome == READY)
		file->n_records = strtoull(text, NULL, 10);
	return outcome;
}

static enum outcome open_all(struct store_file *file)
{
	bool is_new = false;
	enum outcome outcome = open_db(file);

	if (outcome == READY)
		outcome = check_whole(file, &is_new);
	if (outcome == READY)
		outcome = prepare(file, is_new);
	return outcome;
}

static bool move(const struct store_file *file, const char *suffix)
{
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(from, sizeof(from), "%.*s%s", PATH_MAX - LONGEST_SUFFIX, file->path, suffix);
	snprintf(to, sizeof(to), "%.*s.damaged%s", PATH_MAX - LONGEST_SUFFIX, file->path,
		 suffix);
	if (rename(from, to) == 0)
		return true;
	if (errno != ENOENT)
		return false;
	(void)unlink(to); /* of an earlier one: does not belong to this */
	return true;
}

/* The log goes with its file, under the name by which SQLite would look for it. */
static bool set_aside(struct store_file *file)
{
	close_db(file);
	if (move(file, "-wal") && move(file, ""))
		return true;
	note_fault(file, "is damaged, and cannot be renamed", errno);
	return false;
}

enum err store_file_ready(struct store_file *file)
{
	if (file->is_ready)
		return ERR_OK;
	close_db(file);
	enum outcome outcome = file->is_condemned ? DAMAGED : open_all(file);
	if (outcome == DAMAGED) {
		file->is_checked = false;
		if (!set_aside(file))
			return ERR_IO;
		file->is_condemned = false;
		file->was_replaced = true;
		outcome = open_all(file);
	}
	file->is_ready = outcome == READY;
	return file->is_ready ? ERR_OK : ERR_IO;
}

static int run(struct store_file *file, enum statement which, const struct store_change *change)
{
	sqlite3_stmt *statement = file->statements[which];

	sqlite3_bind_text(statement, 1, change->bytes, (int)change->kind_len, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, store_change_key(change), (int)change->key_len,
			  SQLITE_STATIC);
	if (which != DELETE)
		sqlite3_bind_blob(statement, 3, store_change_value(change),
				  (int)change->value_len, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	sqlite3_reset(statement); /* says the same again */
	sqlite3_clear_bindings(statement);
	return code;
}

/* Update first, so that we know whether there is one record more. */
static int write_change(struct store_file *file, const struct store_change *change)
{
	if (change->is_gone) {
		int code = run(file, DELETE, change);
		if (code == SQLITE_DONE && sqlite3_changes(file->db) > 0 && file->n_records > 0)
			file->n_records--;
		return code;
	}
	int code = run(file, UPDATE, change);
	if (code != SQLITE_DONE || sqlite3_changes(file->db) > 0)
		return code;
	code = run(file, INSERT, change);
	file->n_records += code == SQLITE_DONE;
	return code;
}

static enum outcome write_all(struct store_file *file, const struct list *changes)
{
	enum outcome outcome = execute(file, "BEGIN IMMEDIATE");

	for (const struct list *link = changes->next; link != changes && outcome == READY;
	     link = link->next)
		outcome = outcome_of(
			file,
			write_change(file, container_of(link, struct store_change, link)));
	return outcome == READY ? execute(file, "COMMIT") : outcome;
}

enum err store_file_write(struct store_file *file, const struct list *changes)
{
	uint64_t n_before = file->n_records;
	enum outcome outcome = write_all(file, changes);

	if (outcome == READY)
		return ERR_OK;
	file->n_records = n_before;
	int code = sqlite3_errcode(file->db);
	if (!sqlite3_get_autocommit(file->db))
		(void)sqlite3_exec(file->db, "ROLLBACK", NULL, NULL,
				   NULL); /* the fault is known already */
	/* Opened anew the next time: it may be another disk by then, or another file; and
	 * closing moves the log into the file, which may be all the room that it takes. */
	file->is_ready = false;
	file->is_condemned = says_damaged(code);
	return ERR_IO;
}

enum err store_file_each(struct store_file *file, const char *kind,
			 void (*fn)(void *user, const char *key, const void *value, size_t len),
			 void *user)
{
	sqlite3_stmt *statement = NULL;
	int code;

	if (!file->db)
		return ERR_IO;
	code = sqlite3_prepare_v2(file->db,
				  "SELECT key, value FROM record WHERE kind = ?1 ORDER BY key",
				  -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code != SQLITE_ROW)
			break;
		const void *value = sqlite3_column_blob(statement, 1);
		const char *key = (const char *)sqlite3_column_text(statement, 0);
		if (key)
			fn(user, key, value ? value : "",
			   (size_t)sqlite3_column_bytes(statement, 1));
	}
	enum outcome outcome = outcome_of(file, code);
	sqlite3_finalize(statement);
	return outcome == READY ? ERR_OK : ERR_IO;
}

const char *store_file_fault(const struct store_file *file)
{
	return file->fault;
}

uint64_t store_file_n_records(const struct store_file *file)
{
	return file->n_records;
}

bool store_file_was_replaced(const struct store_file *file)
{
	return file->was_replaced;
}
