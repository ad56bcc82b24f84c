/* What a message that was seen must be like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"
#include "tests/world/script_inside.h"
#include "tests/world/sip_text.h"

enum { VALUE_SIZE = 8192 };

/* "INVITE", "INVITE sip:anna@*", "200", "200 INVITE". */
static bool check_start(struct stage *stage, const char *text, const char *what)
{
	const int status = sip_text_status(text);
	char word[64] = "", rest[512] = "", start[2048], method[64], uri[1024] = "";
	bool is_fine;

	sscanf(what, "%63s %511s", word, rest);
	sip_text_start(text, start, sizeof(start));
	sip_text_method(text, method, sizeof(method));
	if (status) {
		is_fine = atoi(word) == status && (!*rest || !strcmp(rest, method));
	} else {
		sscanf(start, "%*s %1023s", uri);
		is_fine = !strcmp(word, method) && (!*rest || text_glob(rest, uri));
	}
	return is_fine || stage_fault(stage, "it got:\n%s", text);
}

static bool some_value_matches(const char *text, const struct wish *wish)
{
	char value[VALUE_SIZE];
	unsigned i;

	if (!strcasecmp(wish->name, "fill"))
		return strspn(sip_text_body(text), "x") == strtoul(wish->value, NULL, 10);
	if (!strcasecmp(wish->name, "body"))
		return text_glob(wish->value, sip_text_body(text));
	for (i = 0; sip_text_header(text, wish->name, i, value, sizeof(value)); i++)
		if (text_glob(wish->value, value))
			return true;
	return false;
}

/* "Name x2" */
static bool check_count(const char *text, const struct wish *wish, const char *count)
{
	char name[64];

	text_copy_len(name, sizeof(name), wish->name, (size_t)(count - wish->name));
	return sip_text_count(text, name) == (unsigned)atoi(count + 2);
}

/* "Name[1]: pattern" */
static bool check_nth(const char *text, const struct wish *wish, const char *bracket)
{
	char name[64], value[VALUE_SIZE];

	text_copy_len(name, sizeof(name), wish->name, (size_t)(bracket - wish->name));
	return sip_text_header(text, name, (unsigned)atoi(bracket + 1), value, sizeof(value)) &&
	       text_glob(wish->value, value);
}

static bool check_header(const char *text, const struct wish *wish)
{
	const char *count = strstr(wish->name, " x"), *bracket = strchr(wish->name, '[');

	if (wish->kind == '!')
		return *wish->value ? !some_value_matches(text, wish)
				    : !sip_text_count(text, wish->name);
	if (count)
		return check_count(text, wish, count);
	if (bracket)
		return check_nth(text, wish, bracket);
	return *wish->value ? some_value_matches(text, wish)
			    : sip_text_count(text, wish->name) > 0;
}

bool stage_check(struct stage *stage, const struct agent *agent, const char *text, char *line)
{
	struct wish wishes[STAGE_MAX_WISHES];
	size_t n, i;

	if (!stage_read_wishes(line, wishes, &n))
		return stage_fault(stage, "too many headers");
	if (!check_start(stage, text, line))
		return false;
	for (i = 0; i < n; i++)
		if (!check_header(text, &wishes[i]))
			return stage_fault(stage, "not so: %s%s%s%s; it got:\n%s",
					   wishes[i].kind == '!' ? "!" : "", wishes[i].name,
					   *wishes[i].value ? ": " : "", wishes[i].value, text);
	return true;
}
