#include "proxy/check_code.h"

/* Texts are for administrators, and hold for both sides: for our own domain and for a
 * partner's. clang-format off: rows are laid out by hand */
static const struct check_code_row rows[N_CHECK_CODES] = {
	[CHECK_LISTENER] = { "no-mtls-listener", "LISTENER", CHECK_PART_CONFIGURATION,
			     "Without an mtls listener on the wan nobody can federate with us by DNS.",
			     "Add a listener with network: wan, transport: mtls, port: 5061 and a "
			     "certificate." },
	[CHECK_SRV_MISSING] = { "srv-missing", "SRV", CHECK_PART_DNS,
				"Nobody finds the domain by open federation; only partners with a static "
				"route to it connect.",
				"Publish the record." },
	[CHECK_SRV_NONE] = { "srv-none", "SRV", CHECK_PART_DNS,
			     "The target \".\" says that the domain does not federate (RFC 2782).",
			     "Publish a record with a host, or leave it if the domain is not to federate." },
	[CHECK_SRV_OUTSIDE] = { "srv-outside", "SRV", CHECK_PART_DNS,
				"Microsoft's Access Edge refuses a host outside of the domain (error 1009) "
				"unless it is one of its hosting providers; nuncio asks for the domain in "
				"the certificate then.",
				"Point the record at a host inside of the domain." },
	[CHECK_SRV_CNAME] = { "srv-cname", "SRV", CHECK_PART_DNS,
			      "RFC 2782 forbids a CNAME as target: some partners do not follow it and "
			      "find no address.",
			      "Publish addresses for the host instead of the CNAME." },
	[CHECK_SRV_PORT] = { "srv-port", "SRV", CHECK_PART_DNS,
			     "Partners connect to a port where no mtls listener answers them.",
			     "Correct the port of the record, or of the listener." },
	[CHECK_SRV_MANY] = { "srv-many", "SRV", CHECK_PART_DNS,
			     "Partners use the first few records only (nuncio 16), and the answer does "
			     "not fit into a datagram.",
			     "Keep one record for each server." },
	[CHECK_DNS_SERVFAIL] = { "dns-servfail", "SRV", CHECK_PART_DNS,
				 "The name servers of the zone do not answer for it, or its DNSSEC "
				 "signatures do not hold: who asks such a resolver cannot look the domain "
				 "up.",
				 "Ask each name server of the zone, from outside: dig @NAMESERVER DOMAIN SOA" },
	[CHECK_DNS_REFUSED] = { "dns-refused", "SRV", CHECK_PART_CONFIGURATION,
				"The resolver does not serve us; it says nothing about the domain.",
				"Take a resolver under dns.servers that answers us." },
	[CHECK_DNS_TIMEOUT] = { "dns-silent", "SRV", CHECK_PART_CONFIGURATION,
				"The resolver, or the name servers behind it, do not answer in time; "
				"requests that ask it wait in vain.",
				"Take the resolver out of dns.servers, or let packets to its port 53 (UDP "
				"and TCP) pass." },
	[CHECK_DNS_UNREACHABLE] = { "dns-unreachable", "SRV", CHECK_PART_CONFIGURATION,
				    "No resolver answers at that address.",
				    "Correct dns.servers (or resolv.conf)." },
	[CHECK_DNS_CUT] = { "dns-truncated", "SRV", CHECK_PART_DNS,
			    "The answer does not fit into a datagram and is fetched by TCP: partners "
			    "whose firewall stops DNS over TCP find nothing.",
			    "Publish fewer records, or shorter names." },
	[CHECK_DNS_NO_TCP] = { "dns-no-tcp", "SRV", CHECK_PART_DNS,
			       "The answer does not fit into a datagram, and by TCP there is none: who "
			       "asks finds nothing, or not all (RFC 7766).",
			       "Let TCP port 53 of the name servers pass, and publish fewer records." },
	[CHECK_DNS_SLOW] = { "dns-slow", "SRV", CHECK_PART_DNS,
			     "The first call or message waits as long.",
			     "Look at the name servers of the zone: one of them most likely does not "
			     "answer." },
	[CHECK_DNS_DISAGREE] = { "dns-disagree", "SRV", CHECK_PART_DNS,
				 "Some partners see another record than others do: for a while after a "
				 "change, or because an inside and an outside zone differ.",
				 "Wait for the TTL after a change; else make the zones agree." },
	[CHECK_ADDRESS_MISSING] = { "address-missing", "ADDRESS", CHECK_PART_DNS,
				    "The host of the record has no address: nobody can connect.",
				    "Publish an address for the host." },
	[CHECK_ADDRESS_IPV6_ONLY] = { "address-ipv6-only", "ADDRESS", CHECK_PART_DNS,
				      "Partners without IPv6, which are many, cannot connect.",
				      "Publish an A record beside the AAAA." },
	[CHECK_ADDRESS_PRIVATE] = { "address-private", "ADDRESS", CHECK_PART_DNS,
				    "The address is not routed on the internet: only partners of the same "
				    "network can connect.",
				    "Publish the public address." },
	[CHECK_ADDRESS_WRONG] = { "address-wrong", "ADDRESS", CHECK_PART_DNS,
				  "Partners connect to a machine that is not ours.",
				  "Correct the address record, or advertise: of the listener." },
	[CHECK_ADDRESS_OTHER] = { "address-other", "ADDRESS", CHECK_PART_DNS,
				  "Another server answers partners at this address, with a certificate that "
				  "is not ours.",
				  "Correct the address record, or the port forwarding of the router." },
	[CHECK_NOT_REACHED] = { "not-reached", "CONNECT", CHECK_PART_SERVER,
				"Nobody answers at an address of our own: partners cannot connect either.",
				"Look whether the listener is up (nuncio status listeners), and for a firewall on this "
				"host." },
	[CHECK_CERT_NAME] = { "cert-name", "CERT-NAME", CHECK_PART_CERTIFICATE,
			      "Partners verify the host that DNS gave them, and close the connection.",
			      "Get a certificate with the host and the domain as names." },
	[CHECK_CERT_DOMAIN] = { "cert-domain", "CERT-NAME", CHECK_PART_CERTIFICATE,
				"Partners that follow RFC 5922 look for the SIP domain itself in the "
				"certificate; Microsoft's and nuncio take the host as well.",
				"Get a certificate that names the domain too." },
	[CHECK_CERT_WILDCARD] = { "cert-wildcard", "CERT-NAME", CHECK_PART_CERTIFICATE,
				  "A wildcard speaks for no SIP domain (RFC 5922 section 7.2): partners "
				  "refuse it unless they allow it by hand.",
				  "Get a certificate with the full names." },
	[CHECK_CERT_CHAIN] = { "cert-chain", "CERT-CHAIN", CHECK_PART_CERTIFICATE,
			       "An intermediate certificate is not sent: partners that do not have it by "
			       "chance cannot verify the chain.",
			       "Append the certificate of the issuer to the chain file." },
	[CHECK_CERT_ROOT] = { "cert-root", "CERT-CHAIN", CHECK_PART_CERTIFICATE,
			      "The root is sent in vain: who does not have it does not trust it, and the "
			      "handshake grows.",
			      "Take the root out of the chain file." },
	[CHECK_CERT_SELF_SIGNED] = { "cert-self-signed", "CERT-CHAIN", CHECK_PART_CERTIFICATE,
				     "Only partners that import this very certificate can verify it.",
				     "Get a certificate of a CA that partners trust." },
	[CHECK_CERT_EXPIRED] = { "cert-expired", "CERT-TIME", CHECK_PART_CERTIFICATE,
				 "Every partner closes the connection.",
				 "Renew the certificate." },
	[CHECK_CERT_NOT_YET] = { "cert-not-yet-valid", "CERT-TIME", CHECK_PART_CERTIFICATE,
				 "Every partner closes the connection, unless its clock is wrong as well.",
				 "Correct the clock, or wait." },
	[CHECK_CERT_EXPIRES] = { "cert-expires", "CERT-TIME", CHECK_PART_CERTIFICATE,
				 "Soon every partner closes the connection.",
				 "Renew the certificate." },
	[CHECK_CERT_SERVER_USE] = { "cert-no-server-auth", "CERT-USE", CHECK_PART_CERTIFICATE,
				    "The extended key usage does not allow TLS servers: partners that connect "
				    "close the connection.",
				    "Get a certificate with the usages serverAuth and clientAuth." },
	[CHECK_CERT_CLIENT_USE] = { "cert-no-client-auth", "CERT-USE", CHECK_PART_CERTIFICATE,
				    "The extended key usage does not allow TLS clients: partners with strict "
				    "rules (OpenSSL's preset) close connections that begin here.",
				    "Get a certificate with the usages serverAuth and clientAuth." },
	[CHECK_CERT_WEAK_KEY] = { "cert-weak-key", "CERT-KEY", CHECK_PART_CERTIFICATE,
				  "Most partners refuse a key that short.",
				  "Make a new key of at least 2048 bits (RSA) or 256 (ECDSA) for the "
				  "certificate." },
	[CHECK_CERT_WEAK_SIGNATURE] = { "cert-weak-signature", "CERT-KEY",
					CHECK_PART_CERTIFICATE,
					"Most partners refuse a certificate that is signed with MD5 or SHA-1.",
					"Let the CA issue the certificate anew." },
	[CHECK_CERT_KEY_USE] = { "cert-key-usage", "CERT-USE", CHECK_PART_CERTIFICATE,
				 "The key usage does not allow digital signatures, without which there is no "
				 "TLS 1.3, and with most keys no TLS at all: partners close the connection.",
				 "Get a certificate with the key usage digitalSignature." },
	[CHECK_CERT_REVOKED] = { "cert-revoked", "CERT-CHAIN", CHECK_PART_CERTIFICATE,
				 "Partners that look at revocation lists, as nuncio does with tls.crl, close "
				 "the connection.",
				 "Get another certificate with another key." },
	[CHECK_CERT_CONSTRAINTS] = { "cert-constraints", "CERT-CHAIN", CHECK_PART_CERTIFICATE,
				     "Who signed it may not sign it: it is no CA, or is allowed other names only. "
				     "Every partner closes the connection.",
				     "Get a certificate of a CA that may issue these names." },
	[CHECK_TLS_OLD] = { "tls-old", "TLS", CHECK_PART_SERVER,
			    "Versions before TLS 1.2 are broken (RFC 8996); auditors complain.",
			    "Set tls.minimum: \"1.2\", also where the listener has a minimum of its own." },
	[CHECK_TLS_MISSING] = { "tls-missing", "TLS", CHECK_PART_SERVER,
				"Partners that speak only this version, as older Access Edges speak only "
				"TLS 1.2, cannot connect.",
				"Allow it with tls.minimum and tls.priority." },
	[CHECK_OPTIONS] = { "options-unanswered", "OPTIONS", CHECK_PART_SERVER,
			    "The connection stands, but no SIP server answers on it.",
			    "Look at the log of the server that answers at this address." },
	[CHECK_OPTIONS_REFUSED] = { "options-refused", "OPTIONS", CHECK_PART_SERVER,
				    "The server answers, but will not serve us: it most likely does not know "
				    "our domain as a partner.",
				    "Ask the partner to allow our domain." },
	[CHECK_POLICY_OWN] = { "own-domain", "POLICY", CHECK_PART_CONFIGURATION,
			       "The domain is one of ours, and so no partner.",
			       "nuncio selfcheck" },
	[CHECK_NOT_ASKED] = { "not-asked", "OUR-CERT", CHECK_PART_SERVER,
			      "The server asks for no certificate, and so cannot know us by ours.",
			      "The partner must let the port ask for certificates (mutual TLS)." },
	[CHECK_SPEAKS_TLS] = { "speaks-tls", "OPTIONS", CHECK_PART_CONFIGURATION,
			       "The server speaks TLS at this port, and the route says that it does not.",
			       "Say transport: mtls (or tls) in the route, or the port where the server "
			       "takes plain connections." },
};
/* clang-format on */

const struct check_code_row *check_code_row(enum check_code code)
{
	return &rows[code];
}

const char *check_actor(enum check_part part, bool is_ours)
{
	if (part == CHECK_PART_CONFIGURATION)
		return "you";
	if (part == CHECK_PART_DNS)
		return is_ours ? "your DNS" : "the partner's DNS";
	return is_ours ? "you" : "the partner";
}
