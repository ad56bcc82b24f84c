#include "proxy/base/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wire *wire_new(size_t size)
{
	if (size > SIZE_MAX - sizeof(struct wire))
		return NULL;

	struct wire *wire = malloc(sizeof(*wire) + size);
	if (!wire)
		return NULL;

	wire->n_refs = 1;
	wire->len = 0;
	wire->size = size;
	return wire;
}

struct wire *wire_copy(const void *bytes, size_t len)
{
	struct wire *wire = wire_new(len);
	if (!wire)
		return NULL;

	if (len > 0)
		memcpy(wire->bytes, bytes, len);
	wire->len = len;
	return wire;
}

struct wire *wire_ref(struct wire *wire)
{
	wire->n_refs++;
	return wire;
}

struct wire *wire_unref(struct wire *wire)
{
	if (wire && --wire->n_refs == 0)
		free(wire);
	return NULL;
}
