/* SPDX-License-Identifier: ISC */
/*
 * test_ctllisten.c - the control socket is private, replaces only a dead one,
 * and is repaired after a hostile engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "monitor/ctllisten.h"

static char dir[] = "/tmp/test_ctllistenXXXXXX";
static char path[64];
static int listener;

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/ctl", dir);
	return 0;
}

static int drop_dir(void **state)
{
	return rmdir(dir);
}

static int setup(void **state)
{
	listener = ctllisten_open(path);
	return listener < 0;
}

static int teardown(void **state)
{
	close(listener);
	return unlink(path);
}

static void the_socket_is_private(void **state)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_socket_that_answers_is_left_alone(void **state)
{
	assert_int_equal(ctllisten_open(path), -EADDRINUSE);
}

static void a_dead_socket_is_replaced(void **state)
{
	close(listener);
	listener = ctllisten_open(path);
	assert_true(listener >= 0);
}

static void a_file_that_is_not_a_socket_is_left_alone(void **state)
{
	char file[80];

	snprintf(file, sizeof(file), "%s/file", dir);
	close(creat(file, 0600));
	assert_int_equal(ctllisten_open(file), -EADDRINUSE);
	assert_int_equal(unlink(file), 0);
}

static void an_impossible_path_is_refused(void **state)
{
	char file[80], name[200];

	snprintf(file, sizeof(file), "%s/none/ctl", dir);
	assert_int_equal(ctllisten_open(file), -ENOENT);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ctllisten_open(name), -ENAMETOOLONG);
}

static int try_connect(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	int err;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	err = connect(fd, (struct sockaddr *)&at, sizeof(at)) ? errno : 0;
	close(fd);
	return err;
}

/* A hostile engine could shut the shared socket down: upnpctl was then refused
 * until the daemon was restarted. */
static void a_damaged_listener_is_repaired(void **state)
{
	assert_true(ctllisten_repair(listener));
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(try_connect(), 0);
	assert_int_equal(try_connect(), EAGAIN);
	assert_true(ctllisten_repair(listener));
	assert_int_equal(try_connect(), 0);
	assert_int_equal(shutdown(listener, SHUT_WR), 0);
	assert_int_equal(try_connect(), 0);
	assert_true(ctllisten_repair(listener));
	assert_int_equal(shutdown(listener, SHUT_RD), 0);
	assert_int_equal(try_connect(), ECONNREFUSED);
	assert_false(ctllisten_repair(listener));
	assert_int_equal(shutdown(listener, SHUT_RDWR), 0);
	assert_false(ctllisten_repair(listener));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(the_socket_is_private),
		T(a_socket_that_answers_is_left_alone),
		T(a_dead_socket_is_replaced),
		T(a_file_that_is_not_a_socket_is_left_alone),
		T(an_impossible_path_is_refused),
		T(a_damaged_listener_is_repaired),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
