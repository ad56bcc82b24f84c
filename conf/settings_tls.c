#include <string.h>

#include "conf/settings_tables.h"
#include "proxy/base/macros.h"

#define CERTIFICATE(member) offsetof(struct settings_certificate, member)
#define TLS(member)         offsetof(struct settings_tls, member)

const struct word conf_tls_version_words[] = {
	{ "1.0", CONF_TLS_1_0, false },
	{ "1.1", CONF_TLS_1_1, false },
	{ "1.2", CONF_TLS_1_2, false },
	{ "1.3", CONF_TLS_1_3, false },
	{ NULL, 0, false },
};

/* For everybody; the older ones only where a single listener or route asks for them. */
static const struct word common_versions[] = {
	{ "1.2", CONF_TLS_1_2, false },
	{ "1.3", CONF_TLS_1_3, false },
	{ NULL, 0, false },
};

static const struct word usages[] = {
	{ "any-tls", EKU_ANY_TLS, false },
	{ "strict", EKU_STRICT, false },
	{ "sip", EKU_SIP, false },
	{ NULL, 0, false },
};

/* clang-format off */
static const struct field certificate_fields[] = {
	{ "chain", KIND_FILE, CERTIFICATE(chain), 0, 0, NULL, NEXT_CONNECTION,
	  "PEM file with the leaf and its intermediates, in any order" },
	{ "key", KIND_FILE, CERTIFICATE(key), 0, 0, NULL, NEXT_CONNECTION,
	  "PEM file with the private key" },
	{ "pkcs12", KIND_FILE, CERTIFICATE(pkcs12), 0, 0, NULL, NEXT_CONNECTION,
	  "PKCS#12 file with both, instead of chain and key" },
	{ "passphrase_file", KIND_FILE, CERTIFICATE(passphrase), 0, 0, NULL, NEXT_CONNECTION,
	  "file with the passphrase of the PKCS#12 file or of the PEM key" },
};

static const struct field tls_fields[] = {
	{ "minimum", KIND_WORD, TLS(minimum), 0, 0, "1.2", NEXT_CONNECTION,
	  "the oldest TLS version: \"1.2\" or \"1.3\"", common_versions },
	{ "trust", KIND_TEXTS, NOWHERE, 0, 256, "system", NEXT_CONNECTION,
	  "whom we trust: \"system\", and PEM or DER files or folders of CA certificates" },
	{ "crl", KIND_FILES, TLS(crl), 0, 256, NULL, NEXT_CONNECTION,
	  "certificate revocation lists, PEM or DER" },
	{ "min_key_bits", KIND_COUNT, TLS(min_key_bits), 1024, 16384, "2048", NEXT_CONNECTION,
	  "peers with a smaller RSA key are refused" },
	{ "wildcard", KIND_BOOL, TLS(accepts_wildcard), 0, 0, "false", NEXT_CONNECTION,
	  "accept names such as *.example in peer certificates (RFC 5922 7.2 says no)" },
	{ "client_eku", KIND_WORD, TLS(client_eku), 0, 0, "any-tls", NEXT_CONNECTION,
	  "what a connecting peer's certificate must allow: any-tls (serverAuth is enough), strict "
	  "(clientAuth), sip (id-kp-sipDomain, RFC 5924)", usages },
	{ "priority", KIND_TEXT, TLS(priority), 0, 1024, "", NEXT_CONNECTION,
	  "GnuTLS priority string, for experts" },
};
/* clang-format on */

static void finish_certificate(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_certificate *certificate = at;
	bool is_pkcs12 = certificate->pkcs12.path;
	bool is_pem = certificate->chain.path || certificate->key.path;

	certificate->place = node->key ? node->key->place : node->place;
	certificate->is_faulty =
		is_pkcs12 ? is_pem : !(certificate->chain.path && certificate->key.path);
	if (is_pkcs12 && is_pem)
		report_error(
			reader->report, FAULT_CONFLICT, &certificate->pkcs12.place, "pkcs12",
			"stands beside chain or key, expected either pkcs12, or chain and key");
	else if (!is_pkcs12 && !(certificate->chain.path && certificate->key.path))
		report_error(
			reader->report, FAULT_MISSING_KEY, &certificate->place,
			certificate->chain.path ? "key" : "chain",
			"missing in certificate '%.64s', expected chain and key, or pkcs12",
			certificate->name);
}

/* "system" is a word, everything else a path; "./system" is the file of that name. */
static void read_trust(struct schema_reader *reader, const struct node *node,
		       struct settings_tls *tls)
{
	const struct node *list = node_get(node, "trust");
	struct settings_file *files;

	tls->trusts_system = !list;
	if (!list || list->kind != NODE_LIST)
		return;
	files = arena_take(reader->arena, list->n_children, sizeof(*files));
	if (!files)
		return;
	tls->trust = files;
	for (const struct node *child = list->first; child; child = child->next) {
		if (child->kind != NODE_SCALAR)
			continue;
		if (strcmp(child->text, "system") == 0) {
			tls->trusts_system = true;
			continue;
		}
		files[tls->n_trust].path =
			schema_path(reader->arena, child->place.file, child->text);
		files[tls->n_trust++].place = child->place;
	}
}

static void finish_tls(struct schema_reader *reader, const struct node *node, void *at)
{
	struct settings_tls *tls = at;

	tls->place = node ? node->place : (struct place){ 0 };
	tls->priority_place = settings_place(node, "priority");
	read_trust(reader, node, tls);
}

const struct table settings_certificate_table = {
	.where = "in a certificate",
	.fields = certificate_fields,
	.n_fields = COUNT(certificate_fields),
	.item_bytes = sizeof(struct settings_certificate),
	.finish = finish_certificate,
};

const struct table settings_tls_table = {
	.where = "in tls",
	.fields = tls_fields,
	.n_fields = COUNT(tls_fields),
	.item_bytes = sizeof(struct settings_tls),
	.finish = finish_tls,
};
