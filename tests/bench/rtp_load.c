/* rtp_load: both phones of many calls, for tests/bench/media. Each call has a socket at its
 * caller and one at its callee; every 20 ms each sends a G.711 packet (160 bytes of audio) to
 * the relay and the other one receives it, spread evenly over the time.
 *
 *   rtp_load --calls 100 --seconds 4 --pid PID --caller 127.0.9.2:40000 --callee
 * 127.0.9.3:40000 <PORTS
 *
 * It looks at its sockets every 200 us, with --max-nap only as often as it has something to
 * send, and after so long at the latest: with few calls that is most of what it costs itself.
 * With --caller-net and --callee-net (paths of network namespaces) the phones of either side
 * are there. PORTS has a line for each call: the relay's address towards the caller and towards
 * the callee, and for SRTP on the caller's side the keys of the two directions in hex (16 + 14
 * bytes, AES_CM_128_HMAC_SHA1_80): the caller's, the relay's. Call n has the ports 40000 + 2n.
 * Prints one line of JSON: the relay's processor time for each packet, and our own (load_us),
 * in which is what the kernel does with a packet before it is in a socket; of processes given
 * by --also (ksoftirqd) others_us; and the latency from our sendto to the kernel's receive
 * stamp. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "media/srtp.h"
#include "proxy/base/text.h"
#include "tests/bench/cpu.h"

enum {
	PTIME_US = 20000,
	NAP_US = 200,
	PAYLOAD = 160,
	PACKET = 12 + PAYLOAD,
	KEY = 30,
	HISTORY = 256, /* packets on their way, for each direction: 5 s */
	EVENTS = 256,
	ROOM = 2048,
	LATENCY_STEP_US = 10,
	N_STEPS = 20000,
	MAX_ALSO = 64,
};

struct phone {
	int fd;
	struct sockaddr_in relay;
	struct phone *other;
	uint16_t sequence;
	uint64_t sent_at_us[HISTORY];
	struct srtp_way *protects, *unprotects; /* NULL: plain */
};

static struct {
	unsigned n_calls;
	double seconds, warmup_s;
	pid_t pid;
	struct sockaddr_in caller, callee;
	const char *caller_net, *callee_net;
	unsigned max_nap_us;
	pid_t also[MAX_ALSO];
	unsigned n_also;
} options = { .n_calls = 10, .seconds = 4, .warmup_s = 1, .max_nap_us = NAP_US };

static struct {
	uint64_t sent, received, wrong;
	uint64_t steps[N_STEPS];
} counts;

static bool is_measuring;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now); /* as the kernel's stamps */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct sockaddr_in parse_addr(const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &addr.sin_addr) != 1) {
		fprintf(stderr, "rtp_load: '%s' is not ADDRESS:PORT\n", text);
		exit(2);
	}
	addr.sin_port = htons((uint16_t)port);
	return addr;
}

static void parse_args(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *value = argv[i + 1];

		if (!strcmp(argv[i], "--calls"))
			options.n_calls = (unsigned)atoi(value);
		else if (!strcmp(argv[i], "--seconds"))
			options.seconds = atof(value);
		else if (!strcmp(argv[i], "--warmup"))
			options.warmup_s = atof(value);
		else if (!strcmp(argv[i], "--pid"))
			options.pid = atoi(value);
		else if (!strcmp(argv[i], "--caller"))
			options.caller = parse_addr(value);
		else if (!strcmp(argv[i], "--callee"))
			options.callee = parse_addr(value);
		else if (!strcmp(argv[i], "--max-nap"))
			options.max_nap_us = (unsigned)atoi(value);
		else if (!strcmp(argv[i], "--caller-net"))
			options.caller_net = value;
		else if (!strcmp(argv[i], "--callee-net"))
			options.callee_net = value;
		else if (!strcmp(argv[i], "--also") && options.n_also < MAX_ALSO)
			options.also[options.n_also++] = atoi(value);
		else {
			fprintf(stderr, "rtp_load: unknown option %s\n", argv[i]);
			exit(2);
		}
	}
}

static void enter(const char *net)
{
	int fd = net ? open(net, O_RDONLY | O_CLOEXEC) : -1;

	if (!net)
		return;
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		perror("rtp_load: network namespace");
		exit(2);
	}
	close(fd);
}

static void open_phone(struct phone *phone, struct sockaddr_in addr, unsigned call, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = phone };
	int on = 1;

	addr.sin_port = htons((uint16_t)(ntohs(addr.sin_port) + 2 * call));
	phone->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (phone->fd < 0 || bind(phone->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    setsockopt(phone->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, phone->fd, &event)) {
		perror("rtp_load: socket");
		exit(2);
	}
}

static struct srtp_way *secure(const char *hex, bool is_in)
{
	struct srtp_key key = { .suite = SRTP_AES_CM_128_HMAC_SHA1_80 };
	struct srtp_way *way;

	if (!text_unhex(hex, key.bytes, KEY) || srtp_way_new(&key, is_in, NULL, &way)) {
		fprintf(stderr, "rtp_load: bad key\n");
		exit(2);
	}
	return way;
}

/* phones[2n] is the caller of call n, phones[2n + 1] the callee. */
static struct phone *make_phones(int epoll)
{
	struct phone *phones = calloc(2 * options.n_calls, sizeof(*phones));
	char line[512], caller[64], callee[64], key[80], relay_key[80];

	for (unsigned call = 0; phones && call < options.n_calls; call++) {
		struct phone *a = &phones[2 * call], *b = a + 1;

		*key = *relay_key = '\0';
		if (!fgets(line, sizeof(line), stdin) ||
		    sscanf(line, "%63s %63s %79s %79s", caller, callee, key, relay_key) < 2) {
			fprintf(stderr, "rtp_load: too few lines\n");
			exit(2);
		}
		enter(options.caller_net);
		open_phone(a, options.caller, call, epoll);
		enter(options.callee_net);
		open_phone(b, options.callee, call, epoll);
		a->relay = parse_addr(caller);
		b->relay = parse_addr(callee);
		a->other = b;
		b->other = a;
		if (*key) {
			a->protects = secure(key, false);
			a->unprotects = secure(relay_key, true);
		}
	}
	return phones;
}

static void send_one(struct phone *phone, uint32_t ssrc)
{
	uint8_t packet[PACKET + SRTP_ROOM] __attribute__((aligned(16))) = { 0x80, 0 };
	size_t len = PACKET;
	uint16_t sequence = phone->sequence++;
	uint32_t words[2] = { htonl(sequence * 160u), htonl(ssrc) };

	packet[2] = (uint8_t)(sequence >> 8);
	packet[3] = (uint8_t)sequence;
	memcpy(packet + 4, words, sizeof(words));
	memset(packet + 12, (uint8_t)sequence, PAYLOAD);
	if (phone->protects &&
	    srtp_way_protect(phone->protects, packet, &len, false) != SRTP_DONE) {
		fprintf(stderr, "rtp_load: protect failed\n");
		exit(2);
	}
	phone->sent_at_us[sequence % HISTORY] = now_us();
	if (sendto(phone->fd, packet, len, 0, (struct sockaddr *)&phone->relay,
		   sizeof(phone->relay)) == (ssize_t)len)
		counts.sent += is_measuring;
}

static uint64_t stamp_us(struct msghdr *head)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(head); part; part = CMSG_NXTHDR(head, part)) {
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec at;

			memcpy(&at, CMSG_DATA(part), sizeof(at));
			return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
		}
	}
	return now_us();
}

/* Is it the other one's packet, whole and readable? */
static bool is_right(struct phone *phone, uint8_t *packet, size_t len)
{
	if (phone->unprotects &&
	    srtp_way_unprotect(phone->unprotects, packet, &len, false) != SRTP_DONE)
		return false;
	return len == PACKET && packet[0] == 0x80 && packet[12] == packet[3] &&
	       packet[PACKET - 1] == packet[3];
}

static void take(struct phone *phone, struct msghdr *head, uint8_t *packet, size_t len)
{
	uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
	uint64_t sent_at_us = phone->other->sent_at_us[sequence % HISTORY];
	uint64_t at_us = stamp_us(head), step;

	if (!is_measuring)
		return (void)is_right(phone, packet, len); /* the replay window moves on */
	if (!is_right(phone, packet, len)) {
		counts.wrong++;
		return;
	}
	step = at_us > sent_at_us ? (at_us - sent_at_us) / LATENCY_STEP_US : 0;
	counts.steps[step < N_STEPS ? step : N_STEPS - 1]++;
	counts.received++;
}

static void receive(struct phone *phone)
{
	uint8_t packet[ROOM] __attribute__((aligned(16)));
	char control[128];
	struct iovec part = { packet, sizeof(packet) };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };

	for (;;) {
		head.msg_controllen = sizeof(control);
		ssize_t len = recvmsg(phone->fd, &head, 0);
		if (len < 12)
			return;
		take(phone, &head, packet, (size_t)len);
	}
}

static void receive_all(int epoll, int wait_ms)
{
	struct epoll_event ready[EVENTS];
	int n = epoll_wait(epoll, ready, EVENTS, wait_ms);

	for (int i = 0; i < n; i++)
		receive(ready[i].data.ptr);
}

static unsigned common_divisor(unsigned a, unsigned b)
{
	return b == 0 ? a : common_divisor(b, a % b);
}

/* Until the next packet, whose number is n_sent, but not too short and not too long. */
static void nap(uint64_t began_us, uint64_t n_sent, unsigned n_phones)
{
	uint64_t next_us = began_us + (n_sent + 1) * PTIME_US / n_phones, now = now_us(),
		 us = next_us > now ? next_us - now : 0;
	struct timespec time = { 0, 0 };

	if (us > options.max_nap_us)
		us = options.max_nap_us;
	if (us < NAP_US)
		us = NAP_US;
	time.tv_nsec = (long)us * 1000;
	nanosleep(&time, NULL);
}

/* Sends what is due, receives what comes, for so long. The order of the phones is mixed, as in
 * the world. */
static void run(struct phone *phones, int epoll, double seconds)
{
	unsigned n_phones = 2 * options.n_calls;
	uint64_t began_us = now_us(), end_us = began_us + (uint64_t)(seconds * 1e6);
	uint64_t n_sent = 0, due;
	unsigned stride = n_phones * 5 / 8 | 1;

	while (common_divisor(stride, n_phones) > 1) /* so that each has its turn */
		stride += 2;
	for (uint64_t at_us = began_us; at_us < end_us; at_us = now_us()) {
		due = (at_us - began_us) * n_phones / PTIME_US;
		for (; n_sent < due; n_sent++) {
			unsigned i = (unsigned)(n_sent % n_phones * stride % n_phones);
			/* Another SSRC in each run of the load: under the same key a repeat
			 * would be a replay. */
			send_one(&phones[i], (uint32_t)getpid() << 12 | i);
		}
		receive_all(epoll, 0);
		if ((now_us() - began_us) * n_phones / PTIME_US <= n_sent)
			nap(began_us, n_sent, n_phones);
	}
}

static double percentile_us(double share)
{
	uint64_t wanted = (uint64_t)((double)counts.received * share), sum = 0;

	for (unsigned i = 0; i < N_STEPS; i++) {
		sum += counts.steps[i];
		if (sum > wanted)
			return i * LATENCY_STEP_US;
	}
	return N_STEPS * LATENCY_STEP_US;
}

static int64_t others_ns(void)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < options.n_also; i++)
		sum += cpu_ns(options.also[i]);
	return sum;
}

static double per_packet_us(int64_t ns)
{
	return counts.received ? (double)ns / 1000.0 / (double)counts.received : 0.0;
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct phone *phones;
	int64_t before_ns, used_ns, own_before_ns, own_ns, others_used_ns;

	parse_args(argc, argv);
	if (srtp_start() || !(phones = make_phones(epoll)))
		return 2;
	run(phones, epoll, options.warmup_s);
	is_measuring = true;
	before_ns = options.pid ? cpu_ns(options.pid) : 0;
	own_before_ns = cpu_ns(getpid());
	others_used_ns = -others_ns();
	run(phones, epoll, options.seconds);
	used_ns = options.pid ? cpu_ns(options.pid) - before_ns : 0;
	own_ns = cpu_ns(getpid()) - own_before_ns;
	others_used_ns += others_ns();
	for (unsigned i = 0; i < 1000 && counts.received < counts.sent; i++) /* what is late */
		receive_all(epoll, 1);
	printf("{\"calls\": %u, \"sent\": %llu, \"received\": %llu, \"wrong\": %llu, "
	       "\"cpu_us\": %.2f, \"load_us\": %.2f, \"others_us\": %.2f, \"p50_us\": %.0f, "
	       "\"p99_us\": %.0f, \"memory_kib\": %lld}\n",
	       options.n_calls, (unsigned long long)counts.sent,
	       (unsigned long long)counts.received, (unsigned long long)counts.wrong,
	       per_packet_us(used_ns), per_packet_us(own_ns), per_packet_us(others_used_ns),
	       percentile_us(0.5), percentile_us(0.99),
	       options.pid ? (long long)memory_kib(options.pid) : 0);
	return 0;
}
