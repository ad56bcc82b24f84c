#include "conf/host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool host_has(const struct addr *addr)
{
	struct addr any_port = *addr;
	bool has = true;
	int fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno != EAFNOSUPPORT;
	addr_set_port(&any_port, 0);
	if (bind(fd, &any_port.sa, any_port.len) < 0)
		has = errno != EADDRNOTAVAIL && errno != EINVAL && errno != ENODEV;
	close(fd);
	return has;
}

static enum err bind_all(struct addr *out)
{
	enum err err = addr_parse("::", 0, out);

	if (!err && !host_has(out))
		err = addr_parse("0.0.0.0", 0, out);
	return err;
}

/* Addresses that other hosts can use, IPv4 before IPv6. */
static unsigned rank(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (!sa)
		return 0;
	if (sa->sa_family == AF_INET)
		return 2;
	return sa->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
}

static enum err bind_interface(const char *name, struct addr *out)
{
	unsigned best = 0;
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return err_from_errno(errno);
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		const struct sockaddr *sa = one->ifa_addr;

		if (strcmp(one->ifa_name, name) != 0 || rank(sa) <= best)
			continue;
		best = rank(sa);
		addr_from_sockaddr(out, sa,
				   sa->sa_family == AF_INET ? sizeof(struct sockaddr_in)
							    : sizeof(struct sockaddr_in6));
		addr_set_port(out, 0);
	}
	freeifaddrs(all);
	return best ? ERR_OK : ERR_NOT_FOUND;
}

enum err host_bind(const char *text, struct addr *out)
{
	if (strcmp(text, "*") == 0)
		return bind_all(out);
	if (addr_parse(text, 0, out) == ERR_OK)
		return host_has(out) ? ERR_OK : ERR_ADDRESS;
	return bind_interface(text, out);
}
