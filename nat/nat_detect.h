/* Makes the observations of nat_type: asks each STUN server from a socket of its own, so that
 * what one test opens in a NAT does not spoil another's. First the plain question, then those
 * for answers from elsewhere, then the other addresses directly; TCP where UDP is silent.
 * Nothing blocks; one thread. */
#pragma once

#include "nat/nat_type.h"
#include "nat/stun_client.h"
#include "nat/stun_tcp.h"

/* How it reaches the network: sockets (nat_detect_sockets), or a test's NAT. */
struct nat_ways {
	void *user;
	/* Makes a client from a port of its own at bind; out_local is from where to is asked,
	 * as far as this host knows. */
	enum err (*open)(void *user, struct loop *loop, const struct addr *bind,
			 const struct addr *to, struct stun_client **out,
			 struct addr *out_local);
	void (*close)(void *user, struct stun_client *client);
	/* As stun_tcp_ask. */
	void (*ask_tcp)(void *user, struct stun_tcp *tcp, struct loop *loop,
			const struct addr *bind, const struct addr *to, uint64_t timeout_ms,
			void (*on_end)(struct stun_tcp *tcp));
};

extern const struct nat_ways nat_detect_sockets;

struct nat_server {
	char name[NAT_NAME_SIZE]; /* as configured */
	struct addr addr;
};

struct nat_detect;

/* Begins; on_done comes once, from the loop, with what was observed of each server (valid
 * during the call) and the verdict. Takes 4 s where something is filtered, 14 s where UDP is
 * blocked. bind: the address of ours that it is about, its port is not used. n is at most
 * NAT_MAX_SERVERS, more are left out. ERR_NO_MEMORY. */
enum err nat_detect_start(struct loop *loop, const struct nat_ways *ways,
			  const struct addr *bind, const struct nat_server *servers, size_t n,
			  void (*on_done)(void *user,
					  const struct nat_observation *observations, size_t n,
					  const struct nat_verdict *verdict),
			  void *user, struct nat_detect **out) MUST_CHECK;

/* on_done will not come. NULL is fine; returns NULL. After on_done it is gone by itself. */
struct nat_detect *nat_detect_cancel(struct nat_detect *detect);
