#include "routing/dns_channel.h"

#include <ares.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "proxy/base/buf.h"
#include "proxy/base/list.h"
#include "proxy/base/text.h"

enum {
	/* of each of several servers; ares doubles it with each round */
	FIRST_TIMEOUT_MS = 400,
	ALONE_TIMEOUT_MS = 1000, /* of one that is alone */
	N_TRIES = 3,
	DATAGRAM_BYTES = 1232, /* what passes everywhere without fragments */
	DNS_PORT = 53,
	CLASS_IN = 1,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
};

struct socket {
	struct list link; /* channel.sockets */
	struct loop_watch watch;
	struct dns_channel *channel;
	int fd;
};

struct dns_channel {
	ares_channel ares;
	struct loop *loop;
	struct timer timer;
	struct list sockets;
	unsigned n_asked;     /* that have no answer yet */
	bool is_first_silent; /* another server had to answer for it */
	dns_channel_answer *on_answer;
	void *user;
};

/* One question under way: what ares gives back to us. */
struct asked {
	struct dns_channel *channel;
	void *question;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
	ares_library_init(ARES_LIB_INIT_ALL);
}

static void on_timer(struct timer *timer);

/* ares says each time anew how long it wants to wait. */
static void set_timer(struct dns_channel *channel)
{
	struct timeval left;

	if (!ares_timeout(channel->ares, NULL, &left)) {
		timer_stop(&channel->timer);
		return;
	}
	timer_start(channel->loop, &channel->timer,
		    (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000 + 1, on_timer);
}

static void on_timer(struct timer *timer)
{
	struct dns_channel *channel = container_of(timer, struct dns_channel, timer);

	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(channel);
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
	struct socket *sock = container_of(watch, struct socket, watch);
	struct dns_channel *channel = sock->channel;
	int fd = sock->fd; /* sock may end inside */

	ares_process_fd(channel->ares, events & LOOP_READ ? fd : ARES_SOCKET_BAD,
			events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	set_timer(channel);
}

static struct socket *find_socket(const struct dns_channel *channel, int fd)
{
	for (struct list *link = channel->sockets.next; link != &channel->sockets;
	     link = link->next) {
		struct socket *sock = container_of(link, struct socket, link);
		if (sock->fd == fd)
			return sock;
	}
	return NULL;
}

/* ares tells what it waits for; neither: it closes the socket. */
static void on_socket(void *user, ares_socket_t fd, int is_readable, int is_writable)
{
	struct dns_channel *channel = user;
	struct socket *sock = find_socket(channel, fd);

	if (!is_readable && !is_writable) {
		if (sock) {
			loop_watch_stop(&sock->watch);
			list_remove(&sock->link);
			free(sock);
		}
		return;
	}
	if (!sock) {
		sock = calloc(1, sizeof(*sock));
		if (!sock)
			return; /* its questions time out */
		sock->channel = channel;
		sock->fd = fd;
		list_append(&channel->sockets, &sock->link);
	}
	loop_watch_start(channel->loop, &sock->watch, fd,
			 (is_readable ? LOOP_READ : 0) | (is_writable ? LOOP_WRITE : 0),
			 on_ready);
}

/* "192.0.2.1" alone would be read as it is; IPv6 needs brackets before a port. */
static enum err set_servers(struct dns_channel *channel, const struct dns_settings *settings)
{
	char text[ADDR_TEXT_SIZE];
	struct addr addr;
	struct buf list;

	if (settings->n_servers == 0)
		return ERR_OK;
	buf_init(&list, 0);
	for (unsigned i = 0; i < settings->n_servers && i < COUNT(settings->servers); i++) {
		enum err err = addr_parse_port(settings->servers[i], DNS_PORT, &addr);
		if (err != ERR_OK) {
			buf_fini(&list);
			return err;
		}
		buf_printf(&list, "%s%s", i ? "," : "", addr_text(&addr, text));
	}
	enum err err = list.err;
	if (err == ERR_OK &&
	    ares_set_servers_ports_csv(channel->ares, buf_text(&list)) != ARES_SUCCESS)
		err = ERR_NO_MEMORY;
	buf_fini(&list);
	return err;
}

/* more_flags: those of ares beside what all channels have. */
static enum err make(struct loop *loop, int more_flags, const struct dns_settings *settings,
		     dns_channel_answer *on_answer, void *user, struct dns_channel **out)
{
	struct ares_options options = { .flags = ARES_FLAG_EDNS | more_flags,
					.timeout = settings->n_servers == 1 ? ALONE_TIMEOUT_MS
									    : FIRST_TIMEOUT_MS,
					.tries = N_TRIES,
					.ednspsz = DATAGRAM_BYTES,
					.sock_state_cb = on_socket };
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
		   ARES_OPT_SOCK_STATE_CB;

	struct dns_channel *channel = calloc(1, sizeof(*channel));
	if (!channel)
		return ERR_NO_MEMORY;
	channel->loop = loop;
	channel->on_answer = on_answer;
	channel->user = user;
	list_init(&channel->sockets);
	options.sock_state_cb_data = channel;

	pthread_once(&library_once, init_library);
	int status = ares_init_options(&channel->ares, &options, mask);
	enum err err = status == ARES_SUCCESS  ? ERR_OK
		       : status == ARES_ENOMEM ? ERR_NO_MEMORY
					       : ERR_IO;
	if (err == ERR_OK)
		err = set_servers(channel, settings);
	if (err != ERR_OK) {
		dns_channel_free(channel);
		return err;
	}
	*out = channel;
	return ERR_OK;
}

enum err dns_channel_new(struct loop *loop, const struct dns_settings *settings,
			 dns_channel_answer *on_answer, void *user, struct dns_channel **out)
{
	return make(loop, 0, settings, on_answer, user, out);
}

enum err dns_channel_new_to(struct loop *loop, const struct addr *server, bool by_tcp,
			    dns_channel_answer *on_answer, void *user, struct dns_channel **out)
{
	struct dns_settings settings = { .n_servers = 1 };
	char text[ADDR_TEXT_SIZE];

	text_copy(settings.servers[0], sizeof(settings.servers[0]), addr_text(server, text));
	return make(loop, ARES_FLAG_NOCHECKRESP | (by_tcp ? ARES_FLAG_USEVC : ARES_FLAG_IGNTC),
		    &settings, on_answer, user, out);
}

/* False for a scope, which ares does not tell. */
static bool read_server(const struct ares_addr_port_node *node, struct addr *out)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int port = node->udp_port ? node->udp_port : DNS_PORT;

	if (node->family == AF_INET) {
		in4.sin_addr = node->addr.addr4;
		addr_from_sockaddr(out, (struct sockaddr *)&in4, sizeof(in4));
	} else {
		memcpy(&in6.sin6_addr, &node->addr.addr6, sizeof(in6.sin6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			return false;
		addr_from_sockaddr(out, (struct sockaddr *)&in6, sizeof(in6));
	}
	addr_set_port(out, (uint16_t)port);
	return true;
}

size_t dns_channel_servers(const struct dns_channel *channel, struct addr *out, size_t max)
{
	struct ares_addr_port_node *nodes = NULL;
	size_t n = 0;

	if (ares_get_servers_ports(channel->ares, &nodes) != ARES_SUCCESS)
		return 0;
	for (const struct ares_addr_port_node *node = nodes; node && n < max; node = node->next)
		n += read_server(node, &out[n]);
	ares_free_data(nodes);
	return n;
}

struct dns_channel *dns_channel_free(struct dns_channel *channel)
{
	if (!channel)
		return NULL;
	if (channel->ares)
		ares_destroy(channel->ares);
	timer_stop(&channel->timer);
	free(channel);
	return NULL;
}

static enum dns_status status_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return DNS_FOUND;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	case ARES_ENODATA:
		return DNS_NO_RECORD;
	case ARES_ETIMEOUT:
		return DNS_TIMEOUT;
	default:
		return DNS_SERVER_FAILED;
	}
}

static void on_response(void *user, int status, int timeouts, unsigned char *bytes, int len)
{
	struct asked *asked = user;
	struct dns_channel *channel = asked->channel;
	void *question = asked->question;

	free(asked);
	channel->n_asked--;
	if (timeouts > 0 &&
	    (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND))
		channel->is_first_silent = true;
	channel->on_answer(channel->user, question, status_of(status), bytes,
			   len > 0 ? (size_t)len : 0, status == ARES_EDESTRUCTION);
}

/* The silent one is asked last from now on. ares begins each question with the first, and
 * changes servers only while nothing is asked of them. */
static void put_first_last(struct dns_channel *channel)
{
	struct ares_addr_port_node *first = NULL, *last;

	if (ares_get_servers_ports(channel->ares, &first) != ARES_SUCCESS || !first)
		return;
	if (first->next) {
		struct ares_addr_port_node *second = first->next;

		for (last = second; last->next; last = last->next)
			;
		last->next = first;
		first->next = NULL;
		first = second;
		if (ares_set_servers_ports(channel->ares, first) == ARES_SUCCESS)
			channel->is_first_silent = false;
	}
	ares_free_data(first);
}

static int type_number(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return TYPE_A;
	case DNS_AAAA:
		return TYPE_AAAA;
	case DNS_SRV:
		return TYPE_SRV;
	case DNS_NAPTR:
		return TYPE_NAPTR;
	}
	return 0;
}

void dns_channel_ask(struct dns_channel *channel, const char *name, enum dns_type type,
		     void *question)
{
	struct asked *asked = calloc(1, sizeof(*asked));
	if (!asked) {
		channel->on_answer(channel->user, question, DNS_SERVER_FAILED, NULL, 0, false);
		return;
	}
	asked->channel = channel;
	asked->question = question;
	if (channel->is_first_silent && channel->n_asked == 0)
		put_first_last(channel);
	channel->n_asked++;
	ares_query(channel->ares, name, CLASS_IN, type_number(type), on_response, asked);
	set_timer(channel);
}
