#include "tests/bench/link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, EVENTS = 64, SOCKET_BUFFER = 4 << 20 };

enum link_kind { LINK_DATAGRAM, LINK_LISTENER, LINK_STREAM };

struct link {
	struct net *net;
	struct link *next;
	enum link_kind kind;
	int fd; /* -1: closed */
	struct sockaddr_in peer;
	link_on_message on_message;
	void *user;

	gnutls_session_t session; /* NULL: plain */
	bool is_connected, is_shaken, record_waits, watches_write;
	char *out; /* not sent yet: out[sent] to out[queued] */
	size_t sent, queued, out_room;
	char *in;
	size_t n_in;
};

static uint32_t watched_events(const struct link *link)
{
	return EPOLLIN | (link->watches_write ? EPOLLOUT : 0u);
}

static void watch(struct link *link, int operation)
{
	struct epoll_event event = { .events = watched_events(link), .data.ptr = link };

	if (epoll_ctl(link->net->epoll, operation, link->fd, &event))
		perror("epoll_ctl");
}

static void watch_write(struct link *link, bool on)
{
	if (link->watches_write == on)
		return;
	link->watches_write = on;
	watch(link, EPOLL_CTL_MOD);
}

static void link_close(struct link *link)
{
	if (link->fd < 0)
		return;
	close(link->fd);
	link->fd = -1;
	link->net->n_lost_connections++;
}

static bool load_files(struct net *net, const char *chain, const char *key, const char *ca)
{
	int result = gnutls_certificate_allocate_credentials(&net->credentials);

	if (result == 0 && chain)
		result = gnutls_certificate_set_x509_key_file(net->credentials, chain, key,
							      GNUTLS_X509_FMT_PEM);
	if (result >= 0 && ca) {
		result = gnutls_certificate_set_x509_trust_file(net->credentials, ca,
								GNUTLS_X509_FMT_PEM);
		net->wants_client_certificate = true;
	}
	if (result < 0)
		fprintf(stderr, "load: certificates: %s\n", gnutls_strerror(result));
	return result >= 0;
}

bool net_init(struct net *net, enum transport transport, const char *chain, const char *key,
	      const char *ca)
{
	memset(net, 0, sizeof(*net));
	net->transport = transport;
	net->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (net->epoll < 0) {
		perror("load: epoll_create1");
		return false;
	}
	return transport != TRANSPORT_TLS || load_files(net, chain, key, ca);
}

void net_fini(struct net *net)
{
	while (net->links) {
		struct link *link = net->links;

		net->links = link->next;
		if (link->fd >= 0)
			close(link->fd);
		if (link->session)
			gnutls_deinit(link->session);
		free(link->out);
		free(link->in);
		free(link);
	}
	if (net->credentials)
		gnutls_certificate_free_credentials(net->credentials);
	close(net->epoll);
}

static struct link *link_new(struct net *net, enum link_kind kind, int fd,
			     link_on_message on_message, void *user)
{
	struct link *link = calloc(1, sizeof(*link));
	size_t in_size = kind == LINK_LISTENER ? 1
			 : kind == LINK_STREAM ? 8 * MESSAGE_MAX + 1
					       : BATCH * (MESSAGE_MAX + 1);

	if (!link || !(link->in = malloc(in_size))) {
		free(link);
		close(fd);
		return NULL;
	}
	link->net = net;
	link->kind = kind;
	link->fd = fd;
	link->on_message = on_message;
	link->user = user;
	link->next = net->links;
	net->links = link;
	watch(link, EPOLL_CTL_ADD);
	return link;
}

static int open_socket(const struct sockaddr_in *addr, int type)
{
	int on = 1, room = SOCKET_BUFFER;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("load: socket");
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_DGRAM) {
		/* Root may go beyond net.core.rmem_max; others get what there is. */
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	} else {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		perror("load: bind");
		close(fd);
		return -1;
	}
	return fd;
}

struct link *link_listen(struct net *net, const struct sockaddr_in *addr,
			 link_on_message on_message, void *user)
{
	bool is_datagram = net->transport == TRANSPORT_UDP;
	int fd = open_socket(addr, is_datagram ? SOCK_DGRAM : SOCK_STREAM);

	if (fd < 0)
		return NULL;
	if (!is_datagram && listen(fd, SOMAXCONN)) {
		perror("load: listen");
		close(fd);
		return NULL;
	}
	return link_new(net, is_datagram ? LINK_DATAGRAM : LINK_LISTENER, fd, on_message, user);
}

/* The session of a new stream; its handshake goes on whenever the socket is ready. */
static bool start_tls(struct link *link, unsigned end)
{
	if (gnutls_init(&link->session, end | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) ||
	    gnutls_set_default_priority(link->session) ||
	    gnutls_credentials_set(link->session, GNUTLS_CRD_CERTIFICATE,
				   link->net->credentials))
		return false;
	gnutls_transport_set_int(link->session, link->fd);
	if (end == GNUTLS_SERVER && link->net->wants_client_certificate)
		gnutls_certificate_server_set_request(link->session, GNUTLS_CERT_REQUEST);
	return true;
}

struct link *link_connect(struct net *net, const struct sockaddr_in *from,
			  const struct sockaddr_in *to, link_on_message on_message, void *user)
{
	struct link *link;
	int fd;

	if (net->transport == TRANSPORT_UDP)
		return link_listen(net, from, on_message, user);

	fd = open_socket(from, SOCK_STREAM);
	if (fd < 0)
		return NULL;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS) {
		perror("load: connect");
		close(fd);
		return NULL;
	}
	link = link_new(net, LINK_STREAM, fd, on_message, user);
	if (!link)
		return NULL;
	link->peer = *to;
	watch_write(link, true);
	if (net->transport == TRANSPORT_TLS && !start_tls(link, GNUTLS_CLIENT))
		link_close(link);
	return link;
}

static void accept_links(struct link *listener)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int on = 1, fd;

	while ((fd = accept4(listener->fd, (struct sockaddr *)&peer, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct link *link = link_new(listener->net, LINK_STREAM, fd,
					     listener->on_message, listener->user);

		if (!link)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		link->peer = peer;
		link->is_connected = true;
		if (listener->net->transport == TRANSPORT_TLS &&
		    !start_tls(link, GNUTLS_SERVER))
			link_close(link);
		len = sizeof(peer);
	}
}

/* True once bytes may be exchanged; fails by closing the link. */
static bool get_ready(struct link *link)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!link->is_connected) {
		getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error) {
			fprintf(stderr, "load: connect: %s\n", strerror(error));
			link_close(link);
			return false;
		}
		link->is_connected = true;
	}
	if (!link->session || link->is_shaken)
		return true;

	error = gnutls_handshake(link->session);
	if (error == GNUTLS_E_SUCCESS) {
		link->is_shaken = true;
		return true;
	}
	if (gnutls_error_is_fatal(error)) {
		fprintf(stderr, "load: handshake: %s\n", gnutls_strerror(error));
		link_close(link);
		return false;
	}
	watch_write(link, gnutls_record_get_direction(link->session) == 1);
	return false;
}

static ssize_t write_some(struct link *link)
{
	const char *start = link->out + link->sent;
	size_t len = link->queued - link->sent;
	ssize_t n;

	if (!link->session) {
		n = send(link->fd, start, len, MSG_NOSIGNAL);
		return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	/* After GNUTLS_E_AGAIN the same record is to be finished, not a new one begun. */
	n = link->record_waits ? gnutls_record_send(link->session, NULL, 0)
			       : gnutls_record_send(link->session, start, len);
	link->record_waits = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
	return link->record_waits ? 0 : n;
}

static void flush(struct link *link)
{
	while (link->sent < link->queued) {
		ssize_t n = write_some(link);

		if (n < 0) {
			link_close(link);
			return;
		}
		if (n == 0)
			break;
		link->sent += (size_t)n;
	}
	if (link->sent == link->queued)
		link->sent = link->queued = 0;
	watch_write(link, link->sent < link->queued);
}

static void queue(struct link *link, const char *text, size_t len)
{
	if (link->queued + len > link->out_room) {
		size_t room = 2 * (link->queued + len) + 16384;
		char *out = realloc(link->out, room);

		if (!out) {
			link->net->n_unsent++;
			return;
		}
		link->out = out;
		link->out_room = room;
	}
	memcpy(link->out + link->queued, text, len);
	link->queued += len;
}

void link_send(struct link *link, const struct sockaddr_in *to, const char *text, size_t len)
{
	if (link->fd < 0) {
		link->net->n_unsent++;
		return;
	}
	if (link->kind == LINK_DATAGRAM) {
		if (sendto(link->fd, text, len, 0, (const struct sockaddr *)to, sizeof(*to)) <
		    0)
			link->net->n_unsent++;
		return;
	}
	queue(link, text, len);
	if (link->is_connected && (!link->session || link->is_shaken))
		flush(link);
}

static void read_datagrams(struct link *link)
{
	struct mmsghdr heads[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_in from[BATCH];
	int n;

	do {
		memset(heads, 0, sizeof(heads));
		for (int i = 0; i < BATCH; i++) {
			parts[i].iov_base = link->in + (size_t)i * (MESSAGE_MAX + 1);
			parts[i].iov_len = MESSAGE_MAX;
			heads[i].msg_hdr.msg_iov = &parts[i];
			heads[i].msg_hdr.msg_iovlen = 1;
			heads[i].msg_hdr.msg_name = &from[i];
			heads[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
		n = recvmmsg(link->fd, heads, BATCH, 0, NULL);
		for (int i = 0; i < n; i++) {
			char *text = parts[i].iov_base;

			text[heads[i].msg_len] = '\0';
			link->on_message(link->user, link, &from[i], text, heads[i].msg_len);
		}
	} while (n == BATCH);
}

/* The length of the first whole message in text, 0 if it is not all there (RFC 3261 §18.3). */
static size_t frame(const char *text, size_t len)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4), *line = text;
	size_t body = 0;

	if (!end)
		return 0;
	while ((line = memmem(line, (size_t)(end - line), "\r\n", 2))) {
		line += 2;
		if (!strncasecmp(line, "Content-Length:", 15))
			body = strtoul(line + 15, NULL, 10);
		else if (!strncasecmp(line, "l:", 2))
			body = strtoul(line + 2, NULL, 10);
	}
	body += (size_t)(end + 4 - text);
	return body <= len ? body : 0;
}

static void take_messages(struct link *link)
{
	size_t at = 0, len;

	while (at < link->n_in) {
		char kept;

		if (link->in[at] == '\r' || link->in[at] == '\n') { /* RFC 3261 §7.5 */
			at++;
			continue;
		}
		len = frame(link->in + at, link->n_in - at);
		if (!len)
			break;
		kept = link->in[at + len];
		link->in[at + len] = '\0';
		link->on_message(link->user, link, &link->peer, link->in + at, len);
		link->in[at + len] = kept;
		at += len;
	}
	memmove(link->in, link->in + at, link->n_in - at);
	link->n_in -= at;
}

static void read_stream(struct link *link)
{
	while (link->fd >= 0) {
		size_t room = 8 * MESSAGE_MAX - link->n_in;
		ssize_t n = link->session ? gnutls_record_recv(link->session,
							       link->in + link->n_in, room)
					  : recv(link->fd, link->in + link->n_in, room, 0);

		if (link->session ? n < 0 && !gnutls_error_is_fatal((int)n)
				  : n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) { /* also a message that outgrew the buffer: room was 0 */
			link_close(link);
			return;
		}
		link->n_in += (size_t)n;
		take_messages(link);
	}
}

bool link_is_open(const struct link *link)
{
	return link->fd >= 0;
}

bool link_is_ready(const struct link *link)
{
	return link->kind != LINK_STREAM ||
	       (link->fd >= 0 && link->is_connected && (!link->session || link->is_shaken));
}

struct sockaddr_in link_addr(const struct link *link)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	if (getsockname(link->fd, (struct sockaddr *)&addr, &len))
		perror("load: getsockname");
	return addr;
}

static void serve(struct link *link, uint32_t events)
{
	if (link->fd < 0)
		return;
	if (link->kind == LINK_DATAGRAM) {
		read_datagrams(link);
	} else if (link->kind == LINK_LISTENER) {
		accept_links(link);
	} else if (get_ready(link)) {
		if (events & EPOLLOUT || link->queued)
			flush(link);
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			read_stream(link);
	}
}

void net_poll(struct net *net, int64_t wait_ns)
{
	struct epoll_event events[EVENTS];
	struct timespec wait = { .tv_sec = wait_ns / 1000000000,
				 .tv_nsec = wait_ns % 1000000000 };
	int n = epoll_pwait2(net->epoll, events, EVENTS, &wait, NULL);

	for (int i = 0; i < n; i++)
		serve(events[i].data.ptr, events[i].events);
}
