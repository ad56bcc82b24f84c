#include <stdlib.h>
#include <string.h>

#include "conf/settings_tables.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

#define FEDERATION(member) offsetof(struct settings_federation, member)

/* clang-format off */
static const struct field discovered_fields[] = {
	{ "rate", KIND_RATE, FEDERATION(rate), 1, 1000000, "20/s", LIVE,
	  "requests from such a domain" },
	{ "suspicious_rate", KIND_RATE, FEDERATION(suspicious_rate), 1, 1000000, "1/s", LIVE,
	  "requests from it while most of what it asks for fails" },
	{ "max_users", KIND_COUNT, FEDERATION(max_users), 1, 1000000, "1000", LIVE,
	  "distinct users of ours that it may address" },
};

/* Its keys stand in the struct of the section. */
static const struct table discovered_table = { "in discovered", discovered_fields, COUNT(discovered_fields) };

static const struct field federation_fields[] = {
	{ "open", KIND_BOOL, FEDERATION(is_open), 0, 0, "false", LIVE,
	  "exchange requests with domains that have no route: found by DNS, known by their certificates" },
	{ "listener", KIND_REF, FEDERATION(listener), 0, 63, NULL, LIVE,
	  "the wan listener for it, with transport mtls; open needs one" },
	{ "allow", KIND_TEXTS, FEDERATION(allow), 0, 10000, NULL, LIVE,
	  "these domains alone, \"*.partner.example\" for sub-domains; without it every domain that proves itself" },
	{ "deny", KIND_TEXTS, FEDERATION(deny), 0, 10000, NULL, LIVE,
	  "never these domains, whatever allow says" },
	{ "hosters", KIND_DOMAINS, FEDERATION(hosters), 0, 100, NULL, LIVE,
	  "servers that may speak for every domain whose SRV record names them" },
	{ "connections", KIND_COUNT, FEDERATION(max_connections), 1, SETTINGS_MAX_CONNECTIONS, "4", LIVE,
	  "how many connections with such a domain we send by at most; a further one is opened when it reads slowly" },
	{ "discovered", KIND_GROUP, 0, 0, 0, NULL, LIVE,
	  "bounds for a domain that nobody approved", NULL, &discovered_table },
};
/* clang-format on */

static int compare(const void *left, const void *right)
{
	const struct settings_text *a = left, *b = right;

	return strcmp(a->text, b->text);
}

/* Of repeats, the one that was written first comes first. */
static int compare_place(const void *left, const void *right)
{
	const struct settings_text *a = left, *b = right;
	int order = compare(a, b);

	if (!order)
		order = a->place.line < b->place.line ? -1 : a->place.line > b->place.line;
	if (!order)
		order = a->place.column < b->place.column ? -1 : 1;
	return order;
}

/* Normalises and sorts, so that one of ten thousand is found quickly; what is no domain is left
 * out after it was reported. */
static void read_domains(struct schema_reader *reader, const char *key,
			 const struct settings_text **domains, size_t *n_domains)
{
	struct settings_text *texts = (struct settings_text *)*domains; /* still being made */
	size_t n = 0;

	for (size_t i = 0; i < *n_domains; i++) {
		const char *domain = settings_domain_pattern(reader, key, &texts[i]);

		if (domain)
			texts[n++] = (struct settings_text){ domain, texts[i].place };
	}
	if (n)
		qsort(texts, n, sizeof(*texts), compare_place);
	*n_domains = n;
}

static void finish(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_federation *federation = at;

	if (node)
		federation->place = node->place;
	read_domains(reader, "allow", &federation->allow, &federation->n_allow);
	read_domains(reader, "deny", &federation->deny, &federation->n_deny);
}

const struct table settings_federation_table = {
	.where = "in federation",
	.fields = federation_fields,
	.n_fields = COUNT(federation_fields),
	.item_bytes = sizeof(struct settings_federation),
	.finish = finish,
};

/* True if the sorted list has text itself. */
static const struct settings_text *find(const struct settings_text *list, size_t n,
					const char *text)
{
	const struct settings_text key = { .text = text };

	return n ? bsearch(&key, list, n, sizeof(*list), compare) : NULL;
}

const struct settings_text *settings_find_domain(const struct settings_text *list, size_t n,
						 const char *domain)
{
	const struct settings_text *found = find(list, n, domain);
	char pattern[256 + 2];

	for (const char *dot = strchr(domain, '.'); dot && !found; dot = strchr(dot + 1, '.')) {
		if (strlen(dot) + 2 > sizeof(pattern))
			continue;
		pattern[0] = '*';
		strcpy(pattern + 1, dot);
		found = find(list, n, pattern);
	}
	return found;
}

bool settings_may_speak(const struct settings_federation *federation, const char *domain,
			const char *host)
{
	if (text_domain_holds(domain, host))
		return true;
	for (size_t i = 0; i < federation->n_hosters; i++)
		if (strcmp(federation->hosters[i].text, host) == 0)
			return true;
	return false;
}
