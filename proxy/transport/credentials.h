/* Our certificates and whom we trust: loaded and validated as a whole, immutable, counted,
 * swapped by reload. Old sessions keep what they began with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/error.h"
#include "proxy/transport/identity.h"

enum { FINGERPRINT_SIZE = 65 };

struct credentials; /* one named certificate of `certificates:` with its key and chain */
struct tls_trust;   /* trust anchors, CRLs and the policies of `tls:` */

/* Loads one certificate: chain in any order and bundling, or PKCS#12; checks that the key
 * matches, that it is valid now, that the chain links up, that no root is in it (warning), key
 * size. Every fault goes to report at the certificate's place. */
enum err credentials_load(const struct settings_certificate *certificate, struct report *report,
			  struct credentials **out) MUST_CHECK;
struct credentials *credentials_ref(struct credentials *credentials);
struct credentials *credentials_unref(struct credentials *credentials);
/* certificates that are shown, the leaf too */
unsigned credentials_n_chain(const struct credentials *credentials);
const char *credentials_name(const struct credentials *credentials);
const struct identity *credentials_identity(const struct credentials *credentials);

/* When what is shown to partners ends: the earliest of the chain, in seconds since 1970.
 * out_which, if not NULL, gets the subject of the intermediate that ends then, "" if it is the
 * certificate itself; the credentials' own. */
int64_t credentials_not_after(const struct credentials *credentials, const char **out_which);

/* SHA-256 of the chain in hex, "" for NULL: equal for two loads of the same certificate, so
 * that a reload which changes nothing keeps the connections. */
const char *credentials_fingerprint(const struct credentials *credentials);

/* Loads `tls:`: system or files or folders of CAs (PEM or DER), CRLs (also of intermediates:
 * through the trust list). */
enum err tls_trust_load(const struct settings_tls *tls, struct report *report,
			struct tls_trust **out) MUST_CHECK;
struct tls_trust *tls_trust_ref(struct tls_trust *trust);
struct tls_trust *tls_trust_unref(struct tls_trust *trust);

/* The same for whom we trust: anchors, CRLs, policies. "" for NULL. */
const char *tls_trust_fingerprint(const struct tls_trust *trust);
