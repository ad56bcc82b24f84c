#include "proxy/base/log.h"
#include "proxy/base/log_journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static struct log_settings settings_of(bool is_json)
{
	return (struct log_settings){
		.level = LOG_INFO, .is_json = is_json, .directory = directory, .n_files = 2
	};
}

static void read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t len = read(fd, text, size - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	close(fd);
}

static void read_log(char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/nuncio.log", directory);
	read_file(path, text, size);
}

static int make_directory(void **state)
{
	strcpy(directory, "/tmp/nuncio-log-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/nuncio.log", directory);
	unlink(path);
	return rmdir(directory);
}

static void test_text(void **state)
{
	struct log_settings settings = settings_of(false);
	char text[4096];

	assert_int_equal(log_start(&settings), ERR_OK);
	assert_int_equal(log_start(&settings), ERR_EXISTS);
	assert_true(log_wants(LOG_ERROR));
	assert_true(log_wants(LOG_INFO));
	assert_false(log_wants(LOG_DEBUG));
	log_event(LOG_INFO, "listener up", "listener", "wan", "peer", NULL, "transport", "mtls",
		  NULL);
	log_event(LOG_DEBUG, "not wanted", NULL);
	log_event(LOG_ERROR, "plain", NULL);
	log_stop();
	read_log(text, sizeof(text));
	assert_non_null(strstr(text, " info listener up listener=wan transport=mtls\n"));
	assert_non_null(strstr(text, " error plain\n"));
	assert_null(strstr(text, "not wanted"));
	assert_int_equal(text[4], '-'); /* the time stands first */
}

static void test_json(void **state)
{
	struct log_settings settings = settings_of(true);
	char text[4096];

	assert_int_equal(log_start(&settings), ERR_OK);
	log_event(LOG_WARNING, "answered", "status", "200", "call_id", "a\"b", NULL);
	log_stop();
	read_log(text, sizeof(text));
	assert_memory_equal(text, "{\"time\":\"", 9);
	assert_non_null(strstr(text,
			       "\"level\":\"warning\",\"event\":\"answered\",\"status\":200,"
			       "\"call_id\":\"a\\\"b\"}\n"));
}

static void test_change(void **state)
{
	struct log_settings settings = settings_of(false);
	char text[4096];

	assert_int_equal(log_start(&settings), ERR_OK);
	log_event(LOG_DEBUG, "one", NULL);
	settings.level = LOG_DEBUG;
	settings.is_json = true;
	assert_int_equal(log_change(&settings), ERR_OK);
	log_event(LOG_DEBUG, "two", NULL);
	settings.level = LOG_ERROR;
	settings.directory = "/no/such/directory";
	assert_int_equal(log_change(&settings), ERR_NOT_FOUND);
	assert_true(log_wants(LOG_DEBUG)); /* the old settings stay */
	log_event(LOG_DEBUG, "three", NULL);
	log_stop();
	read_log(text, sizeof(text));
	assert_null(strstr(text, "one"));
	assert_non_null(strstr(text, "\"event\":\"two\""));
	assert_non_null(strstr(text, "\"event\":\"three\""));
	assert_int_equal(log_start(&settings), ERR_NOT_FOUND);
}

static void test_trace(void **state)
{
	struct log_settings settings = settings_of(false);
	char text[4096];

	settings.trace = LOG_TRACE_INTERCONNECTION | LOG_TRACE_TLS;
	assert_int_equal(log_start(&settings), ERR_OK);
	assert_true(log_traces(LOG_TRACE_INTERCONNECTION));
	assert_false(log_traces(LOG_TRACE_MEDIA));
	log_trace(LOG_TRACE_MEDIA, "unseen", "x", 1, NULL);
	log_trace(LOG_TRACE_INTERCONNECTION, "received", "BYE a\r\n\r\n", 9, "peer",
		  "192.0.2.1:5", NULL);
	log_stop();
	read_log(text, sizeof(text));
	assert_null(strstr(text, "unseen"));
	assert_non_null(strstr(
		text, " debug received area=interconnection peer=192.0.2.1:5\n\tBYE a\n\t\n"));
}

static void test_refusals_are_counted(void **state)
{
	struct log_settings settings = settings_of(false);
	char text[4096], peer[32];
	unsigned n = 0;

	assert_int_equal(log_start(&settings), ERR_OK);
	for (unsigned port = 1; port <= 413; port++) {
		snprintf(peer, sizeof(peer), "192.0.2.1:%u", port);
		log_event(LOG_WARNING, "refused", "reason", "stranger", "peer", peer, NULL);
	}
	log_event(LOG_WARNING, "refused", "reason", "loop", "peer", peer, NULL);
	for (unsigned i = 0; i < 9; i++) /* strangers may try as often as they like */
		log_event(LOG_WARNING, "TLS handshake failed", "reason", "tls-not-tls", "peer",
			  peer, NULL);
	for (unsigned i = 0; i < 2; i++) /* other events are not limited */
		log_event(LOG_WARNING, "closed", "reason", "stranger", "peer", peer, NULL);
	log_stop();
	read_log(text, sizeof(text));
	for (const char *at = text; (at = strstr(at, "refused: stranger peer=")); at++)
		n++;
	assert_int_equal(n, 1);
	assert_non_null(strstr(text, " warning refused: stranger (suppressed 412 similar) "
				     "peer=192.0.2.1 count=412\n"));
	assert_non_null(strstr(text, "refused: loop peer=192.0.2.1:413\n"));
	assert_non_null(strstr(text, "tls-not-tls (suppressed 8 similar)"));
	n = 0;
	for (const char *at = text; (at = strstr(at, "closed: stranger")); at++)
		n++;
	assert_int_equal(n, 2);
}

/* Standard error is a file here, and the environment says whether it is the journal. */
static void run_with_stderr(bool is_journal, bool is_started, char *text, size_t size)
{
	struct log_settings settings = settings_of(false);
	char path[128], stream[64];
	struct stat status;
	int old = dup(STDERR_FILENO);

	snprintf(path, sizeof(path), "%s/nuncio.log", directory);
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino + !is_journal);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fd, STDERR_FILENO);
	settings.directory = "";
	if (is_started)
		assert_int_equal(log_start(&settings), ERR_OK);
	else
		assert_int_equal(log_change(&settings), ERR_OK);
	log_event(LOG_WARNING, "hello", "hop", "a", NULL);
	log_stop();
	dup2(old, STDERR_FILENO);
	close(old);
	close(fd);
	unsetenv("JOURNAL_STREAM");
	read_file(path, text, size);
}

static void test_standard_error_and_journal(void **state)
{
	char text[512];

	run_with_stderr(true, true, text, sizeof(text));
	/* Where there is a journal, the line went there. */
	assert_string_equal(text, log_journal_is_there() ? "" : "<4>warning hello hop=a\n");
	run_with_stderr(false, true, text, sizeof(text));
	assert_int_equal(text[4], '-');
	assert_non_null(strstr(text, " warning hello hop=a\n"));
	run_with_stderr(false, false, text, sizeof(text)); /* before the thread is started */
	assert_non_null(strstr(text, " warning hello hop=a\n"));
	assert_int_equal(log_n_dropped(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_json),
		TEST(test_change),
		TEST(test_trace),
		TEST(test_refusals_are_counted),
		TEST(test_standard_error_and_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
