/* What this host has: the meaning of bind: in the configuration. */
#pragma once

#include <stdbool.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

/* Turns an address, the name of a network interface, or "*" into the address to bind, port 0.
 * "*" is
 * [::], or 0.0.0.0 on a host without IPv6; an interface's is its first IPv4 address, else its
 * first IPv6 address that is not link-local. ERR_NOT_FOUND if there is no such interface or it
 * has no address, ERR_ADDRESS if the host does not have the address; out is set then, too. */
enum err host_bind(const char *bind, struct addr *out) MUST_CHECK;

/* True if the kernel lets us bind to it: asked by binding an unused UDP port, since only the
 * kernel knows of 127.0.0.0/8, anycast and non-local binding. */
bool host_has(const struct addr *addr);
