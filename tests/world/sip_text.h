/* Reading SIP messages as text, in the least clever way: for the agents of tests/world, so that
 * what the proxy prints is not judged by the parser that it prints with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The first line, without its end. */
void sip_text_start(const char *text, char *out, size_t size);

/* The n-th value of a header, counted from 0; entries of Via, Route, Record-Route and Contact
 * one by one. False if there are fewer. */
bool sip_text_header(const char *text, const char *name, unsigned n, char *out, size_t size);
unsigned sip_text_count(const char *text, const char *name);

/* What follows the empty line. */
const char *sip_text_body(const char *text);

/* A parameter of a header value (";tag=x"), outside of the brackets. */
bool sip_text_param(const char *value, const char *name, char *out, size_t size);

/* The URI of a header value: what stands in the brackets, or before the first semicolon. */
void sip_text_uri(const char *value, char *out, size_t size);

/* The status of a response, 0 for a request. */
int sip_text_status(const char *text);
/* The method of a request, or of a response's CSeq. */
void sip_text_method(const char *text, char *out, size_t size);
