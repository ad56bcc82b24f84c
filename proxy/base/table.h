/* uthash with a keyed hash, so that strangers cannot choose keys that collide; the only door to
 * uthash. Running out of memory in HASH_ADD does not end the process: the element is then
 * simply not in the table, and HASH_FIND says so. */
#pragma once

#include "proxy/base/random.h"

#define HASH_FUNCTION(key, len, hashv) ((hashv) = (unsigned)random_keyed_hash((key), (len)))
#define HASH_NONFATAL_OOM              1
#define uthash_nonfatal_oom(element)   ((void)0)
#include <uthash.h>
