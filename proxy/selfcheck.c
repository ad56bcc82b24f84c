#include "proxy/selfcheck.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/check_dns.h"
#include "proxy/check_rehearsal.h"
#include "proxy/selfcheck_door.h"

enum { MAX_DOMAINS = 16, MAX_SEEN = 32 };

/* One domain of ours. */
struct own {
	struct selfcheck *check;
	char name[256], suggested[ADDR_TEXT_SIZE];
	struct check_dns dns;
	struct check_rows rows;
	struct selfcheck_door door;
	size_t target, addr; /* that are looked at next */
	bool is_dns_done, is_inside_done, has_answered;
};

struct selfcheck {
	struct check_means *means;
	struct snapshot *snapshot; /* counted */
	struct own *own;
	size_t n_own, current;
	bool is_door_open;
	struct addr seen[MAX_SEEN]; /* where TLS versions were tested */
	size_t n_seen;
	struct timer deadline;
	struct loop_call call;
	selfcheck_done *done;
	void *user;
};

static void go_on(struct selfcheck *check);

static struct selfcheck *selfcheck_free(struct selfcheck *check)
{
	for (size_t i = 0; i < check->n_own; i++) {
		check_dns_cancel(&check->own[i].dns);
		selfcheck_door_cancel(&check->own[i].door);
		check_rows_fini(&check->own[i].rows);
	}
	free(check->own);
	timer_stop(&check->deadline);
	loop_defer_cancel(&check->call);
	snapshot_unref(check->snapshot);
	free(check);
	return NULL;
}

struct selfcheck *selfcheck_cancel(struct selfcheck *check)
{
	return check ? selfcheck_free(check) : NULL;
}

/* What nobody can know from inside. */
static void add_untested(struct selfcheck *check, struct own *own)
{
	if (!selfcheck_listener(check->snapshot, 0))
		check_fault(&own->rows, CHECK_FAIL, CHECK_LISTENER, NULL,
			    "no listener has network: wan and transport: mtls");
	if (check->means->prober.ops == &check_rehearsal_ops)
		check_untested(
			&own->rows, "SERVED",
			"what is really served: this is what DNS and the files say, without the daemon");
	check_untested(&own->rows, "PUBLIC-ADDRESS", "which address others see of us (STUN)");
	check_untested(&own->rows, "FROM-OUTSIDE", "whether a firewall lets partners in");
}

static void on_over(struct loop_call *call)
{
	struct selfcheck *check = container_of(call, struct selfcheck, call);
	struct check_rows all = { 0 };

	for (size_t i = 0; i < check->n_own; i++) {
		add_untested(check, &check->own[i]);
		check_rows_append(&all, &check->own[i].rows);
	}
	check->done(check->user, &all);
	check_rows_fini(&all);
	selfcheck_free(check);
}

static void on_deadline(struct timer *timer)
{
	struct selfcheck *check = container_of(timer, struct selfcheck, deadline);

	for (size_t i = check->current; i < check->n_own; i++) {
		struct own *own = &check->own[i];

		check_dns_cancel(&own->dns);
		selfcheck_door_cancel(&own->door);
		own->rows.is_unknown |= !own->is_dns_done;
		check_untested(&own->rows, "TIME", "the rest: ten seconds are over");
	}
	loop_defer(check->means->server->loop, &check->call, on_over);
}

static bool is_seen(struct selfcheck *check, const struct addr *addr)
{
	for (size_t i = 0; i < check->n_seen; i++)
		if (addr_equal(&check->seen[i], addr))
			return true;
	return false;
}

static void on_door(struct selfcheck_door *door)
{
	struct own *own = container_of(door, struct own, door);
	struct selfcheck *check = own->check;

	own->has_answered |= door->has_answered;
	if (door->has_answered && door->tests_versions && check->n_seen < MAX_SEEN)
		check->seen[check->n_seen++] = door->addr;
	check->is_door_open = false;
	go_on(check);
}

static void open_door(struct own *own, const struct check_target *target)
{
	struct selfcheck *check = own->check;
	struct selfcheck_door *door = &own->door;

	*door = (struct selfcheck_door){ .snapshot = check->snapshot,
					 .prober = &check->means->prober,
					 .rows = &own->rows,
					 .stage_ms = CHECK_STAGE_MS,
					 .on_end = on_door };
	text_copy(door->domain, sizeof(door->domain), own->name);
	if (target) {
		text_copy(door->host, sizeof(door->host), target->host);
		door->addr = target->addrs[own->addr];
	}
	door->tests_versions = !is_seen(check, &door->addr);
	check->is_door_open = true;
	selfcheck_door_start(door);
}

/* The next address that DNS names, or the listener itself if none of them could be looked at;
 * false: there is none. */
static bool open_next(struct own *own)
{
	while (own->target < own->dns.n_targets) {
		const struct check_target *target = &own->dns.targets[own->target];

		if (own->addr < target->n_addrs) {
			open_door(own, target);
			own->addr++;
			return true;
		}
		own->target++;
		own->addr = 0;
	}
	if (own->has_answered || own->is_inside_done)
		return false;
	own->is_inside_done = true;
	open_door(own, NULL);
	return true;
}

/* One domain after the other, so that a check is never a storm of handshakes. */
static void go_on(struct selfcheck *check)
{
	while (!check->is_door_open && check->current < check->n_own) {
		struct own *own = &check->own[check->current];

		if (!own->is_dns_done || open_next(own))
			return;
		check->current++;
	}
	if (check->current == check->n_own)
		loop_defer(check->means->server->loop, &check->call, on_over);
}

static void on_dns(struct check_dns *dns)
{
	struct own *own = container_of(dns, struct own, dns);

	own->is_dns_done = true;
	go_on(own->check);
}

static void suggest(const struct selfcheck *check, const char *domain,
		    struct check_dns_settings *settings, char addr[ADDR_TEXT_SIZE])
{
	const struct listener *listener = selfcheck_listener(check->snapshot, 0);
	struct addr parsed;
	size_t len = strlen(domain), host_len;

	settings->suggested_host = settings->suggested_addr = "";
	settings->suggested_port = listener ? listener->port : 5061;
	if (!listener)
		return;
	host_len = strlen(listener->host);
	if (addr_parse(listener->host, 0, &parsed) && host_len > len &&
	    strcmp(listener->host + host_len - len, domain) == 0 &&
	    listener->host[host_len - len - 1] == '.')
		settings->suggested_host = listener->host;
	if (selfcheck_public_address(listener, &parsed))
		settings->suggested_addr = addr_host(&parsed, addr);
}

static void add_domain(struct selfcheck *check, const char *name)
{
	struct own *own = &check->own[check->n_own++];

	own->check = check;
	text_copy(own->name, sizeof(own->name), name);
	text_copy(own->rows.subject, sizeof(own->rows.subject), name);
	own->rows.is_ours = true;
}

static enum err add_domains(struct selfcheck *check, const char *domain)
{
	const struct settings *settings = check->snapshot->settings;

	for (size_t i = 0; i < settings->n_domains && check->n_own < MAX_DOMAINS; i++)
		if (!domain || strcmp(settings->domains[i].name, domain) == 0)
			add_domain(check, settings->domains[i].name);
	if (domain && check->n_own == 0)
		return ERR_NOT_FOUND;
	if (!domain && settings->n_domains > MAX_DOMAINS)
		check_untested(&check->own[MAX_DOMAINS - 1].rows, "DOMAINS",
			       "%zu further domains: ask for each with nuncio selfcheck DOMAIN",
			       settings->n_domains - MAX_DOMAINS);
	return ERR_OK;
}

static void begin(struct selfcheck *check)
{
	struct check_dns_settings settings = { .looker = &check->means->looker,
					       .budget_ms = CHECK_DNS_MS };

	settings.n_servers = check_resolvers(check->means, check->snapshot, settings.servers,
					     COUNT(settings.servers));
	for (size_t i = 0; i < check->n_own; i++) {
		struct own *own = &check->own[i];

		suggest(check, own->name, &settings, own->suggested);
		check_dns_start(&own->dns, &settings, own->name, &own->rows, on_dns);
	}
	timer_start(check->means->server->loop, &check->deadline, CHECK_TOTAL_MS, on_deadline);
	if (check->n_own == 0)
		go_on(check);
}

enum err selfcheck_start(struct check_means *means, const char *domain, selfcheck_done *done,
			 void *user, struct selfcheck **out)
{
	struct selfcheck *check = calloc(1, sizeof(*check));
	enum err err = ERR_NO_MEMORY;

	if (!check)
		return ERR_NO_MEMORY;
	check->means = means;
	check->done = done;
	check->user = user;
	check->snapshot = snapshot_ref(means->server->snapshot);
	check->own = calloc(MAX_DOMAINS, sizeof(*check->own));
	if (check->own)
		err = add_domains(check, domain);
	if (err) {
		selfcheck_free(check);
		return err;
	}
	begin(check);
	*out = check;
	return ERR_OK;
}
