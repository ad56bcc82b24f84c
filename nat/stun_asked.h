/* Which Binding requests wait for answers, for all threads to see: whoever gets an answer on a
 * socket that several read knows whether anybody waits for it, before it costs anything (a
 * stranger can send as many as he likes). Lock-free. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/stun.h"

struct stun_asked;

enum { STUN_MAX_ASKED = 64 }; /* with more of them at a time, every answer counts as awaited */

enum err stun_asked_new(struct stun_asked **out) MUST_CHECK;
struct stun_asked *stun_asked_free(struct stun_asked *asked); /* NULL is fine */

/* The thread that asks: a request with that ID waits from now on, or no more. */
void stun_asked_add(struct stun_asked *asked, const unsigned char id[STUN_ID_SIZE]);
void stun_asked_remove(struct stun_asked *asked, const unsigned char id[STUN_ID_SIZE]);

/* Any thread: false if nobody waits for this message, of which nothing is believed. */
bool stun_asked_has(const struct stun_asked *asked, const void *bytes, size_t len);
