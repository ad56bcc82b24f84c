#include "proxy/own_request.h"

#include <stdio.h>

#include "proxy/base/random.h"
#include "proxy/sip/via.h"

enum err own_request_options(const struct settings *settings, const struct hop *hop,
			     const char *to, msg_t **out)
{
	const char *from =
		settings->n_domains ? settings->domains[0].name : hop->listener->host;
	char tag[17], call_id[25], text[2048];
	enum err err;
	int len;

	random_token(tag, sizeof(tag) - 1);
	random_token(call_id, sizeof(call_id) - 1);
	len = snprintf(text, sizeof(text),
		       "OPTIONS sip:%.253s SIP/2.0\r\n"
		       "Via: SIP/2.0/TCP placeholder.invalid;branch=z9hG4bK-none\r\n"
		       "Max-Forwards: 70\r\n"
		       "From: <sip:%.253s>;tag=%s\r\n"
		       "To: <sip:%.253s>\r\n"
		       "Call-ID: %s@%.253s\r\n"
		       "CSeq: 1 OPTIONS\r\n"
		       "Contact: <sip:%.271s>\r\n"
		       "Content-Length: 0\r\n\r\n",
		       to, from, tag, to, call_id, from, hop->listener->sent_by);
	if (len < 0 || (size_t)len >= sizeof(text))
		return ERR_TOO_LARGE;
	err = message_parse(text, (size_t)len, out);
	if (!err)
		via_pop(*out);
	return err;
}

enum err own_request_send(struct worker *worker, msg_t *msg, const struct hop *hop,
			  const struct client_txn_user *user, struct client_txn **out)
{
	char branch[TXN_BRANCH_SIZE];
	struct wire *wire = NULL;
	enum err err;

	txn_table_branch(worker->txns, "", branch);
	err = via_push(msg, listener_via_transport(hop->transport), hop->listener->sent_by,
		       branch);
	if (!err)
		err = message_print(msg, &wire);
	if (!err)
		err = client_txn_start(worker->txns, msg, wire, branch, hop, user, out);
	wire_unref(wire);
	return err;
}
