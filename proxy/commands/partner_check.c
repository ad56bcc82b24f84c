#include "proxy/commands/partner_check.h"

#include <stdio.h>
#include <string.h>

#include "proxy/base/text.h"
#include "proxy/commands/check_text.h"
#include "proxy/commands/client.h"

const struct option_row option_as_if_allowed = {
	.name = "as-if-allowed",
	.text = "check: look at a domain that may not federate with us all the same"
};

enum exit_code partner_check_run(const struct args *args, const char *domain)
{
	const struct client_query query[] = {
		{ "as_if_allowed", args_has(args, "as-if-allowed") ? "1" : NULL }, { 0 }
	};
	char name[256], path[300];

	if (!text_domain(domain, name, sizeof(name))) {
		fprintf(stderr, "nuncio %s: '%s' is no domain\n", args->verb->name, domain);
		return EXIT_USAGE;
	}
	snprintf(path, sizeof(path), "/v1/partners/%s/check", name);
	return check_text_ask(args, path, query);
}
