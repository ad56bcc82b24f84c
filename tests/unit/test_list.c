#include "proxy/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
	char name;
	struct list link;
};

static void assert_order(const struct list *head, const char *want)
{
	const struct list *link;

	for (link = head->next; *want; want++, link = link->next) {
		assert_ptr_not_equal(link, head);
		assert_int_equal(container_of(link, struct item, link)->name, *want);
		assert_ptr_equal(link->next->prev, link);
	}
	assert_ptr_equal(link, head);
}

static void test_order(void **state)
{
	struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	struct list head;

	list_init(&head);
	assert_true(list_is_empty(&head));
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_prepend(&head, &a.link);
	assert_order(&head, "abc");
	assert_false(list_is_empty(&head));
}

static void test_remove(void **state)
{
	struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	struct list head;

	list_init(&head);
	list_append(&head, &a.link);
	list_append(&head, &b.link);
	list_append(&head, &c.link);
	list_remove(&b.link);
	assert_order(&head, "ac");
	assert_true(list_is_empty(&b.link));
	list_remove(&b.link); /* again, without harm */
	assert_order(&head, "ac");
	list_append(&head, &b.link);
	assert_order(&head, "acb");
	list_remove(&a.link);
	list_remove(&c.link);
	list_remove(&b.link);
	assert_true(list_is_empty(&head));
}

static void test_for_each_while_removing(void **state)
{
	struct item items[5] = { 0 };
	struct list head, *link, *following;
	char seen[6] = { 0 };
	unsigned n = 0;

	list_init(&head);
	for (unsigned i = 0; i < COUNT(items); i++) {
		items[i].name = (char)('a' + i);
		list_append(&head, &items[i].link);
	}
	list_for_each(link, following, &head) {
		struct item *item = container_of(link, struct item, link);
		seen[n++] = item->name;
		if (item->name % 2 == 0)
			list_remove(link);
	}
	assert_string_equal(seen, "abcde");
	assert_order(&head, "ace");

	list_init(&head);
	n = 0;
	list_for_each(link, following, &head)
		n++;
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_for_each_while_removing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
