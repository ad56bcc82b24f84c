/* What a domain that nobody approved may ask: the rates, the users, and when it is
 * suspicious. */
#include <string.h>

#include "federation/discovered_inside.h"

/* Most fails: more than half of the answers of the last five to ten minutes, if there are
 * enough of them to say so. Over it is when less than a quarter does. */
enum { WINDOW_MS = 300000, ENOUGH_ANSWERS = 20, NO_USE_IN_WAITING_S = 3600 };

enum discovered_listing discovered_is_allowed(const struct settings_federation *federation,
					      const char *domain)
{
	if (settings_find_domain(federation->deny, federation->n_deny, domain))
		return DISCOVERED_DENIED;
	if (federation->n_allow &&
	    !settings_find_domain(federation->allow, federation->n_allow, domain))
		return DISCOVERED_NOT_LISTED;
	return DISCOVERED_ALLOWED;
}

enum reason discovered_reason(enum discovered_verdict verdict)
{
	switch (verdict) {
	case DISCOVERED_WELCOME:
		break;
	case DISCOVERED_RATE_LIMITED:
		return REASON_PARTNER_RATE_LIMITED;
	case DISCOVERED_SUSPICIOUS:
		return REASON_PARTNER_SUSPICIOUS;
	case DISCOVERED_TOO_MANY_USERS:
		return REASON_PARTNER_TOO_MANY_USERS;
	case DISCOVERED_IS_BLOCKED:
		return REASON_PARTNER_BLOCKED;
	}
	return REASON_NONE;
}

/* ---- most of what it asks for fails ---- */

static void judge(struct entry *entry)
{
	unsigned n_failed = 0, n = 0;

	for (size_t i = 0; i < N_WINDOWS; i++) {
		n_failed += entry->windows[i].n_failed;
		n += entry->windows[i].n_failed + entry->windows[i].n_succeeded;
	}
	if (n >= ENOUGH_ANSWERS && n_failed > n / 2)
		entry->is_suspicious = true;
	else if (n_failed < n / 4 + 1)
		entry->is_suspicious = false;
}

void discovered_turn_windows(struct entry *entry, uint64_t now_ms)
{
	if (now_ms < entry->window_begin_ms + WINDOW_MS)
		return;
	if (now_ms < entry->window_begin_ms + 2 * WINDOW_MS)
		entry->windows[WINDOW_BEFORE] = entry->windows[WINDOW_NOW];
	else
		memset(&entry->windows[WINDOW_BEFORE], 0, sizeof(entry->windows[0]));
	memset(&entry->windows[WINDOW_NOW], 0, sizeof(entry->windows[0]));
	entry->window_begin_ms = now_ms;
	judge(entry);
}

enum outcome { SUCCESS, FAILURE, NEITHER };

/* 480 counts like 404, which goes out as 480: else whoever has nineteen failures learns by the
 * twentieth answer, or by the limit behind it, whether a user is away or does not exist. */
static enum outcome outcome_of(int status)
{
	switch (status) {
	case 401: /* asked for credentials */
	case 407:
	case 408: /* nobody answered */
	case 481:
	case 487: /* cancelled */
	case 491:
		return NEITHER;
	case 486: /* busy, or declined: somebody is there */
	case 600:
	case 603:
		return SUCCESS;
	default:
		break;
	}
	if (status >= 200 && status < 400)
		return SUCCESS;
	return (status >= 400 && status < 500) || status >= 600 ? FAILURE : NEITHER;
}

void discovered_answered(struct discovered *table, const char *domain, int status,
			 uint64_t now_ms)
{
	const enum outcome outcome = outcome_of(status);
	struct seat seat = discovered_enter(table, domain, now_ms);
	struct entry *entry = discovered_find(&seat, domain);

	if (!entry)
		entry = &seat.shard->overflow;
	discovered_turn_windows(entry, now_ms);
	if (outcome == SUCCESS) {
		entry->view.n_succeeded++;
		entry->windows[WINDOW_NOW].n_succeeded++;
	} else if (outcome == FAILURE) {
		entry->view.n_failed++;
		entry->windows[WINDOW_NOW].n_failed++;
	}
	judge(entry);
	discovered_touch(&seat, entry);
	discovered_settle(&seat, entry);
	discovered_leave(&seat);
}

/* ---- the users that it addresses ---- */

static uint64_t hash_of(const struct discovered *table, const char *user, const char *domain)
{
	const uint64_t first = random_siphash(table->key, user, strlen(user));
	const uint64_t key[2] = { table->key[0] ^ first, table->key[1] };

	return random_siphash(key, domain, strlen(domain));
}

/* False if it is one too many. An approved one has no bound, but is counted. */
static bool count_user(const struct seat *seat, struct entry *entry,
		       const struct discovered_question *question)
{
	const unsigned max_users = seat->shard->max_users;
	uint64_t hash;

	if (!question->user || !*question->user || !question->local_domain)
		return true;
	hash = hash_of(seat->table, question->user, question->local_domain);
	if (user_sketch_look(&entry->users, hash) == USER_KNOWN)
		return true;
	if (!entry->is_approved && max_users && entry->view.n_users >= max_users)
		return false;
	if (user_sketch_add(&entry->users, hash))
		return entry
			->is_approved; /* without memory nobody is counted, nor let through */
	entry->view.n_users = user_sketch_count(&entry->users);
	entry->is_users_changed = true;
	return true;
}

static enum discovered_verdict limit(const struct seat *seat, struct entry *entry,
				     const struct discovered_question *question,
				     unsigned *out_retry_after_s)
{
	const struct shard *shard = seat->shard;

	if (entry->is_blocked)
		return DISCOVERED_IS_BLOCKED;
	if (entry->is_approved)
		return count_user(seat, entry, question) ? DISCOVERED_WELCOME
							 : DISCOVERED_TOO_MANY_USERS;
	if (!bucket_take(&entry->requests, &shard->rate, seat->now_ms)) {
		*out_retry_after_s = bucket_wait_s(&entry->requests, &shard->rate);
		return DISCOVERED_RATE_LIMITED;
	}
	if (entry->is_suspicious &&
	    !bucket_take(&entry->suspicious, &shard->suspicious_rate, seat->now_ms)) {
		*out_retry_after_s = bucket_wait_s(&entry->suspicious, &shard->suspicious_rate);
		return DISCOVERED_SUSPICIOUS;
	}
	if (!count_user(seat, entry, question)) {
		*out_retry_after_s = NO_USE_IN_WAITING_S;
		return DISCOVERED_TOO_MANY_USERS;
	}
	return DISCOVERED_WELCOME;
}

static void see(const struct seat *seat, struct entry *entry)
{
	if (entry->view.first_seen_s == 0)
		entry->view.first_seen_s = seat->now_s;
	entry->view.last_seen_s = seat->now_s;
}

enum discovered_verdict discovered_request(struct discovered *table,
					   const struct discovered_question *question,
					   unsigned *out_retry_after_s)
{
	struct seat seat = discovered_enter(table, question->domain, question->now_ms);
	struct entry *entry = discovered_make(&seat, question->domain);
	enum discovered_verdict verdict;

	if (!entry)
		entry = &seat.shard->overflow;
	discovered_settle(&seat, entry); /* an approval may have ended */
	see(&seat, entry);
	entry->view.n_received++;
	verdict = limit(&seat, entry, question, out_retry_after_s);
	entry->view.n_refused += verdict != DISCOVERED_WELCOME;
	if (verdict != DISCOVERED_WELCOME && verdict != DISCOVERED_IS_BLOCKED)
		entry->view.why = discovered_reason(verdict);
	discovered_touch(&seat, entry);
	discovered_settle(&seat, entry);
	discovered_leave(&seat);
	return verdict;
}

/* ---- the other direction, and what it shows ---- */

void discovered_sent(struct discovered *table, const char *domain, uint64_t now_ms)
{
	struct seat seat = discovered_enter(table, domain, now_ms);
	struct entry *entry = discovered_make(&seat, domain);

	if (entry) {
		if (entry->view.first_seen_s == 0)
			entry->view.first_seen_s = seat.now_s;
		entry->view.n_sent++;
		discovered_touch(&seat, entry);
		discovered_settle(&seat, entry);
	}
	discovered_leave(&seat);
}

void discovered_sent_ended(struct discovered *table, const char *domain, enum reason reason,
			   uint64_t now_ms)
{
	struct seat seat = discovered_enter(table, domain, now_ms);
	struct entry *entry = discovered_find(&seat, domain);

	if (entry) {
		if (reason == REASON_NONE)
			see(&seat, entry);
		else
			entry->view.n_sent_failed++;
		discovered_touch(&seat, entry);
	}
	discovered_leave(&seat);
}

bool discovered_knows(struct discovered *table, const char *domain)
{
	struct seat seat = discovered_enter(table, domain, 0);
	bool is_known = discovered_find(&seat, domain) != NULL;

	discovered_leave(&seat);
	return is_known;
}

bool discovered_is_blocked(struct discovered *table, const char *domain)
{
	struct seat seat = discovered_enter(table, domain, 0);
	const struct entry *entry = discovered_find(&seat, domain);
	bool is_blocked = entry && entry->is_blocked;

	discovered_leave(&seat);
	return is_blocked;
}

bool discovered_hides(struct discovered *table, const char *domain, uint64_t now_ms)
{
	struct seat seat = discovered_enter(table, domain, now_ms);
	const struct entry *entry = discovered_find(&seat, domain);
	bool is_approved = entry && entry->is_approved &&
			   (entry->view.until_s == 0 || entry->view.until_s > seat.now_s);

	discovered_leave(&seat);
	return !is_approved;
}

int discovered_hidden_status(int status)
{
	switch (status) {
	case 404: /* no such user */
	case 410: /* no more */
	case 484: /* not yet a user's address */
	case 485: /* several users' */
	case 604: /* nowhere */
		return 480;
	default:
		return status;
	}
}
