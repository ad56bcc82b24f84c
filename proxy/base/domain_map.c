#include "proxy/base/domain_map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum { NAME_SIZE = 256 };

struct entry {
	UT_hash_handle hh;
	const void *value;
	char name[NAME_SIZE]; /* of a pattern what follows its "*": ".example" */
};

struct domain_map {
	struct entry *names, *patterns;
	size_t longest_pattern; /* spares a stranger's long name most of its lookups */
};

enum err domain_map_new(struct domain_map **out)
{
	struct domain_map *map = calloc(1, sizeof(*map));
	if (!map)
		return ERR_NO_MEMORY;
	*out = map;
	return ERR_OK;
}

static void free_table(struct entry *head)
{
	struct entry *entry, *next;

	HASH_ITER(hh, head, entry, next)
	{
		HASH_DEL(head, entry);
		free(entry);
	}
}

struct domain_map *domain_map_free(struct domain_map *map)
{
	if (map) {
		free_table(map->names);
		free_table(map->patterns);
		free(map);
	}
	return NULL;
}

/* FNV-1a. All names are the configuration's: no stranger can make a chain long, so that the
 * hash need not be a secret one. */
static unsigned hash_of(const char *name, size_t len)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619;
	return hash;
}

static const struct entry *find(const struct entry *head, const char *name, size_t len)
{
	const struct entry *entry;

	HASH_FIND_BYHASHVALUE(hh, head, name, len, hash_of(name, len), entry);
	return entry;
}

static enum err add(struct entry **head, const char *name, const void *value)
{
	const size_t len = strlen(name);

	if (find(*head, name, len))
		return ERR_EXISTS;

	struct entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return ERR_NO_MEMORY;
	if (!text_copy(entry->name, sizeof(entry->name), name)) {
		free(entry);
		return ERR_TOO_LARGE;
	}
	entry->value = value;
	HASH_ADD_BYHASHVALUE(hh, *head, name, len, hash_of(name, len), entry);
	if (find(*head, name, len))
		return ERR_OK;
	free(entry);
	return ERR_NO_MEMORY;
}

enum err domain_map_put(struct domain_map *map, const char *domain, const void *value)
{
	if (!text_starts_with(domain, "*."))
		return add(&map->names, domain, value);

	enum err err = add(&map->patterns, domain + 1, value);
	size_t len = strlen(domain + 1);
	if (err == ERR_OK && len > map->longest_pattern)
		map->longest_pattern = len;
	return err;
}

const void *domain_map_find(const struct domain_map *map, const char *domain)
{
	size_t len = strlen(domain);
	const struct entry *entry = find(map->names, domain, len);

	if (entry)
		return entry->value;
	if (!map->patterns || len == 0 || domain[0] == '*')
		return NULL;
	/* A true sub-domain has at least one character before the dot. */
	for (const char *dot = strchr(domain + 1, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t left = len - (size_t)(dot - domain);
		if (left > map->longest_pattern)
			continue;
		entry = find(map->patterns, dot, left);
		if (entry)
			return entry->value;
	}
	return NULL;
}
