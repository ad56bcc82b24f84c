#include "proxy/json_text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text)
{
	json_t *string = json_string(text ? text : "");
	char *copy;

	if (string || !(copy = strdup(text)))
		return string;
	for (char *byte = copy; *byte; byte++) {
		if ((unsigned char)*byte >= 0x80)
			*byte = '?';
	}
	string = json_string(copy);
	free(copy);
	return string;
}

char *json_take_text(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	json_decref(object);
	return text;
}
