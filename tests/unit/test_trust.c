#include "federation/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/text.h"

/* The house: corp.example and corp.test, backends berlin (10.0.1.5), munich (10.0.1.5 too, for
 * corp.test), hamburg (by name), dresden (two servers) and cologne (logs on). The partners are
 * the rows of routes[]. */

static const struct settings_domain own_domains[] = { { .name = "corp.example" },
						      { .name = "corp.test" } };

static const struct settings_text pins[] = { { .text = "sip.hoster.example" } };

static const struct {
	const char *domain;
	bool is_enabled, is_trustworthy, accepts_wildcard, is_pinned;
	const char *hosts[2]; /* names or addresses */
	enum conf_transport transports[2];
} routes[] = {
	{ "partner.example",
	  true,
	  true,
	  false,
	  false,
	  { "edge.partner.example" },
	  { TRANSPORT_MTLS } },
	{ "*.partner.example",
	  true,
	  true,
	  false,
	  false,
	  { "edge.partner.example" },
	  { TRANSPORT_MTLS } },
	{ "hosted.example", true, true, false, true, { "192.0.2.50" }, { TRANSPORT_MTLS } },
	{ "wild.example", true, true, true, false, { "192.0.2.51" }, { TRANSPORT_MTLS } },
	{ "off.example",
	  false,
	  true,
	  false,
	  false,
	  { "edge.off.example" },
	  { TRANSPORT_MTLS } },
	{ "carrier.example",
	  true,
	  true,
	  false,
	  false,
	  { "198.51.100.1", "2001:db8::7" },
	  { TRANSPORT_TCP, TRANSPORT_UDP } },
	{ "named.example",
	  true,
	  true,
	  false,
	  false,
	  { "sip.named.example" },
	  { TRANSPORT_TCP } },
	{ "open.example", true, false, false, false, { "198.51.100.9" }, { TRANSPORT_UDP } },
	{ "mixed.example",
	  true,
	  true,
	  false,
	  false,
	  { "198.51.100.20", "198.51.100.21" },
	  { TRANSPORT_TCP, TRANSPORT_MTLS } },
	{ "mixnam.example",
	  true,
	  true,
	  false,
	  false,
	  { "a.mixnam.example", "198.51.100.23" },
	  { TRANSPORT_TCP, TRANSPORT_MTLS } },
};

enum { N_ROUTES = COUNT(routes), MAX_CERT_NAMES = 4 };

struct house {
	struct settings settings;
	struct settings_backend backends[5];
	struct settings_server backend_servers[5][2];
	struct settings_route routes[N_ROUTES];
	struct settings_server servers[N_ROUTES][2];
	struct peer_addresses *addresses;
	struct trust *trust;
};

static struct addr address(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, port, &addr), ERR_OK);
	return addr;
}

static void fill_server(struct settings_server *server, const char *host, uint16_t port,
			enum conf_transport transport)
{
	server->host = host;
	server->port = port;
	server->has_port = true;
	server->transport = transport;
	if (addr_parse(host, port, &server->addr) != ERR_OK)
		server->addr.len = 0;
}

static void fill_route(struct house *house, size_t i)
{
	struct settings_route *route = &house->routes[i];

	route->domain = routes[i].domain;
	route->is_enabled = routes[i].is_enabled;
	route->is_trustworthy = routes[i].is_trustworthy;
	route->accepts_wildcard = routes[i].accepts_wildcard;
	route->identities = pins;
	route->n_identities = routes[i].is_pinned ? COUNT(pins) : 0;
	route->servers = house->servers[i];
	for (; route->n_servers < 2 && routes[i].hosts[route->n_servers]; route->n_servers++)
		fill_server(&house->servers[i][route->n_servers],
			    routes[i].hosts[route->n_servers], 5061,
			    routes[i].transports[route->n_servers]);
}

static void fill_backend(struct house *house, size_t i, const char *name, const char *host,
			 uint16_t port, const struct settings_domain *domain)
{
	struct settings_backend *backend = &house->backends[i];

	backend->name = name;
	backend->domains = domain;
	backend->n_domains = 1;
	backend->username = "";
	backend->servers = house->backend_servers[i];
	backend->n_servers = 1;
	fill_server(&house->backend_servers[i][0], host, port, TRANSPORT_TCP);
}

static struct house *house_new(bool are_partners_on)
{
	struct house *house = calloc(1, sizeof(*house));
	struct addr hamburg = address("10.0.1.9", 0), named = address("203.0.113.5", 0);
	struct addr mixnam = address("203.0.113.6", 0);
	struct addr cologne = address("10.0.3.1", 0), gone = address("10.0.3.9", 0);

	assert_non_null(house);
	house->settings.domains = own_domains;
	house->settings.n_domains = COUNT(own_domains);
	house->settings.backends = house->backends;
	house->settings.n_backends = COUNT(house->backends);
	fill_backend(house, 0, "berlin", "10.0.1.5", 5060, &own_domains[0]);
	fill_backend(house, 1, "munich", "10.0.1.5", 5062, &own_domains[1]);
	fill_backend(house, 2, "hamburg", "ucserver.lan", 5060, &own_domains[0]);
	fill_backend(house, 3, "dresden", "10.0.2.1", 5060, &own_domains[1]);
	fill_server(&house->backend_servers[3][1], "10.0.2.2", 5060, TRANSPORT_UDP);
	house->backends[3].n_servers = 2;
	fill_backend(house, 4, "cologne", "", 0, &own_domains[0]);
	house->backends[4].n_servers = 0;
	house->backends[4].username = "ucserver-cologne";
	house->settings.partners.is_enabled = are_partners_on;
	house->settings.partners.routes = house->routes;
	house->settings.partners.n_routes = N_ROUTES;
	for (size_t i = 0; i < N_ROUTES; i++)
		fill_route(house, i);
	assert_int_equal(peer_addresses_new(&house->addresses), ERR_OK);
	peer_addresses_set(house->addresses, "servers of backend:hamburg", &hamburg, 1);
	peer_addresses_set(house->addresses, "backend:hamburg", &gone, 1);
	peer_addresses_set(house->addresses, "backend:cologne", &cologne, 1);
	peer_addresses_set(house->addresses, "partner:named.example", &named, 1);
	peer_addresses_set(house->addresses, "partner:partner.example", &named, 1);
	peer_addresses_set(house->addresses, "partner:mixnam.example", &mixnam, 1);
	assert_int_equal(trust_new(&house->settings, house->addresses, &house->trust), ERR_OK);
	return house;
}

static void house_free(struct house *house)
{
	trust_free(house->trust);
	peer_addresses_free(house->addresses);
	free(house);
}

#define CERT(...)                                                                              \
	{                                                                                      \
		__VA_ARGS__                                                                    \
	}
#define PARTNER  ORIGIN_PARTNER
#define STRANGER ORIGIN_STRANGER
#define WAN      NETWORK_WAN, TRANSPORT_MTLS
#define WAN_TCP  NETWORK_WAN, TRANSPORT_TCP
#define WAN_UDP  NETWORK_WAN, TRANSPORT_UDP
#define LAN      NETWORK_LAN, TRANSPORT_TCP

/* clang-format off */
static const struct {
	const char *name;
	enum conf_network network;
	enum conf_transport transport;
	const char *cert[MAX_CERT_NAMES]; /* no name: no certificate */
	const char *source, *from, *dialled_for;
	enum origin_kind kind;
	enum reason reason;
	const char *id, *rule;
	bool has_logged_on; /* the flow is that of a log-on, not one that we dialled */
} rows[] = {
	/* Who speaks for a domain over a verified certificate: RFC 5922 §7.2. */
	{ "certificate names the domain", WAN, CERT("partner.example"), "203.0.113.1", "partner.example", "",
	  PARTNER, REASON_NONE, "partner:partner.example", "certificate-names-domain" },
	{ "one of several names", WAN, CERT("a.example", "b.example", "partner.example"), "203.0.113.1", "partner.example", "",
	  PARTNER, REASON_NONE, "partner:partner.example", "certificate-names-domain" },
	{ "route pins its server's name", WAN, CERT("edge.partner.example"), "203.0.113.1", "partner.example", "",
	  PARTNER, REASON_NONE, "partner:partner.example", "route-pins-name" },
	{ "route pins a hoster's name", WAN, CERT("sip.hoster.example"), "203.0.113.1", "hosted.example", "",
	  PARTNER, REASON_NONE, "partner:hosted.example", "route-pins-name" },
	{ "upper case in From", WAN, CERT("partner.example"), "203.0.113.1", "Partner.EXAMPLE", "",
	  PARTNER, REASON_NONE, "partner:partner.example", "certificate-names-domain" },
	{ "dot at the end of From", WAN, CERT("partner.example"), "203.0.113.1", "partner.example.", "",
	  PARTNER, REASON_NONE, "partner:partner.example", "certificate-names-domain" },
	{ "certificate on a tls listener that asked for none", NETWORK_WAN, TRANSPORT_TLS, CERT("carrier.example"), "203.0.113.1", "carrier.example", "",
	  PARTNER, REASON_NONE, "partner:carrier.example", "certificate-names-domain" },
	{ "certificate beats an untrustworthy route", NETWORK_WAN, TRANSPORT_TLS, CERT("open.example"), "203.0.113.1", "open.example", "",
	  PARTNER, REASON_NONE, "partner:open.example", "certificate-names-domain" },
	{ "on our own connection too", WAN, CERT("partner.example"), "203.0.113.1", "partner.example", "partner:partner.example",
	  PARTNER, REASON_NONE, "partner:partner.example", "certificate-names-domain" },

	/* Spoofing over MTLS. */
	{ "look-alike before", WAN, CERT("evilpartner.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "look-alike behind", WAN, CERT("partner.example.evil.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "look-alike From", WAN, CERT("partner.example"), "203.0.113.1", "partner.examp1e", "",
	  STRANGER, REASON_NOT_A_PARTNER, "", "partner-route" },
	{ "another partner's certificate", WAN, CERT("wild.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "another partner's pinned name", WAN, CERT("sip.hoster.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "sub-domain's certificate for the domain", WAN, CERT("a.partner.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "another hoster's tenant", WAN, CERT("tenant2.example"), "203.0.113.1", "hosted.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "own domain over a partner's certificate", WAN, CERT("partner.example"), "203.0.113.1", "corp.example", "",
	  STRANGER, REASON_OWN_DOMAIN_FROM_OUTSIDE, "", "own-domain" },
	{ "own domain over our own certificate", WAN, CERT("corp.example"), "203.0.113.1", "corp.example", "",
	  STRANGER, REASON_OWN_DOMAIN_FROM_OUTSIDE, "", "own-domain" },
	{ "own domain, upper case and dot", WAN, CERT("partner.example"), "203.0.113.1", "CORP.example.", "",
	  STRANGER, REASON_OWN_DOMAIN_FROM_OUTSIDE, "", "own-domain" },
	{ "own domain on our connection to a partner", WAN, CERT("partner.example"), "203.0.113.1", "corp.example", "partner:partner.example",
	  STRANGER, REASON_OWN_DOMAIN_FROM_OUTSIDE, "", "own-domain" },
	{ "address literal From", WAN, CERT("partner.example"), "203.0.113.1", "203.0.113.1", "",
	  STRANGER, REASON_NOT_A_PARTNER, "", "partner-route" },
	{ "IPv6 literal From", WAN, CERT("partner.example"), "203.0.113.1", "[2001:db8::7]", "",
	  STRANGER, REASON_NOT_A_PARTNER, "", "partner-route" },
	{ "address literal of a trusted server", WAN_TCP, CERT(NULL), "198.51.100.1", "198.51.100.1", "",
	  STRANGER, REASON_NOT_A_PARTNER, "", "partner-route" },
	{ "empty From domain", WAN, CERT("partner.example"), "203.0.113.1", "", "",
	  STRANGER, REASON_STRANGER, "", "from-domain" },
	{ "From domain that is none", WAN, CERT("partner.example"), "203.0.113.1", "partner.example/x", "",
	  STRANGER, REASON_STRANGER, "", "from-domain" },
	{ "two dots at the end", WAN, CERT("partner.example"), "203.0.113.1", "partner.example..", "",
	  STRANGER, REASON_STRANGER, "", "from-domain" },
	{ "From is the route's pattern", WAN, CERT("*.partner.example"), "203.0.113.1", "*.partner.example", "",
	  STRANGER, REASON_STRANGER, "", "from-domain" },
	{ "no certificate", WAN_TCP, CERT(NULL), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_NO_CERTIFICATE, "", "certificate-names-domain" },
	{ "no certificate, from the mtls server's address", WAN_TCP, CERT(NULL), "192.0.2.50", "hosted.example", "",
	  STRANGER, REASON_NO_CERTIFICATE, "", "certificate-names-domain" },
	{ "no certificate, from the looked-up address of an mtls server", WAN_TCP, CERT(NULL), "203.0.113.5", "partner.example", "",
	  STRANGER, REASON_NO_CERTIFICATE, "", "certificate-names-domain" },
	{ "wrong certificate, from the mtls server's address", WAN, CERT("evil.example"), "192.0.2.50", "hosted.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "no certificate on a connection we dialled", WAN_TCP, CERT(NULL), "203.0.113.1", "partner.example", "partner:partner.example",
	  STRANGER, REASON_NO_CERTIFICATE, "", "certificate-names-domain" },

	/* Sub-domains: the certificate must name the very domain, or be pinned. */
	{ "sub-domain, named", WAN, CERT("a.partner.example"), "203.0.113.1", "a.partner.example", "",
	  PARTNER, REASON_NONE, "partner:*.partner.example", "certificate-names-domain" },
	{ "sub-domain, pinned server", WAN, CERT("edge.partner.example"), "203.0.113.1", "a.b.partner.example", "",
	  PARTNER, REASON_NONE, "partner:*.partner.example", "route-pins-name" },
	{ "sub-domain, parent's certificate", WAN, CERT("partner.example"), "203.0.113.1", "a.partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "sub-domain, sibling's certificate", WAN, CERT("b.partner.example"), "203.0.113.1", "a.partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },

	/* Wildcards: RFC 5922 §7.2 says no, the route may say yes, for one label. */
	{ "wildcard that is not allowed", WAN, CERT("*.partner.example"), "203.0.113.1", "a.partner.example", "",
	  STRANGER, REASON_WILDCARD_CERTIFICATE, "", "certificate-names-domain" },
	{ "wildcard that would fit the pinned server", WAN, CERT("*.partner.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_WILDCARD_CERTIFICATE, "", "certificate-names-domain" },
	{ "allowed wildcard fits no bare domain", WAN, CERT("*.wild.example"), "203.0.113.1", "wild.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },
	{ "allowed wildcard one label up", WAN, CERT("*.example"), "203.0.113.1", "wild.example", "",
	  PARTNER, REASON_NONE, "partner:wild.example", "certificate-names-domain" },
	{ "wildcard of another domain", WAN, CERT("*.evil.example"), "203.0.113.1", "partner.example", "",
	  STRANGER, REASON_IDENTITY_MISMATCH, "", "certificate-names-domain" },

	/* Switches. */
	{ "route is off", WAN, CERT("off.example"), "203.0.113.1", "off.example", "",
	  STRANGER, REASON_ROUTE_DISABLED, "", "route-enabled" },
	{ "no route", WAN, CERT("nobody.example"), "203.0.113.1", "nobody.example", "",
	  STRANGER, REASON_NOT_A_PARTNER, "", "partner-route" },

	/* Trust by address, only where the route says so. */
	{ "trustworthy, its address", WAN_TCP, CERT(NULL), "198.51.100.1", "carrier.example", "",
	  PARTNER, REASON_NONE, "partner:carrier.example", "address" },
	{ "trustworthy, its IPv6 address", WAN_UDP, CERT(NULL), "2001:db8::7", "carrier.example", "",
	  PARTNER, REASON_NONE, "partner:carrier.example", "address" },
	{ "trustworthy, another address", WAN_TCP, CERT(NULL), "198.51.100.2", "carrier.example", "",
	  STRANGER, REASON_ADDRESS_MISMATCH, "", "address" },
	{ "trustworthy, another partner's address", WAN_TCP, CERT(NULL), "203.0.113.5", "carrier.example", "",
	  STRANGER, REASON_ADDRESS_MISMATCH, "", "address" },
	{ "trustworthy, looked-up address", WAN_TCP, CERT(NULL), "203.0.113.5", "named.example", "",
	  PARTNER, REASON_NONE, "partner:named.example", "address" },
	{ "trustworthy, not looked up", WAN_TCP, CERT(NULL), "203.0.113.55", "named.example", "",
	  STRANGER, REASON_ADDRESS_MISMATCH, "", "address" },
	{ "untrustworthy from its own address", WAN_UDP, CERT(NULL), "198.51.100.9", "open.example", "",
	  ORIGIN_PARTNER_UNTRUSTED, REASON_NONE, "partner:open.example", "route-not-trustworthy" },
	{ "mixed route, address of its tcp server", WAN_TCP, CERT(NULL), "198.51.100.20", "mixed.example", "",
	  PARTNER, REASON_NONE, "partner:mixed.example", "address" },
	{ "mixed route, address of its mtls server", WAN_TCP, CERT(NULL), "198.51.100.21", "mixed.example", "",
	  STRANGER, REASON_ADDRESS_MISMATCH, "", "address" },
	{ "mixed route, looked-up addresses are no proof", WAN_TCP, CERT(NULL), "203.0.113.6", "mixnam.example", "",
	  STRANGER, REASON_ADDRESS_MISMATCH, "", "address" },

	/* Backends: on the lan, by address; what they say must be theirs. */
	{ "backend", LAN, CERT(NULL), "10.0.1.5", "corp.example", "",
	  ORIGIN_BACKEND, REASON_NONE, "backend:berlin", "backend-address" },
	{ "same address, the other domain's backend", LAN, CERT(NULL), "10.0.1.5", "corp.test", "",
	  ORIGIN_BACKEND, REASON_NONE, "backend:munich", "backend-address" },
	{ "backend by its looked-up name", LAN, CERT(NULL), "10.0.1.9", "corp.example", "",
	  ORIGIN_BACKEND, REASON_NONE, "backend:hamburg", "backend-address" },
	{ "backend with another's domain", LAN, CERT(NULL), "10.0.1.9", "corp.test", "",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains" },
	{ "backend with a partner's domain", LAN, CERT(NULL), "10.0.1.5", "partner.example", "",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains" },
	{ "backend with no domain", LAN, CERT(NULL), "10.0.1.5", "", "",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains" },
	{ "backend's address from outside", WAN_UDP, CERT(NULL), "10.0.1.5", "corp.example", "",
	  STRANGER, REASON_WRONG_LISTENER, "", "backend-address" },
	{ "backend's address among the phones", NETWORK_REMOTE, TRANSPORT_UDP, CERT(NULL), "10.0.1.5", "corp.example", "",
	  STRANGER, REASON_WRONG_LISTENER, "", "backend-address" },
	{ "nobody on the lan", LAN, CERT(NULL), "10.0.1.77", "corp.example", "",
	  STRANGER, REASON_STRANGER, "", "backend-address" },
	{ "nobody on the lan, foreign domain", LAN, CERT(NULL), "10.0.1.77", "nobody.example", "",
	  STRANGER, REASON_STRANGER, "", "partner-route" },
	{ "our connection to a backend", LAN, CERT(NULL), "10.0.1.8", "corp.example", "backend:hamburg",
	  ORIGIN_BACKEND, REASON_NONE, "backend:hamburg", "backend-connection" },
	{ "our connection to a backend beyond the lan", WAN_TCP, CERT(NULL), "10.0.1.8", "corp.example", "backend:hamburg",
	  ORIGIN_BACKEND, REASON_NONE, "backend:hamburg", "backend-connection" },
	{ "a datagram from there proves nothing", WAN_UDP, CERT(NULL), "10.0.1.8", "corp.example", "backend:hamburg",
	  STRANGER, REASON_OWN_DOMAIN_FROM_OUTSIDE, "", "own-domain" },
	{ "our connection to a backend that is gone", LAN, CERT(NULL), "10.0.1.8", "corp.example", "backend:bonn",
	  STRANGER, REASON_STRANGER, "", "backend-address" },
	{ "backend with two servers, the first", LAN, CERT(NULL), "10.0.2.1", "corp.test", "",
	  ORIGIN_BACKEND, REASON_NONE, "backend:dresden", "backend-address" },
	{ "backend with two servers, the second", LAN, CERT(NULL), "10.0.2.2", "corp.test", "",
	  ORIGIN_BACKEND, REASON_NONE, "backend:dresden", "backend-address" },
	{ "backend's second server with another's domain", LAN, CERT(NULL), "10.0.2.2", "corp.example", "",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains" },
	{ "backend's second server from outside", WAN_TCP, CERT(NULL), "10.0.2.2", "corp.test", "",
	  STRANGER, REASON_WRONG_LISTENER, "", "backend-address" },

	/* Backends that logged on: by that connection, or by the address it came from. */
	{ "by the address of its log-on", LAN, CERT(NULL), "10.0.3.1", "corp.example", "",
	  ORIGIN_BACKEND, REASON_NONE, "backend:cologne", "backend-address" },
	{ "by the connection of its log-on", LAN, CERT(NULL), "10.0.3.2", "corp.example", "backend:cologne",
	  ORIGIN_BACKEND, REASON_NONE, "backend:cologne", "backend-log-on", true },
	{ "logged on, with another's domain", LAN, CERT(NULL), "10.0.3.2", "corp.test", "backend:cologne",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains", true },
	{ "logged on, with the domain of another at its address", LAN, CERT(NULL), "10.0.2.1", "corp.test", "backend:cologne",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains", true },
	{ "logged on, at another's address", LAN, CERT(NULL), "10.0.1.5", "corp.example", "backend:cologne",
	  ORIGIN_BACKEND, REASON_NONE, "backend:cologne", "backend-log-on", true },
	{ "logged on, with a partner's domain", LAN, CERT(NULL), "10.0.3.2", "partner.example", "backend:cologne",
	  STRANGER, REASON_FOREIGN_DOMAIN_FROM_INSIDE, "", "backend-domains", true },
	{ "log-on by datagram: the address alone counts", NETWORK_LAN, TRANSPORT_UDP, CERT(NULL), "10.0.3.2", "corp.example", "backend:cologne",
	  STRANGER, REASON_STRANGER, "", "backend-address", true },
	{ "log-on from outside", WAN_TCP, CERT(NULL), "203.0.113.9", "corp.example", "backend:cologne",
	  STRANGER, REASON_OWN_DOMAIN_FROM_OUTSIDE, "", "own-domain", true },
	{ "its address from outside", WAN_TCP, CERT(NULL), "10.0.3.1", "corp.example", "",
	  STRANGER, REASON_WRONG_LISTENER, "", "backend-address" },
	{ "log-on of a backend that is gone", LAN, CERT(NULL), "10.0.3.2", "corp.example", "backend:bonn",
	  STRANGER, REASON_STRANGER, "", "backend-address", true },
	{ "log-on of a backend that does not log on any more", LAN, CERT(NULL), "10.0.3.2", "corp.example", "backend:hamburg",
	  STRANGER, REASON_STRANGER, "", "backend-address", true },
	{ "the address of such a log-on", LAN, CERT(NULL), "10.0.3.9", "corp.example", "",
	  STRANGER, REASON_STRANGER, "", "backend-address" },
	{ "a partner on the lan", NETWORK_LAN, TRANSPORT_MTLS, CERT("partner.example"), "10.0.1.77", "partner.example", "",
	  PARTNER, REASON_NONE, "partner:partner.example", "certificate-names-domain" },
};
/* clang-format on */

static void ask(const struct house *house, size_t row, struct origin *out)
{
	struct identity_name names[MAX_CERT_NAMES] = { 0 };
	struct identity identity = { .n_refs = 1, .names = names };
	struct trust_question question = { .network = rows[row].network,
					   .transport = rows[row].transport,
					   .source = address(rows[row].source, 5060),
					   .from_domain = rows[row].from,
					   .dialled_for = rows[row].dialled_for,
					   .has_logged_on = rows[row].has_logged_on };

	for (; identity.n_names < MAX_CERT_NAMES && rows[row].cert[identity.n_names];
	     identity.n_names++) {
		names[identity.n_names].kind = IDENTITY_DNS;
		text_copy(names[identity.n_names].text, IDENTITY_NAME_SIZE,
			  rows[row].cert[identity.n_names]);
	}
	question.identity = identity.n_names ? &identity : NULL;
	memset(out, 0xa5, sizeof(*out)); /* what stood there before must not matter */
	trust_classify(house->trust, &question, out);
}

static void test_rows(void **state)
{
	struct house *house = house_new(true);
	struct origin origin;
	unsigned n_wrong = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		ask(house, i, &origin);
		if (origin.kind == rows[i].kind && origin.reason == rows[i].reason &&
		    strcmp(origin.id, rows[i].id) == 0 &&
		    strcmp(origin.rule, rows[i].rule) == 0 && origin.evidence[0] != '\0')
			continue;
		print_error("%s: %s %s id=%s rule=%s (%s)\n", rows[i].name,
			    origin_kind_text(origin.kind), reason_code(origin.reason),
			    origin.id, origin.rule, origin.evidence);
		n_wrong++;
	}
	house_free(house);
	assert_int_equal(n_wrong, 0);
}

/* partners.enabled: false: nobody is a partner, backends stay. */
static void test_switched_off(void **state)
{
	struct house *house = house_new(false);
	struct origin origin;

	for (size_t i = 0; i < COUNT(rows); i++) {
		ask(house, i, &origin);
		assert_int_not_equal(origin.kind, ORIGIN_PARTNER);
		assert_int_not_equal(origin.kind, ORIGIN_PARTNER_UNTRUSTED);
		assert_int_equal(origin.kind == ORIGIN_BACKEND, rows[i].kind == ORIGIN_BACKEND);
		if (rows[i].kind == ORIGIN_PARTNER)
			assert_int_equal(origin.reason, REASON_PARTNERS_SWITCHED_OFF);
	}
	house_free(house);
}

/* What the decision record shows. */
static void test_evidence(void **state)
{
	struct house *house = house_new(true);
	struct trust_question question = { .network = NETWORK_WAN,
					   .transport = TRANSPORT_TCP,
					   .source = address("198.51.100.1", 40000),
					   .from_domain = "carrier.example",
					   .dialled_for = NULL };
	struct origin origin;

	trust_classify(house->trust, &question, &origin);
	assert_string_equal(origin.evidence, "address 198.51.100.1");
	assert_string_equal(origin.domain, "carrier.example");
	assert_ptr_equal(origin.route, &house->routes[5]);
	assert_null(origin.backend);
	assert_null(trust_free(NULL));
	house_free(house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
