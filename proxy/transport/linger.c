#include "proxy/transport/linger.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/timer.h"
#include "proxy/transport/transport_inside.h"

enum { MAX_LINGERERS = 256, LINGER_MS = 2000, MAX_DROPPED_READS = 16 };

struct lingerer {
	struct list link;
	struct transport *transport;
	struct loop_watch watch;
	struct timer timer;
	int fd;
};

static void end(struct lingerer *lingerer)
{
	loop_watch_stop(&lingerer->watch);
	timer_stop(&lingerer->timer);
	close(lingerer->fd);
	list_remove(&lingerer->link);
	lingerer->transport->n_lingerers--;
	free(lingerer);
}

static void on_timer(struct timer *timer)
{
	end(container_of(timer, struct lingerer, timer));
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct lingerer *lingerer = container_of(watch, struct lingerer, watch);
	struct transport *transport = lingerer->transport;

	for (unsigned n = 0; n < MAX_DROPPED_READS; n++) {
		ssize_t got = recv(lingerer->fd, transport->bytes, sizeof(transport->bytes), 0);
		if (got > 0)
			continue;
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			end(lingerer);
		return;
	}
}

void linger(struct transport *transport, int fd)
{
	struct lingerer *lingerer = NULL;

	if (transport->n_lingerers < MAX_LINGERERS)
		lingerer = calloc(1, sizeof(*lingerer));
	if (!lingerer) {
		close(fd);
		return;
	}
	shutdown(fd, SHUT_WR);
	lingerer->fd = fd;
	lingerer->transport = transport;
	list_append(&transport->lingerers, &lingerer->link);
	transport->n_lingerers++;
	loop_watch_start(transport->loop, &lingerer->watch, fd, LOOP_READ, on_ready);
	timer_start(transport->loop, &lingerer->timer, LINGER_MS, on_timer);
}

void linger_end(struct transport *transport)
{
	while (!list_is_empty(&transport->lingerers))
		end(container_of(transport->lingerers.next, struct lingerer, link));
}
