/* Single values as they are written in the configuration, and back: durations, sizes, rates,
 * truth values, numbers, hosts. Each answers ERR_SYNTAX for what it is not; ranges are the
 * schema's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "proxy/base/error.h"

enum { VALUE_TEXT_SIZE = 32, VALUE_HOST_SIZE = 256 };

enum err value_bool(const char *text, bool *out) MUST_CHECK; /* true, false; nothing else */
enum err value_number(const char *text, uint64_t *out) MUST_CHECK; /* decimal digits alone */
enum err value_duration(const char *text,
			uint64_t *out_ms) MUST_CHECK; /* "500ms" "15s" "5m" "1h" "0" */
enum err value_size(const char *text,
		    uint64_t *out_bytes) MUST_CHECK; /* "512B" "64KB" "10MB" "1GB" "0" */
enum err value_rate(const char *text, struct rate *out) MUST_CHECK; /* "20/s" "100/m" "5/h" */

/* A domain name, or an address with or without brackets: normalised, an address without
 * brackets and as the system prints it. out_addr (may be NULL) is set for an address, port
 * 0. */
enum err value_host(const char *text, char out[VALUE_HOST_SIZE],
		    struct addr *out_addr) MUST_CHECK;

/* "host", "host:port", "[2001:db8::1]:port"; port 0 if none is written. */
enum err value_host_port(const char *text, char out[VALUE_HOST_SIZE], struct addr *out_addr,
			 uint16_t *out_port) MUST_CHECK;

/* As a person writes it, in the largest unit that divides; returns out. */
const char *value_duration_text(uint64_t ms, char out[VALUE_TEXT_SIZE]);
const char *value_size_text(uint64_t bytes, char out[VALUE_TEXT_SIZE]);
const char *value_rate_text(struct rate rate, char out[VALUE_TEXT_SIZE]);
