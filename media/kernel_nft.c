#include "media/kernel_door.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>

#include "media/kernel_message.h"
#include "media/kernel_route.h"
#include "proxy/base/macros.h"

enum {
	MAX_DEVICES = 32,
	/* A transaction: its begin and end, a chain and its rule for each device that is new,
	 * and the changes. */
	BATCH_ROOM = (2 + 2 * MAX_DEVICES + KERNEL_MAX_CHANGES) * 1024 + KERNEL_MESSAGE_ROOM,
	ANSWER_ROOM = 32768,
	WAIT_S = 2, /* the kernel answers at once, or something is wrong */
	SEND_ROOM = 1 << 20,
};

struct kernel_door {
	struct mnl_socket *nft; /* the table lives as long as it does */
	struct kernel_routes *routes;
	char table[KERNEL_TABLE_SIZE];
	uint32_t seq;
	unsigned devices[MAX_DEVICES]; /* that have a chain */
	unsigned n_devices;
	size_t len; /* of batch */
	char batch[BATCH_ROOM] __attribute__((aligned(8)));
	char bytes[ANSWER_ROOM] __attribute__((aligned(8)));
};

/* ---- transactions ---- */

static void begin(struct kernel_door *door)
{
	door->len = nftnl_batch_begin(door->batch, ++door->seq)->nlmsg_len;
}

/* Where the next message goes; NULL: there is no room. */
static char *place(struct kernel_door *door)
{
	return door->len + KERNEL_MESSAGE_ROOM <= sizeof(door->batch) ? door->batch + door->len
								      : NULL;
}

/* A message that was written at the last place. */
static bool keep(struct kernel_door *door, const struct nlmsghdr *message)
{
	if (!message)
		return false;
	door->len += MNL_ALIGN(message->nlmsg_len);
	return true;
}

struct reading {
	kernel_counted *told;
	void *user;
	uint32_t last;
	int error; /* the first one; 0: none */
	bool is_over;
};

static void read_error(const struct nlmsghdr *message, struct reading *reading)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return;
	if (error->error && !reading->error)
		reading->error = -error->error;
	/* An error of the whole is told for its beginning, and then nothing else may come. */
	if (message->nlmsg_seq == reading->last ||
	    (error->error && error->msg.nlmsg_type == NFNL_MSG_BATCH_BEGIN))
		reading->is_over = true;
}

/* Reads what comes until the last message is answered. 0, or errno. */
static int read_answers(struct kernel_door *door, struct reading *reading)
{
	while (!reading->is_over) {
		ssize_t received =
			recv(mnl_socket_get_fd(door->nft), door->bytes, sizeof(door->bytes), 0);
		int len = (int)received;
		const struct nlmsghdr *message =
			(const struct nlmsghdr *)(const void *)door->bytes;

		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0)
			return errno;
		for (; mnl_nlmsg_ok(message, len); message = mnl_nlmsg_next(message, &len)) {
			if (message->nlmsg_type == NLMSG_ERROR)
				read_error(message, reading);
			else if (message->nlmsg_type == NLMSG_DONE)
				reading->is_over |= message->nlmsg_seq == reading->last;
			else if (reading->told)
				kernel_read_flows(message, reading->told, reading->user);
		}
	}
	return reading->error;
}

/* Throws away what is left of a talk that was given up. */
static void drain(struct kernel_door *door)
{
	while (recv(mnl_socket_get_fd(door->nft), door->bytes, sizeof(door->bytes),
		    MSG_DONTWAIT) > 0)
		;
}

/* Sends the transaction; last is its last message. 0, or errno of the first that failed: then
 * nothing has changed. */
static int commit(struct kernel_door *door, struct nlmsghdr *last, struct reading *reading)
{
	last->nlmsg_flags |= NLM_F_ACK;
	reading->last = last->nlmsg_seq;
	door->len += nftnl_batch_end(door->batch + door->len, ++door->seq)->nlmsg_len;
	drain(door);
	if (send(mnl_socket_get_fd(door->nft), door->batch, door->len, 0) != (ssize_t)door->len)
		return errno ? errno : EIO;
	return read_answers(door, reading);
}

/* ---- open ---- */

static int make_table(struct kernel_door *door, unsigned n_flows)
{
	struct reading reading = { .told = NULL };
	struct nlmsghdr *last = NULL;

	begin(door);
	if (!keep(door, kernel_put_table(place(door), ++door->seq, door->table)))
		return ENOMEM;
	for (unsigned family = 0; family < KERNEL_N_FAMILIES; family++) {
		if (!keep(door, kernel_put_map(place(door), ++door->seq, door->table, family,
					       n_flows)))
			return ENOMEM;
	}
	/* The rules at once, so that a kernel that does not know what stands in them is found
	 * out now. */
	if (!keep(door, kernel_put_chain(place(door), ++door->seq, door->table)))
		return ENOMEM;
	for (unsigned family = 0; family < KERNEL_N_FAMILIES; family++) {
		last = kernel_put_rule(place(door), ++door->seq, door->table, family);
		if (!keep(door, last))
			return ENOMEM;
	}
	return commit(door, last, &reading);
}

static void close_door(struct kernel_door *door)
{
	if (!door)
		return;
	if (door->nft)
		mnl_socket_close(door->nft);
	kernel_routes_free(door->routes);
	free(door);
}

static enum err explain(int number, char why[KERNEL_WHY_SIZE])
{
	switch (number) {
	case EPERM:
	case EACCES:
		snprintf(
			why, KERNEL_WHY_SIZE,
			"the service has no CAP_NET_ADMIN; nuncio-fastpath.conf beside the examples is the drop-in that gives it");
		return ERR_ACCESS;
	case ENOMEM:
		snprintf(why, KERNEL_WHY_SIZE, "no memory");
		return ERR_NO_MEMORY;
	default:
		snprintf(why, KERNEL_WHY_SIZE,
			 "this kernel refuses nf_tables of family netdev with an owner: %s",
			 strerror(number));
		return ERR_UNSUPPORTED;
	}
}

static enum err open_door(unsigned n_flows, struct kernel_door **out, char why[KERNEL_WHY_SIZE])
{
	const int room = SEND_ROOM;
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct kernel_door *door = calloc(1, sizeof(*door));
	enum err err;

	if (!door)
		return explain(ENOMEM, why);
	snprintf(door->table, sizeof(door->table), "nuncio_%d", (int)getpid());
	err = kernel_routes_new(&door->routes, why);
	if (err)
		goto fail;
	door->nft = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!door->nft || mnl_socket_bind(door->nft, 0, MNL_SOCKET_AUTOPID) ||
	    setsockopt(mnl_socket_get_fd(door->nft), SOL_SOCKET, SO_RCVTIMEO, &wait,
		       sizeof(wait))) {
		err = explain(errno, why);
		goto fail;
	}
	/* With CAP_NET_ADMIN beyond what the system allows others; else the presets are. */
	(void)setsockopt(mnl_socket_get_fd(door->nft), SOL_SOCKET, SO_SNDBUFFORCE, &room,
			 sizeof(room));
	(void)setsockopt(mnl_socket_get_fd(door->nft), SOL_SOCKET, SO_RCVBUFFORCE, &room,
			 sizeof(room));
	int number = make_table(door, n_flows);
	if (number) {
		err = explain(number, why);
		goto fail;
	}
	*out = door;
	return ERR_OK;
fail:
	close_door(door);
	return err;
}

/* ---- changes ---- */

static bool has_chain(const struct kernel_door *door, unsigned device)
{
	for (unsigned i = 0; i < door->n_devices; i++)
		if (door->devices[i] == device)
			return true;
	return false;
}

/* A device gets its chain with the first flow that comes in by it. */
static int put_chain(struct kernel_door *door, unsigned device)
{
	char name[IF_NAMESIZE];
	char *at = place(door);

	if (door->n_devices >= MAX_DEVICES)
		return ENOSPC;
	if (!if_indextoname(device, name))
		return ENODEV;
	if (!at || !keep(door, kernel_put_device(at, ++door->seq, door->table, device, name)))
		return ENOMEM;
	at = place(door);
	if (!at || !keep(door, kernel_put_jump(at, ++door->seq, door->table, device)))
		return ENOMEM;
	door->devices[door->n_devices++] = device;
	return 0;
}

/* The counts of what was taken out. */
struct taking {
	struct kernel_change *changes;
	unsigned n;
};

static void on_taken(void *user, const struct kernel_ends *ends, uint64_t packets,
		     uint64_t bytes)
{
	const struct taking *taking = user;

	for (unsigned i = 0; i < taking->n; i++) {
		struct kernel_change *change = &taking->changes[i];

		if (!change->is_out || !addr_equal(&change->ends->ours, &ends->ours) ||
		    !addr_equal(&change->ends->source, &ends->source))
			continue;
		change->packets = packets;
		change->bytes = bytes;
		change->has_counts = true;
		return;
	}
}

static int put_changes(struct kernel_door *door, const struct kernel_change *changes,
		       unsigned n, struct nlmsghdr **out_last)
{
	begin(door);
	for (unsigned i = 0; i < n; i++) {
		int number = !changes[i].is_out && !has_chain(door, changes[i].way->in_device)
				     ? put_chain(door, changes[i].way->in_device)
				     : 0;
		char *at = place(door);

		if (number)
			return number;
		if (!at)
			return ENOMEM;
		*out_last = kernel_put_flow(at, ++door->seq, door->table, &changes[i]);
		if (!keep(door, *out_last))
			return ENOMEM;
	}
	return 0;
}

static enum err err_of(int number)
{
	switch (number) {
	case 0:
		return ERR_OK;
	case ENFILE:
	case ENOSPC:
		return ERR_LIMIT;
	case EEXIST:
		return ERR_EXISTS;
	case ENOENT:
		return ERR_NOT_FOUND;
	case ENOMEM:
		return ERR_NO_MEMORY;
	case ENODEV:
		return ERR_UNREACHABLE;
	default:
		return ERR_IO;
	}
}

static enum err change(struct kernel_door *door, struct kernel_change *changes, unsigned n)
{
	struct taking taking = { changes, n };
	struct reading reading = { .told = on_taken, .user = &taking };
	const unsigned n_devices = door->n_devices;
	struct nlmsghdr *last = NULL;
	int number;

	if (n == 0 || n > KERNEL_MAX_CHANGES)
		return ERR_INVALID;
	number = put_changes(door, changes, n, &last);
	if (!number)
		number = commit(door, last, &reading);
	if (number)
		door->n_devices = n_devices;
	return err_of(number);
}

static enum err count(struct kernel_door *door, kernel_counted *told, void *user)
{
	for (unsigned family = 0; family < KERNEL_N_FAMILIES; family++) {
		struct reading reading = { .told = told, .user = user, .last = ++door->seq };
		struct nlmsghdr *question =
			kernel_put_dump(door->batch, reading.last, door->table, family);
		int number;

		if (!question)
			return ERR_NO_MEMORY;
		drain(door);
		if (mnl_socket_sendto(door->nft, question, question->nlmsg_len) < 0)
			return err_of(errno);
		number = read_answers(door, &reading);
		if (number)
			return err_of(number);
	}
	return ERR_OK;
}

/* ---- routes ---- */

static int watched(const struct kernel_door *door)
{
	return kernel_routes_watched(door->routes);
}

/* A device that went away took its chain along. */
static bool look(struct kernel_door *door)
{
	char name[IF_NAMESIZE];

	if (!kernel_routes_look(door->routes))
		return false;
	for (unsigned i = 0; i < door->n_devices;) {
		if (if_indextoname(door->devices[i], name))
			i++;
		else
			door->devices[i] = door->devices[--door->n_devices];
	}
	return true;
}

static bool may_pass(struct kernel_door *door)
{
	return kernel_routes_may_pass(door->routes);
}

static enum err find_way(struct kernel_door *door, const struct kernel_ends *ends,
			 struct kernel_way *out)
{
	return kernel_routes_find(door->routes, ends, out);
}

const struct kernel_door_ops kernel_nft_door = {
	.open = open_door,
	.close = close_door,
	.watched = watched,
	.look = look,
	.may_pass = may_pass,
	.find_way = find_way,
	.change = change,
	.count = count,
};
