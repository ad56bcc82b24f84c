#include "proxy/transport/peer_chain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum err peer_chain_new(size_t size, struct peer_chain **out)
{
	struct peer_chain *chain;

	if (size > PEER_CHAIN_MAX_BYTES)
		return ERR_TOO_LARGE;
	chain = calloc(1, sizeof(*chain) + size);
	if (!chain)
		return ERR_NO_MEMORY;
	chain->n_refs = 1;
	*out = chain;
	return ERR_OK;
}

void peer_chain_add(struct peer_chain *chain, const void *der, size_t len)
{
	size_t at = 0;

	assert(chain->n < PEER_CHAIN_MAX);
	for (unsigned i = 0; i < chain->n; i++)
		at += chain->lens[i];
	memcpy(chain->bytes + at, der, len);
	chain->lens[chain->n++] = len;
}

struct peer_chain *peer_chain_ref(struct peer_chain *chain)
{
	__atomic_add_fetch(&chain->n_refs, 1, __ATOMIC_RELAXED);
	return chain;
}

struct peer_chain *peer_chain_unref(struct peer_chain *chain)
{
	if (chain && __atomic_sub_fetch(&chain->n_refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(chain);
	return NULL;
}
