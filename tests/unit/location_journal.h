/* A location table whose journal is written into a text: "+home anna@corp.example one" was
 * told, "-home ..." is gone. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"
#include "proxy/base/text.h"
#include "routing/location.h"

struct told {
	struct location *location;
	char text[4000];
	unsigned n;
};

static inline void told_add(struct told *told, bool is_gone, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline void told_add(struct told *told, bool is_gone, const char *format, ...)
{
	size_t len = strlen(told->text);
	va_list args;

	told->n++;
	len += (size_t)snprintf(told->text + len, sizeof(told->text) - len, "%s%c",
				len ? "\n" : "", is_gone ? '-' : '+');
	if (len >= sizeof(told->text))
		return;
	va_start(args, format);
	(void)vsnprintf(told->text + len, sizeof(told->text) - len, format, args);
	va_end(args);
}

static inline void told_binding(void *user, const char *user_name, const char *domain,
				const struct binding *binding, bool is_gone)
{
	told_add(user, is_gone, "binding %s@%s %s %s %llu", user_name, domain, binding->backend,
		 binding->contact, (unsigned long long)binding->expires_ms);
}

static inline void told_home(void *user, const char *user_name, const char *domain,
			     const char *backend, bool is_gone)
{
	told_add(user, is_gone, "home %s@%s %s", user_name, domain, backend);
}

static inline void told_logon(void *user, const struct logon *logon, bool is_gone)
{
	char reach[ADDR_TEXT_SIZE];

	told_add(user, is_gone, "logon %s %s %llu", logon->backend,
		 addr_text(&logon->reach, reach), (unsigned long long)logon->expires_ms);
}

static inline void told_listen(struct told *told)
{
	const struct location_journal journal = { told_binding, told_home, told_logon, told };

	location_set_journal(told->location, &journal);
}

/* What was told since the last time. */
static inline void told_expect(struct told *told, const char *want)
{
	assert_string_equal(told->text, want);
	told->text[0] = '\0';
}

static inline int told_setup_with(void **state, size_t bindings, size_t homes)
{
	const struct location_limits limits = { bindings, homes };
	struct told *told = calloc(1, sizeof(*told));

	assert_int_equal(location_new(&limits, &told->location), ERR_OK);
	told_listen(told);
	*state = told;
	return 0;
}

static inline int told_setup(void **state)
{
	return told_setup_with(state, 1000, 1000);
}

static inline int told_teardown(void **state)
{
	struct told *told = *state;
	unsigned n = told->n;

	assert_null(location_free(told->location));
	assert_int_equal(told->n, n); /* the end of the process is no news */
	free(told);
	return location_free(NULL) != NULL;
}

#define TOLD_TEST(test) cmocka_unit_test_setup_teardown(test, told_setup, told_teardown)
