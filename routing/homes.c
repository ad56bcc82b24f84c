#include "routing/homes.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"
#include "routing/srv_order.h"

enum { MAX_CANDIDATES = 64 };

/* How well a backend's patterns fit, the best first: also the priority in srv_order. */
enum fit { FIT_NAMED, FIT_PATTERN, FIT_EVERYBODY, FIT_NOT };

struct named_user {
	UT_hash_handle hh;
	const char *name;
};

struct home {
	const struct settings_backend *backend;
	struct named_user *named_array, *named; /* the storage, and the table over it */
	const char **patterns;                  /* with a "*" in them */
	size_t n_patterns;
	bool takes_everybody;
};

struct homes {
	struct home *homes;
	size_t n;
};

static const struct named_user *find_named(const struct home *home, const char *user)
{
	const struct named_user *found;

	HASH_FIND_STR(home->named, user, found);
	return found;
}

static enum err add_named(struct home *home, struct named_user *named, const char *name)
{
	if (find_named(home, name))
		return ERR_OK;
	named->name = name;
	HASH_ADD_KEYPTR(hh, home->named, name, strlen(name), named);
	return find_named(home, name) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err fill_home(struct home *home, const struct settings_backend *backend)
{
	enum err err = ERR_OK;

	home->backend = backend;
	home->named_array = calloc(backend->n_users + 1, sizeof(*home->named_array));
	home->patterns = calloc(backend->n_users + 1, sizeof(*home->patterns));
	if (!home->named_array || !home->patterns)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < backend->n_users && err == ERR_OK; i++) {
		const char *text = backend->users[i].text;
		if (strcmp(text, "*") == 0)
			home->takes_everybody = true;
		else if (strchr(text, '*'))
			home->patterns[home->n_patterns++] = text;
		else
			err = add_named(home, &home->named_array[i], text);
	}
	return err;
}

enum err homes_new(const struct settings_backend *backends, size_t n, struct homes **out)
{
	struct homes *homes = calloc(1, sizeof(*homes));
	if (!homes)
		return ERR_NO_MEMORY;

	enum err err = ERR_OK;
	homes->homes = calloc(n + 1, sizeof(*homes->homes));
	if (!homes->homes)
		err = ERR_NO_MEMORY;
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = fill_home(&homes->homes[homes->n++], &backends[i]);
	if (err != ERR_OK) {
		homes_free(homes);
		return err;
	}
	*out = homes;
	return ERR_OK;
}

struct homes *homes_free(struct homes *homes)
{
	if (!homes)
		return NULL;
	for (size_t i = 0; i < homes->n; i++) {
		HASH_CLEAR(hh, homes->homes[i].named);
		free(homes->homes[i].named_array);
		free(homes->homes[i].patterns);
	}
	free(homes->homes);
	free(homes);
	return NULL;
}

static enum fit fit_of(const struct home *home, const char *user, const char *domain)
{
	if (!settings_backend_serves(home->backend, domain))
		return FIT_NOT;
	if (find_named(home, user))
		return FIT_NAMED;
	for (size_t i = 0; i < home->n_patterns; i++)
		if (text_glob(home->patterns[i], user))
			return FIT_PATTERN;
	return home->takes_everybody ? FIT_EVERYBODY : FIT_NOT;
}

/* Draws that are always the same for one user. */
static uint32_t draw(void *user, uint32_t n)
{
	uint64_t *state = user;

	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 32) % ((uint64_t)n + 1));
}

size_t homes_find(const struct homes *homes, const char *user, const char *domain, size_t *out,
		  size_t max)
{
	static const uint64_t same_everywhere[2] = { 0x6e756e63696f2068, 0x6f6d65732e2e2e2e };
	struct srv_entry entries[MAX_CANDIDATES];
	size_t n = 0;

	for (size_t i = 0; i < homes->n && n < MAX_CANDIDATES; i++) {
		enum fit fit = fit_of(&homes->homes[i], user, domain);
		unsigned weight = homes->homes[i].backend->weight;
		if (fit != FIT_NOT)
			entries[n++] = (struct srv_entry){
				.priority = (uint16_t)fit,
				.weight = weight < UINT16_MAX ? (uint16_t)weight : UINT16_MAX,
				.index = i,
			};
	}

	uint64_t state = random_siphash(same_everywhere, user, strlen(user));
	srv_order(entries, n, draw, &state);
	size_t n_best = 0;
	for (; n_best < n && n_best < max && entries[n_best].priority == entries[0].priority;
	     n_best++)
		out[n_best] = entries[n_best].index;
	return n_best;
}
