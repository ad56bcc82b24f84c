#include <stdlib.h>
#include <string.h>

#include "conf/report.h"
#include "proxy/base/macros.h"

/* Each kind of fault: a title, what to do, and what stands behind it. */
static const struct {
	enum fault fault;
	const char *title, *remedy, *help;
} rows[] = {
	{ FAULT_FILE, "a file cannot be read", "check the path and the file's rights",
	  "The configuration file, a file that it includes, or the users file could not be "
	  "opened or\n"
	  "is larger than its bound (4 MB, users 16 MB). The daemon reads as the user in\n"
	  "service.user; /etc/nuncio/nuncio.yaml is usually root:nuncio 0640." },
	{ FAULT_YAML, "the file is not YAML", "correct the line shown, or the one before it",
	  "The text could not be read as YAML 1.1. Usual causes: a tab as indentation, a "
	  "missing\n"
	  "space after a colon, an unclosed quote or bracket, an indentation that matches no "
	  "line\n"
	  "above, bytes that are not UTF-8. After such a fault nothing else of the file is "
	  "checked,\n"
	  "because what follows cannot be understood with certainty." },
	{ FAULT_ALIAS, "anchors, aliases and tags are not read",
	  "write the value out where it is used",
	  "nuncio reads the plain part of YAML: values, lists, groups of keys, comments. "
	  "Anchors (&x),\n"
	  "aliases (*x) and tags (!x) are refused. A pattern that begins with * must stand in "
	  "quotes:\n"
	  "\"*.partner.example\"." },
	{ FAULT_TOO_DEEP, "the file is too large or too deep",
	  "split the file, and include: the parts",
	  "A file may hold 4 MB, 200000 values and 16 levels." },
	{ FAULT_INCLUDE, "an include that cannot be followed",
	  "name an existing file, or a pattern with *",
	  "include: stands in the main file only. A pattern with * ? or [ may match nothing; a "
	  "plain\n"
	  "path must exist. An included file may hold domains, listeners, certificates, "
	  "backends and\n"
	  "partners.routes, which are appended to those of the main file; nothing else." },
	{ FAULT_VERSION, "the version of the configuration is not ours", "write version: 1",
	  "version: names the layout of the configuration. This program reads version 1." },
	{ FAULT_DUPLICATE_KEY, "a key stands twice", "remove one of the two",
	  "YAML keeps the last of two equal keys, silently; nuncio refuses, because one of "
	  "them is a\n"
	  "mistake and only you know which." },
	{ FAULT_WRONG_KIND, "a value of the wrong kind", "write what was expected",
	  "A list stands where a single value belongs, a single value where a list belongs "
	  "([a, b], or\n"
	  "one line with a dash for each), or a key has no value at all." },
	{ FAULT_UNKNOWN_KEY, "an unknown key", "correct the spelling, or remove the key",
	  "No key of that name exists here. It may be misspelt, or stand at the wrong place: a "
	  "key\n"
	  "belongs to the group above it that is indented less. docs/configuration.md and\n"
	  "`nuncio schema` list every key." },
	{ FAULT_BAD_VALUE, "a value that cannot be understood", "write what was expected",
	  "Durations are 500ms 15s 5m 1h, sizes 64KB 10MB, rates 20/s 100/m, truth values true "
	  "and\n"
	  "false. Names and addresses are written without a scheme." },
	{ FAULT_OUT_OF_RANGE, "a value outside its range", "choose a value within the range",
	  "The value is well written, but smaller or larger than is sensible. "
	  "docs/configuration.md\n"
	  "gives the range of every key." },
	{ FAULT_MISSING_KEY, "a key is missing", "add the key",
	  "This group of keys is not complete: the key has no default." },
	{ FAULT_NOT_IN_VERSION, "not in this version", "remove the key until a version has it",
	  "The key or value is known, but what it switches on is not built in this version. It "
	  "is\n"
	  "refused rather than ignored, so that nobody believes in a protection or a service "
	  "that\n"
	  "does not exist." },
	{ FAULT_CONFLICT, "two keys that exclude each other", "keep one of the two",
	  "The two say the same thing in different ways, or contradict each other." },
	{ FAULT_DUPLICATE, "something is defined twice", "remove or rename one of the two",
	  "Domains, listener names, backend names, the usernames of backends, certificate names "
	  "and\n"
	  "partner domains are unique over all files; each backend should have a password of "
	  "its own.\n"
	  "Two listeners may not share address, port and kind of socket either: tcp, tls and "
	  "mtls are\n"
	  "all TCP for the kernel." },
	{ FAULT_DANGLING, "a name that is not defined",
	  "define it, or use one of the names that are",
	  "A listener, backend or route names a certificate or listener that no file "
	  "defines." },
	{ FAULT_OWN_DOMAIN, "a partner's domain is one of ours",
	  "remove the route, or the domain from domains:",
	  "A request for a domain of domains: is never sent to a partner, and none of our "
	  "domains is\n"
	  "accepted in a partner's From. A route for such a domain, or for one inside it, "
	  "would let\n"
	  "a partner speak for our own users." },
	{ FAULT_FOREIGN_DOMAIN, "a backend's domain is none of ours",
	  "add the domain to domains:, or remove it here",
	  "A backend can only hold users of domains that are served here." },
	{ FAULT_NO_CERTIFICATE, "TLS without a certificate", "name one: certificate: NAME",
	  "A tls or mtls listener must show a certificate, and a route with mtls must present "
	  "one to\n"
	  "the partner." },
	{ FAULT_NOT_LOCAL, "an address that this host does not have",
	  "use an address or interface of this host, or \"*\"",
	  "bind: names an address or a network interface that does not exist on this host now. "
	  "`ip\n"
	  "addr` shows those that do. Behind NAT it is the inner address." },
	{ FAULT_NO_LISTENER, "no listener for a route's transport",
	  "add a wan listener with that transport",
	  "The partner is reached by a transport and port for which we have no enabled wan "
	  "listener.\n"
	  "Requests go out, but what the partner sends to us by the same kind of connection "
	  "finds no\n"
	  "door. Usually both sides use mtls on 5061." },
	{ FAULT_WEAK_TRUST, "trust by address over an open network",
	  "use mtls, or trustworthy: false",
	  "With udp and tcp the only proof of who sends is the source address, which can be "
	  "forged\n"
	  "(udp) or taken over. On a private network that may do; over the internet use mtls, "
	  "which\n"
	  "is trusted by certificate." },
	{ FAULT_NO_TLS, "a listener without TLS on an open network",
	  "use transport: mtls or tls",
	  "Everything that is sent there, with names, messages and presence, can be read and "
	  "changed on\n"
	  "the way." },
	{ FAULT_OLD_TLS, "an old version of TLS",
	  "use minimum: \"1.2\", as soon as the partner can",
	  "TLS 1.0 and 1.1 are deprecated (RFC 8996). They may be allowed for a single "
	  "listener or\n"
	  "partner that cannot do better." },
	{ FAULT_NOTHING_SERVED, "nothing is served", "add what is missing",
	  "Without domains:, or an enabled listener, no request can reach anybody; nor, under\n"
	  "placement: reject, a backend without users: that does not log on." },
	{ FAULT_FILE_UNREADABLE, "a named file cannot be read",
	  "check the path and the file's rights",
	  "A certificate, key, trust anchor, revocation list, passphrase, password or users "
	  "file that\n"
	  "the configuration names does not exist or cannot be read by this user. Relative "
	  "paths are\n"
	  "relative to the file that names them. `nuncio check` as root sees more than the "
	  "daemon." },
	{ FAULT_FILE_OPEN_TO_OTHERS, "others can read a secret file", "chmod o= FILE",
	  "A private key, passphrase, password or users file is readable by every user of "
	  "this host.\n"
	  "0640 root:nuncio is usual." },
	{ FAULT_USERS, "the users file breaks a rule", "write it with `nuncio passwd`",
	  "Users and their auth_user are unique; each needs at least one ha1, in hexadecimal "
	  "digits:\n"
	  "32 for md5, 64 for sha-256 and sha-512-256." },
	{ FAULT_CERTIFICATE, "a certificate that cannot be used",
	  "give a PEM chain with its key, or a PKCS#12 file",
	  "The file holds no certificate, or is damaged." },
	{ FAULT_KEY, "a key that cannot be used",
	  "give the certificate's private key, unencrypted or with its passphrase_file",
	  "The file holds no private key, or the passphrase is wrong." },
	{ FAULT_KEY_MISMATCH, "key and certificate do not belong together",
	  "give the key with which the certificate was requested",
	  "The public key in the certificate is not that of the private key." },
	{ FAULT_CERTIFICATE_TIME, "a certificate is not valid now",
	  "renew the certificate, or correct the clock",
	  "It has expired, is not valid yet, or expires soon." },
	{ FAULT_CHAIN, "a chain that is not as it should be",
	  "put the leaf and its intermediates into the file, without the root",
	  "The intermediates do not link the leaf to an issuer, or a self-signed root is in "
	  "the file,\n"
	  "which every peer ignores." },
	{ FAULT_WEAK_KEY, "a key that is too weak",
	  "make a new key, and request a new certificate",
	  "Partners refuse keys below their bound; ours is tls.min_key_bits." },
	{ FAULT_CERTIFICATE_NAME, "a certificate without our name",
	  "request a certificate with the domain as a DNS name",
	  "A partner looks for our SIP domain in the certificate (RFC 5922)." },
	{ FAULT_CERTIFICATE_USAGE, "a certificate for another use",
	  "request a certificate for TLS server and client",
	  "Key usage or extended key usage does not allow TLS." },
	{ FAULT_TRUST, "a trust anchor or CRL that cannot be used", "give PEM or DER files",
	  "A file of tls.trust holds no CA certificate, or one of tls.crl no revocation "
	  "list." },
	{ FAULT_PRIORITY, "an unknown priority string", "leave tls.priority empty",
	  "GnuTLS does not understand tls.priority. `gnutls-cli --priority STRING -l` tries "
	  "one." },
	{ FAULT_SOCKET, "a listener cannot be opened",
	  "stop the other program, or choose another port",
	  "The address and port are in use, the port is below 1024 without the right to it, or "
	  "there\n"
	  "are too many open files." },
	{ FAULT_ROUTE, "a transport that no listener speaks",
	  "add a listener with that transport, or switch it on",
	  "A partner or backend is reached by a transport that none of our listeners speaks, so\n"
	  "nothing could stand in our Via, and no request can be sent there." },
};

const char *conf_fault_remedy(enum fault fault)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].fault == fault)
			return rows[i].remedy;
	}
	return "";
}

const char *conf_fault_help(const char *code)
{
	char *end;
	unsigned long number;

	if ((code[0] != 'E' && code[0] != 'W') || strlen(code) != 4)
		return NULL;
	number = strtoul(code + 1, &end, 10);
	if (*end)
		return NULL;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if ((unsigned long)rows[i].fault == number)
			return rows[i].help;
	}
	return NULL;
}

unsigned conf_fault_at(size_t i, const char **out_title)
{
	if (i >= COUNT(rows))
		return 0;
	*out_title = rows[i].title;
	return rows[i].fault;
}
