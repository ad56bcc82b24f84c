/* Any bytes as a configuration and as a users file: refused or read, with every fault
 * printed. */
#include <stddef.h>
#include <stdint.h>

#include "conf/report.h"
#include "conf/settings.h"
#include "conf/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct settings *settings = NULL;
	struct users *users = NULL;
	struct report *report;
	struct buf out;

	if (report_new(&report))
		return 0;
	if (settings_load_text("fuzz.yaml", (const char *)bytes, len, report, &settings) ==
	    ERR_OK)
		settings_free(settings);
	if (users_load_text("users.yaml", (const char *)bytes, len, report, &users) == ERR_OK)
		users_free(users);
	buf_init(&out, 0);
	report_print(report, true, &out);
	report_print_json(report, &out);
	buf_fini(&out);
	report_free(report);
	return 0;
}
