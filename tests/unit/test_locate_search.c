#include "routing/locate_search.h"

#include "tests/unit/fake_dns.h"

static const struct fake_record records[] = {
	{ "a.example", DNS_A, DNS_FOUND, 0, "192.0.2.1 192.0.2.2" },
	{ "a.example", DNS_AAAA, DNS_FOUND, 0, "2001:db8::1" },
	{ "slow6.example", DNS_A, DNS_FOUND, 10, "192.0.2.3" },
	{ "slow6.example", DNS_AAAA, DNS_FOUND, FAKE_NEVER, NULL },
	{ "slow4.example", DNS_A, DNS_FOUND, 1000, "192.0.2.4" },
	{ "slow4.example", DNS_AAAA, DNS_NO_RECORD, 0, NULL },
	{ "dead.example", DNS_A, DNS_FOUND, FAKE_NEVER, NULL },
	{ "dead.example", DNS_AAAA, DNS_FOUND, FAKE_NEVER, NULL },
	{ "fail.example", DNS_A, DNS_SERVER_FAILED, 0, NULL },
	{ "fail.example", DNS_AAAA, DNS_SERVER_FAILED, 0, NULL },
	{ "_sip._tcp.srv.example", DNS_SRV, DNS_FOUND, 0,
	  "1 2 5070 a.example,3 4 5071 fail.example" },
	{ "srv.example", DNS_A, DNS_FOUND, 0, "192.0.2.99" },
	{ "_sips._tcp.late.example", DNS_SRV, DNS_FOUND, 500, "1 2 5072 a.example" },
	{ "late.example", DNS_A, DNS_FOUND, 0, "192.0.2.98" },
	/* RFC 3263 §4.1 */
	{ "n.example", DNS_NAPTR, DNS_FOUND, 0,
	  "90 20 SIP+D2U _sip._udp.n.example,50 50 SIPS+D2T _sips._tcp.n.example,"
	  "90 10 SIP+D2T _sip._tcp.n.example,50 10 SIPS+D2T _tls.other.example" },
	{ "_sips._tcp.n.example", DNS_SRV, DNS_FOUND, 0, "1 1 5081 four.example" },
	{ "_tls.other.example", DNS_SRV, DNS_FOUND, 0, "7 1 5082 four.example" },
	{ "_sip._udp.n.example", DNS_SRV, DNS_FOUND, 0, "1 1 5083 four.example" },
	{ "_sip._tcp.n.example", DNS_SRV, DNS_FOUND, 0, "1 1 5084 four.example" },
	{ "four.example", DNS_A, DNS_FOUND, 0, "192.0.2.4" },
	{ "udp.example", DNS_NAPTR, DNS_FOUND, 0, "1 1 SIP+D2U _u.udp.example" },
	{ "_u.udp.example", DNS_SRV, DNS_FOUND, 0, "1 1 5090 four.example" },
	{ "udp.example", DNS_A, DNS_FOUND, 0, "192.0.2.5" },
	{ "hollow.example", DNS_NAPTR, DNS_FOUND, 0, "1 1 SIPS+D2T _gone.hollow.example" },
	{ "_sips._tcp.hollow.example", DNS_SRV, DNS_FOUND, 0, "1 1 5091 four.example" },
	{ "mute.example", DNS_NAPTR, DNS_FOUND, FAKE_NEVER, NULL },
	{ "mute.example", DNS_A, DNS_FOUND, 0, "192.0.2.6" },
	{ "mutesrv.example", DNS_NAPTR, DNS_FOUND, 0, "1 1 SIPS+D2T _mute.mutesrv.example" },
	{ "_mute.mutesrv.example", DNS_SRV, DNS_FOUND, FAKE_NEVER, NULL },
	{ "mutesrv.example", DNS_A, DNS_FOUND, 0, "192.0.2.6" },
	{ "mutealone.example", DNS_NAPTR, DNS_FOUND, FAKE_NEVER, NULL },
	{ "latenaptr.example", DNS_NAPTR, DNS_FOUND, 400, "1 1 SIPS+D2T _tls.other.example" },
	{ "latenaptr.example", DNS_A, DNS_FOUND, 0, "192.0.2.6" },
	{ "broken.example", DNS_NAPTR, DNS_SERVER_FAILED, 0, NULL },
	{ "broken.example", DNS_A, DNS_FOUND, 0, "192.0.2.7" },
	{ "silent.example", DNS_NAPTR, DNS_FOUND, FAKE_NEVER, NULL },
	{ "silent.example", DNS_A, DNS_FOUND, FAKE_NEVER, NULL },
	{ "silent.example", DNS_AAAA, DNS_FOUND, FAKE_NEVER, NULL },
	{ "_sips._tcp.silent.example", DNS_SRV, DNS_FOUND, FAKE_NEVER, NULL },
	{ "_sip._tcp.silent.example", DNS_SRV, DNS_FOUND, FAKE_NEVER, NULL },
	{ "_sip._udp.silent.example", DNS_SRV, DNS_FOUND, FAKE_NEVER, NULL },
	{ "slowchain.example", DNS_NAPTR, DNS_FOUND, 2000,
	  "1 1 SIPS+D2T _s.slowchain.example" },
	{ "_s.slowchain.example", DNS_SRV, DNS_FOUND, 2000, "1 1 5092 slow4.example" },
};

#define A              TRANSPORT_TCP
#define BIT(transport) (1u << TRANSPORT_##transport)
#define PLAIN          (BIT(UDP) | BIT(TCP))

/* clang-format off */
static const struct {
	const char *name;
	struct locate_wish wishes[3];
	size_t n_wishes;
	uint64_t took_ms;
	const char *want; /* "group host:port address,address ..." */
	enum dns_status worst;
} rows[] = {
	{ "an address needs no question", { { "192.0.2.7", 5060, false, A } }, 1, 0,
	  "0 192.0.2.7:5060 192.0.2.7;", DNS_FOUND },
	{ "an IPv6 address", { { "2001:db8::7", 0, false, TRANSPORT_TLS } }, 1, 0,
	  "0 2001:db8::7:5061 2001:db8::7;", DNS_FOUND },
	{ "SRV of an address is not asked", { { "192.0.2.7", 0, true, A } }, 1, 0,
	  "0 192.0.2.7:5060 192.0.2.7;", DNS_FOUND },
	{ "both families", { { "a.example", 5060, false, A } }, 1, 0,
	  "0 a.example:5060 192.0.2.1,192.0.2.2,2001:db8::1;", DNS_FOUND },
	{ "no name", { { "none.example", 5060, false, A } }, 1, 0, "0 none.example:5060 ;", DNS_NO_NAME },
	{ "AAAA that never comes costs 100 ms, RFC 8305 §3", { { "slow6.example", 5060, false, A } }, 1, 110,
	  "0 slow6.example:5060 192.0.2.3;", DNS_FOUND },
	{ "the first address is waited for", { { "slow4.example", 5060, false, A } }, 1, 1000,
	  "0 slow4.example:5060 192.0.2.4;", DNS_NO_RECORD },
	{ "nothing comes: the budget", { { "dead.example", 5060, false, A } }, 1, 4000,
	  "0 dead.example:5060 ;", DNS_TIMEOUT },
	{ "one of several fails", { { "fail.example", 1, false, A, 0 }, { "a.example", 2, false, A, 1 } }, 2, 0,
	  "0 fail.example:1 ;1 a.example:2 192.0.2.1,192.0.2.2,2001:db8::1;", DNS_SERVER_FAILED },
	{ "one is waited for while another has all", { { "slow4.example", 1, false, A, 0 }, { "a.example", 2, false, A, 1 } }, 2, 1000,
	  "0 slow4.example:1 192.0.2.4;1 a.example:2 192.0.2.1,192.0.2.2,2001:db8::1;", DNS_NO_RECORD },
	{ "SRV takes the place of the name, RFC 3263 §4.2", { { "srv.example", 0, true, A } }, 1, 0,
	  "0 srv.example:5060 ;0 a.example:5070 192.0.2.1,192.0.2.2,2001:db8::1;0 fail.example:5071 ;", DNS_SERVER_FAILED },
	{ "no SRV: the name itself", { { "a.example", 0, true, TRANSPORT_UDP } }, 1, 0,
	  "0 a.example:5060 192.0.2.1,192.0.2.2,2001:db8::1;", DNS_NO_NAME },
	{ "SRV is waited for although the name has an address", { { "late.example", 0, true, TRANSPORT_MTLS } }, 1, 500,
	  "0 late.example:5061 ;0 a.example:5072 192.0.2.1,192.0.2.2,2001:db8::1;", DNS_FOUND },
#define N(host, transport, choices) { { host, 0, true, transport, 0, NULL, true, choices } }, 1
	{ "NAPTR, RFC 3263 §4.1: the lowest order that we can speak, by preference", N("n.example", TRANSPORT_MTLS, 0), 0,
	  "0 n.example:5061 ;0 four.example:5081 ;0 four.example:5082 192.0.2.4;0/1 four.example:5081 192.0.2.4;", DNS_NO_NAME },
	{ "... without TLS: what the owner prefers", N("n.example", TRANSPORT_UDP, PLAIN), 0,
	  "0 n.example:5060 ;0 four.example:5083 ;0/1 tcp four.example:5084 ;0 tcp four.example:5084 192.0.2.4;0/1 four.example:5083 192.0.2.4;", DNS_NO_NAME },
	{ "... TLS before all: no way around it", N("n.example", TRANSPORT_UDP, PLAIN | BIT(TLS)), 0,
	  "0 n.example:5060 ;0 four.example:5083 ;0/1 tls four.example:5081 ;0/2 tcp four.example:5084 ;0 tls four.example:5082 192.0.2.4;0/1 tls four.example:5081 192.0.2.4;", DNS_NO_NAME },
	{ "... none that we can speak: as without", N("udp.example", TRANSPORT_MTLS, 0), 0,
	  "0 udp.example:5061 192.0.2.5;", DNS_NO_NAME },
	{ "... whose SRV records are not there: as without", N("hollow.example", TRANSPORT_MTLS, 0), 0,
	  "0 hollow.example:5061 ;0 four.example:5091 192.0.2.4;", DNS_NO_NAME },
	{ "no NAPTR: SRV by transport, what is configured first", N("srv.example", TRANSPORT_TCP, PLAIN | BIT(TLS)), 0,
	  "0 srv.example:5060 ;0 a.example:5070 192.0.2.1,192.0.2.2,2001:db8::1;0 fail.example:5071 ;", DNS_SERVER_FAILED },
	{ "... then what else has any", N("srv.example", TRANSPORT_UDP, PLAIN | BIT(TLS)), 0,
	  "0 srv.example:5060 ;0/2 tcp a.example:5070 192.0.2.1,192.0.2.2,2001:db8::1;0/2 tcp fail.example:5071 ;", DNS_SERVER_FAILED },
	{ "no NAPTR, no SRV: its addresses, §4.2", N("a.example", TRANSPORT_TLS, 0), 0,
	  "0 a.example:5061 192.0.2.1,192.0.2.2,2001:db8::1;", DNS_NO_NAME },
	{ "NAPTR that never comes costs 500 ms", N("mute.example", TRANSPORT_MTLS, 0), 500,
	  "0 mute.example:5061 192.0.2.6;", DNS_NO_NAME },
	{ "... or the SRV that it names", N("mutesrv.example", TRANSPORT_MTLS, 0), 500,
	  "0 mutesrv.example:5061 192.0.2.6;", DNS_TIMEOUT },
	{ "... but is waited for where there is nothing else", N("mutealone.example", TRANSPORT_MTLS, 0), 4000,
	  "0 mutealone.example:5061 ;", DNS_TIMEOUT },
	{ "NAPTR is waited for although the name has an address", N("latenaptr.example", TRANSPORT_MTLS, 0), 400,
	  "0 latenaptr.example:5061 ;0 four.example:5082 192.0.2.4;", DNS_NO_NAME },
	{ "NAPTR that fails is as none", N("broken.example", TRANSPORT_MTLS, 0), 0,
	  "0 broken.example:5061 192.0.2.7;", DNS_SERVER_FAILED },
	{ "nothing at all comes: one budget", N("silent.example", TRANSPORT_UDP, PLAIN | BIT(TLS)), 4000,
	  "0 silent.example:5060 ;", DNS_TIMEOUT },
	{ "each step is slow: one budget", N("slowchain.example", TRANSPORT_MTLS, 0), 4000,
	  "0 slowchain.example:5061 ;0 slow4.example:5092 ;", DNS_TIMEOUT },
};
/* clang-format on */

static void on_found(void *user)
{
	++*(unsigned *)user;
}

static void print(const struct locate_search *search, char out[1000])
{
	char text[ADDR_TEXT_SIZE];
	struct buf buf;

	buf_init(&buf, 0);
	for (size_t i = 0; i < locate_search_n_places(search); i++) {
		const struct locate_place *place = locate_search_place(search, i);
		buf_printf(&buf, "%zu", place->group);
		if (place->rank)
			buf_printf(&buf, "/%u", place->rank);
		if (place->transport != locate_search_place(search, 0)->transport)
			buf_printf(&buf, " %s", conf_transport_text(place->transport));
		buf_printf(&buf, " %s:%u ", place->host, place->port);
		for (size_t k = 0; k < place->n_addrs; k++)
			buf_printf(&buf, "%s%s", k ? "," : "",
				   addr_host(&place->addrs[k], text));
		buf_puts(&buf, ";");
	}
	(void)snprintf(out, 1000, "%s", buf_text(&buf));
	buf_fini(&buf);
}

static void test_rows(void **state)
{
	struct fake_dns fake;
	struct loop *loop;
	char got[1000];

	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	struct dns *dns = fake_dns_new(&fake, loop, records, COUNT(records));
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned n_found = 0;
		struct locate_search *search =
			locate_search_new(loop, dns, 4000, on_found, &n_found);
		assert_non_null(search);
		for (size_t k = 0; k < rows[i].n_wishes; k++)
			assert_int_equal(locate_search_add(search, &rows[i].wishes[k]), ERR_OK);
		locate_search_start(search);
		assert_int_equal(n_found, 0);
		if (rows[i].took_ms > 0) {
			loop_turn(loop, rows[i].took_ms - 1);
			assert_int_equal(n_found, 0);
			loop_turn(loop, 1);
		} else {
			loop_turn(loop, 0);
		}
		if (n_found != 1)
			fail_msg("%s: found %u times", rows[i].name, n_found);
		print(search, got);
		if (strcmp(got, rows[i].want) != 0 ||
		    locate_search_worst(search) != rows[i].worst)
			fail_msg("%s: %s %s", rows[i].name, got,
				 dns_status_text(locate_search_worst(search)));
		assert_int_equal(fake.n_open, 0); /* nothing is left open */
		assert_null(locate_search_free(search));
	}
	dns_free(dns);
	loop_free(loop);
}

/* The line for people. */
static void test_tell(void **state)
{
	const struct locate_wish wishes[] = { { "srv.example", 0, true, A, 0 },
					      { "192.0.2.5", 0, false, A, 1 } };
	unsigned n_found = 0;
	struct fake_dns fake;
	struct loop *loop;
	struct buf buf;

	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	struct dns *dns = fake_dns_new(&fake, loop, records, COUNT(records));
	struct locate_search *search = locate_search_new(loop, dns, 4000, on_found, &n_found);
	for (size_t i = 0; i < COUNT(wishes); i++)
		assert_int_equal(locate_search_add(search, &wishes[i]), ERR_OK);
	locate_search_start(search);
	loop_turn(loop, 0);
	buf_init(&buf, 0);
	locate_search_tell(search, &buf);
	assert_string_equal(buf_text(&buf),
			    "srv.example SRV 2; 192.0.2.5; "
			    "a.example A 2 AAAA 1: 192.0.2.1, 192.0.2.2, 2001:db8::1; "
			    "fail.example A server failed AAAA server failed");
	buf_fini(&buf);
	locate_search_free(search);
	dns_free(dns);
	loop_free(loop);
}

/* Freed while it waits, at any time: no answer, nothing left open. */
static void test_free_early(void **state)
{
	const struct locate_wish wish = { "late.example", 0, true, TRANSPORT_TLS };
	unsigned n_found = 0;
	struct fake_dns fake;
	struct loop *loop;

	assert_int_equal(loop_new_turned(1000, &loop), ERR_OK);
	struct dns *dns = fake_dns_new(&fake, loop, records, COUNT(records));
	for (uint64_t ms = 0; ms < 600; ms += 100) {
		struct locate_search *search =
			locate_search_new(loop, dns, 4000, on_found, &n_found);
		assert_int_equal(locate_search_add(search, &wish), ERR_OK);
		if (ms > 0)
			locate_search_start(search);
		if (ms > 100)
			loop_turn(loop, ms - 200);
		locate_search_free(search);
		assert_int_equal(fake.n_open, 0);
		loop_turn(loop, 5000);
	}
	assert_int_equal(n_found, 0);
	assert_null(locate_search_free(NULL));
	dns_free(dns);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_tell),
		cmocka_unit_test(test_free_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
