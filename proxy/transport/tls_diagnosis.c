#include "proxy/transport/tls_diagnosis.h"

#include <string.h>

#include "proxy/base/buf.h"
#include "proxy/base/text.h"

static void add_detail(struct buf *buf, const char *label, const char *value)
{
	size_t len = strlen(value);

	if (len > 0 && value[len - 1] == '.')
		len--;
	if (len > 0)
		buf_printf(buf, " %s: %.*s.", label, (int)len, value);
}

static void add_ends(struct buf *buf, const struct tls_diagnosis *diagnosis)
{
	char remote[ADDR_TEXT_SIZE];

	addr_text(&diagnosis->remote, remote);
	if (diagnosis->is_inbound)
		buf_printf(buf, "TLS from %s to listener %s", remote, diagnosis->listener);
	else
		buf_printf(buf, "TLS to %s%s%s", diagnosis->peer,
			   diagnosis->peer[0] ? " at " : "", remote);
	if (diagnosis->sni[0])
		buf_printf(buf, " as %s", diagnosis->sni);
}

void tls_diagnosis_explain(struct tls_diagnosis *diagnosis)
{
	const struct reason_row *row = reason_row(diagnosis->reason);
	struct buf buf;

	/* Each part is bounded, so is the whole; the text field cuts what a hostile certificate
	 * makes long. */
	buf_init(&buf, 0);
	add_ends(&buf, diagnosis);
	if (diagnosis->reason == REASON_NONE) {
		buf_printf(&buf, " went well (%s, %s).", diagnosis->version, diagnosis->cipher);
	} else {
		buf_printf(&buf, " failed: %s", row->cause);
		switch (row->act) {
		case ACT_YOU:
			buf_puts(&buf, " You must act.");
			break;
		case ACT_PARTNER:
		case ACT_SENDER:
			buf_puts(&buf, " The other side must act.");
			break;
		case ACT_EITHER:
			buf_puts(&buf, " Either side can act.");
			break;
		case ACT_NOBODY:
			break;
		}
		add_detail(&buf, diagnosis->alert_from_peer ? "Its alert" : "Our alert",
			   diagnosis->alert_text);
		add_detail(&buf, "Found", diagnosis->verify);
		add_detail(&buf, "Certificate", diagnosis->failed_subject);
		add_detail(&buf, "Its issuer", diagnosis->failed_issuer);
		add_detail(&buf, "To be had at", diagnosis->issuer_url);
		if (diagnosis->reason == REASON_TLS_VERSION)
			add_detail(&buf, "It offers", diagnosis->offered);
		if (diagnosis->reason == REASON_TLS_NAME_MISMATCH ||
		    diagnosis->reason == REASON_TLS_WILDCARD) {
			add_detail(&buf, "Expected", diagnosis->expected);
			add_detail(&buf, "Presented", diagnosis->presented);
		}
		if (diagnosis->asked_certificate)
			buf_printf(&buf, " It asked for a certificate, and we sent %s.",
				   diagnosis->sent_certificate ? "ours" : "none");
		add_detail(&buf, "It accepts issuers", diagnosis->ca_list);
		if (diagnosis->ca_list[0] && diagnosis->sent_certificate &&
		    !diagnosis->is_ours_listed)
			add_detail(&buf, "Ours is of none of these but", diagnosis->our_issuer);
	}
	text_copy(diagnosis->text, sizeof(diagnosis->text), buf_text(&buf));
	buf_fini(&buf);
}
