/* Reads request lines, Via, From, To, Route, Record-Route, CSeq and plain numbers as nearly everybody writes them: a sip URI of letters and digits,
 * in angle brackets, with a tag; a Via with host, port, branch and rport. That costs a quarter of what Sofia's parsers take, which are there for all that
 * is written otherwise. What is read comes out as they would leave it. For the files of proxy/sip. */
#pragma once

#include <stdbool.h>

#include <sofia-sip/sip.h>

enum simple_field {
	SIMPLE_READ,
	SIMPLE_NOT, /* Sofia's parser shall read it: neither the text nor the header was touched */
	SIMPLE_NO_MEMORY,
};

/* The text, which is cut into strings, lives as long as the header; home is where its list of parameters goes. */
enum simple_field simple_field_address(su_home_t *home, sip_addr_t *address, char *text);
enum simple_field simple_field_via(su_home_t *home, sip_via_t *via, char *text);
enum simple_field simple_field_route(sip_route_t *route, char *text); /* Record-Route, too */
enum simple_field simple_field_request(sip_request_t *request, char *text);
enum simple_field simple_field_cseq(sip_cseq_t *cseq, char *text);
enum simple_field simple_field_number(uint32_t *out, char *text); /* Max-Forwards, Content-Length */
