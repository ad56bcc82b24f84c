/* rtp_bare: the floor under the figures of tests/bench/media: a relay that waits with epoll,
 * and receives and sends each packet with a system call of its own, and does not look at it.
 *
 *   rtp_bare 127.0.8.1:30000 127.0.9.2:40000 127.0.9.3:40000 CALLS
 *
 * Call n has the relay's ports 30000 + 4n (towards the caller) and 30002 + 4n, the caller 40000
 * + 2n, the callee the same. Prints "ready" when all are open. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { ROOM = 2048, EVENTS = 256 };

struct end {
	int fd;
	struct sockaddr_in remote;
	struct end *other;
};

static struct sockaddr_in parse_addr(const char *text, unsigned add)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &addr.sin_addr) != 1)
		exit(2);
	addr.sin_port = htons((uint16_t)(port + add));
	return addr;
}

static void open_end(struct end *end, const char *own, unsigned add, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = end };
	struct sockaddr_in addr = parse_addr(own, add);

	end->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (end->fd < 0 || bind(end->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, end->fd, &event)) {
		perror("rtp_bare");
		exit(2);
	}
}

static void pass(struct end *end)
{
	char packet[ROOM];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(end->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from,
			       &from_len);

	if (len > 0)
		(void)!sendto(end->other->fd, packet, (size_t)len, 0,
			      (struct sockaddr *)&end->other->remote,
			      sizeof(end->other->remote));
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned n_calls = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	struct end *ends = calloc(2 * n_calls + 1, sizeof(*ends));

	if (!n_calls || !ends)
		return 2;
	for (unsigned call = 0; call < n_calls; call++) {
		struct end *a = &ends[2 * call], *b = a + 1;

		open_end(a, argv[1], 4 * call, epoll);
		open_end(b, argv[1], 4 * call + 2, epoll);
		a->remote = parse_addr(argv[2], 2 * call);
		b->remote = parse_addr(argv[3], 2 * call);
		a->other = b;
		b->other = a;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event ready[EVENTS];
		int n = epoll_wait(epoll, ready, EVENTS, -1);

		for (int i = 0; i < n; i++)
			pass(ready[i].data.ptr);
	}
}
