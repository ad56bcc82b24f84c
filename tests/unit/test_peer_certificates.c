/* The last certificate of each partner, each way. */
#include "proxy/peer_certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/macros.h"

static size_t chain_size;

static enum err give_chain(struct flow *flow, struct peer_chain **out)
{
	enum err err = peer_chain_new(chain_size, out);

	if (err)
		return err;
	peer_chain_add(*out, "leaf", 4);
	(*out)->not_after = 500;
	return ERR_OK;
}

static const struct flow_ops ops = { .peer_chain = give_chain };

static struct identity identity_of(const char *sha256)
{
	struct identity identity = { .n_refs = 1, .not_after = 1000 };

	strcpy(identity.sha256, sha256);
	return identity;
}

static void test_note(void **state)
{
	struct identity first = identity_of("aa"), second = identity_of("bb");
	struct flow in = { .ops = &ops, .identity = &first, .is_inbound = true },
		    out = { .ops = &ops, .identity = &second }, plain = { .ops = &ops };
	struct peer_certificates *certificates;
	struct peer_certificate *list;
	size_t n;

	chain_size = 100;
	assert_int_equal(peer_certificates_new(&certificates), ERR_OK);
	/* The chain's end counts, not the leaf's. */
	assert_int_equal(peer_certificates_note(certificates, "partner:b.example", &in, 1),
			 500);
	assert_int_equal(peer_certificates_note(certificates, "partner:b.example", &in, 2), 0);
	assert_int_equal(peer_certificates_note(certificates, "partner:a.example", &in, 3),
			 500);
	assert_int_equal(peer_certificates_note(certificates, "partner:b.example", &out, 4),
			 500);
	assert_int_equal(peer_certificates_note(certificates, "", &out, 5), 0);
	assert_int_equal(peer_certificates_note(certificates, "partner:c.example", &plain, 6),
			 0);
	assert_int_equal(peer_certificates_list(certificates, &list, &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].id, "partner:a.example");
	assert_string_equal(list[1].id, "partner:b.example");
	assert_false(list[1].is_inbound);
	assert_string_equal(list[1].sha256, "bb");
	assert_true(list[2].is_inbound);
	assert_string_equal(list[2].sha256, "aa");
	assert_int_equal(list[2].seen_ms, 1);
	/* What was listed lives on its own. */
	certificates = peer_certificates_free(certificates);
	assert_int_equal(list[2].chain->n, 1);
	peer_certificates_done(list, n);
}

static void test_a_new_certificate_takes_the_place(void **state)
{
	struct identity first = identity_of("aa"), second = identity_of("bb");
	struct flow before = { .ops = &ops, .identity = &first },
		    after = { .ops = &ops, .identity = &second };
	struct peer_certificates *certificates;
	struct peer_certificate *list;
	size_t n;

	assert_int_equal(peer_certificates_new(&certificates), ERR_OK);
	chain_size = 100;
	assert_int_equal(peer_certificates_note(certificates, "partner:a.example", &before, 1),
			 500);
	chain_size = PEER_CHAIN_MAX_BYTES + 1; /* too large to be kept; its end is known */
	assert_int_equal(peer_certificates_note(certificates, "partner:a.example", &after, 2),
			 1000);
	assert_int_equal(peer_certificates_list(certificates, &list, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].sha256, "bb");
	assert_null(list[0].chain);
	peer_certificates_done(list, n);
	peer_certificates_free(certificates);
}

/* Whoever was seen longest ago gives way. */
static void test_bound(void **state)
{
	struct identity identity = identity_of("aa");
	struct peer_certificates *certificates;
	struct peer_certificate *list;
	size_t n;

	assert_int_equal(peer_certificates_new(&certificates), ERR_OK);
	chain_size = 100;
	for (unsigned i = 0; i < PEER_CERTIFICATES_MAX + 10; i++) {
		struct flow flow = { .ops = &ops, .identity = &identity };
		char id[64];

		snprintf(id, sizeof(id), "partner:%05u.example", i);
		peer_certificates_note(certificates, id, &flow, i);
	}
	assert_int_equal(peer_certificates_list(certificates, &list, &n), ERR_OK);
	assert_int_equal(n, PEER_CERTIFICATES_MAX);
	assert_string_equal(list[0].id, "partner:00010.example");
	peer_certificates_done(list, n);
	peer_certificates_free(certificates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_a_new_certificate_takes_the_place),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
