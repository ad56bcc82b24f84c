#include <stdlib.h>
#include <string.h>

#include "routing/location_inside.h"

/* Fixed places by hash, so that a stranger who invents users takes no memory and pushes out
 * others at worst. */
struct absence {
	/* of user and domain; 64 bits under a key of ours are as good as the names */
	uint64_t hash;
	uint64_t of_hash; /* of the method */
	uint64_t noted_ms;
	bool is_set;
};

enum { PLACES = 4096 };

static struct absence *place_of(const struct location *location, const struct location_key *key)
{
	return &location->absences[key->whole_hash % PLACES];
}

static bool is_it(const struct absence *absence, const struct location_key *key)
{
	return absence->is_set && absence->hash == key->whole_hash;
}

void location_note_absent(struct location *location, const char *user, const char *domain,
			  const char *method, uint64_t now_ms)
{
	struct location_key key;

	if (location_key_fill(&key, user, domain))
		return;
	pthread_rwlock_wrlock(&location->lock);
	*place_of(location, &key) =
		(struct absence){ .hash = key.whole_hash,
				  .of_hash = random_keyed_hash(method, strlen(method)),
				  .noted_ms = now_ms,
				  .is_set = true };
	pthread_rwlock_unlock(&location->lock);
}

bool location_is_absent(struct location *location, const char *user, const char *domain,
			const char *method, uint64_t now_ms)
{
	struct location_key key;

	if (location_key_fill(&key, user, domain))
		return false;
	pthread_rwlock_rdlock(&location->lock);
	const struct absence *absence = place_of(location, &key);
	bool is_absent = is_it(absence, &key) &&
			 now_ms - absence->noted_ms < LOCATION_ABSENT_MS &&
			 absence->of_hash == random_keyed_hash(method, strlen(method));
	pthread_rwlock_unlock(&location->lock);
	return is_absent;
}

void location_absence_end(struct location *location, const struct location_key *key)
{
	if (is_it(place_of(location, key), key))
		place_of(location, key)->is_set = false;
}

enum err location_absences_new(struct location *location)
{
	location->absences = calloc(PLACES, sizeof(*location->absences));
	return location->absences ? ERR_OK : ERR_NO_MEMORY;
}

void location_absences_clear(struct location *location)
{
	memset(location->absences, 0, PLACES * sizeof(*location->absences));
}

void location_absences_free(struct location *location)
{
	free(location->absences);
}
