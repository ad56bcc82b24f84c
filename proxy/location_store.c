#include "proxy/location_store.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

/* The records, with a TAB between the parts of a key and a space between those of a value:
 *
 *   binding   USER DOMAIN BACKEND HASH    1 EXPIRES WRITTEN CALL-ID-HASH CSEQ PROOF CONTACT
 *   phone     USER DOMAIN HASH            1 EXPIRES WRITTEN CALL-ID-HASH CSEQ PROOF REG-ID
 * REMOTE LOCAL LISTENER INSTANCE CONTACT home      USER DOMAIN                 1 BACKEND logon
 * BACKEND TRANSPORT REACH     1 EXPIRES WRITTEN SINCE PROOF SOURCE BULK
 *
 * The first number of a value is its layout. HASH stands for the contact, which would be too
 * long; that of a phone for its instance and reg-id, too. Of phones only those that are reached
 * by datagrams are kept: connections end with the process. The hashes and PROOF are in hex;
 * "-" is an empty text. WRITTEN bounds what is left of a time when the clock went back over the
 * restart. */
enum { LAYOUT = 1, MAX_PARTS = 4 };

static const char *const transports[] = {
	[TRANSPORT_UDP] = "udp",
	[TRANSPORT_TCP] = "tcp",
	[TRANSPORT_TLS] = "tls",
	[TRANSPORT_MTLS] = "mtls",
};

struct location_store {
	struct location *location;
	struct store *store;
	_Atomic int64_t now_s;     /* of the wall clock, when it was told last */
	_Atomic int64_t offset_ms; /* so far the wall clock is ahead of the loop's */
};

/* While the store is read. */
struct restore {
	struct location_store *ls;
	uint64_t now_ms;
	struct location_restored done;
};

static int64_t wall_s(const struct location_store *ls, uint64_t at_ms)
{
	/* "For ever" must not wrap. */
	int64_t ms = at_ms < INT64_MAX / 2 ? (int64_t)at_ms : INT64_MAX / 2;

	return (ms + atomic_load(&ls->offset_ms)) / 1000;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

static uint64_t hash_of(const char *contact)
{
	static const uint64_t same_everywhere[2] = { 0x6e756e63696f2063, 0x6f6e746163742e2e };

	return random_siphash(same_everywhere, contact, strlen(contact));
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static uint64_t hash_of_phone(const struct binding *binding)
{
	char text[LOCATION_INSTANCE_SIZE + LOCATION_CONTACT_SIZE + 16];

	snprintf(text, sizeof(text), "%s %" PRIu32 " %s", binding->instance, binding->reg_id,
		 binding->contact);
	return hash_of(text);
}

/* A value of NULL deletes. */
static void write_record(struct location_store *ls, const char *kind, const char *key,
			 const char *value)
{
	if (value)
		store_put(ls->store, kind, key, value, strlen(value));
	else
		store_delete(ls->store, kind, key);
}

static void on_phone(struct location_store *ls, const char *user_name, const char *domain,
		     const struct binding *binding, bool is_gone)
{
	char key[STORE_KEY_SIZE], value[STORE_VALUE_SIZE], remote[ADDR_TEXT_SIZE],
		local[ADDR_TEXT_SIZE];

	if (binding->flow.id || !is_plain(user_name) || !is_plain(domain) ||
	    !is_plain(binding->contact) || !is_plain(binding->instance))
		return;
	snprintf(key, sizeof(key), "%s\t%s\t%016" PRIx64, user_name, domain,
		 hash_of_phone(binding));
	snprintf(value, sizeof(value),
		 "%d %" PRId64 " %" PRId64 " %" PRIx64 " %" PRIu32 " %" PRIx64 " %" PRIu32
		 " %s %s %s %s %s",
		 LAYOUT, wall_s(ls, binding->expires_ms), atomic_load(&ls->now_s),
		 binding->call_id_hash, binding->cseq, binding->proof, binding->reg_id,
		 addr_text(&binding->flow.remote, remote),
		 or_dash(addr_text(&binding->flow.local, local)), binding->flow.listener,
		 or_dash(binding->instance), binding->contact);
	write_record(ls, "phone", key, is_gone ? NULL : value);
}

static void on_binding(void *user, const char *user_name, const char *domain,
		       const struct binding *binding, bool is_gone)
{
	struct location_store *ls = user;
	char key[STORE_KEY_SIZE], value[STORE_VALUE_SIZE];

	if (!*binding->backend) {
		on_phone(ls, user_name, domain, binding, is_gone);
		return;
	}
	if (!is_plain(user_name) || !is_plain(domain) || !is_plain(binding->contact))
		return;
	snprintf(key, sizeof(key), "%s\t%s\t%s\t%016" PRIx64, user_name, domain,
		 binding->backend, hash_of(binding->contact));
	snprintf(value, sizeof(value),
		 "%d %" PRId64 " %" PRId64 " %" PRIx64 " %" PRIu32 " %" PRIx64 " %d %s", LAYOUT,
		 wall_s(ls, binding->expires_ms), atomic_load(&ls->now_s),
		 binding->call_id_hash, binding->cseq, binding->proof, binding->is_bulk,
		 binding->contact);
	write_record(ls, "binding", key, is_gone ? NULL : value);
}

static void on_home(void *user, const char *user_name, const char *domain, const char *backend,
		    bool is_gone)
{
	char key[STORE_KEY_SIZE], value[STORE_VALUE_SIZE];

	if (!is_plain(user_name) || !is_plain(domain))
		return;
	snprintf(key, sizeof(key), "%s\t%s", user_name, domain);
	snprintf(value, sizeof(value), "%d %s", LAYOUT, backend);
	write_record(user, "home", key, is_gone ? NULL : value);
}

static void on_logon(void *user, const struct logon *logon, bool is_gone)
{
	struct location_store *ls = user;
	char key[STORE_KEY_SIZE], value[STORE_VALUE_SIZE], reach[ADDR_TEXT_SIZE],
		source[ADDR_TEXT_SIZE];

	if (!is_plain(logon->bulk))
		return;
	snprintf(key, sizeof(key), "%s\t%s\t%s", logon->backend,
		 transports[logon->reach_transport], addr_text(&logon->reach, reach));
	snprintf(value, sizeof(value),
		 "%d %" PRId64 " %" PRId64 " %" PRId64 " %" PRIx64 " %s %s", LAYOUT,
		 wall_s(ls, logon->expires_ms), atomic_load(&ls->now_s),
		 wall_s(ls, logon->since_ms), logon->proof,
		 or_dash(addr_text(&logon->source, source)), or_dash(logon->bulk));
	write_record(ls, "logon", key, is_gone ? NULL : value);
}

/* What is left to read of a value; NULL once something was wrong. */
struct reader {
	char text[STORE_VALUE_SIZE + 1];
	const char *at;
};

static void begin(struct reader *reader, const void *value, size_t len)
{
	text_copy_len(reader->text, sizeof(reader->text), value, len);
	reader->at = strlen(reader->text) == len ? reader->text : NULL;
}

/* The part up to the next space, which is taken away; the last one is what is left, and empty
 * only if something is wrong. */
static char *next_part(struct reader *reader)
{
	static char nothing[1];

	if (!reader->at)
		return nothing;
	char *part = reader->text + (reader->at - reader->text), *space = strchr(part, ' ');
	if (space)
		*space = '\0';
	reader->at = space ? space + 1 : NULL;
	return part;
}

static bool read_number(struct reader *reader, int base, uint64_t max, uint64_t *out)
{
	const char *part = next_part(reader);
	char *end;

	if (!isxdigit((unsigned char)*part)) /* no sign, no space */
		return false;
	*out = strtoull(part, &end, base);
	return *end == '\0' && *out <= max;
}

/* A last or middle part as a text of bounded size. */
static bool read_text(struct reader *reader, char *out, size_t size)
{
	const char *part = next_part(reader);

	if (strcmp(part, "-") == 0)
		part = "";
	else if (!*part)
		return false;
	return text_copy(out, size, part);
}

static bool read_layout(struct reader *reader)
{
	uint64_t layout;

	return read_number(reader, 10, UINT64_MAX, &layout) && layout == LAYOUT;
}

/* EXPIRES and WRITTEN; false if it is over. */
static bool read_expiry(struct reader *reader, const struct restore *restore, uint64_t *out_ms)
{
	int64_t now_s = atomic_load(&restore->ls->now_s), left_s;
	uint64_t expires_s, written_s;

	if (!read_number(reader, 10, INT64_MAX, &expires_s) ||
	    !read_number(reader, 10, INT64_MAX, &written_s))
		return false;
	if (now_s < (int64_t)written_s) /* the clock went back */
		now_s = (int64_t)written_s;
	left_s = (int64_t)expires_s - now_s;
	if (left_s <= 0)
		return false;
	*out_ms = left_s < INT64_MAX / 4000 ? restore->now_ms + (uint64_t)left_s * 1000
					    : INT64_MAX / 2;
	return true;
}

/* Cuts a key at its TABs; true if it has exactly n parts. */
static bool cut(const char *key, char copy[STORE_KEY_SIZE], char *parts[MAX_PARTS], size_t n)
{
	if (!text_copy(copy, STORE_KEY_SIZE, key))
		return false;
	char *at = copy;
	for (size_t i = 0; i < n; i++) {
		char *tab = strchr(at, '\t');
		if (!tab != (i + 1 == n))
			return false;
		parts[i] = at;
		if (tab)
			*tab = '\0';
		at = tab ? tab + 1 : at;
	}
	return true;
}

static bool read_binding(const struct restore *restore, struct reader *reader,
			 const char *backend, const char *hash, struct binding *out)
{
	uint64_t cseq, is_bulk;
	char text[24];

	memset(out, 0, sizeof(*out));
	if (!read_layout(reader) || !read_expiry(reader, restore, &out->expires_ms) ||
	    !read_number(reader, 16, UINT64_MAX, &out->call_id_hash) ||
	    !read_number(reader, 10, UINT32_MAX, &cseq) ||
	    !read_number(reader, 16, UINT64_MAX, &out->proof) ||
	    !read_number(reader, 10, 1, &is_bulk) ||
	    !read_text(reader, out->contact, sizeof(out->contact)) || reader->at)
		return false;
	out->cseq = (uint32_t)cseq;
	out->is_bulk = is_bulk != 0;
	snprintf(text, sizeof(text), "%016" PRIx64, hash_of(out->contact));
	return strcmp(text, hash) == 0 &&
	       text_copy(out->backend, sizeof(out->backend), backend);
}

/* Each of these answers whether the record is to stay. */
static bool restore_binding(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;
	char copy[STORE_KEY_SIZE], *parts[MAX_PARTS];
	struct binding binding;
	struct reader reader;

	begin(&reader, value, len);
	if (!cut(key, copy, parts, 4) || !*parts[2] ||
	    !read_binding(restore, &reader, parts[2], parts[3], &binding)) {
		restore->done.dropped++;
		return false;
	}
	/* For want of room or memory it is not there; the record may yet be of use. */
	if (location_bind(restore->ls->location, parts[0], parts[1], &binding,
			  restore->now_ms) == ERR_OK)
		restore->done.bindings++;
	return true;
}

static bool read_addr(struct reader *reader, struct addr *out)
{
	char text[ADDR_TEXT_SIZE];

	return read_text(reader, text, sizeof(text)) &&
	       (!*text || !addr_parse_port(text, 0, out));
}

static bool read_phone(const struct restore *restore, struct reader *reader, const char *hash,
		       struct binding *out)
{
	uint64_t cseq, reg_id;
	char text[24];

	memset(out, 0, sizeof(*out));
	out->flow.transport = TRANSPORT_UDP;
	if (!read_layout(reader) || !read_expiry(reader, restore, &out->expires_ms) ||
	    !read_number(reader, 16, UINT64_MAX, &out->call_id_hash) ||
	    !read_number(reader, 10, UINT32_MAX, &cseq) ||
	    !read_number(reader, 16, UINT64_MAX, &out->proof) ||
	    !read_number(reader, 10, UINT32_MAX, &reg_id) ||
	    !read_addr(reader, &out->flow.remote) || !read_addr(reader, &out->flow.local) ||
	    !read_text(reader, out->flow.listener, sizeof(out->flow.listener)) ||
	    !read_text(reader, out->instance, sizeof(out->instance)) ||
	    !read_text(reader, out->contact, sizeof(out->contact)) || reader->at ||
	    !addr_is_set(&out->flow.remote) || !addr_port(&out->flow.remote))
		return false;
	out->cseq = (uint32_t)cseq;
	out->reg_id = (uint32_t)reg_id;
	snprintf(text, sizeof(text), "%016" PRIx64, hash_of_phone(out));
	return strcmp(text, hash) == 0;
}

static bool restore_phone(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;
	char copy[STORE_KEY_SIZE], *parts[MAX_PARTS];
	struct binding binding;
	struct reader reader;

	begin(&reader, value, len);
	if (!cut(key, copy, parts, 3) || !read_phone(restore, &reader, parts[2], &binding)) {
		restore->done.dropped++;
		return false;
	}
	if (location_bind(restore->ls->location, parts[0], parts[1], &binding,
			  restore->now_ms) == ERR_OK)
		restore->done.bindings++;
	return true;
}

static bool restore_home(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;
	char copy[STORE_KEY_SIZE], *parts[MAX_PARTS], backend[LOCATION_BACKEND_SIZE];
	struct reader reader;

	begin(&reader, value, len);
	if (!cut(key, copy, parts, 2) || !read_layout(&reader) ||
	    !read_text(&reader, backend, sizeof(backend)) || !*backend || reader.at) {
		restore->done.dropped++;
		return false;
	}
	location_learn(restore->ls->location, parts[0], parts[1], backend, restore->now_ms);
	restore->done.homes++;
	return true;
}

static bool read_transport(const char *text, enum conf_transport *out)
{
	for (size_t i = 0; i < COUNT(transports); i++)
		if (strcmp(text, transports[i]) == 0) {
			*out = (enum conf_transport)i;
			return true;
		}
	return false;
}

/* Back to the loop's clock, which may have begun later than that. */
static uint64_t since_ms(const struct restore *restore, uint64_t since_s)
{
	int64_t age_s = atomic_load(&restore->ls->now_s) - (int64_t)since_s;
	uint64_t age_ms = age_s > 0 && age_s < INT64_MAX / 4000 ? (uint64_t)age_s * 1000 : 0;

	return age_ms < restore->now_ms ? restore->now_ms - age_ms : 1;
}

static bool read_logon(const struct restore *restore, struct reader *reader,
		       char *const parts[MAX_PARTS], struct logon *out)
{
	char source[ADDR_TEXT_SIZE];
	uint64_t since_s;

	memset(out, 0, sizeof(*out));
	if (!read_layout(reader) || !read_expiry(reader, restore, &out->expires_ms) ||
	    !read_number(reader, 10, INT64_MAX, &since_s) ||
	    !read_number(reader, 16, UINT64_MAX, &out->proof) ||
	    !read_text(reader, source, sizeof(source)) ||
	    !read_text(reader, out->bulk, sizeof(out->bulk)) || reader->at)
		return false;
	out->since_ms = since_ms(restore, since_s);
	out->transport = TRANSPORT_UDP; /* of a connection that has ended; nobody asks for it */
	return (!*source || !addr_parse_port(source, 0, &out->source)) && *parts[0] &&
	       text_copy(out->backend, sizeof(out->backend), parts[0]) &&
	       read_transport(parts[1], &out->reach_transport) &&
	       !addr_parse_port(parts[2], 0, &out->reach) && addr_port(&out->reach) != 0;
}

static bool restore_logon(void *user, const char *key, const void *value, size_t len)
{
	struct restore *restore = user;
	char copy[STORE_KEY_SIZE], *parts[MAX_PARTS];
	struct reader reader;
	struct logon logon;

	begin(&reader, value, len);
	if (!cut(key, copy, parts, 3) || !read_logon(restore, &reader, parts, &logon)) {
		restore->done.dropped++;
		return false;
	}
	if (location_log_on(restore->ls->location, &logon, restore->now_ms) == ERR_OK)
		restore->done.logons++;
	return true;
}

static enum err restore_all(struct store *store, struct restore *restore)
{
	enum err err = store_each(store, "binding", restore_binding, restore);

	if (!err)
		err = store_each(store, "phone", restore_phone, restore);
	if (!err)
		err = store_each(store, "home", restore_home, restore);
	if (!err)
		err = store_each(store, "logon", restore_logon, restore);
	return err;
}

void location_store_set_clock(struct location_store *ls, uint64_t now_ms, uint64_t wall_us)
{
	atomic_store(&ls->now_s, (int64_t)(wall_us / 1000000));
	atomic_store(&ls->offset_ms, (int64_t)(wall_us / 1000) - (int64_t)now_ms);
}

enum err location_store_attach(struct location *location, struct store *store, uint64_t now_ms,
			       uint64_t wall_us, struct location_restored *out_restored,
			       struct location_store **out)
{
	struct location_store *ls = calloc(1, sizeof(*ls));
	if (!ls)
		return ERR_NO_MEMORY;

	struct restore restore = { .ls = ls, .now_ms = now_ms };
	const struct location_journal journal = { on_binding, on_home, on_logon, ls };
	ls->location = location;
	ls->store = store;
	location_store_set_clock(ls, now_ms, wall_us);
	restore.done.err = restore_all(store, &restore);
	location_set_journal(location, &journal);
	*out_restored = restore.done;
	*out = ls;
	return ERR_OK;
}

struct location_store *location_store_detach(struct location_store *ls)
{
	if (!ls)
		return NULL;
	location_set_journal(ls->location, NULL); /* from here on nobody is inside */
	free(ls);
	return NULL;
}
