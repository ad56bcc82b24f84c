/* How large a datagram may be on its way to a host without being cut into pieces (RFC 3261
 * §18.1.1): what the kernel knows of the route, ICMP included, remembered for a while, as
 * asking costs four system calls. A bounded table; one thread's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

enum { PATH_MTU_UNKNOWN_BYTES = 1300, PATH_MTU_MAX_BYTES = 65507 };

struct path_mtu_table;

/* The seam of the tests: the MTU of the route from local (unset: the system's choice) to
 * remote; 0: unknown. */
typedef unsigned path_mtu_ask_fn(const struct addr *remote, const struct addr *local);

/* ask: path_mtu_ask, but for tests. */
enum err path_mtu_table_new(path_mtu_ask_fn *ask, struct path_mtu_table **out) MUST_CHECK;
struct path_mtu_table *path_mtu_table_free(struct path_mtu_table *table);

/* The largest SIP message for a datagram from local (may be unset) to remote: the MTU less 200,
 * 1300 if it is unknown, never more than UDP can hold. */
size_t path_mtu_max_bytes(struct path_mtu_table *table, const struct addr *remote,
			  const struct addr *local, uint64_t now_ms);

/* A datagram to remote was too long: it is asked again next time. */
void path_mtu_forget(struct path_mtu_table *table, const struct addr *remote);

/* Asks the kernel. */
unsigned path_mtu_ask(const struct addr *remote, const struct addr *local);
