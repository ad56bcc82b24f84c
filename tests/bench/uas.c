#include "tests/bench/uas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/uac.h"
#include "tests/bench/words.h"

#define MS_NS 1000000LL

enum { T1_MS = 500, T2_MS = 4000 };

enum answer_state { ANSWER_NONE, ANSWER_SENT, ANSWER_ACKED };

/* What is remembered of a caller's slot: its latest call or message. */
struct entry {
	uint32_t seq, cseq;
	enum answer_state state;
	struct link *link;
	struct sockaddr_in from;
	int64_t repeat_ns, interval_ns, give_up_ns;
	size_t n_answer;
	char *answer; /* MESSAGE_MAX bytes, once there was an INVITE */
};

struct uas {
	enum transport transport;
	char more[1024]; /* Contact and the SDP of every answer */
	char contact[128];
	struct entry *entries;
	uint32_t high_water;
	struct uas_tally tally;
};

static const char sdp[] = "v=0\r\n"
			  "o=load 2 2 IN IP4 127.0.0.1\r\n"
			  "s=-\r\n"
			  "c=IN IP4 127.0.0.1\r\n"
			  "t=0 0\r\n"
			  "m=audio 40002 RTP/AVP 0 101\r\n"
			  "a=rtpmap:0 PCMU/8000\r\n"
			  "a=rtpmap:101 telephone-event/8000\r\n"
			  "a=sendrecv\r\n";

struct uas *uas_new(enum transport transport, const char *contact_host)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	struct uas *uas = calloc(1, sizeof(*uas));

	if (!uas)
		return NULL;
	uas->transport = transport;
	uas->entries = calloc(SLOTS_MAX, sizeof(*uas->entries));
	if (!uas->entries) {
		uas_free(uas);
		return NULL;
	}
	snprintf(uas->contact, sizeof(uas->contact), "Contact: <sip:load@%s;transport=%s>\r\n",
		 contact_host, names[transport]);
	snprintf(uas->more, sizeof(uas->more),
		 "%sContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		 uas->contact, strlen(sdp), sdp);
	return uas;
}

void uas_free(struct uas *uas)
{
	if (!uas)
		return;
	for (uint32_t i = 0; uas->entries && i < SLOTS_MAX; i++)
		free(uas->entries[i].answer);
	free(uas->entries);
	free(uas);
}

void uas_begin(struct uas *uas)
{
	memset(&uas->tally, 0, sizeof(uas->tally));
}

const struct uas_tally *uas_tally(const struct uas *uas)
{
	return &uas->tally;
}

static void respond(struct link *link, const struct sockaddr_in *to,
		    const struct words *request, const char *status, const char *more)
{
	char text[MESSAGE_MAX];
	size_t len = words_response(request, status, "uas", more, text, sizeof(text));

	link_send(link, to, text, len);
}

static void on_invite(struct uas *uas, struct entry *entry, const struct words *request)
{
	int64_t now = now_ns();

	if (!entry->answer && !(entry->answer = malloc(MESSAGE_MAX)))
		return;
	respond(entry->link, &entry->from, request, "180 Ringing", uas->contact);
	entry->n_answer =
		words_response(request, "200 OK", "uas", uas->more, entry->answer, MESSAGE_MAX);
	entry->state = ANSWER_SENT;
	entry->interval_ns = T1_MS * MS_NS;
	entry->repeat_ns = now + entry->interval_ns;
	entry->give_up_ns = now + 64 * T1_MS * MS_NS;
	link_send(entry->link, &entry->from, entry->answer, entry->n_answer);
}

/* True if this very request was here before. */
static bool is_repeat(struct entry *entry, const struct words *request, uint32_t seq)
{
	if (entry->seq == seq && entry->cseq == request->cseq)
		return true;
	entry->seq = seq;
	entry->cseq = request->cseq;
	return false;
}

void uas_on_message(void *user, struct link *link, const struct sockaddr_in *from, char *text,
		    size_t len)
{
	struct uas *uas = user;
	struct words request;
	struct entry *entry;
	uint32_t number, seq;

	if (!words_read(text, len, &request) || request.status ||
	    !words_ids(&request, &number, &seq) || number >= SLOTS_MAX) {
		uas->tally.n_unexpected++;
		return;
	}
	entry = &uas->entries[number];
	if (number >= uas->high_water)
		uas->high_water = number + 1;
	if (span_is(request.method, "ACK")) {
		if (entry->seq == seq && entry->state == ANSWER_SENT)
			entry->state = ANSWER_ACKED;
		return;
	}
	uas->tally.n_requests++;
	if (is_repeat(entry, &request, seq)) {
		uas->tally.n_repeats++;
		if (span_is(request.method, "INVITE")) {
			link_send(link, from, entry->answer, entry->n_answer);
			return;
		}
	}
	entry->link = link;
	entry->from = *from;
	if (span_is(request.method, "INVITE"))
		on_invite(uas, entry, &request);
	else
		respond(link, from, &request, "200 OK", "");
}

void uas_tick(struct uas *uas, int64_t now)
{
	for (uint32_t i = 0; i < uas->high_water; i++) {
		struct entry *entry = &uas->entries[i];

		if (entry->state != ANSWER_SENT || now < entry->repeat_ns)
			continue;
		if (now >= entry->give_up_ns) {
			entry->state = ANSWER_NONE;
			uas->tally.n_never_acked++;
			continue;
		}
		link_send(entry->link, &entry->from, entry->answer, entry->n_answer);
		uas->tally.n_answer_repeats++;
		entry->interval_ns *= 2;
		if (entry->interval_ns > T2_MS * MS_NS)
			entry->interval_ns = T2_MS * MS_NS;
		entry->repeat_ns = now + entry->interval_ns;
	}
}
