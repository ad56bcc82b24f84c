/* The four macros that the whole tree uses; anything else is a function or an enum. */
#pragma once

#include <stddef.h>

/* The struct that embeds member, from a pointer to that member. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* How many elements a real array (not a pointer) has. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The result must be looked at; a deliberate ignore says why. */
#define MUST_CHECK __attribute__((warn_unused_result))
