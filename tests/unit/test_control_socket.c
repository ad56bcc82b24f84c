#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/control_socket.h"

static char dir[64], path[128];

static int set_up(void **state)
{
	strcpy(dir, "/tmp/test_control.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void test_mode_is_0660_under_any_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };

	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		mode_t before = umask(masks[i]);
		struct control_socket socket;
		struct stat st;

		assert_int_equal(control_socket_open(path, &socket), ERR_OK);
		umask(before);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0660);
		control_socket_remove(&socket);
		close(socket.fd);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void test_a_dead_file_is_replaced(void **state)
{
	struct control_socket first, second;

	assert_int_equal(control_socket_open(path, &first), ERR_OK);
	close(first.fd); /* as if the process had been killed */
	assert_false(control_socket_answers(path));
	assert_int_equal(control_socket_open(path, &second), ERR_OK);
	assert_true(control_socket_answers(path));
	close(second.fd);
}

static void test_a_living_one_is_never_taken(void **state)
{
	struct control_socket first, second;

	assert_int_equal(control_socket_open(path, &first), ERR_OK);
	assert_int_equal(control_socket_open(path, &second), ERR_EXISTS);
	assert_true(control_socket_answers(path));
	close(first.fd);
}

static void test_another_kind_of_file_is_left_alone(void **state)
{
	struct control_socket socket;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	assert_false(control_socket_answers(path));
	assert_int_equal(control_socket_open(path, &socket), ERR_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_removes_only_its_own_file(void **state)
{
	struct control_socket first, second;

	assert_int_equal(control_socket_open(path, &first), ERR_OK);
	close(first.fd);
	assert_int_equal(control_socket_open(path, &second), ERR_OK);
	control_socket_remove(&first);
	assert_true(control_socket_answers(path));
	control_socket_remove(&second);
	assert_int_equal(access(path, F_OK), -1);
	close(second.fd);
}

static void test_refuses_what_cannot_be(void **state)
{
	struct control_socket socket;
	char longer[200];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(control_socket_open(longer, &socket), ERR_TOO_LARGE);
	assert_int_equal(control_socket_open("/nonexistent/folder/control.sock", &socket),
			 ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mode_is_0660_under_any_umask, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_dead_file_is_replaced, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_living_one_is_never_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_another_kind_of_file_is_left_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_removes_only_its_own_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_refuses_what_cannot_be, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
