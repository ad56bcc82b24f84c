#include "proxy/transport/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/transport/stream.h"
#include "proxy/transport/transport_inside.h"

enum { MAX_ACCEPTED = 64, PAUSE_MS = 200 };

struct acceptor {
	struct list link;
	struct transport *transport;
	struct listener *listener; /* counted; owns fd */
	int fd;
	struct loop_watch watch;
	struct timer pause;
};

static void on_ready(struct loop_watch *watch, unsigned events);

static void on_pause_over(struct timer *timer)
{
	struct acceptor *acceptor = container_of(timer, struct acceptor, pause);

	loop_watch_start(acceptor->transport->loop, &acceptor->watch, acceptor->fd, LOOP_READ,
			 on_ready);
}

/* Out of descriptors or memory: the connection stays in the backlog, where it would wake us
 * again and again. */
static void pause_accepting(struct acceptor *acceptor, enum err err)
{
	log_event(LOG_ERROR, "cannot accept connections", "listener", acceptor->listener->name,
		  "error", err_text(err), NULL);
	loop_watch_stop(&acceptor->watch);
	timer_start(acceptor->transport->loop, &acceptor->pause, PAUSE_MS, on_pause_over);
}

static void take(struct acceptor *acceptor, int fd, const struct addr *remote)
{
	struct transport *transport = acceptor->transport;
	struct transport_user *user = &transport->user;

	if (transport->n_streams >= transport->limits.connections) {
		counter_add1(transport->counters, COUNTER_LIMITED, COUNTER_LIMIT_CONNECTIONS,
			     1);
		close(fd);
		return;
	}
	if (user->may_connect &&
	    user->may_connect(user->user, acceptor->listener, remote,
			      listener_is_tls(acceptor->listener)) != REASON_NONE) {
		close(fd);
		return;
	}
	enum err err = stream_accept(transport, acceptor->listener, fd, remote);
	if (err != ERR_OK) {
		log_event(LOG_ERROR, "cannot serve a connection", "listener",
			  acceptor->listener->name, "error", err_text(err), NULL);
		close(fd);
		if (user->connection_ended)
			user->connection_ended(user->user, remote);
	}
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct acceptor *acceptor = container_of(watch, struct acceptor, watch);

	for (unsigned n = 0; n < MAX_ACCEPTED; n++) {
		struct sockaddr_storage source;
		socklen_t len = sizeof(source);
		struct addr remote;

		int fd = accept4(acceptor->fd, (struct sockaddr *)&source, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			       errno == ENOMEM)) {
			pause_accepting(acceptor, err_from_errno(errno));
			return;
		}
		if (fd < 0 && (errno == EAGAIN || errno == EBADF || errno == EINVAL))
			return;
		if (fd < 0)
			/* that connection is gone already: accept(2), "Error handling" */
			continue;
		addr_from_sockaddr(&remote, (struct sockaddr *)&source, len);
		take(acceptor, fd, &remote);
	}
}

static void serve(struct acceptor *acceptor, struct listener *listener)
{
	struct listener *old = acceptor->listener;

	loop_watch_stop(&acceptor->watch);
	acceptor->listener = listener_ref(listener);
	acceptor->fd = listener->sockets->fds[acceptor->transport->worker];
	if (!timer_is_running(&acceptor->pause))
		loop_watch_start(acceptor->transport->loop, &acceptor->watch, acceptor->fd,
				 LOOP_READ, on_ready);
	listener_unref(old);
}

/* The socket is closed here, by the thread whose loop knows it, and now: connections may hold
 * the listener for long, and the last of them may end in another thread. */
static void close_acceptor(struct acceptor *acceptor)
{
	loop_watch_stop(&acceptor->watch);
	timer_stop(&acceptor->pause);
	acceptor->listener->sockets->fds[acceptor->transport->worker] = -1;
	close(acceptor->fd);
	list_remove(&acceptor->link);
	listener_unref(acceptor->listener);
	free(acceptor);
}

static struct acceptor *find(struct transport *transport, const struct addr *addr)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->acceptors) {
		struct acceptor *acceptor = container_of(link, struct acceptor, link);
		if (addr_equal(&acceptor->listener->addr, addr))
			return acceptor;
	}
	return NULL;
}

static bool is_among(const struct acceptor *acceptor, struct listener *const *listeners,
		     unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (listeners[i]->transport != TRANSPORT_UDP &&
		    addr_equal(&listeners[i]->addr, &acceptor->listener->addr))
			return true;
	}
	return false;
}

enum err acceptor_serve(struct transport *transport, struct listener *const *listeners,
			unsigned n)
{
	struct list *link, *following;

	list_for_each(link, following, &transport->acceptors) {
		struct acceptor *acceptor = container_of(link, struct acceptor, link);
		if (!is_among(acceptor, listeners, n))
			close_acceptor(acceptor);
	}
	for (unsigned i = 0; i < n; i++) {
		if (listeners[i]->transport == TRANSPORT_UDP)
			continue;
		struct acceptor *acceptor = find(transport, &listeners[i]->addr);
		if (!acceptor) {
			acceptor = calloc(1, sizeof(*acceptor));
			if (!acceptor)
				return ERR_NO_MEMORY;
			acceptor->transport = transport;
			list_append(&transport->acceptors, &acceptor->link);
		}
		if (acceptor->listener != listeners[i])
			serve(acceptor, listeners[i]);
	}
	return ERR_OK;
}

void acceptor_close_all(struct transport *transport)
{
	while (!list_is_empty(&transport->acceptors))
		close_acceptor(container_of(transport->acceptors.next, struct acceptor, link));
}
