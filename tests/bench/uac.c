#include "tests/bench/uac.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tests/bench/words.h"

#define MS_NS 1000000LL

enum { T1_MS = 500, T2_MS = 4000 }; /* RFC 3261 table 4 */
enum step { STEP_FREE, STEP_MESSAGE, STEP_INVITE, STEP_BYE };
enum { REQUEST_MAX = 3072 };

struct slot {
	enum step step;
	uint32_t seq;
	struct link *link;
	int64_t began_ns, repeat_ns, interval_ns, give_up_ns;
	bool is_proceeding; /* a provisional came */
	size_t n_request, n_ack;
	char request[REQUEST_MAX], ack[REQUEST_MAX];
};

struct uac {
	const struct uac_settings *settings;
	enum transport transport;
	struct link **links;
	unsigned n_links, next_link;
	struct slot *slots;
	uint32_t *free_slots; /* a stack: the lowest numbers are used again first */
	uint32_t n_free, high_water;
	uint32_t next_seq;
	/* in branches and Call-IDs: a proxy remembers those of the run before */
	uint32_t nonce;
	struct tally tally;
};

static const char sdp[] = "v=0\r\n"
			  "o=load 1 1 IN IP4 127.0.0.1\r\n"
			  "s=-\r\n"
			  "c=IN IP4 127.0.0.1\r\n"
			  "t=0 0\r\n"
			  "m=audio 40000 RTP/AVP 0 8 101\r\n"
			  "a=rtpmap:0 PCMU/8000\r\n"
			  "a=rtpmap:8 PCMA/8000\r\n"
			  "a=rtpmap:101 telephone-event/8000\r\n"
			  "a=sendrecv\r\n";
static const char greeting[] = "Hello, this is a message of some thirty words or so, as people "
			       "write them when they ask whether lunch is at twelve today.";
static const char *const via_names[] = { "UDP", "TCP", "TLS" };
static const char *const uri_names[] = { "udp", "tcp", "tls" };

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * MS_NS + now.tv_nsec;
}

struct uac *uac_new(const struct uac_settings *settings, enum transport transport)
{
	struct uac *uac = calloc(1, sizeof(*uac));

	if (!uac)
		return NULL;
	uac->settings = settings;
	uac->transport = transport;
	if (getrandom(&uac->nonce, sizeof(uac->nonce), 0) != sizeof(uac->nonce))
		uac->nonce = (uint32_t)now_ns();
	uac->slots = calloc(SLOTS_MAX, sizeof(*uac->slots));
	uac->free_slots = calloc(SLOTS_MAX, sizeof(*uac->free_slots));
	if (!uac->slots || !uac->free_slots) {
		uac_free(uac);
		return NULL;
	}
	for (uint32_t i = SLOTS_MAX; i > 0; i--)
		uac->free_slots[uac->n_free++] = i - 1;
	return uac;
}

void uac_free(struct uac *uac)
{
	if (!uac)
		return;
	free(uac->slots);
	free(uac->free_slots);
	free(uac->tally.latencies_us);
	free(uac);
}

void uac_set_links(struct uac *uac, struct link **links, unsigned n_links)
{
	uac->links = links;
	uac->n_links = n_links;
}

bool uac_begin(struct uac *uac, uint64_t n)
{
	free(uac->tally.latencies_us);
	memset(&uac->tally, 0, sizeof(uac->tally));
	uac->tally.latencies_us = calloc(n + 1, sizeof(uint32_t));
	uac->tally.latencies_room = n;
	return uac->tally.latencies_us != NULL;
}

const struct tally *uac_tally(const struct uac *uac)
{
	return &uac->tally;
}

static void format_addr(const struct link *link, char *out, size_t room)
{
	struct sockaddr_in addr = link_addr(link);
	char host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &addr.sin_addr, host, sizeof(host));
	snprintf(out, room, "%s:%u", host, ntohs(addr.sin_port));
}

/* Writes a request of the slot's call; extra are whole lines, to the value of To. */
static size_t write_request(const struct uac *uac, const struct slot *slot, const char *method,
			    const char *uri, const char *to, const char *extra,
			    const char *body, char *out)
{
	char addr[32];
	uint32_t number = (uint32_t)(slot - uac->slots);
	const char *via = via_names[uac->transport];
	int len;

	format_addr(slot->link, addr, sizeof(addr));
	len = snprintf(out, REQUEST_MAX,
		       "%s %s SIP/2.0\r\n"
		       "Via: SIP/2.0/%s %s;rport;branch=z9hG4bK%x.%x.%x.%c\r\n"
		       "Max-Forwards: 70\r\n"
		       "From: \"Load\" <%s>;tag=f%x%x\r\n"
		       "To: %s\r\n"
		       "Call-ID: %x-%x-%x@%s\r\n"
		       "CSeq: %u %s\r\n"
		       "Contact: <sip:load@%s;transport=%s>\r\n"
		       "%s"
		       "Content-Length: %zu\r\n"
		       "\r\n"
		       "%s",
		       method, uri, via, addr, uac->nonce, number, slot->seq, *method,
		       uac->settings->from_uri, uac->nonce, slot->seq, to, number, slot->seq,
		       uac->nonce, addr, slot->step == STEP_BYE ? 2 : 1, method, addr,
		       uri_names[uac->transport], extra, strlen(body), body);
	return len < REQUEST_MAX ? (size_t)len : 0;
}

/* Sends the slot's request for the first time and starts its timers (RFC 3261 §17.1.1.2,
 * §17.1.2.2). */
static void send_first(struct uac *uac, struct slot *slot, int64_t now)
{
	slot->interval_ns = T1_MS * MS_NS;
	slot->repeat_ns = now + slot->interval_ns;
	slot->give_up_ns = now + uac->settings->timeout_ns;
	slot->is_proceeding = false;
	link_send(slot->link, &uac->settings->proxy, slot->request, slot->n_request);
}

bool uac_start(struct uac *uac, int64_t now)
{
	const struct uac_settings *settings = uac->settings;
	struct slot *slot;
	uint32_t number;
	char to[300];

	if (!uac->n_free)
		return false;
	number = uac->free_slots[--uac->n_free];
	slot = &uac->slots[number];
	if (number >= uac->high_water)
		uac->high_water = number + 1;
	slot->seq = ++uac->next_seq;
	slot->step = settings->makes_calls ? STEP_INVITE : STEP_MESSAGE;
	slot->link = uac->links[uac->next_link++ % uac->n_links];
	slot->began_ns = now;
	snprintf(to, sizeof(to), "<%s>", settings->to_uri);
	if (settings->makes_calls)
		slot->n_request = write_request(uac, slot, "INVITE", settings->to_uri, to,
						"Allow: INVITE, ACK, BYE, CANCEL\r\n"
						"Content-Type: application/sdp\r\n",
						sdp, slot->request);
	else
		slot->n_request =
			write_request(uac, slot, "MESSAGE", settings->to_uri, to,
				      "Content-Type: text/plain\r\n", greeting, slot->request);
	uac->tally.n_started++;
	send_first(uac, slot, now);
	return true;
}

static void finish(struct uac *uac, struct slot *slot, bool is_success)
{
	slot->step = STEP_FREE;
	uac->free_slots[uac->n_free++] = (uint32_t)(slot - uac->slots);
	uac->tally.n_finished++;
	if (!is_success)
		uac->tally.n_failures++;
}

static void note_latency(struct uac *uac, const struct slot *slot, int64_t now)
{
	struct tally *tally = &uac->tally;

	if (tally->n_latencies < tally->latencies_room)
		tally->latencies_us[tally->n_latencies++] =
			(uint32_t)((now - slot->began_ns) / 1000);
}

/* The value of To in the response, with its tag, for the dialog's requests. */
static void copy_to(const struct words *words, char *out, size_t room)
{
	const char *colon = memchr(words->to.at, ':', words->to.len);
	size_t skip = (size_t)(colon - words->to.at) + 1;

	snprintf(out, room, "%.*s", (int)(words->to.len - skip), colon + 1);
}

/* A 2xx to INVITE: ACK it and hang up (RFC 3261 §13.2.2.4, §15.1.1). */
static void on_answer(struct uac *uac, struct slot *slot, const struct words *words,
		      int64_t now)
{
	struct dialog dialog;
	char to[512];

	note_latency(uac, slot, now);
	copy_to(words, to, sizeof(to));
	if (!words_dialog(words, &dialog)) {
		fprintf(stderr, "load: a 2xx without a usable Contact or route set\n");
		finish(uac, slot, false);
		return;
	}
	slot->n_ack =
		write_request(uac, slot, "ACK", dialog.target, to, dialog.route, "", slot->ack);
	slot->step = STEP_BYE;
	slot->n_request = write_request(uac, slot, "BYE", dialog.target, to, dialog.route, "",
					slot->request);
	link_send(slot->link, &uac->settings->proxy, slot->ack, slot->n_ack);
	send_first(uac, slot, now);
}

/* The ACK to a refusal belongs to the INVITE's transaction: same branch (RFC 3261
 * §17.1.1.3). */
static void ack_refusal(struct uac *uac, struct slot *slot, const struct words *words)
{
	char to[512], ack[REQUEST_MAX];
	char *branch;
	size_t len;

	copy_to(words, to, sizeof(to));
	len = write_request(uac, slot, "ACK", uac->settings->to_uri, to, "", "", ack);
	branch = strstr(ack, ";branch=");
	if (branch && (branch = strstr(branch, ".A\r\n")))
		branch[1] = 'I';
	link_send(slot->link, &uac->settings->proxy, ack, len);
}

static void on_final(struct uac *uac, struct slot *slot, const struct words *words, int64_t now)
{
	bool is_success = words->status < 300;

	if (words->status < STATUS_MAX)
		uac->tally.statuses[words->status]++;
	if (slot->step == STEP_INVITE && is_success) {
		on_answer(uac, slot, words, now);
		return;
	}
	if (slot->step == STEP_INVITE)
		ack_refusal(uac, slot, words);
	if (slot->step == STEP_MESSAGE && is_success)
		note_latency(uac, slot, now);
	finish(uac, slot, is_success);
}

static bool is_awaited(const struct slot *slot, const struct words *words)
{
	switch (slot->step) {
	case STEP_MESSAGE:
		return span_is(words->cseq_method, "MESSAGE");
	case STEP_INVITE:
		return span_is(words->cseq_method, "INVITE");
	case STEP_BYE:
		return span_is(words->cseq_method, "BYE");
	case STEP_FREE:
		break;
	}
	return false;
}

void uac_on_message(void *user, struct link *link, const struct sockaddr_in *from, char *text,
		    size_t len)
{
	struct uac *uac = user;
	struct words words;
	struct slot *slot;
	uint32_t number, seq;

	if (!words_read(text, len, &words) || !words.status || words.n_via != 1 ||
	    !words_ids(&words, &number, &seq) || number >= SLOTS_MAX) {
		uac->tally.n_unexpected++;
		return;
	}
	slot = &uac->slots[number];
	if (slot->seq != seq || !is_awaited(slot, &words)) {
		/* A repeated 2xx wants its ACK again (RFC 3261 §13.2.2.4). */
		if (slot->seq == seq && slot->step == STEP_BYE && words.status >= 200)
			link_send(slot->link, &uac->settings->proxy, slot->ack, slot->n_ack);
		if (words.status >= 200)
			uac->tally.n_late++;
		return;
	}
	if (words.status < 200)
		slot->is_proceeding = true;
	else
		on_final(uac, slot, &words, now_ns());
}

/* Timers A and E: INVITE stops with a provisional, others go on at T2 (RFC 3261 §17.1.1.2,
 * §17.1.2.2). */
static void repeat(struct uac *uac, struct slot *slot, int64_t now)
{
	if (slot->step == STEP_INVITE && slot->is_proceeding) {
		slot->repeat_ns = INT64_MAX;
		return;
	}
	link_send(slot->link, &uac->settings->proxy, slot->request, slot->n_request);
	uac->tally.n_retransmissions++;
	slot->interval_ns *= 2;
	if (slot->step != STEP_INVITE &&
	    (slot->is_proceeding || slot->interval_ns > T2_MS * MS_NS))
		slot->interval_ns = T2_MS * MS_NS;
	slot->repeat_ns = now + slot->interval_ns;
}

void uac_tick(struct uac *uac, int64_t now)
{
	for (uint32_t i = 0; i < uac->high_water; i++) {
		struct slot *slot = &uac->slots[i];

		if (slot->step == STEP_FREE)
			continue;
		if (now >= slot->give_up_ns || !link_is_open(slot->link)) {
			uac->tally.n_timeouts++;
			finish(uac, slot, false);
		} else if (uac->transport == TRANSPORT_UDP && now >= slot->repeat_ns) {
			repeat(uac, slot, now);
		}
	}
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

uint32_t uac_latency_us(struct uac *uac, double share)
{
	struct tally *tally = &uac->tally;

	if (!tally->n_latencies)
		return 0;
	qsort(tally->latencies_us, tally->n_latencies, sizeof(uint32_t), compare);
	return tally->latencies_us[(uint64_t)(share * (double)(tally->n_latencies - 1))];
}
