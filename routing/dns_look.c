#include "routing/dns_look.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/text.h"
#include "routing/dns_answer.h"
#include "routing/dns_channel.h"

enum {
	HEADER_BYTES = 12,
	FLAG_CUT = 0x02,   /* TC, in the third byte (RFC 1035 §4.1.1) */
	RCODE_MASK = 0x0f, /* in the fourth */
	RCODE_REFUSED = 5,
	MAX_ADDRESSES = 64, /* that are counted */
};

static void on_response(void *user, void *question, enum dns_status status,
			const unsigned char *bytes, size_t len, bool is_closing);

void dns_look_tell(struct dns_look *look, const struct dns_look_answer *answer)
{
	look->is_active = false;
	look->on_answer(look, answer);
}

static void close_channel(struct dns_look *look)
{
	struct dns_channel *channel = look->channel;

	look->channel = NULL;
	dns_channel_free(channel);
	timer_stop(&look->deadline);
}

/* From the loop, as the channel cannot be freed inside its own answer. */
static void on_call(struct loop_call *call)
{
	static const struct dns_look_answer failed = { .status = DNS_SERVER_FAILED };
	struct dns_look *look = container_of(call, struct dns_look, call);
	struct dns_look_answer *answer = look->answer;

	close_channel(look);
	look->answer = NULL;
	if (answer)
		answer->took_ms = loop_now_ms(look->looker->loop) - look->began_ms;
	dns_look_tell(look, answer ? answer : &failed);
	free(answer); /* look may be gone */
}

static void end(struct dns_look *look)
{
	loop_defer(look->looker->loop, &look->call, on_call);
}

static void ask(struct dns_look *look)
{
	if (dns_channel_new_to(look->looker->loop, &look->server, look->is_by_tcp, on_response,
			       look, &look->channel) == ERR_OK)
		dns_channel_ask(look->channel, look->name, look->type, look);
	else
		end(look);
}

static void ask_again_by_tcp(struct loop_call *call)
{
	struct dns_look *look = container_of(call, struct dns_look, call);
	struct dns_channel *channel = look->channel;

	look->channel = NULL;
	dns_channel_free(channel);
	look->is_by_tcp = true;
	ask(look);
}

static void read_srv(const unsigned char *bytes, size_t len, struct dns_look_answer *out)
{
	struct ares_srv_reply *list = NULL;

	if (ares_parse_srv_reply(bytes, (int)len, &list) != ARES_SUCCESS)
		return;
	for (const struct ares_srv_reply *from = list; from; from = from->next) {
		struct dns_srv *to = &out->srv[out->n];

		out->n_records++;
		if (!from->host[0] || strcmp(from->host, ".") == 0) {
			out->is_none = true;
			continue;
		}
		if (out->n == DNS_LOOK_MAX_RECORDS ||
		    !text_domain(from->host, to->target, sizeof(to->target)))
			continue;
		to->priority = from->priority;
		to->weight = from->weight;
		to->port = from->port;
		out->n++;
	}
	ares_free_data(list);
}

/* The first name of the answer that is not the one that was asked for. */
static void read_alias(const struct hostent *host, const char *asked,
		       struct dns_look_answer *out)
{
	if (!host->h_name || !text_domain(host->h_name, out->alias, sizeof(out->alias)) ||
	    strcmp(out->alias, asked) == 0)
		out->alias[0] = '\0';
}

static void read_addresses(const struct dns_look *look, const unsigned char *bytes, size_t len,
			   struct dns_look_answer *out)
{
	struct ares_addrttl in4[MAX_ADDRESSES];
	struct ares_addr6ttl in6[MAX_ADDRESSES];
	struct hostent *host = NULL;
	int n = MAX_ADDRESSES;
	int status = look->type == DNS_A
			     ? ares_parse_a_reply(bytes, (int)len, &host, in4, &n)
			     : ares_parse_aaaa_reply(bytes, (int)len, &host, in6, &n);

	if (host)
		read_alias(host, look->name, out);
	ares_free_hostent(host);
	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		struct sockaddr_in sa4 = { .sin_family = AF_INET };
		struct sockaddr_in6 sa6 = { .sin6_family = AF_INET6 };

		out->n_records++;
		if (out->n == DNS_LOOK_MAX_RECORDS)
			continue;
		memcpy(&sa4.sin_addr, &in4[look->type == DNS_A ? i : 0].ipaddr,
		       sizeof(sa4.sin_addr));
		memcpy(&sa6.sin6_addr, &in6[look->type == DNS_A ? 0 : i].ip6addr,
		       sizeof(sa6.sin6_addr));
		if (look->type == DNS_A)
			addr_from_sockaddr(&out->addrs[out->n++], (struct sockaddr *)&sa4,
					   sizeof(sa4));
		else
			addr_from_sockaddr(&out->addrs[out->n++], (struct sockaddr *)&sa6,
					   sizeof(sa6));
	}
}

static void read_response(const struct dns_look *look, const unsigned char *bytes, size_t len,
			  struct dns_look_answer *out)
{
	struct dns_answer plain;

	out->is_refused = (bytes[3] & RCODE_MASK) == RCODE_REFUSED;
	if (out->status == DNS_FOUND) {
		dns_answer_read(bytes, len, look->type, &plain);
		out->ttl_s = plain.ttl_s;
	}
	if (out->status != DNS_FOUND && out->status != DNS_NO_NAME)
		return;
	if (look->type == DNS_SRV)
		read_srv(bytes, len, out);
	else
		read_addresses(look, bytes, len, out);
	if (out->status == DNS_FOUND && out->n == 0 && !out->is_none)
		out->status = DNS_NO_RECORD;
}

static void on_response(void *user, void *question, enum dns_status status,
			const unsigned char *bytes, size_t len, bool is_closing)
{
	struct dns_look *look = question;
	bool is_cut = !is_closing && bytes && len >= HEADER_BYTES && bytes[2] & FLAG_CUT;

	if (is_closing)
		return;
	if (!look->answer)
		look->answer = calloc(1, sizeof(*look->answer));
	struct dns_look_answer *answer = look->answer;
	if (!answer) {
		end(look);
		return;
	}
	if (look->is_by_tcp && (!bytes || len < HEADER_BYTES)) {
		answer->tcp_failed = true; /* what came by UDP stands */
		end(look);
		return;
	}
	*answer = (struct dns_look_answer){ .status = status,
					    .was_cut = is_cut || look->is_by_tcp };
	if (bytes && len >= HEADER_BYTES)
		read_response(look, bytes, len, answer);
	else
		answer->is_unreachable = status == DNS_SERVER_FAILED;
	if (is_cut && !look->is_by_tcp)
		loop_defer(look->looker->loop, &look->call, ask_again_by_tcp);
	else
		end(look);
}

static void on_deadline(struct timer *timer)
{
	struct dns_look *look = container_of(timer, struct dns_look, deadline);

	if (look->answer && look->is_by_tcp)
		look->answer->tcp_failed = true;
	else if (!look->answer && (look->answer = calloc(1, sizeof(*look->answer))))
		look->answer->status = DNS_TIMEOUT;
	end(look);
}

void dns_look_start(const struct dns_looker *looker, struct dns_look *look,
		    const struct addr *server, const char *name, enum dns_type type,
		    uint64_t budget_ms,
		    void (*on_answer)(struct dns_look *look,
				      const struct dns_look_answer *answer))
{
	memset(look, 0, sizeof(*look));
	look->looker = looker;
	look->server = *server;
	look->type = type;
	look->on_answer = on_answer;
	look->is_active = true;
	look->began_ms = loop_now_ms(looker->loop);
	if (!text_domain(name, look->name, sizeof(look->name)))
		text_copy(look->name, sizeof(look->name), name);
	if (looker->ops) {
		looker->ops->ask(looker->user, look, budget_ms);
		return;
	}
	timer_start(looker->loop, &look->deadline, budget_ms, on_deadline);
	ask(look);
}

void dns_look_cancel(struct dns_look *look)
{
	if (!look->is_active)
		return;
	look->is_active = false;
	if (look->looker->ops) {
		look->looker->ops->cancel(look->looker->user, look);
		return;
	}
	loop_defer_cancel(&look->call);
	close_channel(look);
	free(look->answer);
	look->answer = NULL;
}

static void on_nothing(void *user, void *question, enum dns_status status,
		       const unsigned char *bytes, size_t len, bool is_closing)
{
}

size_t dns_look_system(struct loop *loop, struct addr *out, size_t max)
{
	const struct dns_settings settings = { 0 };
	struct dns_channel *channel;
	size_t n;

	if (dns_channel_new(loop, &settings, on_nothing, NULL, &channel) != ERR_OK)
		return 0;
	n = dns_channel_servers(channel, out, max);
	dns_channel_free(channel);
	return n;
}
