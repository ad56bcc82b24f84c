#include "nat/stun_client.h"

#include <string.h>

const struct stun_patience stun_patience_rfc = { .rto_ms = 500,
						 .n_requests = 7,
						 .last_wait = 16 };

const char *stun_outcome_text(enum stun_outcome outcome)
{
	switch (outcome) {
	case STUN_NOT_ASKED:
		return "not asked";
	case STUN_ANSWERED:
		return "answered";
	case STUN_REFUSED:
		return "refused";
	case STUN_SILENT:
		return "silent";
	case STUN_UNSENT:
		return "not sent";
	}
	return "";
}

void stun_client_init(struct stun_client *client, struct loop *loop,
		      enum err (*send)(void *user, const struct addr *to, const void *bytes,
				       size_t len),
		      void *user)
{
	*client = (struct stun_client){ .loop = loop, .send = send, .user = user };
	list_init(&client->queries);
}

void stun_client_fini(struct stun_client *client)
{
	struct list *link, *following;

	if (!client->loop)
		return;
	list_for_each(link, following, &client->queries)
		stun_cancel(container_of(link, struct stun_query, link));
}

void stun_cancel(struct stun_query *query)
{
	if (!query->client)
		return;
	timer_stop(&query->timer);
	list_remove(&query->link);
	if (query->client->asked)
		stun_asked_remove(query->client->asked, query->id);
	query->client = NULL;
}

/* Detached first: who hears of it may ask anew, or be gone afterwards. */
static void end(struct stun_query *query, const struct stun_answer *answer)
{
	stun_cancel(query);
	query->on_end(query, answer);
}

static void on_timer(struct timer *timer);

static void send_request(struct stun_query *query)
{
	const struct stun_question *question = &query->question;
	struct stun_client *client = query->client;
	struct stun_writer writer;

	stun_begin(&writer, STUN_REQUEST, STUN_BINDING, query->id);
	if (question->change_ip || question->change_port)
		stun_add_change(&writer, question->change_ip, question->change_port);
	/* No FINGERPRINT: servers of RFC 3489 refuse what they do not know, and nobody but STUN
	 * listens there. */
	if (client->send(client->user, &question->to, writer.bytes, stun_end(&writer)) ==
	    ERR_OK)
		query->n_left_host++;
	query->n_sent++;
	query->sent_ms = loop_now_ms(client->loop);
	if (query->n_sent < question->patience.n_requests) {
		timer_start(client->loop, &query->timer, query->rto_ms, on_timer);
		query->rto_ms *= 2;
	} else {
		timer_start(client->loop, &query->timer,
			    (uint64_t)question->patience.last_wait * question->patience.rto_ms,
			    on_timer);
	}
}

static void on_timer(struct timer *timer)
{
	struct stun_query *query = container_of(timer, struct stun_query, timer);
	struct stun_answer answer = { .n_sent = query->n_sent };

	if (query->n_sent < query->question.patience.n_requests) {
		send_request(query);
		return;
	}
	answer.outcome = query->n_left_host ? STUN_SILENT : STUN_UNSENT;
	end(query, &answer);
}

void stun_ask(struct stun_client *client, struct stun_query *query,
	      const struct stun_question *question,
	      void (*on_end)(struct stun_query *query, const struct stun_answer *answer))
{
	stun_cancel(query);
	memset(query, 0, sizeof(*query));
	query->client = client;
	query->question = *question;
	query->rto_ms = question->patience.rto_ms;
	query->on_end = on_end;
	stun_new_id(query->id);
	if (client->asked)
		stun_asked_add(client->asked, query->id);
	list_append(&client->queries, &query->link);
	send_request(query);
}

static struct stun_query *find(struct stun_client *client, const struct stun_message *message)
{
	struct list *link, *following;

	list_for_each(link, following, &client->queries) {
		struct stun_query *query = container_of(link, struct stun_query, link);

		if (memcmp(query->id, message->id, STUN_ID_SIZE) == 0)
			return query;
	}
	return NULL;
}

/* RFC 8489 §6.3.3, §6.3.4. */
static void judge(const struct stun_message *message, struct stun_answer *answer)
{
	if (message->class == STUN_ERROR || message->n_unknown ||
	    !addr_is_set(&message->mapped)) {
		answer->outcome = STUN_REFUSED;
		answer->error_code = message->error_code;
		return;
	}
	answer->outcome = STUN_ANSWERED;
	answer->mapped = message->mapped;
	answer->origin = message->origin;
	answer->other = message->other;
}

bool stun_client_receive(struct stun_client *client, const struct addr *from, const void *bytes,
			 size_t len)
{
	struct stun_message message;
	struct stun_query *query;

	if (!client->loop || list_is_empty(&client->queries) ||
	    stun_read(bytes, len, &message) != ERR_OK ||
	    (message.class != STUN_SUCCESS && message.class != STUN_ERROR) ||
	    message.method != STUN_BINDING)
		return false;
	query = find(client, &message);
	if (!query)
		return false;

	const bool may_change = query->question.change_ip || query->question.change_port;
	struct stun_answer answer = {
		.from = *from,
		.n_sent = query->n_sent,
		.took_ms = (unsigned)(loop_now_ms(client->loop) - query->sent_ms),
	};
	if (!may_change && !addr_equal(from, &query->question.to))
		return false;
	judge(&message, &answer);
	end(query, &answer);
	return true;
}
