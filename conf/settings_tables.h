/* The tables of the configuration, and what their files share. For conf's own files alone. */
#pragma once

#include "conf/schema.h"
#include "conf/settings.h"

extern const struct table settings_table;             /* struct settings */
extern const struct table settings_listener_table;    /* -> struct settings_listener */
extern const struct table settings_certificate_table; /* -> struct settings_certificate */
extern const struct table settings_tls_table;         /* struct settings_tls */
extern const struct table settings_backend_table;     /* -> struct settings_backend */
extern const struct table settings_partners_table;    /* struct settings_partners */
extern const struct table settings_federation_table;  /* struct settings_federation */
extern const struct table settings_nat_table;         /* struct settings_nat */
extern const struct table settings_media_table;       /* struct settings_media */
extern const struct table settings_server_table;      /* -> struct settings_server */
extern const struct word conf_transport_words[];      /* of servers */
extern const struct word conf_tls_version_words[];    /* "1.0" to "1.3" */

/* Fills in what follows from its host. port 0: none is written. */
void settings_server_complete(struct settings_server *server, enum conf_transport transport,
			      uint16_t port);

/* How many there are: at least one, and not too many; what is no list was reported already. */
void settings_servers_check(struct schema_reader *reader, const struct node *servers);

/* Where the value of key stands; the group itself if it is not written. */
struct place settings_place(const struct node *node, const char *key);

/* A domain name, or "*." and one, normalised; NULL after a fault. */
const char *settings_domain_pattern(struct schema_reader *reader, const char *key,
				    const struct settings_text *text);

/* What bind: means; a fault goes to report at place, as an error or a warning. */
void settings_bind(struct schema_reader *reader, const char *bind, const struct place *place,
		   bool must_be_local, struct addr *out);

/* A fault goes to report if text is no host or host:port. */
void settings_check_stun_server(struct schema_reader *reader, const char *key, const char *text,
				const struct place *place);

/* Warns of TLS 1.0 and 1.1; returns preset for CONF_TLS_UNSET. */
enum conf_tls_version settings_minimum(struct schema_reader *reader, const struct node *node,
				       enum conf_tls_version minimum,
				       enum conf_tls_version preset);
