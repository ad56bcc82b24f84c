/* A good configuration with the files that it names, for the tests that break it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "proxy/base/macros.h"

/* A configuration without a fault, one string a line: the rows below change one line of it. */
static const char *const base[] = {
	"version: 1",
	"domains: [corp.example, corp.test]",
	"listeners:",
	/* clang-format off */
	"  - { name: wan, network: wan, bind: 127.0.0.1, port: 15061, transport: mtls, certificate: edge }",
	/* clang-format on */
	"  - name: lan", /* 5 */
	"    network: lan",
	"    bind: 127.0.0.1",
	"    port: 15060",
	"    transport: tcp",
	"certificates:", /* 10 */
	"  edge: { chain: edge.pem, key: edge.key }",
	"tls:",
	"  minimum: \"1.2\"",
	"  min_key_bits: 2048",
	"backends:", /* 15 */
	"  - name: berlin",
	"    address: sip:127.0.0.3:15060;transport=tcp",
	"    listener: lan",
	"    domains: [corp.example]",
	"    users: [\"anna\", \"*\"]", /* 20 */
	"partners:",
	"  enabled: true",
	"  routes:",
	"    - domain: partner.example",
	"      server: sip.partner.example", /* 25 */
	"      port: 15061",
	"      transport: mtls",
	"      certificate: edge",
	"      services: [presence, im]",
	"      probe: 60s", /* 30 */
	"placement: reject",
	"limits:",
	"  message_size: 64KB",
	"  requests: 200/s",
	"  ban: 5m", /* 35 */
	"log: { level: info, trace: [tls] }",
	"service: { workers: 2 }",
};

static char dir[64];

static inline void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static inline const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static inline int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/nuncio-settings-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	write_file("edge.pem", "a chain", 0644);
	write_file("edge.key", "a key", 0600);
	write_file("open.key", "a key", 0644);
	write_file("other.p12", "both", 0600);
	write_file("berlin.pass", "secret", 0600);
	write_file("open.pass", "secret", 0644);
	return 0;
}

static inline int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command) == 0 ? 0 : -1;
}

/* The base with one line replaced; text may hold several lines, or be NULL for none. */
static inline char *changed(unsigned line, const char *text)
{
	struct buf buf;

	buf_init(&buf, 0);
	for (unsigned i = 1; i <= COUNT(base); i++) {
		if (i != line)
			buf_printf(&buf, "%s\n", base[i - 1]);
		else if (text)
			buf_printf(&buf, "%s\n", text);
	}
	return buf_take(&buf);
}

static inline enum err load_text(const char *text, struct report *report, struct settings **out)
{
	return settings_load_text(path_of("nuncio.yaml"), text, strlen(text), report, out);
}
