#include <string.h>
#include <strings.h>

#include "conf/settings_tables.h"
#include "conf/value.h"
#include "proxy/base/macros.h"
#include "proxy/base/text.h"

#define MEDIA(member) offsetof(struct settings_media, member)

/* clang-format off */
static const struct word networks[] = {
	{ "wan", 1 << NETWORK_WAN, false },
	{ "lan", 1 << NETWORK_LAN, false },
	{ "remote", 1 << NETWORK_REMOTE, false },
	{ NULL, 0, false },
};

static const struct word policies[] = {
	{ "off", CONF_SRTP_OFF, false },
	{ "passthrough", CONF_SRTP_PASSTHROUGH, false },
	{ "prefer", CONF_SRTP_PREFER, false },
	{ "require", CONF_SRTP_REQUIRE, false },
	{ NULL, 0, false },
};

static const struct word holds[] = {
	{ "sendrecv", CONF_HOLD_SENDRECV, false },
	{ "keepalive", CONF_HOLD_KEEPALIVE, false },
	{ "unchanged", CONF_HOLD_UNCHANGED, false },
	{ NULL, 0, false },
};

static const struct word on_timeouts[] = {
	{ "close", CONF_ON_TIMEOUT_CLOSE, false },
	{ "bye", CONF_ON_TIMEOUT_BYE, false },
	{ NULL, 0, false },
};

static const struct word kernels[] = {
	{ "off", CONF_KERNEL_OFF, false },
	{ "auto", CONF_KERNEL_AUTO, false },
	{ NULL, 0, false },
};

static const char *const suites[] = {
	"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80",
	"AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM",
};

/* Their keys stand in the struct of the section. */
static const struct field bind_fields[] = {
	{ "wan", KIND_TEXT, MEDIA(binds[NETWORK_WAN]), 0, 63, "", LIVE, "towards partners" },
	{ "lan", KIND_TEXT, MEDIA(binds[NETWORK_LAN]), 0, 63, "", LIVE, "towards backends" },
	{ "remote", KIND_TEXT, MEDIA(binds[NETWORK_REMOTE]), 0, 63, "", LIVE, "towards remote phones" },
};

static const struct field srtp_fields[] = {
	{ "wan", KIND_WORD, MEDIA(srtp[NETWORK_WAN]), 0, 0, "passthrough", LIVE, "towards partners", policies },
	{ "lan", KIND_WORD, MEDIA(srtp[NETWORK_LAN]), 0, 0, "passthrough", LIVE, "towards backends", policies },
	{ "remote", KIND_WORD, MEDIA(srtp[NETWORK_REMOTE]), 0, 0, "prefer", LIVE, "towards remote phones", policies },
};

static const struct table bind_table = { "in bind", bind_fields, COUNT(bind_fields) };
static const struct table srtp_table = { "in srtp", srtp_fields, COUNT(srtp_fields) };

static const struct field fields[] = {
	{ "relay", KIND_WORDS, MEDIA(relay), 0, 0, "remote", LIVE,
	  "calls that touch one of these networks are relayed; [] for never", networks },
	{ "bind", KIND_GROUP, 0, 0, 0, NULL, LIVE,
	  "address of ours for media, by network; without it that of the network's listener", NULL, &bind_table },
	{ "ports", KIND_TEXT, NOWHERE, 3, 11, "30528-30887", LIVE,
	  "FIRST-LAST: UDP ports for media; each stream takes an even one and the next, on either side" },
	{ "channels", KIND_COUNT, MEDIA(channels), 1, 10000, "180", LIVE,
	  "relayed calls at a time: one for a partner's call, one for each remote phone" },
	{ "bandwidth", KIND_COUNT, MEDIA(bandwidth_kbps), 0, 100000000, "0", LIVE,
	  "kbit/s of all relayed calls, each way; 0: no bound" },
	{ "srtp", KIND_GROUP, 0, 0, 0, NULL, LIVE, "how media are protected, by network", NULL, &srtp_table },
	{ "suites", KIND_TEXTS, MEDIA(suites), 0, SETTINGS_MAX_SUITES, NULL, LIVE,
	  "SRTP suites, the best first; without it AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80" },
	{ "hold", KIND_WORD, MEDIA(hold), 0, 0, "sendrecv", LIVE,
	  "what remote phones see of a hold: sendrecv (nothing), keepalive (we keep their routers open) or unchanged", holds },
	{ "timeout", KIND_DURATION, MEDIA(timeout_ms), 10000, 86400000, "60s", LIVE,
	  "a relay on which nothing comes for so long ends; on hold an hour" },
	{ "on_timeout", KIND_WORD, MEDIA(on_timeout), 0, 0, "close", LIVE,
	  "what ends then: close (the relay alone) or bye (the call: both sides are sent BYE, too)", on_timeouts },
	{ "dscp", KIND_COUNT, MEDIA(dscp), 0, 63, "46", LIVE, "DSCP of what we send (RFC 2474)" },
	{ "kernel", KIND_WORD, MEDIA(kernel), 0, 0, "off", LIVE,
	  "auto: settled plain RTP goes by the kernel alone; needs the drop-in nuncio-fastpath.conf", kernels },
};
/* clang-format on */

/* "30528-30887"; false if it is none. */
static bool read_ports(const char *text, uint64_t *first, uint64_t *last)
{
	const char *dash = strchr(text, '-');
	char number[8];

	return dash && text_copy_len(number, sizeof(number), text, (size_t)(dash - text)) &&
	       !value_number(number, first) && !value_number(dash + 1, last) && *first >= 1 &&
	       *last <= 65535 && *first < *last;
}

static void finish_ports(struct schema_reader *reader, const struct node *node,
			 struct settings_media *media)
{
	const struct node *ports = node_get(node, "ports");
	const char *text = ports && ports->kind == NODE_SCALAR ? ports->text : "30528-30887";
	uint64_t first = 0, last = 0;
	unsigned n_pairs;

	media->ports_place = settings_place(node, "ports");
	if (!read_ports(text, &first, &last)) {
		report_error(
			reader->report, FAULT_BAD_VALUE, &media->ports_place, "ports",
			"'%.64s', expected FIRST-LAST with numbers up to 65535, such as 30528-30887",
			text);
		return;
	}
	media->first_port = (uint16_t)first;
	media->last_port = (uint16_t)last;
	n_pairs = (unsigned)((last + 1) / 2 - (first + 1) / 2);
	if (n_pairs < 2)
		report_error(reader->report, FAULT_OUT_OF_RANGE, &media->ports_place, "ports",
			     "'%.64s' holds less than two pairs, which one call takes", text);
	else if (first % 2)
		report_warning(
			reader->report, FAULT_OUT_OF_RANGE, &media->ports_place, "ports",
			"%u is odd and will not be used: RTP takes even ports (RFC 3550 11)",
			(unsigned)first);
	else if (n_pairs < media->channels)
		report_warning(reader->report, FAULT_OUT_OF_RANGE, &media->ports_place, "ports",
			       "%u pairs of ports for %u channels: expected at least as many",
			       n_pairs, media->channels);
}

static void finish_suites(struct schema_reader *reader, struct settings_media *media)
{
	static const struct settings_text preset[] = {
		{ .text = "AES_CM_128_HMAC_SHA1_80" },
		{ .text = "AES_CM_128_HMAC_SHA1_32" },
		{ .text = "AES_256_CM_HMAC_SHA1_80" },
	};

	for (size_t i = 0; i < media->n_suites; i++) {
		const struct settings_text *suite = &media->suites[i];
		size_t n = 0;

		while (n < COUNT(suites) && strcasecmp(suite->text, suites[n]) != 0)
			n++;
		if (n < COUNT(suites))
			continue;
		report_error(
			reader->report, FAULT_BAD_VALUE, &suite->place, "suites",
			"'%.64s', expected AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80, "
			"AES_256_CM_HMAC_SHA1_32, AEAD_AES_128_GCM or AEAD_AES_256_GCM",
			suite->text);
	}
	if (media->n_suites)
		return;
	media->suites = preset;
	media->n_suites = COUNT(preset);
}

static void finish(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_media *media = at;
	const struct node *bind = node_get(node, "bind");

	if (node)
		media->place = node->place;
	finish_ports(reader, node, media);
	finish_suites(reader, media);
	for (unsigned i = 0; i < CONF_N_NETWORKS; i++) {
		const char *key = conf_network_text((enum conf_network)i);
		struct place place = settings_place(bind, key);

		if (!*media->binds[i])
			continue;
		settings_bind(reader, media->binds[i], &place, true, &media->bind[i]);
		if (addr_is_set(&media->bind[i]) && addr_is_wildcard(&media->bind[i]))
			report_error(
				reader->report, FAULT_BAD_VALUE, &place, key,
				"'%.64s' is no address that stands in SDP, expected one of this host",
				media->binds[i]);
	}
}

const struct table settings_media_table = {
	.where = "in media",
	.fields = fields,
	.n_fields = COUNT(fields),
	.item_bytes = sizeof(struct settings_media),
	.finish = finish,
};

bool settings_media_relays(const struct settings_media *media, enum conf_network a,
			   enum conf_network b)
{
	return media->relay & (1U << a | 1U << b);
}
