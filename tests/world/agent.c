#include "tests/world/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"
#include "tests/world/sip_text.h"

/* A request that was received. */
struct kept {
	struct list link;
	uint64_t flow_id;
	unsigned worker;
	char listener[64];
	char method[32];
	char to_tag[64]; /* of our responses to it */
	char text[];
};

bool agent_init(struct agent *agent, const char *name, const char *address,
		const char *listener, const char *names, const char *user, uint64_t *counter)
{
	text_copy(agent->party.name, sizeof(agent->party.name), name);
	text_copy(agent->party.listener, sizeof(agent->party.listener), listener);
	text_copy(agent->party.names, sizeof(agent->party.names), names);
	text_copy(agent->user, sizeof(agent->user), user);
	agent->counter = counter;
	list_init(&agent->requests);
	return !addr_parse_port(address, 5060, &agent->party.addr);
}

static void kept_free(struct kept *kept)
{
	list_remove(&kept->link);
	free(kept);
}

void agent_fini(struct agent *agent)
{
	while (!list_is_empty(&agent->requests))
		kept_free(container_of(agent->requests.next, struct kept, link));
	while (party_first(&agent->party))
		party_take(&agent->party);
}

void agent_forget(struct agent *agent)
{
	agent_fini(agent);
	agent->call_id[0] = agent->sent[0] = agent->invite[0] = agent->answered[0] =
		agent->challenge[0] = '\0';
	agent->n_routes = 0;
	agent->is_inside = false;
}

/* ---- requests ---- */

static const struct wish *find_wish(const struct wish *wishes, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wishes[i].kind != '+' && !strcasecmp(wishes[i].name, name))
			return &wishes[i];
	return NULL;
}

/* What is being written, and what the script wants otherwise. */
struct draft {
	struct buf *out;
	const struct wish *wishes;
	size_t n_wishes;
};

static void put_others(struct draft *draft, const char *name)
{
	size_t i;

	for (i = 0; i < draft->n_wishes; i++)
		if (draft->wishes[i].kind == '+' && !strcasecmp(draft->wishes[i].name, name))
			buf_printf(draft->out, "%s: %s\r\n", draft->wishes[i].name,
				   draft->wishes[i].value);
}

/* The header as the agent would write it, unless the script says otherwise. value NULL: only if
 * the script has one. */
static void put(struct draft *draft, const char *name, const char *value)
{
	const struct wish *wish = find_wish(draft->wishes, draft->n_wishes, name);

	if (wish && wish->kind == '=')
		buf_printf(draft->out, "%s: %s\r\n", name, wish->value);
	else if (!wish && value)
		buf_printf(draft->out, "%s: %s\r\n", name, value);
	put_others(draft, name);
}

/* Headers of the script that the agent itself never writes. */
static void put_rest(struct draft *draft, const char *const *written)
{
	size_t i, k;

	for (i = 0; i < draft->n_wishes; i++) {
		const struct wish *wish = &draft->wishes[i];

		if (wish->kind == '-' || !strcasecmp(wish->name, "body") ||
		    !strcasecmp(wish->name, "fill") || !strcasecmp(wish->name, "Request-URI"))
			continue;
		for (k = 0; written[k]; k++)
			if (!strcasecmp(written[k], wish->name))
				break;
		if (!written[k])
			buf_printf(draft->out, "%s: %s\r\n", wish->name, wish->value);
	}
}

static void put_end(struct draft *draft)
{
	const struct wish *body = find_wish(draft->wishes, draft->n_wishes, "body");
	const struct wish *fill = find_wish(draft->wishes, draft->n_wishes, "fill");
	size_t n = fill ? strtoul(fill->value, NULL, 10) : body ? strlen(body->value) : 0;
	char length[32];

	snprintf(length, sizeof(length), "%zu", n);
	put(draft, "Content-Length", length);
	buf_puts(draft->out, "\r\n");
	if (!fill && body)
		buf_puts(draft->out, body->value);
	while (fill && n--)
		buf_puts(draft->out, "x");
}

static void begin_call(struct agent *agent, const char *uri)
{
	uint64_t n = ++*agent->counter;

	snprintf(agent->call_id, sizeof(agent->call_id), "call-%llu@%s.invalid",
		 (unsigned long long)n, agent->party.name);
	snprintf(agent->local_tag, sizeof(agent->local_tag), "%s-%llu", agent->party.name,
		 (unsigned long long)n);
	text_copy(agent->remote_uri, sizeof(agent->remote_uri), uri);
	text_copy(agent->remote_target, sizeof(agent->remote_target), uri);
	agent->remote_tag[0] = '\0';
	agent->n_routes = 0;
	agent->cseq = 0;
	agent->is_inside = false;
}

static void contact_of(const struct agent *agent, const char *transport, char out[256])
{
	char addr[ADDR_TEXT_SIZE];

	snprintf(out, 256, "<sip:%s@%s;transport=%s>", agent->party.name,
		 addr_text(&agent->party.addr, addr), transport);
	text_lower(strstr(out, ";transport="));
}

static void put_routes(const struct agent *agent, struct draft *draft)
{
	const struct wish *wish = find_wish(draft->wishes, draft->n_wishes, "Route");
	unsigned i;

	if (wish) {
		put(draft, "Route", NULL);
		return;
	}
	for (i = 0; i < agent->n_routes; i++)
		buf_printf(draft->out, "Route: %s\r\n", agent->routes[i]);
	put_others(draft, "Route");
}

static void put_party(struct draft *draft, const char *name, const char *uri, const char *tag)
{
	const struct wish *wish = find_wish(draft->wishes, draft->n_wishes, name);
	char value[2600];

	/* A script's From or To without a tag gets ours. */
	if (wish && wish->kind == '=' && *tag && !strstr(wish->value, ";tag=")) {
		buf_printf(draft->out, "%s: %s;tag=%s\r\n", name, wish->value, tag);
		return;
	}
	snprintf(value, sizeof(value), "<%s>%s%s", uri, *tag ? ";tag=" : "", tag);
	put(draft, name, value);
}

/* RFC 3261 §20.10, RFC 6665, RFC 3311: who begins a dialog, or moves its target. */
static bool has_contact(const char *method)
{
	static const char *const methods[] = { "INVITE", "SUBSCRIBE", "NOTIFY",
					       "REFER",  "UPDATE",    "OPTIONS" };
	size_t i;

	for (i = 0; i < COUNT(methods); i++)
		if (!strcmp(method, methods[i]))
			return true;
	return false;
}

static void put_request(struct agent *agent, struct draft *draft, const char *method,
			const char *uri, const char *transport)
{
	static const char *const written[] = { "Via",  "Max-Forwards", "Route",
					       "From", "To",           "Call-ID",
					       "CSeq", "Contact",      "Content-Length",
					       NULL };
	const struct wish *request_uri =
		find_wish(draft->wishes, draft->n_wishes, "Request-URI");
	char value[512], addr[ADDR_TEXT_SIZE], contact[256];

	buf_printf(draft->out, "%s %s SIP/2.0\r\n", method,
		   request_uri ? request_uri->value : uri);
	snprintf(value, sizeof(value), "SIP/2.0/%s %s;branch=z9hG4bK-%s-%llu%s", transport,
		 addr_text(&agent->party.addr, addr), agent->party.name,
		 (unsigned long long)++*agent->counter,
		 strcmp(transport, "UDP") ? "" : ";rport");
	put(draft, "Via", value);
	put(draft, "Max-Forwards", "70");
	put_routes(agent, draft);
	put_party(draft, "From", agent->user, agent->local_tag);
	put_party(draft, "To", agent->remote_uri, agent->remote_tag);
	put(draft, "Call-ID", agent->call_id);
	snprintf(value, sizeof(value), "%u %s", agent->cseq, method);
	put(draft, "CSeq", value);
	contact_of(agent, transport, contact);
	put(draft, "Contact", has_contact(method) ? contact : NULL);
	put_rest(draft, written);
	put_end(draft);
}

/* A line of the INVITE that is repeated in its CANCEL and ACK. */
static void copy_header(struct draft *draft, const char *from, const char *name, unsigned max)
{
	char value[2048];
	unsigned i;

	if (find_wish(draft->wishes, draft->n_wishes, name)) {
		put(draft, name, NULL);
		return;
	}
	for (i = 0; i < max && sip_text_header(from, name, i, value, sizeof(value)); i++)
		buf_printf(draft->out, "%s: %s\r\n", name, value);
}

/* CANCEL (RFC 3261 §9.1), and the ACK to a final other than 2xx (§17.1.1.3). */
static bool put_derived(struct agent *agent, struct draft *draft, const char *method)
{
	static const char *const written[] = { "Via",  "Max-Forwards", "Route",
					       "From", "To",           "Call-ID",
					       "CSeq", "Contact",      "Content-Length",
					       NULL };
	const struct wish *request_uri =
		find_wish(draft->wishes, draft->n_wishes, "Request-URI");
	char start[1024], value[1024], *uri, *end;

	if (!*agent->invite)
		return false;
	sip_text_start(agent->invite, start, sizeof(start));
	uri = strchr(start, ' ') + 1;
	end = strchr(uri, ' ');
	*end = '\0';
	buf_printf(draft->out, "%s %s SIP/2.0\r\n", method,
		   request_uri ? request_uri->value : uri);
	copy_header(draft, agent->invite, "Via", 1);
	put(draft, "Max-Forwards", "70");
	copy_header(draft, agent->invite, "Route", AGENT_MAX_ROUTES);
	copy_header(draft, agent->invite, "From", 1);
	copy_header(draft, strcmp(method, "ACK") ? agent->invite : agent->answered, "To", 1);
	copy_header(draft, agent->invite, "Call-ID", 1);
	snprintf(value, sizeof(value), "%u %s", agent->invite_cseq, method);
	put(draft, "CSeq", value);
	put_rest(draft, written);
	put_end(draft);
	return true;
}

/* The last one is remembered: for "again". */
static bool remember(struct agent *agent, const struct buf *out)
{
	if (out->err)
		return false;
	return text_copy(agent->sent, sizeof(agent->sent), buf_text(out));
}

bool agent_request(struct agent *agent, const char *method, const char *uri,
		   const struct wish *wishes, size_t n_wishes, const char *transport,
		   struct buf *out)
{
	struct draft draft = { .out = out, .wishes = wishes, .n_wishes = n_wishes };
	bool is_ack = !strcmp(method, "ACK");
	char cseq[64];

	if (!strcmp(method, "CANCEL") || (is_ack && agent->invite_status >= 300 && !*uri))
		return put_derived(agent, &draft, method) && remember(agent, out);
	if (*uri && !is_ack)
		begin_call(agent, uri);
	else if (!*agent->call_id)
		return false;
	if (!is_ack)
		agent->cseq++;
	else
		agent->cseq = agent->invite_cseq;
	put_request(agent, &draft, method, *uri ? uri : agent->remote_target, transport);
	if (!strcmp(method, "INVITE")) {
		text_copy(agent->invite, sizeof(agent->invite), buf_text(out));
		sip_text_header(agent->invite, "CSeq", 0, cseq, sizeof(cseq));
		agent->cseq = agent->invite_cseq = (uint32_t)strtoul(cseq, NULL, 10);
		agent->invite_status = 0;
	}
	return remember(agent, out);
}

/* ---- responses ---- */

static struct kept *find_kept(const struct agent *agent, const char *method)
{
	struct list *link;

	for (link = agent->requests.next; link != &agent->requests; link = link->next) {
		struct kept *kept = container_of(link, struct kept, link);

		if (!*method || !strcmp(kept->method, method))
			return kept;
	}
	return NULL;
}

bool agent_where(const struct agent *agent, const char *method, uint64_t *out_flow_id,
		 unsigned *out_worker, char listener[64])
{
	const struct kept *kept = find_kept(agent, method);

	if (!kept)
		return false;
	*out_flow_id = kept->flow_id;
	*out_worker = kept->worker;
	text_copy(listener, 64, kept->listener);
	return true;
}

const char *agent_asked(const struct agent *agent)
{
	const struct kept *kept = find_kept(agent, "");

	return kept ? kept->text : "";
}

void agent_header(const struct agent *agent, const char *name, char *out, size_t size)
{
	const struct kept *kept = find_kept(agent, "");
	char value[1024];
	size_t len = 0;
	unsigned i;

	*out = '\0';
	for (i = 0;
	     kept && sip_text_header(kept->text, name, i, value, sizeof(value)) && len < size;
	     i++) {
		snprintf(out + len, size - len, "%s%s", i ? ", " : "", value);
		len = strlen(out);
	}
}

static void put_to(struct agent *agent, struct draft *draft, struct kept *kept, int status)
{
	char to[1024], tag[128];

	sip_text_header(kept->text, "To", 0, to, sizeof(to));
	if (status > 100 && !sip_text_param(to, "tag", tag, sizeof(tag))) {
		size_t len = strlen(to);

		if (!*kept->to_tag) {
			snprintf(kept->to_tag, sizeof(kept->to_tag), "%s-%llu",
				 agent->party.name, (unsigned long long)++*agent->counter);
			text_copy(agent->local_tag, sizeof(agent->local_tag), kept->to_tag);
		}
		snprintf(to + len, sizeof(to) - len, ";tag=%s", kept->to_tag);
	}
	put(draft, "To", to);
}

bool agent_response(struct agent *agent, int status, const char *phrase, const char *method,
		    const struct wish *wishes, size_t n_wishes, struct buf *out)
{
	static const char *const written[] = { "Via",     "Record-Route",   "From",
					       "To",      "Call-ID",        "CSeq",
					       "Contact", "Content-Length", NULL };
	struct draft draft = { .out = out, .wishes = wishes, .n_wishes = n_wishes };
	struct kept *kept = find_kept(agent, method);
	char contact[256], via[512];

	if (!kept)
		return false;
	buf_printf(out, "SIP/2.0 %d %s\r\n", status, phrase);
	copy_header(&draft, kept->text, "Via", 70);
	if (status > 100 && status < 300)
		copy_header(&draft, kept->text, "Record-Route", AGENT_MAX_ROUTES);
	copy_header(&draft, kept->text, "From", 1);
	put_to(agent, &draft, kept, status);
	copy_header(&draft, kept->text, "Call-ID", 1);
	copy_header(&draft, kept->text, "CSeq", 1);
	sip_text_header(kept->text, "Via", 0, via, sizeof(via));
	contact_of(agent,
		   strstr(via, "/UDP")   ? "UDP"
		   : strstr(via, "/TLS") ? "TLS"
					 : "TCP",
		   contact);
	put(&draft, "Contact", status > 100 && status < 300 ? contact : NULL);
	put_rest(&draft, written);
	put_end(&draft);
	return remember(agent, out);
}

/* ---- learning ---- */

static void take_routes(struct agent *agent, const char *text, bool is_reversed)
{
	unsigned n = sip_text_count(text, "Record-Route"), i;

	if (n > AGENT_MAX_ROUTES)
		n = AGENT_MAX_ROUTES;
	for (i = 0; i < n; i++)
		sip_text_header(text, "Record-Route", is_reversed ? n - 1 - i : i,
				agent->routes[i], sizeof(agent->routes[i]));
	agent->n_routes = n;
}

static void take_target(struct agent *agent, const char *text)
{
	char contact[512];

	if (sip_text_header(text, "Contact", 0, contact, sizeof(contact)))
		sip_text_uri(contact, agent->remote_target, sizeof(agent->remote_target));
}

static void learn_request(struct agent *agent, const struct received *received)
{
	struct kept *kept = calloc(1, sizeof(*kept) + received->len + 1);
	char call_id[192], from[512], to[512], tag[128];

	if (!kept)
		abort();
	kept->flow_id = received->flow_id;
	kept->worker = received->worker;
	text_copy(kept->listener, sizeof(kept->listener), received->listener);
	memcpy(kept->text, received->text, received->len + 1);
	sip_text_method(received->text, kept->method, sizeof(kept->method));
	list_prepend(&agent->requests, &kept->link);
	if (!strcmp(kept->method, "CANCEL"))
		return;
	sip_text_header(received->text, "Call-ID", 0, call_id, sizeof(call_id));
	sip_text_header(received->text, "From", 0, from, sizeof(from));
	sip_text_header(received->text, "To", 0, to, sizeof(to));
	if (!sip_text_param(to, "tag", tag, sizeof(tag)) || strcmp(call_id, agent->call_id)) {
		text_copy(agent->call_id, sizeof(agent->call_id), call_id);
		take_routes(agent, received->text, false);
		agent->cseq = 100;
		agent->is_inside = true;
	}
	sip_text_uri(from, agent->remote_uri, sizeof(agent->remote_uri));
	sip_text_param(from, "tag", agent->remote_tag, sizeof(agent->remote_tag));
	take_target(agent, received->text);
}

static void learn_response(struct agent *agent, const struct received *received)
{
	const int status = sip_text_status(received->text);
	char call_id[192], method[32], to[512], tag[128], cseq[64];

	text_copy(agent->answered, sizeof(agent->answered), received->text);
	if (status == 407 || status == 401)
		text_copy(agent->challenge, sizeof(agent->challenge), received->text);
	sip_text_method(received->text, method, sizeof(method));
	sip_text_header(received->text, "Call-ID", 0, call_id, sizeof(call_id));
	if (strcmp(call_id, agent->call_id) || !strcmp(method, "CANCEL"))
		return;
	sip_text_header(received->text, "CSeq", 0, cseq, sizeof(cseq));
	if (!strcmp(method, "INVITE") && status >= 200 &&
	    strtoul(cseq, NULL, 10) == agent->invite_cseq)
		agent->invite_status = status;
	sip_text_header(received->text, "To", 0, to, sizeof(to));
	if (status <= 100 || status >= 300 || !has_contact(method) ||
	    !sip_text_param(to, "tag", tag, sizeof(tag)))
		return;
	text_copy(agent->remote_tag, sizeof(agent->remote_tag), tag);
	take_target(agent, received->text);
	if (!agent->is_inside)
		take_routes(agent, received->text, true);
	if (status >= 200)
		agent->is_inside = true;
}

void agent_learn(struct agent *agent, const struct received *received)
{
	agent->flow_id = received->flow_id;
	agent->flow_worker = received->worker;
	if (sip_text_status(received->text))
		learn_response(agent, received);
	else
		learn_request(agent, received);
}
