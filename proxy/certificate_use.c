#include "proxy/certificate_use.h"

#include <stdio.h>

#include "proxy/base/text.h"
#include "proxy/json_text.h"

struct usage {
	json_t *names;
	char *text;
	size_t size, len, n, max;
};

static void note_use(struct usage *usage, const char *what, const char *name)
{
	char text[320];

	if (usage->n++ >= usage->max)
		return;
	snprintf(text, sizeof(text), "%s %s", what, name);
	if (usage->names)
		json_array_append_new(usage->names, json_text(text));
	if (!usage->text)
		return;
	if (usage->n > 1)
		usage->len = text_append(usage->text, usage->size, usage->len, ", ");
	usage->len = text_append(usage->text, usage->size, usage->len, text);
}

static void look(const struct settings *settings, int index, struct usage *usage)
{
	for (size_t i = 0; i < settings->n_listeners; i++) {
		const struct settings_listener *listener = &settings->listeners[i];

		for (size_t c = 0; c < listener->n_certificates; c++) {
			if (listener->certificates[c].index == index)
				note_use(usage, "listener", listener->name);
		}
	}
	for (size_t i = 0; i < settings->partners.n_routes; i++) {
		if (settings->partners.routes[i].certificate.index == index)
			note_use(usage, "partner", settings->partners.routes[i].domain);
	}
}

size_t certificate_use_list(const struct settings *settings, int index, size_t max,
			    json_t *names)
{
	struct usage usage = { .names = names, .max = max };

	look(settings, index, &usage);
	return usage.n;
}

const char *certificate_use_text(const struct settings *settings, int index, size_t max,
				 char *out, size_t size)
{
	struct usage usage = { .text = out, .size = size, .max = max };
	char more[48];

	out[0] = '\0';
	look(settings, index, &usage);
	if (usage.n > max) {
		snprintf(more, sizeof(more), " and %zu more", usage.n - max);
		text_append(out, size, usage.len, more);
	}
	return out;
}
