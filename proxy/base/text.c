#include "proxy/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_DOMAIN = 253, MAX_LABEL = 63, MAX_WORD = 64, MAX_EDITS = 2 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_equal_nocase(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

bool text_starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

bool text_copy(char *to, size_t size, const char *from)
{
	return text_copy_len(to, size, from, strlen(from));
}

bool text_copy_len(char *to, size_t size, const char *from, size_t len)
{
	if (size == 0)
		return false;

	size_t n = len < size ? len : size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
	return n == len;
}

const char *text_number(uint64_t number, char out[24])
{
	char *at = out + 23;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return at;
}

size_t text_append(char *out, size_t size, size_t len, const char *add)
{
	const size_t n = len + 1 < size ? strnlen(add, size - 1 - len) : 0;

	memcpy(out + len, add, n);
	out[len + n] = '\0';
	return len + n;
}

void text_lower(char *text)
{
	for (; *text; text++)
		*text = lower(*text);
}

static bool is_ipv6_literal(const char *text)
{
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t len = strlen(text);

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	return text_copy_len(bare, sizeof(bare), text, len) &&
	       inet_pton(AF_INET6, bare, &in6) == 1;
}

/* What is right in a label, in lower case; 0: nothing. */
static const char label_letters[256] = {
	['-'] = '-', ['_'] = '_', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3',
	['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
	['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l',
	['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
	['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x',
	['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
	['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
	['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p',
	['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v',
	['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

/* RFC 1123 §2.1 labels, and the underscore of service names: copies them in lower case. */
static bool copy_labels(const char *in, size_t len, char *out)
{
	size_t label_at = 0;

	for (size_t i = 0; i < len; i++) {
		const char c = label_letters[(unsigned char)in[i]];

		if (c) {
			out[i] = c;
			continue;
		}
		if (in[i] != '.' || i == label_at || i - label_at > MAX_LABEL)
			return false;
		out[i] = '.';
		label_at = i + 1;
	}
	out[len] = '\0';
	return len > label_at && len - label_at <= MAX_LABEL;
}

bool text_domain(const char *in, char *out, size_t size)
{
	char domain[MAX_DOMAIN + 1];
	size_t len = strlen(in);

	if (len > 1 && in[len - 1] == '.')
		len--;
	if (len > MAX_DOMAIN || len >= size)
		return false;
	if (!copy_labels(in, len, domain)) {
		text_copy_len(domain, sizeof(domain), in, len);
		text_lower(domain);
		if (!is_ipv6_literal(domain))
			return false;
	}
	memcpy(out, domain, len + 1);
	return true;
}

bool text_domain_matches(const char *pattern, const char *domain)
{
	if (!text_starts_with(pattern, "*."))
		return strcmp(pattern, domain) == 0;

	return strcmp(domain, pattern + 2) != 0 && text_domain_holds(pattern + 2, domain);
}

bool text_domain_holds(const char *domain, const char *host)
{
	size_t domain_len = strlen(domain), len = strlen(host);

	if (len <= domain_len)
		return strcmp(host, domain) == 0;
	return len > domain_len + 1 && host[len - domain_len - 1] == '.' &&
	       strcmp(host + len - domain_len, domain) == 0;
}

/* Each piece between two "*" is taken where it is found first; a later place could not help
 * what follows. memmem is linear, so a stranger cannot make this slow. */
bool text_glob(const char *pattern, const char *text)
{
	const char *star = strchr(pattern, '*');
	if (!star)
		return strcmp(pattern, text) == 0;

	size_t start_len = (size_t)(star - pattern);
	if (strncmp(text, pattern, start_len) != 0)
		return false;
	text += start_len;
	size_t left = strlen(text);

	for (;;) {
		const char *piece = star + 1;
		star = strchr(piece, '*');
		if (!star) {
			size_t end_len = strlen(piece);
			return end_len <= left && strcmp(text + left - end_len, piece) == 0;
		}
		const char *found = memmem(text, left, piece, (size_t)(star - piece));
		if (!found)
			return false;
		found += star - piece;
		left -= (size_t)(found - text);
		text = found;
	}
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Damerau-Levenshtein with adjacent exchanges: three rows of the matrix are enough. */
static unsigned n_edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][MAX_WORD + 1];
	unsigned *older = rows[0], *old = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		old[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			row[j] = min3(old[j] + 1, row[j - 1] + 1, old[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && older[j - 2] + 1 < row[j])
				row[j] = older[j - 2] + 1;
		}
		unsigned *spare = older;
		older = old;
		old = row;
		row = spare;
	}
	return old[b_len];
}

const char *text_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word);
	/* In a word of three letters two edits leave nothing that was meant. */
	unsigned least = (len <= 3 ? 1 : MAX_EDITS) + 1;
	const char *nearest = NULL;

	if (len == 0 || len > MAX_WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other_len = strlen(words[i]);
		if (other_len > MAX_WORD || other_len > len + MAX_EDITS ||
		    len > other_len + MAX_EDITS)
			continue;
		unsigned edits = n_edits(word, len, words[i], other_len);
		if (edits < least && edits < other_len) {
			least = edits;
			nearest = words[i];
		}
	}
	return nearest;
}

void text_hex(const void *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[from[i] >> 4];
		*out++ = digits[from[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool text_unhex(const char *hex, void *out, size_t len)
{
	unsigned char *to = out;

	if (strnlen(hex, 2 * len + 1) != 2 * len)
		return false;
	for (size_t i = 0; i < 2 * len; i++) {
		if (hex_value(hex[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	return true;
}

const char *text_time(uint64_t wall_us, char out[32])
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900) {
		out[0] = '\0';
		return out;
	}

	size_t len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	long minutes = tm.tm_gmtoff / 60;
	unsigned offset = (unsigned)(minutes < 0 ? -minutes : minutes) % (24 * 60);
	snprintf(out + len, 32 - len, ".%03u%c%02u:%02u", (unsigned)(wall_us / 1000 % 1000),
		 minutes < 0 ? '-' : '+', offset / 60, offset % 60);
	return out;
}

const char *text_duration(uint64_t ms, char out[32])
{
	static const struct {
		uint64_t ms;
		const char *name, *next_name;
		uint64_t next_ms;
	} units[] = {
		{ 86400000, "d", "h", 3600000 },
		{ 3600000, "h", "min", 60000 },
		{ 60000, "min", "s", 1000 },
		{ 1000, "s", NULL, 1 },
		{ 1, "ms", NULL, 1 },
	};
	size_t i = 0;

	while (units[i].ms > 1 && ms < units[i].ms)
		i++;

	unsigned long long n = ms / units[i].ms, rest = ms % units[i].ms / units[i].next_ms;
	if (units[i].next_name && rest)
		snprintf(out, 32, "%llu %s %llu %s", n, units[i].name, rest,
			 units[i].next_name);
	else
		snprintf(out, 32, "%llu %s", n, units[i].name);
	return out;
}
