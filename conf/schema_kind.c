#include "conf/schema_kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/value.h"
#include "proxy/base/text.h"

/* For each kind: its name, and what it wants to see. */
static const struct {
	const char *text, *expected;
	bool is_list;
} kinds[] = {
	[KIND_BOOL] = { "true or false", "true or false", false },
	[KIND_COUNT] = { "number", "a number", false },
	[KIND_SMALL] = { "number", "a number", false },
	[KIND_PORT] = { "port", "a port", false },
	[KIND_DURATION] = { "duration", "a duration such as 500ms, 15s, 5m or 1h", false },
	[KIND_SIZE] = { "size", "a size such as 64KB or 10MB", false },
	[KIND_RATE] = { "rate", "a rate such as 20/s or 100/m", false },
	[KIND_WORD] = { "word", "", false },
	[KIND_TEXT] = { "text", "a text without control characters", false },
	[KIND_NAME] = { "name", "a name of letters, digits, '-', '_' and '.'", false },
	[KIND_HOST] = { "host", "a host name or an address, without scheme and port", false },
	[KIND_DOMAIN] = { "domain", "a domain name", false },
	[KIND_PATH] = { "path", "a path", false },
	[KIND_FILE] = { "file", "a file's path", false },
	[KIND_REF] = { "name", "a name of letters, digits, '-', '_' and '.'", false },
	[KIND_ADDRESS_PORT] = { "address:port",
				"an address with a port, such as 127.0.0.1:9580", false },
	[KIND_WORDS] = { "list of words", "", true },
	[KIND_WORDS_WAYS] = { "list of words, or one each for in and out", "", false },
	[KIND_TEXTS] = { "list of texts", "a text without control characters", true },
	[KIND_DOMAINS] = { "list of domains", "a domain name", true },
	[KIND_FILES] = { "list of files", "a file's path", true },
	[KIND_REFS] = { "list of names", "a name of letters, digits, '-', '_' and '.'", true },
	[KIND_ADDRESSES] = { "list of addresses",
			     "an address, with or without a port, such as 127.0.0.1:5353",
			     true },
	[KIND_GROUP] = { "group", "a group of keys", false },
	[KIND_LIST] = { "list of groups", "a group of keys", false },
	[KIND_NAMED] = { "groups by name", "a group of keys", false },
};

bool schema_is_list(enum kind kind)
{
	return kinds[kind].is_list;
}

const char *schema_kind_text(enum kind kind)
{
	return kinds[kind].text;
}

const char *schema_words(const struct field *field, const char *last,
			 char out[SCHEMA_EXPECTED_SIZE])
{
	size_t n = 0, i = 0, at = 0;

	for (const struct word *word = field->words; word->text; word++)
		n += !word->is_not_built;
	out[0] = '\0';
	for (const struct word *word = field->words; word->text; word++) {
		if (word->is_not_built || at >= SCHEMA_EXPECTED_SIZE)
			continue;
		at += (size_t)snprintf(out + at, SCHEMA_EXPECTED_SIZE - at, "%s%s",
				       i == 0       ? ""
				       : i + 1 == n ? last
						    : ", ",
				       word->text);
		i++;
	}
	return out;
}

const char *schema_expected(const struct field *field, char out[SCHEMA_EXPECTED_SIZE])
{
	if (field->words)
		return schema_words(field, " or ", out);
	text_copy(out, SCHEMA_EXPECTED_SIZE, kinds[field->kind].expected);
	return out;
}

const char *schema_number(enum kind kind, uint64_t number, char out[32])
{
	if (kind == KIND_DURATION)
		return value_duration_text(number, out);
	if (kind == KIND_SIZE)
		return value_size_text(number, out);
	snprintf(out, 32, "%" PRIu64, number);
	return out;
}
