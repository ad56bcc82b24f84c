#include "nat/stun_asked.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ID_AT = 4, COOKIE_SIZE = 4 }; /* of the message; of the ID: what is random follows */

/* Of each ID the eight random bytes behind the cookie; 0: free. The asking thread alone writes,
 * with atomics. */
struct stun_asked {
	uint64_t ids[STUN_MAX_ASKED];
	unsigned n_more; /* that found no room */
};

enum err stun_asked_new(struct stun_asked **out)
{
	struct stun_asked *asked = calloc(1, sizeof(*asked));

	if (!asked)
		return ERR_NO_MEMORY;
	*out = asked;
	return ERR_OK;
}

struct stun_asked *stun_asked_free(struct stun_asked *asked)
{
	free(asked);
	return NULL;
}

static uint64_t short_id(const unsigned char *id)
{
	uint64_t number;

	memcpy(&number, id + COOKIE_SIZE, sizeof(number));
	return number ? number : 1;
}

static uint64_t load(const struct stun_asked *asked, unsigned i)
{
	return __atomic_load_n(&asked->ids[i], __ATOMIC_RELAXED);
}

static bool exchange(struct stun_asked *asked, uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < STUN_MAX_ASKED; i++) {
		if (load(asked, i) != from)
			continue;
		__atomic_store_n(&asked->ids[i], to, __ATOMIC_RELAXED);
		return true;
	}
	return false;
}

/* The answer comes by the kernel, behind the request, which leaves after this: no order is
 * needed between threads. */
void stun_asked_add(struct stun_asked *asked, const unsigned char id[STUN_ID_SIZE])
{
	if (!exchange(asked, 0, short_id(id)))
		__atomic_add_fetch(&asked->n_more, 1, __ATOMIC_RELAXED);
}

void stun_asked_remove(struct stun_asked *asked, const unsigned char id[STUN_ID_SIZE])
{
	if (!exchange(asked, short_id(id), 0))
		__atomic_sub_fetch(&asked->n_more, 1, __ATOMIC_RELAXED);
}

bool stun_asked_has(const struct stun_asked *asked, const void *bytes, size_t len)
{
	uint64_t id;

	if (len < STUN_HEADER_SIZE)
		return false;
	if (__atomic_load_n(&asked->n_more, __ATOMIC_RELAXED))
		return true;
	id = short_id((const unsigned char *)bytes + ID_AT);
	for (unsigned i = 0; i < STUN_MAX_ASKED; i++)
		if (load(asked, i) == id)
			return true;
	return false;
}
