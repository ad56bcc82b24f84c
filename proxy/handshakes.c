#include "proxy/handshakes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct slot {
	struct handshake handshake; /* id 0: free */
	uint64_t window_ends_ms;
};

struct shelf {
	struct slot slots[HANDSHAKES_KEPT];
};

struct handshakes {
	pthread_mutex_t lock;
	struct shelf inbound, outbound;
};

enum err handshakes_new(struct handshakes **out)
{
	struct handshakes *handshakes = calloc(1, sizeof(*handshakes));

	if (!handshakes)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&handshakes->lock, NULL);
	*out = handshakes;
	return ERR_OK;
}

struct handshakes *handshakes_free(struct handshakes *handshakes)
{
	if (handshakes)
		pthread_mutex_destroy(&handshakes->lock);
	free(handshakes);
	return NULL;
}

/* ---- putting ---- */

/* A house behind IPv6 has a /64. */
static bool is_same_house(const struct addr *a, const struct addr *b)
{
	if (addr_is_ipv6(a) && addr_is_ipv6(b))
		return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 8) == 0;
	return addr_same_host(a, b);
}

static bool is_same_peer(const struct tls_diagnosis *a, const struct tls_diagnosis *b)
{
	return strcmp(a->peer, b->peer) == 0 && is_same_house(&a->remote, &b->remote);
}

static bool is_older(const struct slot *slot, const struct slot *than)
{
	return !than || slot->handshake.id < than->handshake.id;
}

/* Where a new one belongs: in the record that it is similar to, in the place of the peer's own
 * oldest if it has its share, else in a free place or that of the oldest of all. */
static struct slot *find_place(struct shelf *shelf, const struct tls_diagnosis *diagnosis,
			       uint64_t now_ms)
{
	struct slot *oldest = NULL, *own_oldest = NULL;
	unsigned n_own = 0;

	for (size_t i = 0; i < HANDSHAKES_KEPT; i++) {
		struct slot *slot = &shelf->slots[i];

		if (is_older(slot, oldest))
			oldest = slot; /* a free one is older than any */
		if (!slot->handshake.id || !is_same_peer(&slot->handshake.diagnosis, diagnosis))
			continue;
		if (slot->handshake.diagnosis.reason == diagnosis->reason &&
		    now_ms < slot->window_ends_ms)
			return slot;
		n_own++;
		if (is_older(slot, own_oldest))
			own_oldest = slot;
	}
	return n_own >= HANDSHAKES_OF_ONE ? own_oldest : oldest;
}

void handshakes_put(struct handshakes *handshakes, const struct handshake *handshake,
		    uint64_t now_ms)
{
	const struct tls_diagnosis *diagnosis = &handshake->diagnosis;
	struct shelf *shelf =
		diagnosis->is_inbound ? &handshakes->inbound : &handshakes->outbound;
	struct handshake *kept;
	struct slot *slot;

	pthread_mutex_lock(&handshakes->lock);
	slot = find_place(shelf, diagnosis, now_ms);
	kept = &slot->handshake;
	if (kept->id && now_ms < slot->window_ends_ms &&
	    kept->diagnosis.reason == diagnosis->reason &&
	    is_same_peer(&kept->diagnosis, diagnosis)) {
		kept->n_similar++;
		kept->wall_us = handshake->wall_us;
		kept->diagnosis = *diagnosis;
	} else {
		*kept = *handshake;
		slot->window_ends_ms = now_ms + HANDSHAKES_WINDOW_MS;
	}
	pthread_mutex_unlock(&handshakes->lock);
}

/* ---- finding ---- */

/* True if one of the names ("DNS:a.example, DNS:b.example") is the domain, or lies below it. */
static bool names_domain(const char *names, const char *domain)
{
	size_t len = strlen(domain);

	for (const char *at = names; (at = strcasestr(at, domain)); at++) {
		bool begins = at == names || strchr(" ,:;.=@", at[-1]);

		if (begins && (at[len] == '\0' || strchr(" ,;", at[len])))
			return true;
	}
	return false;
}

/* "partner.example" of "partner:partner.example". */
static const char *name_of(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon ? colon + 1 : id;
}

static bool is_about(const struct tls_diagnosis *diagnosis, const char *about)
{
	struct addr addr;

	if (!about)
		return true;
	if (addr_parse_port(about, 0, &addr) == ERR_OK)
		return addr_port(&addr) ? addr_equal(&addr, &diagnosis->remote)
					: addr_same_host(&addr, &diagnosis->remote);
	if (!*about)
		return false;
	if (strcasecmp(diagnosis->peer, about) == 0 ||
	    strcasecmp(name_of(diagnosis->peer), about) == 0)
		return true;
	/* Whom we dialled is known; who dialled us is not, but says so. */
	return diagnosis->is_inbound && names_domain(diagnosis->presented, about);
}

static size_t look_through(const struct shelf *shelf, const char *about, struct handshake *out,
			   size_t n)
{
	for (size_t i = 0; i < HANDSHAKES_KEPT; i++) {
		const struct handshake *handshake = &shelf->slots[i].handshake;

		if (handshake->id && is_about(&handshake->diagnosis, about))
			out[n++] = *handshake;
	}
	return n;
}

static int newest_first(const void *a, const void *b)
{
	const struct handshake *left = a, *right = b;

	if (left->wall_us != right->wall_us)
		return left->wall_us < right->wall_us ? 1 : -1;
	return left->id < right->id ? 1 : left->id > right->id ? -1 : 0;
}

size_t handshakes_find(struct handshakes *handshakes, const char *about, struct handshake *out,
		       size_t max)
{
	struct handshake *found = calloc(2 * HANDSHAKES_KEPT, sizeof(*found));
	size_t n;

	if (!found)
		return 0;
	pthread_mutex_lock(&handshakes->lock);
	n = look_through(&handshakes->inbound, about, found, 0);
	n = look_through(&handshakes->outbound, about, found, n);
	pthread_mutex_unlock(&handshakes->lock);
	if (n > 0)
		qsort(found, n, sizeof(*found), newest_first);
	n = n < max ? n : max;
	memcpy(out, found, n * sizeof(*out));
	free(found);
	return n;
}
