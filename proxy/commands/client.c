#include "proxy/commands/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/buf.h"

enum { TIMEOUT_MS = 30000, PEEK_MS = 300, MAX_ANSWER = 64 * 1024 * 1024 };

const char *client_socket(const struct args *args)
{
	const char *from_env = getenv("NUNCIO_CONTROL");
	const char *preset = from_env && *from_env ? from_env : path_control;

	return args ? args_value(args, "control", preset) : preset;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
	struct buf *buf = user;

	buf_add(buf, bytes, size * n);
	return buf->err ? 0 : size * n;
}

static void add_query(CURL *curl, struct buf *url, const struct client_query *query)
{
	char sign = '?';

	for (; query && query->key; query++) {
		char *value;

		if (!query->value)
			continue;
		value = curl_easy_escape(curl, query->value, 0);
		if (value)
			buf_printf(url, "%c%s=%s", sign, query->key, value);
		curl_free(value);
		sign = '&';
	}
}

/* What libcurl says, as exit code. errno tells a socket that may not be opened from one that
 * nobody serves. */
static enum exit_code classify(CURLcode code, long number)
{
	if (code == CURLE_OPERATION_TIMEDOUT)
		return EXIT_NOT_KNOWN;
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		return number == EACCES || number == EPERM ? EXIT_NOT_ALLOWED
							   : EXIT_UNREACHABLE;
	return EXIT_NOT_KNOWN;
}

struct question {
	const char *socket, *path, *body;
	const struct client_query *query;
	long timeout_ms;
};

static void set_options(CURL *curl, const struct question *question, const struct buf *url,
			struct buf *answer)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, question->socket);
	curl_easy_setopt(curl, CURLOPT_URL, buf_text(url));
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, question->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (question->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->body);
}

/* Asks and parses. out_error gets a text for people. */
static enum exit_code ask(const struct question *question, struct client_answer *out,
			  const char **out_error)
{
	CURL *curl = curl_easy_init();
	struct buf url, bytes;
	enum exit_code code = EXIT_NOT_KNOWN;
	long number = 0, status = 0;
	CURLcode result;

	*out_error = "out of memory";
	if (!curl)
		return EXIT_NOT_KNOWN;
	buf_init(&url, 0);
	buf_init(&bytes, MAX_ANSWER);
	buf_printf(&url, "http://nuncio%s", question->path);
	add_query(curl, &url, question->query);
	set_options(curl, question, &url, &bytes);
	result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK) {
		code = classify(result, number);
		*out_error =
			code == EXIT_UNREACHABLE
				? "the daemon is not running (nobody answers on the socket)"
			: code == EXIT_NOT_ALLOWED
				? "the socket may not be opened: permission denied"
				: curl_easy_strerror(result);
	} else {
		out->status = (int)status;
		out->json = json_loads(buf_text(&bytes), JSON_REJECT_DUPLICATES, NULL);
		code = json_is_object(out->json) ? EXIT_YES : EXIT_NOT_KNOWN;
		*out_error = "the answer is not what nuncio would say";
	}
	if (code != EXIT_YES)
		json_decref(out->json);
	buf_fini(&bytes);
	buf_fini(&url);
	curl_easy_cleanup(curl);
	return code;
}

enum exit_code client_ask(const struct args *args, const char *path,
			  const struct client_query *query, const char *body,
			  struct client_answer *out)
{
	struct question question = { client_socket(args), path, body, query, TIMEOUT_MS };
	const char *error;
	enum exit_code code;

	*out = (struct client_answer){ 0 };
	code = ask(&question, out, &error);
	if (code != EXIT_YES) {
		fprintf(stderr, "nuncio %s: %s: %s\n", args->verb->name, question.socket,
			error);
		return code;
	}
	if (out->status != 403)
		return EXIT_YES;
	client_complain(args, out);
	json_decref(out->json);
	return EXIT_NOT_ALLOWED;
}

json_t *client_peek(const char *socket, const char *path)
{
	struct question question = { socket, path, NULL, NULL, PEEK_MS };
	struct client_answer answer = { 0 };
	const char *error;

	if (ask(&question, &answer, &error) != EXIT_YES)
		return NULL;
	return answer.json;
}

void client_complain(const struct args *args, const struct client_answer *answer)
{
	json_t *problem = json_array_get(json_object_get(answer->json, "problems"), 0);
	const char *text = json_string_value(json_object_get(problem, "text"));
	const char *remedy = json_string_value(json_object_get(problem, "remedy"));

	fprintf(stderr, "nuncio %s: %s\n", args->verb->name,
		text ? text : "the daemon gave no reason");
	if (remedy && *remedy)
		fprintf(stderr, "  what to do: %s\n", remedy);
}

void client_print_json(const json_t *json)
{
	char *text = json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(2));

	puts(text ? text : "{}");
	free(text);
}
