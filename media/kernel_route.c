#include "media/kernel_route.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

#include <libmnl/libmnl.h>

#include "media/kernel_rule.h"
#include "proxy/base/macros.h"

enum {
	MAX_HOSTS = 64, /* addresses of ours that are remembered with their devices */
	ROOM = 8192,    /* of an answer */
	WAIT_S = 2,     /* the kernel answers at once, or something is wrong */
	MIN_MTU = KERNEL_MAX_PACKET,
};

/* Which device has an address of ours; number 0: none that will do. */
struct host {
	struct addr addr;
	unsigned device;
};

struct kernel_routes {
	struct mnl_socket *asking, *watching;
	struct mnl_socket *policies; /* NULL: a kernel without IPsec */
	uint32_t seq;
	struct host hosts[MAX_HOSTS];
	unsigned n_hosts;
	char bytes[ROOM] __attribute__((aligned(8)));
};

static struct mnl_socket *open_socket(int bus, unsigned groups)
{
	struct mnl_socket *opened = mnl_socket_open2(bus, SOCK_CLOEXEC);
	const struct timeval wait = { .tv_sec = WAIT_S };

	if (!opened)
		return NULL;
	if (mnl_socket_bind(opened, groups, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(opened), SOL_SOCKET, SO_RCVTIMEO, &wait,
		       sizeof(wait)) == 0)
		return opened;
	mnl_socket_close(opened);
	return NULL;
}

static void close_socket(struct mnl_socket *opened)
{
	if (opened)
		mnl_socket_close(opened);
}

enum err kernel_routes_new(struct kernel_routes **out, char why[KERNEL_WHY_SIZE])
{
	struct kernel_routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return ERR_NO_MEMORY;
	routes->asking = open_socket(NETLINK_ROUTE, 0);
	routes->watching = open_socket(
		NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				       RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
				       RTMGRP_IPV4_RULE | 1U << (RTNLGRP_IPV6_RULE - 1) |
				       1U << (RTNLGRP_NEXTHOP - 1));
	routes->policies = open_socket(NETLINK_XFRM, 0);
	if (!routes->asking || !routes->watching) {
		snprintf(why, KERNEL_WHY_SIZE, "no netlink socket for routes: %s",
			 strerror(errno));
		kernel_routes_free(routes);
		return ERR_UNSUPPORTED;
	}
	*out = routes;
	return ERR_OK;
}

struct kernel_routes *kernel_routes_free(struct kernel_routes *routes)
{
	if (!routes)
		return NULL;
	close_socket(routes->asking);
	close_socket(routes->watching);
	close_socket(routes->policies);
	free(routes);
	return NULL;
}

int kernel_routes_watched(const struct kernel_routes *routes)
{
	return mnl_socket_get_fd(routes->watching);
}

bool kernel_routes_look(struct kernel_routes *routes)
{
	bool has_changed = false;
	ssize_t len;

	/* What changed is looked up when it is needed. A full socket (ENOBUFS) has lost news,
	 * which are news. */
	do {
		len = recv(mnl_socket_get_fd(routes->watching), routes->bytes,
			   sizeof(routes->bytes), MSG_DONTWAIT);
		has_changed |= len > 0 || errno == ENOBUFS;
	} while (len > 0 || (len < 0 && (errno == ENOBUFS || errno == EINTR)));
	if (has_changed)
		routes->n_hosts = 0;
	return has_changed;
}

/* Sends a question and gives the first answer that belongs to it; NULL with errno if there is
 * none, or it is an error. */
static const struct nlmsghdr *ask(struct kernel_routes *routes, struct mnl_socket *by,
				  struct nlmsghdr *question)
{
	const unsigned port = mnl_socket_get_portid(by);
	const uint32_t seq = question->nlmsg_seq = ++routes->seq;

	if (mnl_socket_sendto(by, question, question->nlmsg_len) < 0)
		return NULL;
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(by, routes->bytes, sizeof(routes->bytes));
		const struct nlmsghdr *answer =
			(const struct nlmsghdr *)(const void *)routes->bytes;

		if (len < 0)
			return NULL;
		if (!mnl_nlmsg_ok(answer, (int)len) || answer->nlmsg_seq != seq ||
		    answer->nlmsg_pid != port)
			continue; /* late, of a question that was given up */
		if (answer->nlmsg_type != NLMSG_ERROR)
			return answer;
		errno = mnl_nlmsg_get_payload_len(answer) >= sizeof(struct nlmsgerr)
				? -((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))
					   ->error
				: EIO;
		return NULL;
	}
}

/* ---- IPsec ---- */

static int read_policies(const struct nlattr *attribute, void *user)
{
	uint32_t *n_out = user;

	if (mnl_attr_get_type(attribute) == XFRMA_SPD_INFO &&
	    mnl_attr_get_payload_len(attribute) >= sizeof(struct xfrmu_spdinfo))
		*n_out =
			((const struct xfrmu_spdinfo *)mnl_attr_get_payload(attribute))->outcnt;
	return MNL_CB_OK;
}

bool kernel_routes_may_pass(struct kernel_routes *routes)
{
	char buf[64] __attribute__((aligned(8)));
	struct nlmsghdr *question = mnl_nlmsg_put_header(buf);
	const struct nlmsghdr *answer;
	uint32_t n_out = 0;

	if (!routes->policies)
		return true;
	question->nlmsg_type = XFRM_MSG_GETSPDINFO;
	question->nlmsg_flags = NLM_F_REQUEST;
	*(uint32_t *)mnl_nlmsg_put_extra_header(question, sizeof(uint32_t)) = 0;
	answer = ask(routes, routes->policies, question);
	if (!answer)
		/* what cannot be known is taken for the worse */
		return errno == EOPNOTSUPP || errno == EPROTONOSUPPORT;
	return mnl_attr_parse(answer, sizeof(uint32_t), read_policies, &n_out) >= 0 &&
	       n_out == 0;
}

/* ---- devices ---- */

/* Ethernet and what looks like it (bridges, VLANs, bonds, veth); up, and with room for any
 * packet that the rule takes. */
static bool is_fit(unsigned device)
{
	struct ifreq query = { .ifr_name = "" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool fits = false;

	if (fd < 0 || !if_indextoname(device, query.ifr_name))
		goto out;
	if (ioctl(fd, SIOCGIFFLAGS, &query) || !(query.ifr_flags & IFF_UP) ||
	    query.ifr_flags & (IFF_LOOPBACK | IFF_POINTOPOINT))
		goto out;
	if (ioctl(fd, SIOCGIFHWADDR, &query) || query.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		goto out;
	fits = ioctl(fd, SIOCGIFMTU, &query) == 0 && query.ifr_mtu >= MIN_MTU;
out:
	if (fd >= 0)
		close(fd);
	return fits;
}

/* The one device that has the address; 0: none, or several. */
static unsigned device_of(const struct addr *host)
{
	struct ifaddrs *all = NULL;
	unsigned device = 0, n = 0;

	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *each = all; each; each = each->ifa_next) {
		struct addr addr;

		if (!each->ifa_addr || (each->ifa_addr->sa_family != AF_INET &&
					each->ifa_addr->sa_family != AF_INET6))
			continue;
		addr_from_sockaddr(&addr, each->ifa_addr,
				   each->ifa_addr->sa_family == AF_INET
					   ? sizeof(struct sockaddr_in)
					   : sizeof(struct sockaddr_in6));
		if (!addr_same_host(&addr, host))
			continue;
		device = if_nametoindex(each->ifa_name);
		n++;
	}
	freeifaddrs(all);
	return n == 1 ? device : 0;
}

static unsigned find_device(struct kernel_routes *routes, const struct addr *host)
{
	struct host found = { .addr = *host };

	for (unsigned i = 0; i < routes->n_hosts; i++)
		if (addr_same_host(&routes->hosts[i].addr, host))
			return routes->hosts[i].device;
	found.device = device_of(host);
	if (found.device && !is_fit(found.device))
		found.device = 0;
	if (routes->n_hosts < MAX_HOSTS)
		routes->hosts[routes->n_hosts++] = found;
	return found.device;
}

/* ---- routes ---- */

static void put_host(struct nlmsghdr *question, uint16_t type, const struct addr *addr)
{
	if (addr_is_ipv6(addr))
		mnl_attr_put(question, type, sizeof(addr->in6.sin6_addr), &addr->in6.sin6_addr);
	else
		mnl_attr_put(question, type, sizeof(addr->in4.sin_addr), &addr->in4.sin_addr);
}

/* As the program's own packets would be routed, rules for ports and users included. */
static struct nlmsghdr *put_question(char *buf, const struct kernel_ends *ends)
{
	struct nlmsghdr *question = mnl_nlmsg_put_header(buf);
	struct rtmsg *route;

	question->nlmsg_type = RTM_GETROUTE;
	question->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(question, sizeof(*route));
	route->rtm_family = (uint8_t)ends->target.sa.sa_family;
	route->rtm_dst_len = route->rtm_src_len = addr_is_ipv6(&ends->target) ? 128 : 32;
	route->rtm_tos = 0;
	put_host(question, RTA_DST, &ends->target);
	put_host(question, RTA_SRC, &ends->sender);
	mnl_attr_put_u8(question, RTA_IP_PROTO, IPPROTO_UDP);
	mnl_attr_put_u16(question, RTA_SPORT, htons(addr_port(&ends->sender)));
	mnl_attr_put_u16(question, RTA_DPORT, htons(addr_port(&ends->target)));
	mnl_attr_put_u32(question, RTA_UID, geteuid());
	return question;
}

struct found {
	const struct nlattr *device, *gateway, *metrics;
	/* leaves by what we do not know: a gateway of the other family, an encapsulation */
	bool is_odd;
};

static int read_attribute(const struct nlattr *attribute, void *user)
{
	struct found *found = user;

	switch (mnl_attr_get_type(attribute)) {
	case RTA_OIF:
		found->device = attribute;
		break;
	case RTA_GATEWAY:
		found->gateway = attribute;
		break;
	case RTA_METRICS:
		found->metrics = attribute;
		break;
	case RTA_VIA:
	case RTA_ENCAP:
	case RTA_ENCAP_TYPE:
		found->is_odd = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_metric(const struct nlattr *metric, void *user)
{
	uint32_t *mtu = user;

	if (mnl_attr_get_type(metric) == RTAX_MTU &&
	    mnl_attr_get_payload_len(metric) >= sizeof(uint32_t))
		*mtu = mnl_attr_get_u32(metric);
	return MNL_CB_OK;
}

/* A path that is known to be narrow is left to the program, whose packets the system may
 * cut. */
static bool has_room(const struct nlattr *metrics)
{
	uint32_t mtu = MIN_MTU;

	return !metrics ||
	       (mnl_attr_parse_nested(metrics, read_metric, &mtu) >= 0 && mtu >= MIN_MTU);
}

static enum err take_gateway(const struct nlattr *gateway, const struct kernel_ends *ends,
			     struct addr *out)
{
	const size_t len = addr_is_ipv6(&ends->target) ? 16 : 4;

	*out = ends->target;
	addr_set_port(out, 0);
	if (!gateway)
		return ERR_OK;
	if (mnl_attr_get_payload_len(gateway) != len)
		return ERR_UNSUPPORTED;
	if (len == 16)
		memcpy(&out->in6.sin6_addr, mnl_attr_get_payload(gateway), len);
	else
		memcpy(&out->in4.sin_addr, mnl_attr_get_payload(gateway), len);
	return ERR_OK;
}

static enum err read_route(const struct nlmsghdr *answer, const struct kernel_ends *ends,
			   struct kernel_way *way)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(answer);
	struct found found = { NULL, NULL, NULL, false };

	if (answer->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(answer) < sizeof(*route) ||
	    mnl_attr_parse(answer, sizeof(*route), read_attribute, &found) < 0)
		return ERR_IO;
	if (route->rtm_type != RTN_UNICAST || found.is_odd || !found.device ||
	    mnl_attr_get_payload_len(found.device) < sizeof(uint32_t) ||
	    !has_room(found.metrics))
		return ERR_UNSUPPORTED;
	way->out_device = mnl_attr_get_u32(found.device);
	if (!is_fit(way->out_device))
		return ERR_UNSUPPORTED;
	return take_gateway(found.gateway, ends, &way->gateway);
}

/* Addresses whose meaning depends on a device are left to the program. */
static bool is_plain(const struct addr *addr)
{
	return !addr_is_wildcard(addr) && !addr_is_loopback(addr) &&
	       !(addr_is_ipv6(addr) &&
		 (addr->in6.sin6_scope_id || IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr) ||
		  IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr)));
}

enum err kernel_routes_find(struct kernel_routes *routes, const struct kernel_ends *ends,
			    struct kernel_way *out)
{
	char buf[256] __attribute__((aligned(8)));
	struct kernel_way way = { .in_device = 0 };
	const struct nlmsghdr *answer;
	enum err err;

	if (!is_plain(&ends->source) || !is_plain(&ends->ours) || !is_plain(&ends->sender) ||
	    !is_plain(&ends->target))
		return ERR_UNSUPPORTED;
	way.in_device = find_device(routes, &ends->ours);
	if (!way.in_device)
		return ERR_UNSUPPORTED;
	answer = ask(routes, routes->asking, put_question(buf, ends));
	if (!answer)
		return ERR_UNREACHABLE;
	err = read_route(answer, ends, &way);
	if (!err)
		*out = way;
	return err;
}
