/* c-ares on our loop: its sockets, its timer, its questions. For dns.c. */
#pragma once

#include "routing/dns.h"

struct dns_channel;

/* What came of a question: bytes are a response if status is DNS_FOUND (which says only that
 * they are to be read). May be called from inside dns_channel_ask and dns_channel_free; user is
 * dns_channel_new's. is_closing: the channel goes away, nothing was found out. */
typedef void dns_channel_answer(void *user, void *question, enum dns_status status,
				const unsigned char *bytes, size_t len, bool is_closing);

/* servers as in struct dns_settings. Reads resolv.conf if there are none. ERR_NO_MEMORY,
 * ERR_SYNTAX (a server's text), ERR_IO. */
enum err dns_channel_new(struct loop *loop, const struct dns_settings *settings,
			 dns_channel_answer *on_answer, void *user,
			 struct dns_channel **out) MUST_CHECK;
/* The same to one server alone, whose response is handed over whatever it says: also SERVFAIL
 * and REFUSED, and by UDP one that was cut. For dns_look.c. */
enum err dns_channel_new_to(struct loop *loop, const struct addr *server, bool by_tcp,
			    dns_channel_answer *on_answer, void *user,
			    struct dns_channel **out) MUST_CHECK;
/* Whom it asks, those of resolv.conf where there were no settings; returns how many. */
size_t dns_channel_servers(const struct dns_channel *channel, struct addr *out, size_t max);
struct dns_channel *dns_channel_free(
	struct dns_channel *channel); /* NULL is fine; returns NULL */

/* Asks for an absolute name: no search domains. on_answer comes exactly once, with question. */
void dns_channel_ask(struct dns_channel *channel, const char *name, enum dns_type type,
		     void *question);
