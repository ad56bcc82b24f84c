/* forward: the floor under every figure of tests/bench: a program that moves the same datagrams
 * through the same two system calls, and does not look at them.
 *
 *   forward 127.0.1.1:5060 127.0.1.3:5080
 *
 * What comes from the second address goes to whoever sent last from elsewhere; everything else
 * goes to the second address. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32, ROOM = 65536, SOCKET_BUFFER = 4 << 20 };

struct batch {
	struct mmsghdr heads[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_in addrs[BATCH];
	char bytes[BATCH][ROOM];
};

static struct sockaddr_in parse_addr(const char *text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &addr.sin_addr) != 1) {
		fprintf(stderr, "forward: '%s' is not ADDRESS:PORT\n", text);
		exit(2);
	}
	addr.sin_port = htons((uint16_t)port);
	return addr;
}

static int open_socket(const struct sockaddr_in *addr)
{
	int room = SOCKET_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		perror("forward: bind");
		exit(1);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static void prepare(struct batch *batch)
{
	for (int i = 0; i < BATCH; i++) {
		struct msghdr *head = &batch->heads[i].msg_hdr;

		batch->parts[i] = (struct iovec){ batch->bytes[i], ROOM };
		head->msg_iov = &batch->parts[i];
		head->msg_iovlen = 1;
		head->msg_name = &batch->addrs[i];
		head->msg_namelen = sizeof(batch->addrs[i]);
	}
}

static bool is_same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

/* Answers of the far end go to whoever asked last, the rest to the far end. */
static void turn_around(struct batch *batch, int n, const struct sockaddr_in *far,
			struct sockaddr_in *near)
{
	for (int i = 0; i < n; i++) {
		if (is_same(&batch->addrs[i], far)) {
			batch->addrs[i] = *near;
		} else {
			*near = batch->addrs[i];
			batch->addrs[i] = *far;
		}
		batch->parts[i].iov_len = batch->heads[i].msg_len;
	}
}

static void send_all(struct batch *batch, int fd, int n)
{
	for (int sent = 0; sent < n;) {
		int done = sendmmsg(fd, batch->heads + sent, (unsigned)(n - sent), 0);

		sent += done > 0 ? done : 1; /* what the system refuses is lost: UDP */
	}
	for (int i = 0; i < n; i++)
		batch->parts[i].iov_len = ROOM;
}

int main(int argc, char **argv)
{
	static struct batch batch;
	struct sockaddr_in here, far, near = { 0 };
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: forward LISTEN-ADDR:PORT NEXT-ADDR:PORT\n");
		return 2;
	}
	here = parse_addr(argv[1]);
	far = parse_addr(argv[2]);
	fd = open_socket(&here);
	prepare(&batch);
	for (;;) {
		int n = recvmmsg(fd, batch.heads, BATCH, MSG_WAITFORONE, NULL);

		turn_around(&batch, n, &far, &near);
		send_all(&batch, fd, n);
	}
}
