/* Reads request and status lines, Via, From, To, Route, Record-Route, Call-ID, CSeq and plain
 * numbers as nearly everybody writes them: a sip URI of letters and digits, in angle brackets,
 * with a tag; a Via with host, port, branch and rport. That costs a quarter of what Sofia's
 * parsers take, which are there for all that is written otherwise. What is read comes out as
 * they would leave it. For the files of proxy/sip. */
#pragma once

#include <stdbool.h>

#include <sofia-sip/sip.h>

#include "proxy/sip/header_room.h"

enum simple_field {
	SIMPLE_READ,
	/* Sofia's parser shall read it: neither the text nor the header was touched */
	SIMPLE_NOT,
	SIMPLE_NO_MEMORY,
};

/* The text, which is cut into strings, lives as long as the header; room is where its list of
 * parameters goes. */
enum simple_field simple_field_address(struct header_room *room, sip_addr_t *address,
				       char *text);
enum simple_field simple_field_via(struct header_room *room, sip_via_t *via, char *text);
enum simple_field simple_field_route(sip_route_t *route, char *text); /* Record-Route, too */
enum simple_field simple_field_request(sip_request_t *request, char *text);
enum simple_field simple_field_status(sip_status_t *status, char *text);
/* without Sofia's hash of it, which nobody asks for */
enum simple_field simple_field_call_id(sip_call_id_t *call_id, char *text);
enum simple_field simple_field_cseq(sip_cseq_t *cseq, char *text);
/* Max-Forwards, Content-Length */
enum simple_field simple_field_number(uint32_t *out, char *text);
