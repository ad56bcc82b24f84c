#include "proxy/peer_certificates.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

struct entry {
	UT_hash_handle hh;
	char key[PEER_CERTIFICATES_ID_SIZE + 1]; /* the id, behind '<' or '>' */
	struct peer_certificate certificate;
};

struct peer_certificates {
	pthread_mutex_t lock;
	struct entry *table;
};

enum err peer_certificates_new(struct peer_certificates **out)
{
	struct peer_certificates *certificates = calloc(1, sizeof(*certificates));

	if (!certificates)
		return ERR_NO_MEMORY;
	pthread_mutex_init(&certificates->lock, NULL);
	*out = certificates;
	return ERR_OK;
}

static void drop(struct peer_certificates *certificates, struct entry *entry)
{
	HASH_DEL(certificates->table, entry);
	peer_chain_unref(entry->certificate.chain);
	free(entry);
}

struct peer_certificates *peer_certificates_free(struct peer_certificates *certificates)
{
	struct entry *entry, *next;

	if (!certificates)
		return NULL;
	HASH_ITER(hh, certificates->table, entry, next)
	drop(certificates, entry);
	pthread_mutex_destroy(&certificates->lock);
	free(certificates);
	return NULL;
}

/* ---- noting ---- */

static struct entry *find(const struct peer_certificates *certificates, const char *key)
{
	struct entry *entry;

	HASH_FIND_STR(certificates->table, key, entry);
	return entry;
}

static void make_room(struct peer_certificates *certificates)
{
	struct entry *entry, *next, *oldest = NULL;

	if (HASH_COUNT(certificates->table) < PEER_CERTIFICATES_MAX)
		return;
	HASH_ITER(hh, certificates->table, entry, next)
	if (!oldest || entry->certificate.seen_ms < oldest->certificate.seen_ms)
		oldest = entry;
	drop(certificates, oldest);
}

static struct entry *add(struct peer_certificates *certificates, const char *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	make_room(certificates);
	text_copy(entry->key, sizeof(entry->key), key);
	text_copy(entry->certificate.id, sizeof(entry->certificate.id), key + 1);
	entry->certificate.is_inbound = key[0] == '<';
	HASH_ADD_STR(certificates->table, key, entry);
	if (find(certificates, key))
		return entry;
	free(entry);
	return NULL;
}

static void fill(struct peer_certificate *certificate, struct flow *flow)
{
	const struct identity *identity = flow->identity;
	struct peer_chain *chain = NULL;

	if (flow_peer_chain(flow, &chain) != ERR_OK)
		chain = NULL; /* too large, or memory is short: its end is known all the same */
	peer_chain_unref(certificate->chain);
	certificate->chain = chain;
	certificate->not_after = chain ? chain->not_after : identity->not_after;
	text_copy(certificate->sha256, sizeof(certificate->sha256), identity->sha256);
	text_copy(certificate->issuer, sizeof(certificate->issuer), identity->issuer);
	identity_text(identity, certificate->names, sizeof(certificate->names));
}

int64_t peer_certificates_note(struct peer_certificates *certificates, const char *id,
			       struct flow *flow, uint64_t now_ms)
{
	uint64_t hash;
	char key[PEER_CERTIFICATES_ID_SIZE + 1] = { flow->is_inbound ? '<' : '>' };
	int64_t not_after = 0;
	struct entry *entry;

	if (!flow->identity || !*id)
		return 0;
	hash = random_keyed_hash(id, strlen(id));
	if (flow->noted == hash)
		return 0;
	flow->noted = hash;
	text_copy(key + 1, sizeof(key) - 1, id);
	pthread_mutex_lock(&certificates->lock);
	entry = find(certificates, key);
	if (!entry)
		entry = add(certificates, key);
	if (entry) {
		entry->certificate.seen_ms = now_ms;
		if (strcmp(entry->certificate.sha256, flow->identity->sha256) != 0)
			fill(&entry->certificate, flow);
		not_after = entry->certificate.not_after;
	}
	pthread_mutex_unlock(&certificates->lock);
	return not_after;
}

/* ---- telling ---- */

static int by_id(const void *a, const void *b)
{
	const struct peer_certificate *left = a, *right = b;
	int order = strcmp(left->id, right->id);

	return order ? order : (int)left->is_inbound - (int)right->is_inbound;
}

enum err peer_certificates_list(struct peer_certificates *certificates,
				struct peer_certificate **out, size_t *out_n)
{
	struct peer_certificate *list;
	struct entry *entry, *next;
	size_t n = 0;

	pthread_mutex_lock(&certificates->lock);
	list = calloc(HASH_COUNT(certificates->table) + 1, sizeof(*list));
	if (list)
		HASH_ITER(hh, certificates->table, entry, next)
		{
			list[n] = entry->certificate;
			if (list[n].chain)
				peer_chain_ref(list[n].chain);
			n++;
		}
	pthread_mutex_unlock(&certificates->lock);
	if (!list)
		return ERR_NO_MEMORY;
	qsort(list, n, sizeof(*list), by_id);
	*out = list;
	*out_n = n;
	return ERR_OK;
}

void peer_certificates_done(struct peer_certificate *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		peer_chain_unref(list[i].chain);
	free(list);
}
