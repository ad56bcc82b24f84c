#include "routing/dns_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/table.h"
#include "proxy/base/text.h"

enum { MAX_LINES = 100000, MAX_EACH = 8, HOSTS_TTL_S = 60 };

struct host {
	UT_hash_handle hh;
	char name[256];
	struct addr addrs[MAX_EACH];
	size_t n;
};

struct dns_hosts {
	struct host *table;
};

static struct host *find(const struct dns_hosts *hosts, const char *name)
{
	struct host *host;

	HASH_FIND_STR(hosts->table, name, host);
	return host;
}

static struct host *make(struct dns_hosts *hosts, const char *name)
{
	struct host *host = calloc(1, sizeof(*host));
	if (!host)
		return NULL;
	text_copy(host->name, sizeof(host->name), name);
	HASH_ADD_STR(hosts->table, name, host);
	if (find(hosts, name))
		return host;
	free(host);
	return NULL;
}

/* What does not fit is not known; DNS will be asked. */
static void add(struct dns_hosts *hosts, const char *text, const struct addr *addr)
{
	char name[256];

	if (!text_domain(text, name, sizeof(name)))
		return;
	struct host *host = find(hosts, name);
	if (!host)
		host = make(hosts, name);
	if (!host || host->n == MAX_EACH)
		return;
	for (size_t i = 0; i < host->n; i++)
		if (addr_same_host(&host->addrs[i], addr))
			return;
	host->addrs[host->n++] = *addr;
}

static void read_line(struct dns_hosts *hosts, char *line)
{
	static const char blanks[] = " \t\r\n";
	struct addr addr;
	char *save = NULL;

	line[strcspn(line, "#")] = '\0';
	char *word = strtok_r(line, blanks, &save);
	if (!word || addr_parse(word, 0, &addr) != ERR_OK)
		return;
	while ((word = strtok_r(NULL, blanks, &save)))
		add(hosts, word, &addr);
}

static void read_file(struct dns_hosts *hosts, const char *path)
{
	char line[1024];

	FILE *file = fopen(path, "re");
	if (!file)
		return;
	for (unsigned n = 0; n < MAX_LINES && fgets(line, sizeof(line), file); n++)
		read_line(hosts, line);
	fclose(file);
}

struct dns_hosts *dns_hosts_read(const char *path)
{
	struct dns_hosts *hosts = calloc(1, sizeof(*hosts));
	if (!hosts)
		return NULL;
	read_file(hosts, path);
	if (!find(hosts, "localhost")) {
		char ipv4[] = "127.0.0.1 localhost", ipv6[] = "::1 localhost";
		read_line(hosts, ipv4);
		read_line(hosts, ipv6);
	}
	return hosts;
}

struct dns_hosts *dns_hosts_free(struct dns_hosts *hosts)
{
	struct host *host, *next;

	if (!hosts)
		return NULL;
	HASH_ITER(hh, hosts->table, host, next)
	{
		HASH_DEL(hosts->table, host);
		free(host);
	}
	free(hosts);
	return NULL;
}

bool dns_hosts_find(const struct dns_hosts *hosts, const char *name, enum dns_type type,
		    struct dns_answer *out)
{
	const struct host *host = type == DNS_A || type == DNS_AAAA ? find(hosts, name) : NULL;

	if (!host)
		return false;
	memset(out, 0, sizeof(*out));
	out->ttl_s = HOSTS_TTL_S;
	for (size_t i = 0; i < host->n; i++)
		if (addr_is_ipv6(&host->addrs[i]) == (type == DNS_AAAA))
			out->addrs[out->n++] = host->addrs[i];
	out->status = out->n > 0 ? DNS_FOUND : DNS_NO_RECORD;
	return true;
}
