/* The whole configuration as checked, typed structs: what nuncio.yaml and its included files
 * say, with every preset filled in, every name normalised and every path absolute. Loaded at
 * once with all faults reported, immutable afterwards. What it means for SIP is for the floors
 * above. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"
#include "proxy/base/log.h"

struct buf;
struct report;

/* Where something stands; line and column count from 1, line 0: nowhere. */
struct place {
	const char *file;
	unsigned line, column;
};

enum conf_network { NETWORK_WAN, NETWORK_LAN, NETWORK_REMOTE };
enum conf_transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_MTLS };

/* TLS versions in their order, so that they can be compared. */
enum conf_tls_version {
	CONF_TLS_UNSET,
	CONF_TLS_1_0,
	CONF_TLS_1_1,
	CONF_TLS_1_2,
	CONF_TLS_1_3
};

/* What a connecting peer's certificate must allow (extended key usage). */
enum conf_eku { EKU_ANY_TLS, EKU_STRICT, EKU_SIP };

/* Where a local user is looked for whom nobody registered and no `users` names. */
enum conf_placement {
	PLACEMENT_SEARCH,  /* at one backend after the other */
	PLACEMENT_BALANCE, /* at the one that a hash gives, by weight */
	PLACEMENT_REJECT,  /* nowhere */
};

/* What is done with a 3xx of a partner. */
enum conf_redirect { REDIRECT_FORWARD, REDIRECT_FOLLOW };

/* What is exchanged with a partner: bits. */
enum {
	SERVICE_PRESENCE = 1 << 0,
	SERVICE_IM = 1 << 1,
	SERVICE_AUDIO = 1 << 2,
	SERVICE_VIDEO = 1 << 3,
	SERVICE_ALL = (1 << 4) - 1,
};

/* So many in so long. */
struct rate {
	unsigned count;
	unsigned per_ms;
};

/* The name of a certificate or listener that is defined elsewhere in the settings. */
struct settings_ref {
	const char *name; /* "" if none is named */
	struct place place;
	/* position in settings->certificates or settings->listeners; -1: none is named */
	int index;
};

/* A file, by its absolute path; NULL: none is named. */
struct settings_file {
	const char *path;
	struct place place;
};

/* A word of a list, with its place. */
struct settings_text {
	const char *text;
	struct place place;
};

struct settings_domain {
	const char *name; /* normalised */
	struct place place;
};

struct settings_listener {
	const char *name;
	enum conf_network network;
	const char *bind; /* as written: an address, an interface's name, or "*" */
	/* what bind means on this host, with the port; "*" is [::], or 0.0.0.0 on a host
	 * without IPv6 */
	struct addr addr;
	uint16_t port; /* 0: the system chooses (tests) */
	enum conf_transport transport;
	/* the first is shown when SNI names none of them */
	const struct settings_ref *certificates;
	size_t n_certificates;         /* at least 1 for tls and mtls, else 0 */
	const char *advertise;         /* host or host:port (IPv6 in brackets), "" for none */
	bool advertises_stun;          /* what STUN servers see; advertise is "" then */
	enum conf_tls_version minimum; /* never CONF_TLS_UNSET */
	bool is_enabled;
	bool is_faulty; /* its network or transport was not understood, which is reported */
	struct place place, bind_place, transport_place;
};

struct settings_certificate {
	const char *name;
	struct settings_file chain, key; /* either these */
	struct settings_file pkcs12,
		/* or this; the passphrase's file, of this or of the key, may be missing */
		passphrase;
	bool is_faulty; /* it has neither, or both, which is reported */
	struct place place;
};

struct settings_tls {
	enum conf_tls_version minimum;
	bool trusts_system;
	const struct settings_file *trust; /* PEM or DER files, or folders of them */
	size_t n_trust;
	const struct settings_file *crl;
	size_t n_crl;
	unsigned min_key_bits; /* RSA */
	bool accepts_wildcard;
	enum conf_eku client_eku;
	const char *priority; /* GnuTLS priority string, "" for ours */
	struct place place, priority_place;
};

/* One server of a partner or a backend. */
struct settings_server {
	const char *host; /* a normalised name, or an address without brackets */
	struct addr addr; /* set with its port if host is an address */
	uint16_t port;    /* never 0, unless has_port is false */
	/* false: none was written, and a name may be looked up by SRV (RFC 3263) */
	bool has_port;
	enum conf_transport transport;
	/* none was written: NAPTR may be asked where it is spoken (RFC 3263 §4.1) */
	bool has_preset_transport;
	uint16_t priority, weight; /* RFC 2782 */
	struct place place;
};

struct settings_backend {
	const char *name;
	/* where it is reached, whether it logs on or not */
	const struct settings_server *servers;
	/* 0: it is reached by its log-on alone; at most SETTINGS_MAX_SERVERS */
	size_t n_servers;
	const char *username; /* with which it logs on (RFC 3261 §22); "": it does not */
	struct settings_file password_file; /* its path is set if username is */
	struct settings_ref listener;       /* where it logs on, and by which it is reached */
	/* normalised; every domain of ours if none were written */
	const struct settings_domain *domains;
	size_t n_domains;
	const struct settings_text *users; /* patterns with "*" */
	size_t n_users;
	unsigned weight;
	uint32_t probe_ms; /* 0: no probing */
	struct place place, username_place;
};

/* How long a registration may last (RFC 3261 §10.3). */
struct settings_registrar {
	uint32_t min_expires_ms, max_expires_ms;
	uint32_t default_expires_ms; /* if the REGISTER asks for nothing */
};

struct settings_route {
	const char *domain; /* normalised; "*.partner.example" for the sub-domains */
	bool is_enabled;
	bool is_trustworthy; /* always true if every server is reached by mtls */
	const struct settings_server *servers;
	size_t n_servers;                       /* at least 1 */
	const char *bind;                       /* as written, "" for none */
	struct addr bind_addr;                  /* unset if bind is ""; port 0 */
	struct settings_ref certificate;        /* presented to this partner */
	const struct settings_text *identities; /* pinned names, normalised */
	size_t n_identities;
	bool accepts_wildcard;         /* the route's own word, or else that of tls */
	enum conf_tls_version minimum; /* never CONF_TLS_UNSET */
	enum conf_redirect redirect;
	/* SERVICE_...: what it may ask of us, and we of it */
	unsigned services_in, services_out;
	/* by which we send to it: 1 to SETTINGS_MAX_CONNECTIONS */
	unsigned max_connections;
	uint32_t probe_ms;       /* 0: no probing */
	const char *stun_server; /* host or host:port, "" for none */
	struct place place, domain_place, bind_place, stun_place;
};

struct settings_partners {
	bool is_enabled;
	const struct settings_route *routes;
	size_t n_routes;
	struct place place;
};

/* Open federation: partner domains that no route names, found by DNS and known by their
 * certificates. */
struct settings_federation {
	bool is_open;
	struct settings_ref listener; /* if is_open: an mtls listener of the wan */
	/* Normalised names, and "*.partner.example" for sub-domains of any depth; sorted. No
	 * allow: every domain. deny wins. */
	const struct settings_text *allow;
	size_t n_allow;
	const struct settings_text *deny;
	size_t n_deny;
	const struct settings_text *hosters; /* normalised names of servers */
	size_t n_hosters;
	unsigned max_connections; /* as of a route */
	/* Bounds for a domain that nobody approved. */
	struct rate rate, suspicious_rate;
	unsigned max_users;
	struct place place;
};

struct settings_dns {
	const struct addr *servers; /* none: the system's */
	size_t n_servers;           /* at most SETTINGS_MAX_DNS_SERVERS */
	uint32_t budget_ms;
	uint32_t negative_ttl_ms;
};

struct settings_nat {
	const struct settings_text *stun_servers; /* host or host:port */
	size_t n_stun_servers;
	uint32_t monitor_ms;
	bool serves_stun;
	struct place place;
};

/* How media towards a network is protected (RFC 4568). */
enum conf_srtp {
	CONF_SRTP_OFF, /* never */
	/* as the other side offers it; keys of both ends where both networks say so */
	CONF_SRTP_PASSTHROUGH,
	CONF_SRTP_PREFER, /* offered, plain RTP is taken */
	CONF_SRTP_REQUIRE,
};

/* What a remote phone sees of a hold (RFC 3264 §8.4). */
enum conf_hold {
	CONF_HOLD_SENDRECV,  /* nothing: it goes on sending, which keeps its router open */
	CONF_HOLD_KEEPALIVE, /* the hold; we keep its router open (RFC 6263) */
	CONF_HOLD_UNCHANGED,
};

/* What ends when nothing comes on a relay any more. */
enum conf_on_timeout {
	CONF_ON_TIMEOUT_CLOSE, /* the relay */
	CONF_ON_TIMEOUT_BYE,   /* the call: both sides are sent BYE, too */
};

/* May packets of relayed plain RTP pass by the kernel alone? */
enum conf_kernel {
	CONF_KERNEL_OFF,
	CONF_KERNEL_AUTO, /* where the system lets us */
};

enum { CONF_N_NETWORKS = 3, SETTINGS_MAX_SUITES = 8 };

/* The relay of RTP. Arrays are indexed by enum conf_network. */
struct settings_media {
	/* bits 1 << network: calls that touch one of them */
	unsigned relay;
	const char *binds[CONF_N_NETWORKS]; /* as written; "" for none */
	struct addr bind[CONF_N_NETWORKS];  /* unset: the address of the network's listener */
	uint16_t first_port, last_port;
	unsigned channels;
	unsigned bandwidth_kbps;            /* of all relayed calls; 0: no bound */
	int srtp[CONF_N_NETWORKS];          /* enum conf_srtp */
	const struct settings_text *suites; /* names, the best first */
	size_t n_suites;
	enum conf_hold hold;
	uint32_t timeout_ms;
	enum conf_on_timeout on_timeout;
	unsigned dscp;
	enum conf_kernel kernel;
	struct place place, ports_place;
};

/* Class of service: what its users may not dial. */
struct settings_class {
	const char *name;
	const struct settings_text *deny; /* patterns with "*" */
	size_t n_deny;
	struct place place;
};

struct settings_password_policy {
	unsigned min_length;
	unsigned classes; /* of lower case, upper case, digits, others: how many must occur */
};

struct settings_sip {
	uint32_t t1_ms;
	uint32_t timer_c_ms;
	unsigned max_breadth;
	const char *via_name; /* "" for the listener's address */
};

struct settings_limits {
	uint64_t message_size_bytes;
	unsigned connections;
	unsigned connections_per_source;
	struct rate handshakes;
	struct rate requests;
	unsigned transactions;
	struct rate auth_failures;
	uint32_t ban_ms;
};

struct settings_service {
	unsigned n_workers; /* "auto" is counted already: 1 to 64 */
	bool is_workers_auto;
	const char *state_dir;
	const char *control;
	const char *user; /* "" for no change of user */
	struct place state_dir_place, control_place, user_place;
};

struct settings_admin {
	bool has_http;
	struct addr http;
	struct place http_place;
};

enum {
	SETTINGS_MAX_DNS_SERVERS = 8,
	SETTINGS_MAX_SERVERS = 32,
	SETTINGS_MAX_STUN_SERVERS = 8,
	SETTINGS_MAX_CERTIFICATES = 16,
	SETTINGS_MAX_CONNECTIONS = 4
};

struct settings {
	const char *path; /* of the main file, absolute */
	/* all files that were read, the main file first; then sorted */
	const char *const *files;
	size_t n_files;

	const struct settings_domain *domains;
	size_t n_domains;
	const struct settings_listener *listeners;
	size_t n_listeners;
	const struct settings_certificate *certificates;
	size_t n_certificates;
	struct settings_tls tls;
	const struct settings_backend *backends;
	size_t n_backends;
	enum conf_placement placement;
	struct settings_registrar registrar;
	struct settings_partners partners;
	struct settings_federation federation;
	struct settings_dns dns;
	struct settings_nat nat;
	struct settings_media media;
	/* bits, the weakest first: MD5, SHA-256, SHA-512-256; of phones and partners' users */
	unsigned digest_algorithms;
	const char *realm; /* default: the first domain, "nuncio" if there is none */
	struct settings_file users_file; /* path NULL: there are no users */
	struct settings_password_policy password_policy;
	const struct settings_class *classes;
	size_t n_classes;
	struct settings_sip sip;
	struct settings_limits limits;
	struct log_settings log;
	struct settings_service service;
	struct settings_admin admin;
};

/* The first listener, enabled or not, that could stand in our Via over that transport; NULL if
 * there is none. */
const struct settings_listener *settings_speaker(const struct settings *settings,
						 enum conf_transport transport);

/* Loads path and what it includes and checks all of it, reads the certificates' and the users'
 * files as far as that they can be read. Every fault goes to report. ERR_INVALID if there was
 * an error; else out owns everything, to be freed by settings_free. Blocks on files: not for
 * workers. */
enum err settings_load(const char *path, struct report *report,
		       struct settings **out) MUST_CHECK;

/* The same, but out is written, and to be freed, also if there were errors, as far as the text
 * could be understood at all: references may dangle (index -1), groups may lack what they need.
 * For whoever reads the files that are named, so that their faults are told in the same load.
 * NULL with an error that leaves nothing. */
enum err settings_load_faulty(const char *path, struct report *report,
			      struct settings **out) MUST_CHECK;

/* The same for a text that is not in a file; name stands for it in the report, and relative
 * paths are relative to its directory. */
enum err settings_load_text(const char *name, const char *text, size_t len,
			    struct report *report, struct settings **out) MUST_CHECK;

/* Returns NULL; NULL is fine. */
struct settings *settings_free(struct settings *settings);

/* Whether a host that the SRV record of domain names may speak for it: it lies inside the
 * domain, or is a listed hoster (field.md G7). Both normalised. */
bool settings_may_speak(const struct settings_federation *federation, const char *domain,
			const char *host);
/* The STUN servers that are asked: those of partners, if a route in force names any, else those
 * of nat (mission 79). Returns how many were put into out. */
size_t settings_stun_servers(const struct settings *settings, struct settings_text *out,
			     size_t max);
/* True if domain (normalised) is one of those that the backend serves. */
bool settings_backend_serves(const struct settings_backend *backend, const char *domain);

/* The words of the configuration: "wan", "mtls". Never NULL. */
const char *conf_network_text(enum conf_network network);
const char *conf_transport_text(enum conf_transport transport);
const char *conf_tls_version_text(enum conf_tls_version version); /* "1.2" */

/* True if calls by any enabled listener are relayed. */
bool settings_media_is_on(const struct settings *settings);
/* True if calls between these networks are relayed. */
bool settings_media_relays(const struct settings_media *media, enum conf_network a,
			   enum conf_network b);

/* 5061 for tls and mtls, else 5060 (RFC 3261 §19.1.2). */
uint16_t conf_transport_port(enum conf_transport transport);

/* The entry of a sorted list (federation.allow, deny) that fits a normalised domain: its name,
 * or else the longest pattern; NULL if there is none. */
const struct settings_text *settings_find_domain(const struct settings_text *list, size_t n,
						 const char *domain);

/* The class with that name; NULL if there is none. */
const struct settings_class *settings_find_class(const struct settings *settings,
						 const char *name);

/* True if phones may come in: an enabled listener of the network remote. */
bool settings_has_phones(const struct settings *settings);

/* Every key with its kind, range, default, effect and meaning: as text, or as a JSON Schema. */
void settings_print_schema(struct buf *out);
void settings_print_schema_json(struct buf *out);
