/* kernel_door: what the kernel path (kernel_path.h) asks of the kernel, as a table, so that
 * tests may stand in for it. The real one is kernel_nft.c. A door is used by one thread, and
 * its functions may take as long as the kernel does: milliseconds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/kernel_view.h"
#include "proxy/base/addr.h"
#include "proxy/base/error.h"

struct kernel_door;

/* A packet from source to ours becomes one from sender to target. All are of the same
 * family. */
struct kernel_ends {
	struct addr source, ours;   /* whose packets, and to which port of ours */
	struct addr sender, target; /* by which port of ours they go out, and where to */
	uint8_t dscp;               /* 0 to 63 */
};

/* How packets come and go. Numbers are those of the system's network devices. */
struct kernel_way {
	unsigned in_device, out_device;
	/* whose link layer address is asked for: the next router, or the target itself */
	struct addr gateway;
};

/* One flow in, or out. */
struct kernel_change {
	const struct kernel_ends *ends;
	const struct kernel_way *way; /* in: by where; out: as it was */
	bool is_out;
	uint64_t packets, bytes; /* out: the last counts, if has_counts */
	bool has_counts;
};

/* What the kernel counted of one flow; bytes are those of RTP. Of ends only source and ours are
 * filled in. */
typedef void kernel_counted(void *user, const struct kernel_ends *ends, uint64_t packets,
			    uint64_t bytes);

struct kernel_door_ops {
	/* Makes a place for at most n_flows of each family. why gets a text for people where it
	 * fails. ERR_ACCESS: the system does not let us; ERR_UNSUPPORTED: this kernel cannot do
	 * it; ERR_IO, ERR_NO_MEMORY. */
	enum err (*open)(unsigned n_flows, struct kernel_door **out, char why[KERNEL_WHY_SIZE]);
	/* Every flow is out when this returns. NULL is fine. */
	void (*close)(struct kernel_door *door);
	/* A descriptor that can be read when addresses, devices or routes have changed; -1:
	 * none. */
	int (*watched)(const struct kernel_door *door);
	/* Empties what can be read; true if something changed. */
	bool (*look)(struct kernel_door *door);
	/* False if nothing may go by the kernel at the moment: packets of this host must pass
	 * IPsec. */
	bool (*may_pass)(struct kernel_door *door);
	/* How packets of these ends would go now. ERR_UNSUPPORTED: not by a way that the path
	 * knows; ERR_UNREACHABLE: there is no route; ERR_IO. */
	enum err (*find_way)(struct kernel_door *door, const struct kernel_ends *ends,
			     struct kernel_way *out);
	/* All of them, or none; n is at most KERNEL_MAX_CHANGES. ERR_LIMIT: no room;
	 * ERR_EXISTS, ERR_NOT_FOUND, ERR_IO. */
	enum err (*change)(struct kernel_door *door, struct kernel_change *changes, unsigned n);
	/* Tells the counts of all flows that are in. */
	enum err (*count)(struct kernel_door *door, kernel_counted *told, void *user);
};

enum { KERNEL_MAX_CHANGES = 128 };

/* The real one. */
extern const struct kernel_door_ops kernel_nft_door;
