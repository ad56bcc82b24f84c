#include "proxy/handshake_json.h"

#include "proxy/base/text.h"
#include "proxy/json_text.h"

static void add_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_text(text));
}

static void add_time(json_t *object, const char *key, int64_t seconds)
{
	char time[32];

	if (seconds > 0)
		json_object_set_new(object, key,
				    json_string(text_time((uint64_t)seconds * 1000000, time)));
}

/* The certificate of theirs that failed. */
static void add_failed(json_t *object, const struct tls_diagnosis *diagnosis)
{
	add_text(object, "subject", diagnosis->failed_subject);
	add_text(object, "issuer", diagnosis->failed_issuer);
	add_text(object, "issuer_url", diagnosis->issuer_url);
	add_text(object, "serial", diagnosis->failed_serial);
	add_text(object, "sha256", diagnosis->failed_sha256);
	if (*diagnosis->failed_subject || *diagnosis->failed_serial) {
		add_time(object, "not_before", diagnosis->failed_not_before);
		add_time(object, "not_after", diagnosis->failed_not_after);
	}
}

static json_t *tls_to_json(const struct handshake *handshake)
{
	const struct tls_diagnosis *diagnosis = &handshake->diagnosis;
	json_t *object = json_pack(
		"{s:s, s:b, s:b, s:o, s:I}", "direction", diagnosis->is_inbound ? "in" : "out",
		"asked_certificate", diagnosis->asked_certificate, "sent_certificate",
		diagnosis->sent_certificate, "text", json_text(diagnosis->text), "n_similar",
		(json_int_t)handshake->n_similar);

	if (!object)
		return NULL;
	add_text(object, "sni", diagnosis->sni);
	add_text(object, "version", diagnosis->version);
	add_text(object, "minimum", handshake->minimum);
	add_text(object, "offered", diagnosis->offered);
	add_text(object, "cipher", diagnosis->cipher);
	add_text(object, "alert", diagnosis->alert_text);
	if (*diagnosis->alert_text)
		add_text(object, "alert_from", diagnosis->alert_from_peer ? "them" : "us");
	add_text(object, "verify", diagnosis->verify);
	add_failed(object, diagnosis);
	add_text(object, "expected", diagnosis->expected);
	add_text(object, "ca_list", diagnosis->ca_list);
	if (*diagnosis->ca_list && diagnosis->sent_certificate)
		json_object_set_new(object, "ca_list_has_ours",
				    json_boolean(diagnosis->is_ours_listed));
	add_text(object, "our_names", diagnosis->our_names);
	add_text(object, "our_issuer", diagnosis->our_issuer);
	return object;
}

json_t *handshake_to_json(const struct handshake *handshake)
{
	const struct tls_diagnosis *diagnosis = &handshake->diagnosis;
	const struct reason_row *row = reason_row(diagnosis->reason);
	char time[32], peer[ADDR_TEXT_SIZE];
	json_t *object = json_pack(
		"{s:s, s:b, s:s, s:i, s:s, s:s, s:s, s:I, s:s, s:I, s:i, s:s, s:s, s:[], s:[], s:o}",
		"kind", "handshake", "accepted", 0, "reason", row->code, "status", 0, "cause",
		row->cause, "act", actor_text(row->act), "remedy", row->remedy, "id",
		(json_int_t)handshake->id, "time", text_time(handshake->wall_us, time),
		"took_us", (json_int_t)diagnosis->took_ms * 1000, "worker",
		(int)handshake->worker, "peer", addr_text(&diagnosis->remote, peer),
		"transport", "tls", "steps", "hops", "tls", tls_to_json(handshake));

	if (!object)
		return NULL;
	add_text(object, "listener", diagnosis->listener);
	add_text(object, diagnosis->is_inbound ? "partner" : "target", diagnosis->peer);
	add_text(object, "cert_names", diagnosis->presented);
	return object;
}
