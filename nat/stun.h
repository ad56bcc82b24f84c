/* STUN messages (RFC 8489), with what servers of RFC 3489 still answer and the attributes of
 * behaviour discovery (RFC 5780) and of ICE (RFC 8445): bytes to a struct, and back. No sockets
 * and no time: stun_client asks, stun_server answers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/error.h"

enum {
	STUN_HEADER_SIZE = 20,
	/* the magic cookie and the transaction ID; of RFC 3489 all of it is the ID */
	STUN_ID_SIZE = 16,
	/* longer ones are refused: one datagram of IPv6 (RFC 8489 §6.1) */
	STUN_MAX_SIZE = 1280,
	STUN_MAX_ATTRIBUTES = 32, /* more are refused */
	STUN_MAX_UNKNOWN = 8,     /* so many are named in a 420 */
	STUN_PORT = 3478,
};

enum { STUN_MAGIC_COOKIE = 0x2112A442 };

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

enum { STUN_BINDING = 1 };

enum stun_attribute {
	STUN_MAPPED_ADDRESS = 0x0001,
	STUN_CHANGE_REQUEST = 0x0003,
	STUN_SOURCE_ADDRESS = 0x0004,  /* RFC 3489 */
	STUN_CHANGED_ADDRESS = 0x0005, /* RFC 3489 */
	STUN_USERNAME = 0x0006,
	STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_ERROR_CODE = 0x0009,
	STUN_UNKNOWN_ATTRIBUTES = 0x000A,
	STUN_REFLECTED_FROM = 0x000B, /* RFC 3489 */
	STUN_REALM = 0x0014,
	STUN_NONCE = 0x0015,
	STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
	STUN_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_PRIORITY = 0x0024,
	STUN_USE_CANDIDATE = 0x0025,
	STUN_PADDING = 0x0026,
	STUN_RESPONSE_PORT = 0x0027,
	/* as servers answered while RFC 5389 was a draft */
	STUN_XOR_MAPPED_ADDRESS_OLD = 0x8020,
	STUN_SOFTWARE = 0x8022,
	STUN_ALTERNATE_SERVER = 0x8023,
	STUN_FINGERPRINT = 0x8028,
	STUN_ICE_CONTROLLED = 0x8029,
	STUN_ICE_CONTROLLING = 0x802A,
	STUN_RESPONSE_ORIGIN = 0x802B,
	STUN_OTHER_ADDRESS = 0x802C,
};

/* One message that was read. Pointers lead into its bytes. */
struct stun_message {
	enum stun_class class;
	unsigned method;
	unsigned char id[STUN_ID_SIZE];
	bool has_cookie; /* false: RFC 3489 */
	/* XOR-MAPPED-ADDRESS, or else MAPPED-ADDRESS; unset: neither */
	struct addr mapped;
	struct addr origin;    /* RESPONSE-ORIGIN or SOURCE-ADDRESS */
	struct addr other;     /* OTHER-ADDRESS or CHANGED-ADDRESS */
	struct addr alternate; /* ALTERNATE-SERVER */
	bool has_change, change_ip, change_port;
	uint16_t response_port; /* 0: none */
	unsigned error_code;    /* 0: none */
	const char *username;
	size_t username_len;
	uint32_t priority;
	bool has_priority, use_candidate, has_controlling, has_controlled;
	uint64_t tie_breaker;               /* of ICE-CONTROLLING or ICE-CONTROLLED */
	bool has_fingerprint;               /* and it is right: stun_read refuses wrong ones */
	uint16_t unknown[STUN_MAX_UNKNOWN]; /* that must be understood, and are not */
	unsigned n_unknown;
	const unsigned char *integrity; /* the 20 bytes of MESSAGE-INTEGRITY; NULL: none */
	size_t integrity_at;            /* where that attribute begins in the message */
};

/* True if bytes may be STUN on a socket that also carries other protocols (RFC 7983 §7): the
 * first byte is 0 to 3, with which no SIP message begins. What a NAT's keepalive of zeros is,
 * too, stun_read tells. */
bool stun_is_stun(const void *bytes, size_t len);

/* Reads one whole message. ERR_SYNTAX: it is none, or its FINGERPRINT is wrong; ERR_TOO_LARGE,
 * ERR_LIMIT: over the bounds above. */
enum err stun_read(const void *bytes, size_t len, struct stun_message *out) MUST_CHECK;

/* Whether MESSAGE-INTEGRITY of the message that was read from bytes is that of key (RFC 8489
 * §14.5; for short-term credentials the password). False if it has none. */
bool stun_check_integrity(const void *bytes, const struct stun_message *message,
			  const void *key, size_t key_len);

/* A message that is being written. Attributes that do not fit are remembered: ask stun_end. */
struct stun_writer {
	unsigned char bytes[STUN_MAX_SIZE];
	size_t len;
	bool is_full;
};

/* id as in a request that is answered, or from stun_new_id. */
void stun_begin(struct stun_writer *writer, enum stun_class class, unsigned method,
		const unsigned char id[STUN_ID_SIZE]);
void stun_add(struct stun_writer *writer, enum stun_attribute type, const void *bytes,
	      size_t len);
void stun_add_number(struct stun_writer *writer, enum stun_attribute type, uint32_t number);
/* XOR-MAPPED-ADDRESS is written as RFC 8489 §14.2 wants it, all other addresses as they are. */
void stun_add_addr(struct stun_writer *writer, enum stun_attribute type,
		   const struct addr *addr);
void stun_add_change(struct stun_writer *writer, bool change_ip, bool change_port);
void stun_add_error(struct stun_writer *writer, unsigned code, const char *reason);
/* Nothing but FINGERPRINT may follow. */
void stun_add_integrity(struct stun_writer *writer, const void *key, size_t key_len);
/* Nothing may follow. */
void stun_add_fingerprint(struct stun_writer *writer);
/* The length of what was written; 0 if it did not fit. */
size_t stun_end(const struct stun_writer *writer);

/* The cookie and 96 random bits, which nobody who does not see the request can guess. */
void stun_new_id(unsigned char out[STUN_ID_SIZE]);
