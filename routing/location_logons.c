#include <stdlib.h>
#include <string.h>

#include "routing/location_inside.h"

struct kept_logon {
	struct list link; /* location_backend.logons */
	struct logon logon;
	uint64_t told_expires_ms;
};

static struct kept_logon *logon_of(const struct list *link)
{
	return container_of(link, struct kept_logon, link);
}

static bool has_same_reach(const struct logon *a, const struct logon *b)
{
	return addr_is_set(&a->reach) && a->reach_transport == b->reach_transport &&
	       addr_equal(&a->reach, &b->reach);
}

/* Is there another logon of that backend by which the same address is known? */
static bool is_reached_otherwise(const struct location_backend *backend,
				 const struct logon *logon, const struct kept_logon *except)
{
	for (struct list *link = backend->logons.next; link != &backend->logons;
	     link = link->next)
		if (logon_of(link) != except && has_same_reach(&logon_of(link)->logon, logon))
			return true;
	return false;
}

static void tell(const struct location *location, const struct logon *logon, bool is_gone)
{
	if (location->journal.logon)
		location->journal.logon(location->journal.user, logon, is_gone);
}

static void drop(struct location *location, struct location_backend *backend,
		 struct kept_logon *kept)
{
	list_remove(&kept->link);
	backend->counts.logons--;
	location->counts.logons--;
	if (addr_is_set(&kept->logon.reach) &&
	    !is_reached_otherwise(backend, &kept->logon, kept))
		tell(location, &kept->logon, true);
	free(kept);
}

static void drop_expired(struct location *location, struct location_backend *backend,
			 uint64_t now_ms)
{
	struct list *link, *next;

	list_for_each(link, next, &backend->logons)
		if (logon_of(link)->logon.expires_ms <= now_ms)
			drop(location, backend, logon_of(link));
}

static bool is_same_way(const struct logon *a, const struct logon *b)
{
	if (a->flow_id || b->flow_id)
		return a->flow_id == b->flow_id;
	return a->transport == b->transport && addr_equal(&a->source, &b->source);
}

/* The logon that this one replaces. */
static struct kept_logon *find(const struct location_backend *backend,
			       const struct logon *logon)
{
	struct list *link;

	for (link = backend->logons.next; link != &backend->logons; link = link->next)
		if (is_same_way(&logon_of(link)->logon, logon))
			return logon_of(link);
	for (link = backend->logons.next; link != &backend->logons; link = link->next)
		if (!logon_of(link)->logon.flow_id &&
		    has_same_reach(&logon_of(link)->logon, logon))
			return logon_of(link);
	return NULL;
}

/* What is kept over a restart, but for the times. */
static bool is_same_to_tell(const struct logon *a, const struct logon *b)
{
	return has_same_reach(a, b) && a->proof == b->proof && strcmp(a->bulk, b->bulk) == 0 &&
	       addr_equal(&a->source, &b->source);
}

static void replace(struct location *location, struct location_backend *backend,
		    struct kept_logon *kept, const struct logon *logon, uint64_t now_ms)
{
	struct logon old = kept->logon;

	kept->logon = *logon;
	kept->logon.since_ms = old.since_ms;
	if (addr_is_set(&old.reach) && !is_reached_otherwise(backend, &old, NULL))
		tell(location, &old, true);
	if (!addr_is_set(&logon->reach) ||
	    (is_same_to_tell(&old, logon) &&
	     !location_has_moved(kept->told_expires_ms, logon->expires_ms, now_ms)))
		return;
	kept->told_expires_ms = logon->expires_ms;
	tell(location, &kept->logon, false);
}

static bool is_weaker(const struct logon *logon, const struct logon *than)
{
	if (!logon->flow_id != !than->flow_id)
		return !logon->flow_id;
	return logon->expires_ms < than->expires_ms;
}

/* The one that gives way to a new one: a NAT that takes another port for each REGISTER leaves
 * old ones behind, and must not keep its backend from logging on. */
static struct kept_logon *find_weakest(const struct location_backend *backend)
{
	struct kept_logon *weakest = logon_of(backend->logons.next);

	for (struct list *link = backend->logons.next; link != &backend->logons;
	     link = link->next)
		if (is_weaker(&logon_of(link)->logon, &weakest->logon))
			weakest = logon_of(link);
	return weakest;
}

static enum err add(struct location *location, struct location_backend *backend,
		    const struct logon *logon, uint64_t now_ms)
{
	struct kept_logon *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return ERR_NO_MEMORY;
	if (backend->counts.logons >= LOCATION_MAX_LOGONS)
		drop(location, backend, find_weakest(backend));

	kept->logon = *logon;
	if (!kept->logon.since_ms)
		kept->logon.since_ms = now_ms;
	kept->told_expires_ms = logon->expires_ms;
	list_append(&backend->logons, &kept->link);
	backend->counts.logons++;
	location->counts.logons++;
	if (addr_is_set(&logon->reach))
		tell(location, &kept->logon, false);
	return ERR_OK;
}

enum err location_log_on(struct location *location, const struct logon *logon, uint64_t now_ms)
{
	enum err err = ERR_NO_MEMORY;

	pthread_rwlock_wrlock(&location->lock);
	struct location_backend *backend = location_backend_of(location, logon->backend);
	if (backend) {
		drop_expired(location, backend, now_ms);
		struct kept_logon *old = find(backend, logon);
		err = ERR_OK;
		if (old)
			replace(location, backend, old, logon, now_ms);
		else
			err = add(location, backend, logon, now_ms);
		location_backend_release(location, backend);
	}
	pthread_rwlock_unlock(&location->lock);
	return err;
}

static bool logs_off(const struct logon *logon, uint64_t flow_id, const struct addr *source)
{
	if (flow_id && !logon->flow_id)
		return logon->transport != TRANSPORT_UDP &&
		       addr_same_host(&logon->source, source);
	return logon->flow_id == flow_id && (flow_id || addr_equal(&logon->source, source));
}

void location_log_off(struct location *location, const char *backend_name, uint64_t flow_id,
		      const struct addr *source)
{
	struct list *link, *next;

	pthread_rwlock_wrlock(&location->lock);
	struct location_backend *backend = location_backend_find(location, backend_name);
	if (backend) {
		list_for_each(link, next, &backend->logons)
			if (logs_off(&logon_of(link)->logon, flow_id, source))
				drop(location, backend, logon_of(link));
		location_backend_release(location, backend);
	}
	pthread_rwlock_unlock(&location->lock);
}

static struct kept_logon *find_flow(const struct location *location, uint64_t flow_id,
				    struct location_backend **out_backend)
{
	for (struct location_backend *backend = location->backends; backend;
	     backend = backend->hh.next)
		for (struct list *link = backend->logons.next; link != &backend->logons;
		     link = link->next)
			if (logon_of(link)->logon.flow_id == flow_id) {
				*out_backend = backend;
				return logon_of(link);
			}
	return NULL;
}

bool location_flow_gone(struct location *location, uint64_t flow_id)
{
	struct location_backend *backend;
	struct kept_logon *kept;

	if (!flow_id)
		return false;
	/* Most connections that end are nobody's logon. */
	pthread_rwlock_rdlock(&location->lock);
	bool is_one = find_flow(location, flow_id, &backend) != NULL;
	pthread_rwlock_unlock(&location->lock);
	if (!is_one)
		return false;

	pthread_rwlock_wrlock(&location->lock);
	while ((kept = find_flow(location, flow_id, &backend))) {
		kept->logon.flow_id = 0;
		if (!addr_is_set(&kept->logon.reach) ||
		    is_reached_otherwise(backend, &kept->logon, kept))
			drop(location, backend, kept);
		location_backend_release(location, backend);
	}
	pthread_rwlock_unlock(&location->lock);
	return true;
}

static bool comes_before(const struct logon *a, const struct logon *b)
{
	if (!a->flow_id != !b->flow_id)
		return a->flow_id != 0;
	return a->since_ms > b->since_ms;
}

static size_t insert(const struct logon *logon, struct logon *out, size_t n)
{
	size_t at = n;

	for (; at > 0 && comes_before(logon, &out[at - 1]); at--)
		out[at] = out[at - 1];
	out[at] = *logon;
	return n + 1;
}

size_t location_logons(struct location *location, const char *backend_name, uint64_t now_ms,
		       struct logon out[LOCATION_MAX_LOGONS])
{
	size_t n = 0;

	pthread_rwlock_rdlock(&location->lock);
	const struct location_backend *backend = location_backend_find(location, backend_name);
	if (backend)
		for (struct list *link = backend->logons.next; link != &backend->logons;
		     link = link->next)
			if (logon_of(link)->logon.expires_ms > now_ms)
				n = insert(&logon_of(link)->logon, out, n);
	pthread_rwlock_unlock(&location->lock);
	return n;
}

void location_logons_expire(struct location *location, uint64_t now_ms)
{
	struct location_backend *backend, *next;

	HASH_ITER(hh, location->backends, backend, next)
	{
		drop_expired(location, backend, now_ms);
		location_backend_release(location, backend);
	}
}

void location_logons_keep(struct location *location, const struct location_keeper *keeper)
{
	struct location_backend *backend, *next_backend;
	struct list *link, *next;

	HASH_ITER(hh, location->backends, backend, next_backend)
	{
		list_for_each(link, next, &backend->logons)
			if (!keeper->keep(keeper->user, backend->name,
					  logon_of(link)->logon.proof, true))
				drop(location, backend, logon_of(link));
		location_backend_release(location, backend);
	}
}

void location_logons_free(struct location *location)
{
	location_logons_expire(location, UINT64_MAX);
}
