#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"

struct unit {
	const char *text;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static const struct unit sizes[] = {
	{ "GB", 1 << 30 },
	{ "MB", 1 << 20 },
	{ "KB", 1 << 10 },
	{ "B", 1 },
};

static const struct unit periods[] = {
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
};

/* The digits at the start; what follows them is written to out_rest. */
static enum err digits(const char *text, uint64_t *out, const char **out_rest)
{
	uint64_t number = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
			return ERR_SYNTAX;
	}
	if (at == text)
		return ERR_SYNTAX;
	*out = number;
	*out_rest = at;
	return ERR_OK;
}

static const struct unit *unit_find(const struct unit *units, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(units[i].text, text) == 0)
			return &units[i];
	}
	return NULL;
}

/* A number with one of the units; zero needs none. */
static enum err with_unit(const char *text, const struct unit *units, size_t n, uint64_t *out)
{
	const struct unit *unit;
	const char *rest;
	uint64_t number;
	enum err err = digits(text, &number, &rest);

	if (err)
		return err;
	unit = unit_find(units, n, rest);
	if (!unit && (number || *rest))
		return ERR_SYNTAX;
	if (unit && __builtin_mul_overflow(number, unit->factor, &number))
		return ERR_SYNTAX;
	*out = number;
	return ERR_OK;
}

enum err value_bool(const char *text, bool *out)
{
	bool is_true = strcmp(text, "true") == 0;

	if (!is_true && strcmp(text, "false") != 0)
		return ERR_SYNTAX;
	*out = is_true;
	return ERR_OK;
}

enum err value_number(const char *text, uint64_t *out)
{
	const char *rest;
	uint64_t number;
	enum err err = digits(text, &number, &rest);

	if (err)
		return err;
	if (*rest)
		return ERR_SYNTAX;
	*out = number;
	return ERR_OK;
}

enum err value_duration(const char *text, uint64_t *out_ms)
{
	return with_unit(text, durations, COUNT(durations), out_ms);
}

enum err value_size(const char *text, uint64_t *out_bytes)
{
	return with_unit(text, sizes, COUNT(sizes), out_bytes);
}

enum err value_rate(const char *text, struct rate *out)
{
	const struct unit *period;
	const char *rest;
	uint64_t count;
	enum err err = digits(text, &count, &rest);

	if (err)
		return err;
	if (*rest != '/' || count > UINT32_MAX)
		return ERR_SYNTAX;
	period = unit_find(periods, COUNT(periods), rest + 1);
	if (!period)
		return ERR_SYNTAX;
	*out = (struct rate){ .count = (unsigned)count, .per_ms = (unsigned)period->factor };
	return ERR_OK;
}

/* Only digits and dots: meant as an IPv4 address, so never a name. */
static bool is_like_address(const char *text)
{
	return text[strspn(text, "0123456789.")] == '\0';
}

enum err value_host(const char *text, char out[VALUE_HOST_SIZE], struct addr *out_addr)
{
	struct addr addr = { 0 };
	char host[ADDR_TEXT_SIZE];

	if (addr_parse(text, 0, &addr) == ERR_OK) {
		text_copy(out, VALUE_HOST_SIZE, addr_host(&addr, host));
	} else if (is_like_address(text) || strpbrk(text, "*:[]") ||
		   !text_domain(text, out, VALUE_HOST_SIZE)) {
		return ERR_SYNTAX;
	}
	if (out_addr)
		*out_addr = addr;
	return ERR_OK;
}

enum err value_host_port(const char *text, char out[VALUE_HOST_SIZE], struct addr *out_addr,
			 uint16_t *out_port)
{
	const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
	char host[VALUE_HOST_SIZE];
	uint64_t port = 0;
	struct addr bare;
	enum err err;

	/* An IPv6 address needs brackets only before a port. */
	if (colon && ((bracket && colon < bracket) || addr_parse(text, 0, &bare) == ERR_OK))
		colon = NULL;
	if (colon && (value_number(colon + 1, &port) || !port || port > UINT16_MAX))
		return ERR_SYNTAX;
	if (!text_copy_len(host, sizeof(host), text,
			   colon ? (size_t)(colon - text) : strlen(text)))
		return ERR_SYNTAX;
	err = value_host(host, out, out_addr);
	if (err)
		return err;
	if (out_addr && addr_is_set(out_addr))
		addr_set_port(out_addr, (uint16_t)port);
	*out_port = (uint16_t)port;
	return ERR_OK;
}

static const char *unit_text(uint64_t number, const struct unit *units, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		if (number && number % units[i].factor == 0) {
			snprintf(out, VALUE_TEXT_SIZE, "%" PRIu64 "%s",
				 number / units[i].factor, units[i].text);
			return out;
		}
	}
	snprintf(out, VALUE_TEXT_SIZE, "%" PRIu64, number);
	return out;
}

const char *value_duration_text(uint64_t ms, char out[VALUE_TEXT_SIZE])
{
	return unit_text(ms, durations, COUNT(durations), out);
}

const char *value_size_text(uint64_t bytes, char out[VALUE_TEXT_SIZE])
{
	return unit_text(bytes, sizes, COUNT(sizes), out);
}

const char *value_rate_text(struct rate rate, char out[VALUE_TEXT_SIZE])
{
	const char *period = rate.per_ms == 1000 ? "s" : rate.per_ms == 60000 ? "m" : "h";

	snprintf(out, VALUE_TEXT_SIZE, "%u/%s", rate.count, period);
	return out;
}
