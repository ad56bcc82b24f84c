/* Random bytes (GnuTLS), and the keyed hash (SipHash) for tables whose keys strangers
 * choose. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_u64(void);

/* n_chars of lower-case letters and digits, terminated: tags, branches, Call-IDs. Cheap: drawn
 * from a per-thread pool of random bytes. */
void random_token(char *out, size_t n_chars);

/* SipHash-1-3 of len bytes under a key drawn at the start of the process. */
uint64_t random_keyed_hash(const void *bytes, size_t len);

/* The same of n texts in their order; NULL is another than "". One hash, where a hash of each
 * would cost as much again for each text. */
uint64_t random_keyed_hash_texts(const char *const *texts, size_t n);

/* SipHash-1-3 under a key of the caller's; the same everywhere, which random_keyed_hash is
 * not. */
uint64_t random_siphash(const uint64_t key[2], const void *bytes, size_t len);
