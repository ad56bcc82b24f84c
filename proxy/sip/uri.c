#include "proxy/sip/uri.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"

enum { MAX_PARAM = 512 }; /* longer parameters are not compared: the URIs differ */

url_t *uri_parse(su_home_t *home, const char *text)
{
	if (strpbrk(text, " \t\r\n<>\"")) /* Sofia lets them pass */
		return NULL;
	url_t *url = url_make(home, text);
	if (!url)
		return NULL;
	return url->url_type == url_sip || url->url_type == url_sips || url->url_type == url_tel
		       ? url
		       : NULL;
}

enum uri_transport uri_transport(const url_t *url)
{
	char name[16];

	if (url->url_type == url_sips) /* over TLS, whatever lies below it */
		return URI_TRANSPORT_TLS;
	if (!url->url_params || !url_has_param(url, "transport"))
		return URI_TRANSPORT_NONE;
	if (!uri_param(url, "transport", name, sizeof(name)))
		return URI_TRANSPORT_OTHER;
	if (strcasecmp(name, "udp") == 0)
		return URI_TRANSPORT_UDP;
	if (strcasecmp(name, "tcp") == 0)
		return URI_TRANSPORT_TCP;
	if (strcasecmp(name, "tls") == 0)
		return URI_TRANSPORT_TLS;
	return URI_TRANSPORT_OTHER;
}

int uri_port(const url_t *url)
{
	const char *text = url->url_port;
	unsigned port = 0;

	if (!text || text[0] == '\0')
		return 0;
	for (; *text >= '0' && *text <= '9' && port <= UINT16_MAX; text++)
		port = 10 * port + (unsigned)(*text - '0');
	return *text == '\0' && port >= 1 && port <= UINT16_MAX ? (int)port : -1;
}

bool uri_param(const url_t *url, const char *name, char *out, size_t size)
{
	isize_t len = url_param(url->url_params, name, out, (isize_t)size);

	return len > 0 && (size_t)len <= size;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_nocase(const char *a, const char *b)
{
	return strcasecmp(a ? a : "", b ? b : "") == 0;
}

/* Parameters of which one URI alone having it makes the two differ. */
static bool must_be_in_both(const char *name)
{
	static const char *const names[] = { "user", "ttl", "method", "maddr", "transport" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* Every parameter of a that b has too is equal there; none of a is missing in b that must not
 * be. */
static bool params_agree(const url_t *a, const url_t *b)
{
	char name[MAX_PARAM], ours[MAX_PARAM], theirs[MAX_PARAM];

	for (const char *param = a->url_params; param; param = strchr(param, ';')) {
		param += *param == ';';
		if (!text_copy_len(name, sizeof(name), param, strcspn(param, ";=")))
			return false;
		if (name[0] == '\0')
			continue;
		if (!url_has_param(b, name)) {
			if (must_be_in_both(name))
				return false;
			continue;
		}
		if (!uri_param(a, name, ours, sizeof(ours)) ||
		    !uri_param(b, name, theirs, sizeof(theirs)) ||
		    strcasecmp(ours, theirs) != 0)
			return false;
	}
	return true;
}

static unsigned n_headers(const char *headers)
{
	unsigned n = headers && headers[0] != '\0';

	for (const char *c = headers; c && *c; c++)
		n += *c == '&';
	return n;
}

static bool has_header(const char *headers, const char *header, size_t len)
{
	for (const char *h = headers; h; h = strchr(h, '&')) {
		h += *h == '&';
		if (strcspn(h, "&") == len && strncasecmp(h, header, len) == 0)
			return true;
	}
	return false;
}

/* Headers are never ignored, in whatever order they come. */
static bool headers_agree(const char *a, const char *b)
{
	enum { MAX_HEADERS = 32 }; /* comparing is quadratic */
	unsigned n = n_headers(a);

	if (n != n_headers(b) || n > MAX_HEADERS)
		return false;
	for (const char *h = n ? a : NULL; h; h = strchr(h, '&')) {
		h += *h == '&';
		if (!has_header(b, h, strcspn(h, "&")))
			return false;
	}
	return true;
}

bool uri_equal(const url_t *a, const url_t *b)
{
	return a->url_type == b->url_type && same_text(a->url_user, b->url_user) &&
	       same_text(a->url_password, b->url_password) &&
	       same_nocase(a->url_host, b->url_host) && same_text(a->url_port, b->url_port) &&
	       params_agree(a, b) && params_agree(b, a) &&
	       headers_agree(a->url_headers, b->url_headers);
}
