/* What a backend writes into a REGISTER: the fuzzed bytes are its headers after the usual ones.
 * What is read of a contact is kept, printed into answers and put into Request-URIs: it must be
 * one URI then, and the same when it is read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/sip/registration.h"
#include "proxy/sip/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MAX_HEADERS = 4096 };

static const char head[] = "REGISTER sip:corp.example SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
			   "From: <sip:a@corp.example>;tag=a\r\n"
			   "To: <sip:a@corp.example>\r\n"
			   "Call-ID: a\r\n"
			   "CSeq: 1 REGISTER\r\n";

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static msg_t *parse(const uint8_t *bytes, size_t len)
{
	char text[sizeof(head) + MAX_HEADERS + 4];
	size_t n = strlen(head);
	msg_t *msg = NULL;

	memcpy(text, head, n);
	memcpy(text + n, bytes, len);
	n += len;
	memcpy(text + n, "\r\n\r\n", 4);
	if (message_parse(text, n + 4, &msg))
		return NULL;
	return msg;
}

/* Nothing that ends a URI in angle brackets, or a line. */
static void check_text(const char *uri)
{
	must(*uri != '\0');
	for (; *uri; uri++)
		must((unsigned char)*uri > ' ' && *uri != '<' && *uri != '>' && *uri != 0x7f);
}

/* What is printed into the answer says the same as what was read. */
static void check_printed(msg_t *request, const struct registration_contact *contact)
{
	msg_t *response = reply_new(request, 200, "OK", "tag");
	struct registration *again = malloc(sizeof(*again));

	must(response && again);
	must(!registration_add_contact(response, contact->uri, contact->is_bulk, 7));
	must(!message_header_at(response, "Contact", 1));
	must(!registration_read(response, again));
	must(again->n_contacts == 1 && again->contacts[0].expires_s == 7);
	must(!strcmp(again->contacts[0].uri, contact->uri) &&
	     !strcmp(again->contacts[0].host, contact->host));
	must(again->contacts[0].port == contact->port &&
	     again->contacts[0].is_bulk == contact->is_bulk);
	free(again);
	message_unref(response);
}

static void check(msg_t *msg, const struct registration *read)
{
	unsigned i;

	must(read->n_contacts <= REGISTRATION_MAX_CONTACTS);
	must(!read->is_wildcard ||
	     (!read->n_contacts && read->has_expires && !read->expires_s));
	for (i = 0; i < read->n_contacts; i++) {
		check_text(read->contacts[i].uri);
		check_printed(msg, &read->contacts[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct registration *read;
	msg_t *msg;

	if (len > MAX_HEADERS)
		return 0;
	msg = parse(bytes, len);
	if (!msg)
		return 0;
	read = malloc(sizeof(*read));
	must(read != NULL);
	if (!message_check(message_sip(msg), NULL) && !registration_read(msg, read))
		check(msg, read);
	free(read);
	message_unref(msg);
	return 0;
}
