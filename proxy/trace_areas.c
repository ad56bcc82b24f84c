#include "proxy/trace_areas.h"

#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/macros.h"

static const struct {
	const char *word;
	unsigned area;
} areas[] = {
	{ "registration", LOG_TRACE_REGISTRATION },
	{ "interconnection", LOG_TRACE_INTERCONNECTION },
	{ "media", LOG_TRACE_MEDIA },
	{ "tls", LOG_TRACE_TLS },
	{ "dns", LOG_TRACE_DNS },
};

static unsigned trace_area(const char *word)
{
	if (strcmp(word, "all") == 0)
		return LOG_TRACE_ALL;
	for (size_t i = 0; i < COUNT(areas); i++) {
		if (strcmp(word, areas[i].word) == 0)
			return areas[i].area;
	}
	return 0;
}

bool trace_areas_read(const char *text, size_t len, unsigned *out)
{
	json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *words = json_object_get(body, "areas"), *area;
	bool ok = json_is_array(words);
	unsigned trace = 0;
	size_t i;

	json_array_foreach(words, i, area) {
		unsigned bit = json_is_string(area) ? trace_area(json_string_value(area)) : 0;

		ok = ok && bit != 0;
		trace |= bit;
	}
	json_decref(body);
	*out = trace;
	return ok;
}

json_t *trace_areas_to_json(unsigned trace)
{
	json_t *array = json_array();

	for (size_t i = 0; i < COUNT(areas); i++) {
		if (trace & areas[i].area)
			json_array_append_new(array, json_string(areas[i].word));
	}
	return array;
}

void trace_areas_print(unsigned trace, struct buf *out)
{
	for (size_t i = 0; i < COUNT(areas); i++) {
		if (trace & areas[i].area)
			buf_printf(out, " %s", areas[i].word);
	}
	if (!trace)
		buf_puts(out, " off");
}
