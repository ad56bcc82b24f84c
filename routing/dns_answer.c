#include "routing/dns_answer.h"

#include <ares.h>
#include <string.h>
#include <strings.h>

#include "proxy/base/text.h"

enum {
	HEADER_BYTES = 12,
	FIXED_BYTES = 10, /* type, class, TTL, length */
	MAX_READ =
		256, /* records that are looked at; the rest is not needed for 16 addresses */
	CLASS_IN = 1,
	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
};

struct reader {
	const unsigned char *bytes, *at, *end;
};

struct record {
	unsigned type, class;
	uint32_t ttl_s;
	const unsigned char *value;
	unsigned len;
};

static unsigned get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static size_t left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* Reads a name that begins at at, which ares follows through its pointers; how long it is
 * there. 0: it is none. */
static size_t read_name(const struct reader *reader, const unsigned char *at, char *out,
			size_t size)
{
	char *name = NULL;
	long len = 0;

	if (at >= reader->end ||
	    ares_expand_name(at, reader->bytes, (int)(reader->end - reader->bytes), &name,
			     &len) != ARES_SUCCESS)
		return 0;
	if (out && !text_copy(out, size, name))
		out[0] = '\0';
	ares_free_string(name);
	return len > 0 ? (size_t)len : 0;
}

static bool skip_question(struct reader *reader)
{
	size_t len = read_name(reader, reader->at, NULL, 0);

	if (len == 0 || len + 4 > left(reader))
		return false;
	reader->at += len + 4;
	return true;
}

static bool next_record(struct reader *reader, struct record *out)
{
	size_t len = read_name(reader, reader->at, NULL, 0);

	if (len == 0 || len + FIXED_BYTES > left(reader))
		return false;
	const unsigned char *fixed = reader->at + len;
	out->type = get16(fixed);
	out->class = get16(fixed + 2);
	out->ttl_s = (uint32_t)get16(fixed + 4) << 16 | get16(fixed + 6);
	out->len = get16(fixed + 8);
	out->value = fixed + FIXED_BYTES;
	reader->at = out->value;
	if (out->len > left(reader))
		return false;
	reader->at += out->len;
	return true;
}

static unsigned type_number(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return TYPE_A;
	case DNS_AAAA:
		return TYPE_AAAA;
	case DNS_SRV:
		return TYPE_SRV;
	case DNS_NAPTR:
		return TYPE_NAPTR;
	}
	return 0;
}

static bool read_address(const struct record *record, struct addr *out)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (record->type == TYPE_A && record->len == sizeof(in4.sin_addr)) {
		memcpy(&in4.sin_addr, record->value, sizeof(in4.sin_addr));
		addr_from_sockaddr(out, (struct sockaddr *)&in4, sizeof(in4));
		return true;
	}
	if (record->type == TYPE_AAAA && record->len == sizeof(in6.sin6_addr)) {
		memcpy(&in6.sin6_addr, record->value, sizeof(in6.sin6_addr));
		addr_from_sockaddr(out, (struct sockaddr *)&in6, sizeof(in6));
		return true;
	}
	return false;
}

/* RFC 2782; the target "." means that there is no such service, which is no record then. */
static bool read_srv(const struct reader *reader, const struct record *record,
		     struct dns_srv *out)
{
	char name[512];

	if (record->len < 7 || read_name(reader, record->value + 6, name, sizeof(name)) == 0)
		return false;
	out->priority = (uint16_t)get16(record->value);
	out->weight = (uint16_t)get16(record->value + 2);
	out->port = (uint16_t)get16(record->value + 4);
	return out->port != 0 && text_domain(name, out->target, sizeof(out->target));
}

static void add(const struct reader *reader, const struct record *record,
		struct dns_answer *out)
{
	struct dns_srv srv;
	struct addr addr;
	bool is_srv = record->type == TYPE_SRV;

	if (is_srv ? !read_srv(reader, record, &srv) : !read_address(record, &addr))
		return;
	if (out->n == DNS_MAX_RECORDS) {
		out->is_truncated = true;
		return;
	}
	if (is_srv)
		out->srv[out->n++] = srv;
	else
		out->addrs[out->n++] = addr;
}

static void read_records(struct reader *reader, unsigned n, unsigned type,
			 struct dns_answer *out)
{
	struct record record;

	for (unsigned i = 0; i < n && i < MAX_READ && next_record(reader, &record); i++) {
		if (record.class != CLASS_IN ||
		    (record.type != type && record.type != TYPE_CNAME))
			continue;
		/* RFC 2181 §8: the first bit makes it 0. */
		uint32_t ttl_s = record.ttl_s & 0x80000000 ? 0 : record.ttl_s;
		if (ttl_s < out->ttl_s)
			out->ttl_s = ttl_s;
		if (record.type == TYPE_CNAME)
			out->had_cname = true;
		else if (type != TYPE_NAPTR) /* those c-ares reads: add_naptr */
			add(reader, &record, out);
	}
}

bool dns_answer_service(const char *text, enum dns_sip_service *out)
{
	static const char *const services[] = {
		[DNS_SIP_D2U] = "SIP+D2U",
		[DNS_SIP_D2T] = "SIP+D2T",
		[DNS_SIPS_D2T] = "SIPS+D2T",
	};

	for (size_t i = 0; i < COUNT(services); i++) {
		if (strcasecmp(services[i], text) == 0) {
			*out = (enum dns_sip_service)i;
			return true;
		}
	}
	return false;
}

static bool read_naptr(const struct ares_naptr_reply *from, struct dns_naptr *out)
{
	if (strcasecmp((const char *)from->flags, "s") != 0 || from->regexp[0] != '\0' ||
	    !dns_answer_service((const char *)from->service, &out->service))
		return false;
	out->order = from->order;
	out->preference = from->preference;
	return text_domain(from->replacement, out->replacement, sizeof(out->replacement));
}

static void add_naptr(const unsigned char *bytes, size_t len, struct dns_answer *out)
{
	struct ares_naptr_reply *list = NULL;
	struct dns_naptr naptr;

	if (ares_parse_naptr_reply(bytes, (int)len, &list) != ARES_SUCCESS)
		return;
	for (const struct ares_naptr_reply *from = list; from; from = from->next) {
		if (!read_naptr(from, &naptr))
			continue;
		if (out->n < DNS_MAX_RECORDS)
			out->naptr[out->n++] = naptr;
		else
			out->is_truncated = true;
	}
	ares_free_data(list);
}

void dns_answer_read(const unsigned char *bytes, size_t len, enum dns_type type,
		     struct dns_answer *out)
{
	struct reader reader = { .bytes = bytes, .at = bytes, .end = bytes + len };

	memset(out, 0, sizeof(*out));
	out->status = DNS_SERVER_FAILED;
	if (len < HEADER_BYTES)
		return;
	unsigned n_questions = get16(bytes + 4), n_answers = get16(bytes + 6);
	reader.at += HEADER_BYTES;
	if (n_questions > 1 || (n_questions == 1 && !skip_question(&reader)))
		return;

	out->ttl_s = DNS_MAX_TTL_S;
	read_records(&reader, n_answers, type_number(type), out);
	if (type == DNS_NAPTR)
		add_naptr(bytes, len, out);
	if (out->ttl_s < DNS_MIN_TTL_S)
		out->ttl_s = DNS_MIN_TTL_S;
	out->status = out->n > 0 ? DNS_FOUND : DNS_NO_RECORD;
}
