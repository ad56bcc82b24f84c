#include "proxy/selfcheck_door.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/text.h"
#include "proxy/check_chain.h"
#include "proxy/transport/credentials_check.h"

static const struct {
	enum conf_tls_version version;
	const char *name;
	bool is_wanted;
} versions[SELFCHECK_N_VERSIONS] = {
	{ CONF_TLS_1_0, "1.0", false },
	{ CONF_TLS_1_1, "1.1", false },
	{ CONF_TLS_1_2, "1.2", true },
	{ CONF_TLS_1_3, "1.3", true },
};

static void look(struct selfcheck_door *door);

/* ---- whose address it is ---- */

static bool is_for_partners(const struct listener *listener)
{
	return listener->network == NETWORK_WAN && listener->transport == TRANSPORT_MTLS;
}

struct listener *selfcheck_listener(const struct snapshot *snapshot, uint16_t port)
{
	for (size_t i = 0; i < snapshot->n_open_listeners; i++) {
		struct listener *listener = snapshot->open_listeners[i];

		if (is_for_partners(listener) &&
		    (port == 0 || listener->port == port || addr_port(&listener->addr) == port))
			return listener;
	}
	return NULL;
}

bool selfcheck_public_address(const struct listener *listener, struct addr *out)
{
	if (addr_parse(listener->host, listener->port, out) == ERR_OK && !addr_is_private(out))
		return true;
	*out = listener->addr;
	return !addr_is_wildcard(out) && !addr_is_private(out);
}

/* An address of an interface of this host. */
static bool is_local(const struct addr *addr)
{
	struct ifaddrs *list = NULL;
	bool found = addr_is_loopback(addr);

	if (getifaddrs(&list))
		return found;
	for (const struct ifaddrs *at = list; at && !found; at = at->ifa_next) {
		struct addr own;

		if (!at->ifa_addr ||
		    (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
			continue;
		addr_from_sockaddr(&own, at->ifa_addr,
				   at->ifa_addr->sa_family == AF_INET
					   ? sizeof(struct sockaddr_in)
					   : sizeof(struct sockaddr_in6));
		found = addr_same_host(&own, addr);
	}
	freeifaddrs(list);
	return found;
}

enum ownership {
	BOUND,      /* a listener has it */
	ADVERTISED, /* a router in front has it, and the configuration says so */
	UNKNOWN,    /* nothing says what our public address is */
	FOREIGN,    /* it is another one than ours */
};

static bool is_bound_to(const struct listener *listener, const struct addr *addr, bool is_here)
{
	return addr_is_wildcard(&listener->addr) ? is_here
						 : addr_same_host(&listener->addr, addr);
}

static enum ownership owner_of(const struct selfcheck_door *door)
{
	const bool is_here = is_local(&door->addr);
	bool is_known = is_here;
	struct addr public;

	for (size_t i = 0; i < door->snapshot->n_open_listeners; i++) {
		const struct listener *listener = door->snapshot->open_listeners[i];
		struct addr advertised;

		if (!is_for_partners(listener))
			continue;
		if (is_bound_to(listener, &door->addr, is_here))
			return BOUND;
		if (addr_parse(listener->host, 0, &advertised) == ERR_OK &&
		    addr_same_host(&advertised, &door->addr))
			return ADVERTISED;
		is_known |= selfcheck_public_address(listener, &public);
	}
	return is_known ? FOREIGN : UNKNOWN;
}

/* ---- rows ---- */

static void suggest(const struct selfcheck_door *door, char *out, size_t size)
{
	struct addr public;
	char text[ADDR_TEXT_SIZE];

	if (selfcheck_public_address(door->listener, &public))
		snprintf(out, size, "%s. 300 IN %s %s", door->host,
			 addr_is_ipv6(&public) ? "AAAA" : "A", addr_host(&public, text));
	else
		snprintf(out, size, "%s. 300 IN A YOUR-PUBLIC-ADDRESS", door->host);
}

static void fail_port(struct selfcheck_door *door, const struct listener *any)
{
	char remedy[700];

	snprintf(remedy, sizeof(remedy), "_sipfederationtls._tcp.%s. 300 IN SRV 100 1 %u %s.",
		 door->domain, any->port, door->host);
	check_fault(door->rows, CHECK_FAIL, CHECK_SRV_PORT, remedy,
		    "port %u; listener %s answers partners at port %u", addr_port(&door->addr),
		    any->name, any->port);
}

/* False: it is not ours, and nobody needs to be asked. */
static bool judge_address(struct selfcheck_door *door)
{
	char text[ADDR_TEXT_SIZE], remedy[400];
	const char *host = addr_host(&door->addr, text);
	const enum ownership ownership = owner_of(door);

	suggest(door, remedy, sizeof(remedy));
	switch (ownership) {
	case BOUND:
	case ADVERTISED:
		if (addr_is_private(&door->addr))
			check_fault(door->rows, CHECK_WARN, CHECK_ADDRESS_PRIVATE, remedy,
				    "%s is %s", door->host, host);
		else
			check_ok(door->rows, "ADDRESS", "%s is %s, %s listener %s, port %u",
				 door->host, host, ownership == BOUND ? "of" : "advertised by",
				 door->listener->name, addr_port(&door->addr));
		door->is_hairpin = ownership == ADVERTISED;
		return true;
	case UNKNOWN:
		door->is_hairpin = door->is_doubtful = true;
		if (addr_is_private(&door->addr))
			check_fault(door->rows, CHECK_WARN, CHECK_ADDRESS_PRIVATE, remedy,
				    "%s is %s", door->host, host);
		return true;
	case FOREIGN:
		break;
	}
	if (addr_is_private(&door->addr) && !is_local(&door->addr))
		check_fault(door->rows, CHECK_FAIL, CHECK_ADDRESS_PRIVATE, remedy, "%s is %s",
			    door->host, host);
	else
		check_fault(door->rows, CHECK_FAIL, CHECK_ADDRESS_WRONG, remedy,
			    "%s is %s, which no mtls listener of the wan has or advertises",
			    door->host, host);
	return false;
}

/* ---- what is served ---- */

static bool is_our_certificate(const struct selfcheck_door *door,
			       const struct check_result *result)
{
	for (size_t i = 0; i < door->snapshot->n_open_listeners; i++) {
		const struct listener *listener = door->snapshot->open_listeners[i];

		for (unsigned k = 0; k < listener->n_certificates; k++)
			if (result->identity &&
			    strcmp(credentials_identity(listener->certificates[k])->sha256,
				   result->identity->sha256) == 0)
				return true;
	}
	return false;
}

static void on_over(struct loop_call *call)
{
	struct selfcheck_door *door = container_of(call, struct selfcheck_door, call);

	door->on_end(door);
}

static void end(struct selfcheck_door *door)
{
	loop_defer(door->prober->loop, &door->call, on_over);
}

static void judge_options(struct selfcheck_door *door, const struct check_result *result)
{
	char text[ADDR_TEXT_SIZE];

	if (result->is_rehearsal) {
		check_untested(door->rows, "OPTIONS", "nobody was dialled");
	} else if (result->stage == CHECK_DONE) {
		check_ok(door->rows, "OPTIONS", "%s%s answers with %d%s",
			 addr_text(&door->hop.remote, text), door->is_inside ? ", inside," : "",
			 result->status,
			 result->status == 403
				 ? ", as to anybody who comes from outside in our name"
				 : "");
		check_took(door->rows, result->ask_ms);
	} else if (result->stage == CHECK_HANDSHAKE || result->was_refused_later) {
		check_untested(door->rows, "OPTIONS",
			       "our listener does not take our own certificate from us (%s)",
			       reason_code(result->reason));
	} else {
		check_fault(door->rows, CHECK_FAIL, CHECK_OPTIONS, NULL,
			    "%s does not answer: %s", addr_text(&door->hop.remote, text),
			    reason_code(result->reason));
	}
}

static void add_version(struct buf *list, const char *name)
{
	buf_printf(list, "%s%s", list->len ? ", " : "", name);
}

static void judge_versions(struct selfcheck_door *door)
{
	struct buf offered, refused, old, missing;

	buf_init(&offered, 0);
	buf_init(&refused, 0);
	buf_init(&old, 0);
	buf_init(&missing, 0);
	for (size_t i = 0; i < SELFCHECK_N_VERSIONS; i++) {
		if (!door->is_known[i]) {
			check_untested(door->rows, "TLS", "whether TLS %s is offered",
				       versions[i].name);
			continue;
		}
		add_version(door->is_offered[i] ? &offered : &refused, versions[i].name);
		if (door->is_offered[i] != versions[i].is_wanted)
			add_version(versions[i].is_wanted ? &missing : &old, versions[i].name);
	}
	if (old.len)
		check_fault(door->rows, CHECK_WARN, CHECK_TLS_OLD, NULL, "TLS %s is offered",
			    buf_text(&old));
	if (missing.len)
		check_fault(door->rows, CHECK_WARN, CHECK_TLS_MISSING, NULL,
			    "TLS %s is not offered", buf_text(&missing));
	if (!old.len && !missing.len && offered.len)
		check_ok(door->rows, "TLS", "offered: %s; refused: %s; agreed: %s",
			 buf_text(&offered), refused.len ? buf_text(&refused) : "none",
			 door->version);
	buf_fini(&offered);
	buf_fini(&refused);
	buf_fini(&old);
	buf_fini(&missing);
}

/* Who sends a certificate has agreed on the version, whatever it thinks of ours then. */
static void on_version(struct check_probe *probe, const struct check_result *result)
{
	size_t i = probe->tag;
	struct selfcheck_door *door = container_of(probe - i, struct selfcheck_door, probes[0]);

	door->is_offered[i] = result->has_tls && result->look.has_chain;
	door->is_known[i] = !result->cannot && result->stage != CHECK_CONNECT;
	if (--door->n_left > 0)
		return;
	judge_versions(door);
	end(door);
}

static void test_versions(struct selfcheck_door *door)
{
	struct check_question question = { .hop = &door->hop,
					   .only_handshake = true,
					   .asks_anyway = true,
					   .from = door->domain,
					   .to = door->domain,
					   .stage_ms = door->stage_ms };

	door->n_left = SELFCHECK_N_VERSIONS;
	for (size_t i = 0; i < SELFCHECK_N_VERSIONS; i++) {
		question.only = versions[i].version;
		check_probe_start(door->prober, &door->probes[i], &question, on_version);
		door->probes[i].tag = i;
	}
}

static void on_chain(struct selfcheck_door *door, const struct check_result *result)
{
	char place[ADDR_TEXT_SIZE];

	if (door->is_doubtful && !is_our_certificate(door, result)) {
		char names[300] = "no names";

		if (result->identity)
			identity_text(result->identity, names, sizeof(names));
		check_fault(door->rows, CHECK_FAIL, CHECK_ADDRESS_OTHER, NULL,
			    "at %s answers a server with the certificate of %s",
			    addr_text(&door->hop.remote, place), names);
		end(door);
		return;
	}
	if (door->is_doubtful && result->is_rehearsal)
		check_untested(door->rows, "ADDRESS", "whether %s leads to us",
			       addr_text(&door->hop.remote, place));
	else if (door->is_doubtful)
		check_ok(door->rows, "ADDRESS",
			 "%s leads to us: our certificate is shown there",
			 addr_text(&door->hop.remote, place));
	door->has_answered = true;
	snprintf(door->version, sizeof(door->version), "%.14s", result->diagnosis.version);
	check_chain_own(door->rows, result, door->host, door->domain,
			addr_text(&door->addr, place), loop_wall_us(door->prober->loop));
	judge_options(door, result);
	if (door->tests_versions)
		test_versions(door);
	else
		end(door);
}

/* The public address cannot be dialled from inside, as with most routers. What is served is
 * looked at behind it. */
static void go_inside(struct selfcheck_door *door, const struct check_result *result)
{
	char text[ADDR_TEXT_SIZE];

	check_untested(door->rows, "HAIRPIN",
		       "not possible: %s cannot be dialled from here (%s); whether it leads to "
		       "us is known "
		       "outside only",
		       addr_text(&door->hop.remote, text), reason_code(result->reason));
	door->is_hairpin = door->is_doubtful = false;
	door->is_inside = true;
	look(door);
}

static void on_looked(struct check_probe *probe, const struct check_result *result)
{
	struct selfcheck_door *door = container_of(probe, struct selfcheck_door, probe);
	char text[ADDR_TEXT_SIZE];

	if (result->has_tls && result->look.has_chain) {
		on_chain(door, result);
		return;
	}
	if (door->is_hairpin) {
		go_inside(door, result);
		return;
	}
	addr_text(&door->hop.remote, text);
	if (result->stage == CHECK_HANDSHAKE &&
	    !credentials_check_may_sign(door->hop.credentials)) {
		door->has_answered = true; /* behind a router it is the same */
		check_fault(door->rows, CHECK_FAIL, CHECK_CERT_KEY_USE, NULL,
			    "%s cannot use certificate %s: %s", text,
			    credentials_name(door->hop.credentials),
			    reason_code(result->reason));
	} else if (result->stage == CHECK_CONNECT) {
		check_fault(door->rows, CHECK_FAIL, CHECK_NOT_REACHED, NULL, "%s%s: %s", text,
			    door->is_inside ? ", inside" : "", reason_code(result->reason));
	} else {
		check_refused(door->rows, "TLS", result->reason, "%s%s", text,
			      door->is_inside ? ", inside" : "");
	}
	end(door);
}

/* Where the listener is reached on this host. */
static void inside_address(const struct listener *listener, struct addr *out)
{
	const bool is_ipv6 = addr_is_ipv6(&listener->addr);

	*out = listener->addr;
	if (addr_is_wildcard(out) &&
	    addr_parse(is_ipv6 ? "::1" : "127.0.0.1", addr_port(&listener->addr), out))
		*out = listener->addr; /* cannot be: the text is an address */
}

static void look(struct selfcheck_door *door)
{
	struct listener *listener = door->listener;
	struct check_question question = { .hop = &door->hop,
					   .asks_anyway = true,
					   .from = door->domain,
					   .to = door->domain,
					   .stage_ms = door->stage_ms };

	door->hop = (struct hop){ .transport = TRANSPORT_MTLS,
				  .remote = door->addr,
				  .listener = listener,
				  .credentials = listener->certificates[0],
				  .trust = door->snapshot->tls_trust,
				  .tls_minimum = CONF_TLS_1_2,
				  .peer = "selfcheck" };
	text_copy(door->hop.host, sizeof(door->hop.host),
		  *door->host ? door->host : door->domain);
	if (door->is_inside)
		inside_address(listener, &door->hop.remote);
	check_probe_start(door->prober, &door->probe, &question, on_looked);
}

void selfcheck_door_start(struct selfcheck_door *door)
{
	struct listener *any = selfcheck_listener(door->snapshot, 0);
	bool is_named = *door->host != '\0';

	door->listener =
		selfcheck_listener(door->snapshot, is_named ? addr_port(&door->addr) : 0);
	if (!any) {
		end(door); /* it was told already, once for all */
		return;
	}
	if (!door->listener) {
		fail_port(door, any);
		end(door);
		return;
	}
	door->is_inside = !is_named;
	if (is_named && !judge_address(door))
		end(door);
	else
		look(door);
}

void selfcheck_door_cancel(struct selfcheck_door *door)
{
	if (!door->prober)
		return;
	check_probe_cancel(door->prober, &door->probe);
	for (size_t i = 0; i < SELFCHECK_N_VERSIONS; i++)
		check_probe_cancel(door->prober, &door->probes[i]);
	loop_defer_cancel(&door->call);
}
