#include "nat/public_address.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/list.h"
#include "proxy/base/text.h"

struct entry {
	struct list link;
	struct public_view view;
};

struct public_addresses {
	pthread_mutex_t lock;
	struct list entries;
	struct addr servers[PUBLIC_MAX_KNOWN_SERVERS];
	size_t n_servers;
};

const char *public_state_text(enum public_state state)
{
	switch (state) {
	case PUBLIC_UNKNOWN:
		return "unknown";
	case PUBLIC_KNOWN:
		return "known";
	case PUBLIC_LOST:
		return "lost";
	}
	return "";
}

enum err public_addresses_new(struct public_addresses **out)
{
	struct public_addresses *addresses = calloc(1, sizeof(*addresses));

	if (!addresses)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&addresses->lock, NULL);
	list_init(&addresses->entries);
	*out = addresses;
	return ERR_OK;
}

struct public_addresses *public_addresses_free(struct public_addresses *addresses)
{
	struct list *link, *following;

	if (!addresses)
		return NULL;
	list_for_each(link, following, &addresses->entries)
		free(container_of(link, struct entry, link));
	pthread_mutex_destroy(&addresses->lock);
	free(addresses);
	return NULL;
}

static struct public_view *find(struct public_addresses *addresses, const char *listener)
{
	struct list *link, *following;

	list_for_each(link, following, &addresses->entries) {
		struct entry *entry = container_of(link, struct entry, link);

		if (strcmp(entry->view.listener, listener) == 0)
			return &entry->view;
	}
	return NULL;
}

static struct public_view *find_or_add(struct public_addresses *addresses, const char *listener,
				       int network)
{
	struct public_view *view = find(addresses, listener);
	struct entry *entry;

	if (!view) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return NULL;
		list_append(&addresses->entries, &entry->link);
		view = &entry->view;
		text_copy(view->listener, sizeof(view->listener), listener);
	}
	view->network = network;
	return view;
}

/* One that comes back leaves the list: nobody is told of two places by the same name. */
static void remember(struct public_view *view, const struct addr *addr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < view->n_former; i++)
		if (!addr_equal(&view->former[i], addr) &&
		    !addr_equal(&view->former[i], &view->addr))
			view->former[n++] = view->former[i];
	if (n == PUBLIC_MAX_FORMER)
		n--;
	memmove(&view->former[1], &view->former[0], n * sizeof(view->former[0]));
	view->former[0] = view->addr;
	view->n_former = n + 1;
}

static enum public_news take(struct public_view *view, const struct addr *addr,
			     const char *server, uint64_t wall_us)
{
	const enum public_state before = view->state;

	view->state = PUBLIC_KNOWN;
	view->heard_us = wall_us;
	view->lost_us = 0;
	text_copy(view->server, sizeof(view->server), server);
	if (addr_is_set(&view->addr) && addr_equal(&view->addr, addr))
		return before == PUBLIC_LOST ? PUBLIC_BACK : PUBLIC_SAME;
	view->changed_us = wall_us;
	if (!addr_is_set(&view->addr)) {
		view->addr = *addr;
		return PUBLIC_FIRST;
	}
	remember(view, addr);
	view->addr = *addr;
	view->n_changes++;
	return PUBLIC_CHANGED;
}

enum public_news public_addresses_heard(struct public_addresses *addresses,
					const char *listener, int network,
					const struct addr *addr, const char *server,
					uint64_t wall_us)
{
	enum public_news news = PUBLIC_NOT_KEPT;
	struct public_view *view;

	pthread_mutex_lock(&addresses->lock);
	view = find_or_add(addresses, listener, network);
	if (view)
		news = take(view, addr, server, wall_us);
	pthread_mutex_unlock(&addresses->lock);
	return news;
}

bool public_addresses_silent(struct public_addresses *addresses, const char *listener,
			     int network, uint64_t wall_us)
{
	struct public_view *view;
	bool is_news;

	pthread_mutex_lock(&addresses->lock);
	view = find_or_add(addresses, listener, network);
	is_news = view && view->lost_us == 0;
	if (is_news) {
		view->lost_us = wall_us;
		view->state = addr_is_set(&view->addr) ? PUBLIC_LOST : PUBLIC_UNKNOWN;
	}
	pthread_mutex_unlock(&addresses->lock);
	return is_news;
}

void public_addresses_prune(struct public_addresses *addresses,
			    bool (*keep)(void *user, const char *listener), void *user)
{
	struct list *link, *following;

	pthread_mutex_lock(&addresses->lock);
	list_for_each(link, following, &addresses->entries) {
		struct entry *entry = container_of(link, struct entry, link);

		if (keep(user, entry->view.listener))
			continue;
		list_remove(link);
		free(entry);
	}
	pthread_mutex_unlock(&addresses->lock);
}

bool public_addresses_look(struct public_addresses *addresses, const char *listener,
			   struct public_view *out)
{
	const struct public_view *view;

	pthread_mutex_lock(&addresses->lock);
	view = find(addresses, listener);
	if (view)
		*out = *view;
	pthread_mutex_unlock(&addresses->lock);
	return view != NULL;
}

bool public_addresses_of_network(struct public_addresses *addresses, int network, bool is_ipv6,
				 struct addr *out)
{
	struct list *link, *following;
	bool is_known = false;

	pthread_mutex_lock(&addresses->lock);
	list_for_each(link, following, &addresses->entries) {
		const struct public_view *view = &container_of(link, struct entry, link)->view;

		if (is_known || view->network != network || !addr_is_set(&view->addr) ||
		    addr_is_ipv6(&view->addr) != is_ipv6)
			continue;
		is_known = true;
		*out = view->addr;
		addr_set_port(out, 0);
	}
	pthread_mutex_unlock(&addresses->lock);
	return is_known;
}

void public_addresses_set_servers(struct public_addresses *addresses,
				  const struct addr *servers, size_t n)
{
	if (n > PUBLIC_MAX_KNOWN_SERVERS)
		n = PUBLIC_MAX_KNOWN_SERVERS;
	pthread_mutex_lock(&addresses->lock);
	for (size_t i = 0; i < n; i++)
		addresses->servers[i] = servers[i];
	addresses->n_servers = n;
	pthread_mutex_unlock(&addresses->lock);
}

size_t public_addresses_servers(struct public_addresses *addresses, bool is_ipv6,
				struct addr *out, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&addresses->lock);
	for (size_t i = 0; i < addresses->n_servers && n < max; i++)
		if (addr_is_ipv6(&addresses->servers[i]) == is_ipv6)
			out[n++] = addresses->servers[i];
	pthread_mutex_unlock(&addresses->lock);
	return n;
}

size_t public_addresses_list(struct public_addresses *addresses, struct public_view *out,
			     size_t max)
{
	struct list *link, *following;
	size_t n = 0;

	pthread_mutex_lock(&addresses->lock);
	list_for_each(link, following, &addresses->entries)
		if (n < max)
			out[n++] = container_of(link, struct entry, link)->view;
	pthread_mutex_unlock(&addresses->lock);
	return n;
}
