#include "proxy/registrar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proxy/backend_secrets.h"
#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/hearing.h"
#include "proxy/location_store.h"
#include "proxy/log_on.h"
#include "proxy/phone.h"
#include "proxy/reach.h"
#include "proxy/sip/registration.h"
#include "proxy/sip/reply.h"
#include "proxy/transaction/server_txn.h"
#include "proxy/way_back.h"
#include "routing/location.h"

/* One REGISTER while it is served. */
struct service {
	struct worker *worker;
	struct request *request;
	const struct settings_backend *backend; /* NULL: a phone registers itself */
	const char *backend_name;               /* "": likewise */
	uint64_t proof;
	struct registration says;
	uint32_t expires_s[REGISTRATION_MAX_CONTACTS]; /* what is granted; 0: it goes */
	uint64_t call_id_hash;
	uint32_t cseq;
	size_t n_before;      /* of a user's phones: before it was done */
	uint32_t too_brief_s; /* 423: the least that is granted */
};

enum {
	FLOW_TIMER_UDP_S = 25, /* RFC 5626 §4.4.1: before the first routers forget a mapping */
	FLOW_TIMER_S = 120,
	KEEP_ALIVE_MS = 30 * 1000,
};

static struct location *location_of(const struct service *service)
{
	return service->worker->server->location;
}

/* ---- what it asks for: all of it is checked before any of it is done (RFC 3261 §10.3) ---- */

static enum reason check_text(struct service *service)
{
	struct request *request = service->request;
	unsigned i;

	switch (registration_read(request->arrival->msg, &service->says)) {
	case ERR_OK:
		break;
	case ERR_LIMIT:
		decision_add(&request->decision, "register", "contacts", NULL,
			     "more than %d contacts in one request", REGISTRATION_MAX_CONTACTS);
		return REASON_REGISTRATION_FULL;
	default:
		decision_add(
			&request->decision, "register", "contacts", NULL,
			"Contact or Expires cannot be what they are (RFC 3261 section 10.3)");
		return REASON_MALFORMED;
	}
	/* Bulk registration is for servers, outbound for phones. */
	if (!service->says.unsupported)
		service->says.unsupported =
			service->backend ? service->says.outbound : service->says.gin;
	for (i = 0;
	     !service->backend && !service->says.unsupported && i < service->says.n_contacts;
	     i++)
		if (service->says.contacts[i].is_bulk)
			service->says.unsupported = "gin";
	if (service->says.unsupported) {
		request->refused_header = service->says.unsupported;
		decision_add(&request->decision, "register", "require", NULL, "%.80s",
			     service->says.unsupported);
		return REASON_EXTENSION_UNSUPPORTED;
	}
	return REASON_NONE;
}

/* What the contact asks for, within the bounds of `registrar`. */
static enum reason grant(struct service *service, unsigned i)
{
	const struct settings_registrar *bounds =
		&service->request->snapshot->settings->registrar;
	const struct registration_contact *contact = &service->says.contacts[i];
	uint32_t wanted_s = contact->has_expires        ? contact->expires_s
			    : service->says.has_expires ? service->says.expires_s
							: bounds->default_expires_ms / 1000;

	if (wanted_s && wanted_s < bounds->min_expires_ms / 1000) {
		service->too_brief_s = bounds->min_expires_ms / 1000;
		decision_add(&service->request->decision, "register", "min-expires", NULL,
			     "%" PRIu32 " s are too few", wanted_s);
		return REASON_REGISTRATION_BRIEF;
	}
	if (wanted_s > bounds->max_expires_ms / 1000)
		wanted_s = bounds->max_expires_ms / 1000;
	service->expires_s[i] = wanted_s;
	return REASON_NONE;
}

/* What a contact is kept as. */
static void fill_binding(const struct service *service, unsigned i, struct binding *out)
{
	const struct registration_contact *contact = &service->says.contacts[i];

	memset(out, 0, sizeof(*out));
	out->call_id_hash = service->call_id_hash;
	out->cseq = service->cseq;
	out->proof = service->proof;
	out->is_bulk = contact->is_bulk;
	out->expires_ms = service->request->now_ms + service->expires_s[i] * 1000ULL;
	text_copy(out->backend, sizeof(out->backend), service->backend_name);
	text_copy(out->contact, sizeof(out->contact), contact->uri);
	if (service->backend)
		return;
	phone_flow_of(service->request->arrival->flow, &out->flow);
	text_copy(out->instance, sizeof(out->instance), contact->instance);
	out->reg_id = contact->reg_id;
}

/* Those of the user that are the backend's own, or those of the user's phones. */
static size_t own_bindings(const struct service *service,
			   struct binding out[LOCATION_MAX_BINDINGS])
{
	const struct request *request = service->request;
	size_t n, n_own = 0, i;

	if (!service->backend)
		return location_phones(location_of(service), request->to_user,
				       request->to_domain, request->now_ms, out);
	n = location_bindings(location_of(service), request->to_user, request->to_domain,
			      request->now_ms, out);
	for (i = 0; i < n; i++) /* whom others registered is not its business */
		if (!strcmp(out[i].backend, service->backend_name))
			out[n_own++] = out[i];
	return n_own;
}

/* A request that was overtaken by a newer one of the same series must not undo it (RFC 3261
 * §10.3 items 6 and 7). */
static enum reason check_order(struct service *service)
{
	struct request *request = service->request;
	struct binding bindings[LOCATION_MAX_BINDINGS];
	size_t n = own_bindings(service, bindings);
	size_t i;

	for (i = 0; i < n; i++) {
		if (bindings[i].call_id_hash != service->call_id_hash ||
		    bindings[i].cseq < service->cseq)
			continue;
		decision_add(&request->decision, "register", "order", NULL,
			     "CSeq %" PRIu32 " after %" PRIu32 " of the same Call-ID",
			     service->cseq, bindings[i].cseq);
		return REASON_REGISTRATION_OLD;
	}
	return REASON_NONE;
}

static bool is_touched(const struct service *service, const struct binding *binding)
{
	struct binding by;
	unsigned i;

	for (i = 0; i < service->says.n_contacts; i++) {
		fill_binding(service, i, &by);
		if (location_phone_replaces(&by, binding))
			return true;
	}
	return false;
}

/* max_contacts: so many phones as there would be afterwards. */
static enum reason check_room(struct service *service)
{
	const struct user *user = service->request->phone;
	const unsigned max =
		user && user->max_contacts ? user->max_contacts : USER_PRESET_CONTACTS;
	struct binding bindings[LOCATION_MAX_BINDINGS];
	size_t n, i;
	unsigned n_after = 0, n_new = 0;

	if (service->backend)
		return REASON_NONE;
	n = own_bindings(service, bindings);
	for (i = 0; i < n; i++)
		n_after += !is_touched(service, &bindings[i]);
	for (i = 0; i < service->says.n_contacts; i++)
		n_new += service->expires_s[i] > 0;
	if (!n_new || n_after + n_new <= max) /* those that only go need no room */
		return REASON_NONE;
	decision_add(&service->request->decision, "register", "max-contacts", &user->place,
		     "%u phones of user '%.60s' at a time, and max_contacts is %u",
		     n_after + n_new, user->name, max);
	return REASON_REGISTRATION_FULL;
}

static enum reason check(struct service *service)
{
	enum reason reason = check_text(service);
	unsigned i;

	for (i = 0; !reason && i < service->says.n_contacts; i++)
		reason = grant(service, i);
	if (!reason && (service->says.n_contacts || service->says.is_wildcard))
		reason = check_order(service);
	if (!reason)
		reason = check_room(service);
	return reason;
}

/* ---- doing it ---- */

static bool is_itself(const struct service *service)
{
	const char *user = service->request->to_user;

	return service->backend &&
	       (!*user || text_equal_nocase(user, service->backend->username));
}

static void unbind_contact(struct service *service, unsigned i)
{
	const struct request *request = service->request;
	struct binding binding;

	fill_binding(service, i, &binding);
	if (service->backend)
		location_unbind(location_of(service), request->to_user, request->to_domain,
				service->backend_name, binding.contact);
	else
		location_unbind_phone(location_of(service), request->to_user,
				      request->to_domain, &binding);
}

static enum err bind_contact(struct service *service, unsigned i)
{
	struct request *request = service->request;
	struct binding binding;

	fill_binding(service, i, &binding);
	return location_bind(location_of(service), request->to_user, request->to_domain,
			     &binding, request->now_ms);
}

/* The contact that lasts longest is the one that tells how the backend is reached; NULL: all of
 * them go. */
static const struct registration_contact *main_contact(const struct service *service,
						       uint32_t *out_expires_s)
{
	const struct registration_contact *best = NULL;
	unsigned i;

	*out_expires_s = 0;
	for (i = 0; i < service->says.n_contacts; i++) {
		if (service->expires_s[i] <= *out_expires_s)
			continue;
		*out_expires_s = service->expires_s[i];
		best = &service->says.contacts[i];
	}
	return best;
}

static bool is_among(const struct binding *bindings, size_t n, const char *contact)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(bindings[i].contact, contact))
			return true;
	return false;
}

/* Back to what was there before, as far as memory allows. */
static void put_back(struct service *service, const struct binding *before, size_t n_before)
{
	const struct request *request = service->request;
	unsigned i;

	for (i = 0; i < service->says.n_contacts; i++)
		if (!is_among(before, n_before, service->says.contacts[i].uri))
			unbind_contact(service, i);
	for (i = 0; i < n_before; i++)
		(void)!location_bind(location_of(service), request->to_user, request->to_domain,
				     &before[i], request->now_ms);
}

/* Those that go make room for those that come. */
static enum err bind_all(struct service *service)
{
	struct binding before[LOCATION_MAX_BINDINGS];
	size_t n_before = own_bindings(service, before);
	enum err err = ERR_OK;
	unsigned i;

	for (i = 0; i < service->says.n_contacts; i++)
		if (!service->expires_s[i])
			unbind_contact(service, i);
	for (i = 0; !err && i < service->says.n_contacts; i++)
		if (service->expires_s[i])
			err = bind_contact(service, i);
	if (err)
		put_back(service, before, n_before);
	return err;
}

static void tell_phone(const struct service *service, const char *event)
{
	const struct flow *flow = service->request->arrival->flow;
	char peer[ADDR_TEXT_SIZE];

	log_event(LOG_INFO, event, "user", service->request->to_user, "peer",
		  addr_text(&flow->remote, peer), "listener", flow->listener->name, "transport",
		  conf_transport_text(flow->transport), NULL);
}

/* Its connection may die unseen otherwise; those of datagrams are asked in turns
 * (proxy/phone_watch). */
static void keep_phone(const struct service *service)
{
	const struct flow *flow = service->request->arrival->flow;
	struct binding bindings[LOCATION_MAX_BINDINGS];
	const size_t n = own_bindings(service, bindings);

	if (flow_is_reliable(flow) && n)
		(void)!transport_keep_alive(service->worker->transport, flow->id,
					    KEEP_ALIVE_MS);
	if (!service->n_before && n)
		tell_phone(service, "phone registered");
	else if (service->n_before && !n)
		tell_phone(service, "phone unregistered");
}

static enum err carry_out(struct service *service)
{
	struct request *request = service->request;
	const struct registration_contact *contact;
	enum err err;
	uint32_t expires_s;

	if (service->says.is_wildcard)
		location_unbind(location_of(service), request->to_user, request->to_domain,
				service->backend_name, NULL);
	err = bind_all(service);
	if (err)
		return err;
	if (!service->backend) {
		keep_phone(service);
		return ERR_OK;
	}
	contact = main_contact(service, &expires_s);
	if (contact)
		return way_back_log_on(service->worker, service->request,
				       is_itself(service) ? contact : NULL, expires_s);
	if (is_itself(service) && (service->says.is_wildcard || service->says.n_contacts))
		way_back_log_off(service->worker, service->request);
	return ERR_OK;
}

/* ---- the answer ---- */

/* RFC 5626 §6: what it asked for was done. */
static enum err add_outbound(const struct service *service, msg_t *response)
{
	const bool is_udp = !flow_is_reliable(service->request->arrival->flow);
	bool has_flow = false;
	char value[16];
	unsigned i;

	for (i = 0; i < service->says.n_contacts; i++)
		has_flow |= service->says.contacts[i].reg_id && service->expires_s[i];
	if (!has_flow)
		return ERR_OK;
	if (message_add_header(response, "Require", "outbound"))
		return ERR_NO_MEMORY;
	snprintf(value, sizeof(value), "%d", is_udp ? FLOW_TIMER_UDP_S : FLOW_TIMER_S);
	return message_add_header(response, "Flow-Timer", value);
}

static enum err add_bindings(struct service *service, msg_t *response)
{
	struct binding bindings[LOCATION_MAX_BINDINGS];
	size_t n = own_bindings(service, bindings), i;
	enum err err = ERR_OK;

	for (i = 0; !err && i < n && !service->backend; i++)
		err = registration_add_phone(
			response, bindings[i].contact, bindings[i].instance, bindings[i].reg_id,
			(bindings[i].expires_ms - service->request->now_ms + 999) / 1000);
	if (!service->backend)
		return err ? err : add_outbound(service, response);
	for (i = 0; !err && i < n; i++)
		err = registration_add_contact(
			response, bindings[i].contact, bindings[i].is_bulk,
			(bindings[i].expires_ms - service->request->now_ms + 999) / 1000);
	return err;
}

static enum err add_headers(struct service *service, msg_t *response)
{
	const enum reason reason = service->request->reason;
	char value[400];

	if (!reason)
		return add_bindings(service, response);
	if (reason == REASON_REGISTRATION_BRIEF) {
		snprintf(value, sizeof(value), "%" PRIu32, service->too_brief_s);
		return message_add_header(response, "Min-Expires", value);
	}
	if (reason == REASON_EXTENSION_UNSUPPORTED)
		return message_add_header(response, "Unsupported", service->says.unsupported);
	if (reason == REASON_REGISTRATION_FULL || reason == REASON_OVERLOAD)
		return message_add_header(response, "Retry-After", "60");
	return ERR_OK;
}

static msg_t *make_answer(struct service *service)
{
	const struct request *request = service->request;
	const struct reason_row *row = reason_row(request->reason);
	msg_t *response;
	char value[400], tag[17];

	reply_stateless_tag(request->arrival->sip, tag);
	response = reply_new(request->arrival->msg, request->reason ? row->status : 200,
			     request->reason ? row->phrase : "OK", tag);
	if (!response)
		return NULL;
	if (add_headers(service, response))
		return message_unref(response);
	snprintf(value, sizeof(value), "399 %.255s \"nuncio: %s\"",
		 request->arrival->flow->listener->host, row->code);
	if (request->reason && message_add_header(response, "Warning", value))
		return message_unref(response);
	return response;
}

/* By a transaction: a repeat of the request gets the same answer, where without one its nonce
 * count would have been used before. */
static void send_answer(struct service *service, msg_t *response)
{
	struct server_txn *txn = NULL;
	enum err err =
		server_txn_new(service->worker->txns, service->request->arrival, NULL, &txn);

	if (!err)
		err = server_txn_respond(txn, response);
	server_txn_detach(txn);
	if (err)
		log_event(LOG_INFO, "response not delivered", "reason", err_text(err),
			  "call_id",
			  decision_text(&service->request->decision, DECISION_CALL_ID), NULL);
}

static void record(struct service *service, const msg_t *response)
{
	struct request *request = service->request;
	struct decision *decision = &request->decision;
	const char *from = decision_text(decision, DECISION_FROM);

	if (!request->reason)
		decision_add(
			decision, "register",
			!service->backend    ? "phone"
			: is_itself(service) ? "backend"
					     : "user",
			service->backend ? &service->backend->place : &request->phone->place,
			"%.60s@%.40s: %u contact%s", request->to_user, request->to_domain,
			service->says.n_contacts, service->says.n_contacts == 1 ? "" : "s");
	decision->reason = request->reason;
	decision->status = response ? message_sip(response)->sip_status->st_status : 0;
	decision->took_us = (uint32_t)(loop_wall_us(service->worker->loop) - decision->wall_us);
	hearing_decision(service->worker, decision);
	log_trace(LOG_TRACE_REGISTRATION, "registration", from, strlen(from), "backend",
		  service->backend ? service->backend_name : NULL, "user", request->to_user,
		  "reason", request->reason ? reason_code(request->reason) : NULL, "call_id",
		  decision_text(decision, DECISION_CALL_ID), NULL);
}

void registrar_answer(struct worker *worker, struct request *request)
{
	const sip_t *sip = request->arrival->sip;
	struct service service = {
		.worker = worker,
		.request = request,
		.backend = request->log_on ? request->log_on->backend : NULL,
		.backend_name = request->log_on ? request->log_on->backend->name : "",
		.proof = request->log_on ? request->log_on->proof
					 : phone_proof(request->snapshot, request->phone),
		.call_id_hash = record_route_end(worker->server->keys, sip->sip_call_id->i_id),
		.cseq = sip->sip_cseq->cs_seq,
	};
	struct binding bindings[LOCATION_MAX_BINDINGS];
	msg_t *response;
	enum err err;

	if (!*request->to_user && service.backend)
		text_copy(request->to_user, sizeof(request->to_user),
			  service.backend->username);
	request->reason = check(&service);
	if (!request->reason) {
		service.n_before = service.backend ? 0 : own_bindings(&service, bindings);
		err = carry_out(&service);
		request->reason = !err               ? REASON_NONE
				  : err == ERR_LIMIT ? REASON_REGISTRATION_FULL
						     : REASON_OVERLOAD;
		if (service.backend)
			way_back_note(
				worker->server,
				rules_backend(request->snapshot->rules, service.backend_name),
				request->now_ms);
	}
	response = make_answer(&service);
	if (response)
		send_answer(&service, response);
	record(&service, response);
	message_unref(response);
}
