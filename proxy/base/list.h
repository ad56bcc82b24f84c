/* A list whose links stand inside their owners: adding and removing never allocates, and cannot
 * fail. The head is a struct list too. An owner that is on no list has links that point to
 * themselves, so list_remove is safe at any time after list_init. */
#pragma once

#include <stdbool.h>

#include "proxy/base/macros.h"

struct list {
	struct list *prev, *next;
};

/* Makes a head empty, or a link be on no list. */
static inline void list_init(struct list *list)
{
	list->prev = list->next = list;
}

/* Puts link last on the list of head. The link must be on no list. */
static inline void list_append(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Puts link first on the list of head. The link must be on no list. */
static inline void list_prepend(struct list *head, struct list *link)
{
	list_append(head->next, link);
}

/* Takes link off its list, if it is on one; it may be removed again without harm. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* True if nothing is on the list, or if a link is on no list. */
static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

/* Goes through the list of head with link as the cursor; link alone may be removed meanwhile,
 * because the next one is kept in next. */
#define list_for_each(link, following, head)                                                   \
	for ((link) = (head)->next, (following) = (link)->next; (link) != (head);              \
	     (link) = (following), (following) = (link)->next)
