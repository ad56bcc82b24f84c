/* Small things about text that the C library lacks: bounded, without locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool text_equal_nocase(const char *a, const char *b); /* ASCII; NULL equals NULL only */
bool text_starts_with(const char *text, const char *start);

/* Copies as much as fits, always terminated; true if all of it did. */
bool text_copy(char *to, size_t size, const char *from);
bool text_copy_len(char *to, size_t size, const char *from, size_t len);

/* Appends as much of add as fits behind the first len bytes of out, always terminated; returns
 * the new length. */
size_t text_append(char *out, size_t size, size_t len, const char *add);

/* The decimal digits of number; returns where they begin in out. */
const char *text_number(uint64_t number, char out[24]);

/* Lower-cases ASCII in place. */
void text_lower(char *text);

/* Domain names as we compare them: lower case, without a dot at the end. False if it is too
 * long (253), empty, or holds what no domain name or address literal holds. */
bool text_domain(const char *in, char *out, size_t size);

/* True if domain (normalised) matches pattern: equal, or pattern "*.example" and domain a true
 * sub-domain of example, at any depth. */
bool text_domain_matches(const char *pattern, const char *domain);

/* True if host is domain, or a true sub-domain of it; both normalised. */
bool text_domain_holds(const char *domain, const char *host);

/* True if text matches a pattern in which "*" stands for any run of characters. Linear time. */
bool text_glob(const char *pattern, const char *text);

/* The word of words[n] nearest to word (Damerau-Levenshtein, at most 2 edits), NULL if none
 * is. */
const char *text_nearest(const char *word, const char *const *words, size_t n);

/* Lower-case hex of len bytes; out has room for 2 * len + 1. */
void text_hex(const void *bytes, size_t len, char *out);
bool text_unhex(const char *hex, void *out, size_t len); /* exactly 2 * len digits */

/* RFC 3339 with milliseconds and zone, from microseconds since 1970; returns out (32 bytes). */
const char *text_time(uint64_t wall_us, char out[32]);

/* "3 d 4 h", "12 s", "250 ms"; returns out (32 bytes). */
const char *text_duration(uint64_t ms, char out[32]);
