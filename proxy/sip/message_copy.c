#include <string.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/su_alloc.h>

#include "proxy/sip/message.h"
#include "proxy/sip/message_chain.h"
#include "proxy/sip/message_class.h"

enum {
	EDITS_SIZE = 1024,   /* about what forwarding adds: Via, Record-Route, Max-Forwards */
	MAX_PRELOAD = 65528, /* su_home's bound */
};

/* Where a header of a copy goes: the room for all of them, in one piece, and the end of the
 * chain. */
struct copying {
	msg_t *copy;
	sip_t *sip; /* of copy */
	const msg_mclass_t *class;
	char *room;
	msg_header_t **tail;
};

static const msg_param_t *params_of(const msg_header_t *header)
{
	const msg_hclass_t *class = header->sh_class;

	return class->hc_params
		       ? *(const msg_param_t *const *)(const void *)((const char *)header +
								     class->hc_params)
		       : NULL;
}

/* What a header takes in the copy: its struct, and behind it its list of parameters with its
 * end, if it has one. */
struct extent {
	size_t whole, list_at, list;
};

static struct extent extent_of(const msg_header_t *header)
{
	const msg_param_t *params = params_of(header);
	const size_t size = ((size_t)header->sh_class->hc_size + sizeof(void *) - 1) &
			    ~(sizeof(void *) - 1);
	size_t n = 0;

	if (!params)
		return (struct extent){ .whole = size };
	while (params[n++])
		;
	/* There is room for more, as Sofia expects it. */
	return (struct extent){ .whole = size + MSG_PARAMS_NUM(n) * sizeof(*params),
				.list_at = size,
				.list = n * sizeof(*params) };
}

static size_t chain_size(const msg_t *msg)
{
	size_t size = 0;

	for (const msg_header_t *header = *msg_chain_head(msg); header;
	     header = header->sh_succ)
		size += extent_of(header).whole;
	return size;
}

/* The struct and its list; the texts stay the original's. */
static msg_header_t *copy_header(struct copying *copying, const msg_header_t *header)
{
	const msg_hclass_t *class = header->sh_class;
	const struct extent extent = extent_of(header);
	msg_header_t *copy = (msg_header_t *)(void *)copying->room;

	copying->room += extent.whole;
	memcpy(copy, header, (size_t) class->hc_size);
	copy->sh_next = NULL;
	copy->sh_succ = NULL;
	copy->sh_prev = NULL;
	if (extent.list > 0) {
		char *list = (char *)copy + extent.list_at;

		memcpy(list, params_of(header), extent.list);
		*(char **)(void *)((char *)copy + class->hc_params) = list;
	}
	return copy;
}

/* What follows the first header of a kind that may be there once goes to the list of errors,
 * where the parser had put it. (Sofia's msg_copy strings them together instead, and its
 * msg_serialize asserts that it never sees that.) */
static bool put(struct copying *copying, msg_header_t *header)
{
	msg_hclass_t *class = header->sh_class;
	msg_header_t **place =
		msg_hclass_offset(copying->class, (msg_pub_t *)copying->sip, class);

	if (!place)
		return false;
	if (*place && class->hc_kind == msg_kind_single)
		place = (msg_header_t **)(void *)&copying->sip->sip_error;
	while (*place)
		place = &(*place)->sh_next;
	*place = header;
	return true;
}

static bool append(struct copying *copying, const msg_header_t *header)
{
	msg_header_t *copy = copy_header(copying, header);

	*copying->tail = copy;
	copy->sh_prev = copying->tail;
	copying->tail = &copy->sh_succ;
	return put(copying, copy);
}

/* The chain of the first and the last, between which the others go. */
static msg_header_t *begin(struct copying *copying, const msg_header_t *first,
			   const msg_header_t *last)
{
	msg_header_t *separator = copy_header(copying, last);

	if (!put(copying, copy_header(copying, first)) || !put(copying, separator) ||
	    message_chain_begin(copying->copy))
		return NULL;
	copying->tail = separator->sh_prev;
	return separator;
}

static bool copy_chain(struct copying *copying, const msg_t *msg)
{
	const msg_header_t *first = *msg_chain_head(msg), *last, *header;
	msg_header_t *separator;

	last = (const msg_header_t *)message_sip(msg)->sip_separator;
	separator = begin(copying, first, last);
	for (header = first->sh_succ; separator && header && header != last;
	     header = header->sh_succ)
		if (!append(copying, header))
			return false;
	if (!separator || !header)
		return false;
	*copying->tail = separator;
	separator->sh_prev = copying->tail;
	for (header = header->sh_succ; header; header = header->sh_succ) { /* the body */
		msg_header_t *body = copy_header(copying, header);

		if (msg_header_insert(copying->copy, NULL, body) < 0)
			return false;
	}
	return true;
}

/* True for what message_parse made, even if it was edited: its chain begins with the start
 * line, and has its empty line. */
static bool is_chained(const msg_t *msg)
{
	const msg_header_t *first = *msg_chain_head(msg);
	const sip_separator_t *separator = message_sip(msg)->sip_separator;

	return first && message_chain_is_start_line(first) && separator &&
	       separator->sep_common->h_prev;
}

msg_t *message_copy(msg_t *msg)
{
	struct copying copying = { .class = message_class() };
	size_t size;

	if (!is_chained(msg) && msg_serialize(msg, NULL) < 0)
		return NULL;
	if (!is_chained(msg))
		return NULL;
	copying.copy = msg_create(copying.class, msg_object(msg)->msg_flags);
	if (!copying.copy)
		return NULL;
	copying.sip = message_sip(copying.copy);
	size = chain_size(msg);
	if (size + EDITS_SIZE <= MAX_PRELOAD)
		su_home_preload(msg_home(copying.copy), 1, (isize_t)(size + EDITS_SIZE));
	copying.room = su_alloc(msg_home(copying.copy), (isize_t)size);
	if (!copying.room || !copy_chain(&copying, msg)) {
		msg_destroy(copying.copy);
		return NULL;
	}
	msg_set_parent(copying.copy, msg);
	return copying.copy;
}
