/* SPDX-License-Identifier: ISC */
/* test_notify.c - the service manager gets each datagram, and cannot block the
 * monitor for ever. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/notify.h"

#define VARIABLE "NOTIFY_SOCKET"

static char dir[] = "/tmp/test_notify.XXXXXX";
static char path[64];
static int manager = -1;

/* Listen at @name of @n bytes; an abstract name starts with a NUL. */
static void listen_at(const char *name, size_t n)
{
	struct sockaddr_un a = { AF_UNIX };

	memcpy(a.sun_path, name, n);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_return_code(manager, errno);
	assert_return_code(bind(manager, (struct sockaddr *)&a,
				(socklen_t)(offsetof(struct sockaddr_un,
						     sun_path) + n)), errno);
}

static int set_up(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/notify", dir);
	return 0;
}

static int tear_down(void **state)
{
	if (manager >= 0)
		close(manager);
	manager = -1;
	unlink(path);
	unsetenv(VARIABLE);
	rmdir(dir);
	memcpy(strrchr(dir, '.'), ".XXXXXX", 7);
	return 0;
}

/* The next datagram; "": there is none. */
static const char *got(void)
{
	static char buf[4096];
	ssize_t n = recv(manager, buf, sizeof(buf) - 1, 0);

	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static int opened(struct notify *n, const char *name)
{
	int err;

	setenv(VARIABLE, name, 1);
	err = notify_open(n);
	assert_null(getenv(VARIABLE));
	return err;
}

static void test_datagram_reaches_a_path(void **state)
{
	struct notify n;

	listen_at(path, strlen(path));
	assert_int_equal(opened(&n, path), 0);
	assert_int_equal(notify_send(&n, STR("READY=1\nSTATUS=a b")), 0);
	assert_string_equal(got(), "READY=1\nSTATUS=a b");
	assert_string_equal(got(), "");
	assert_int_equal(notify_send(&n, STR("STOPPING=1")), 0);
	assert_string_equal(got(), "STOPPING=1");
}

/* An abstract name has a length and no NUL: one more byte is another name. */
static void test_datagram_reaches_an_abstract_name(void **state)
{
	char name[64];
	struct notify n;

	snprintf(name, sizeof(name), "@upnpd-test-%ld", (long)getpid());
	name[0] = '\0';
	listen_at(name, 1 + strlen(name + 1));
	name[0] = '@';
	assert_int_equal(opened(&n, name), 0);
	assert_int_equal(notify_send(&n, STR("READY=1")), 0);
	assert_string_equal(got(), "READY=1");
}

static void test_without_a_manager_nothing_is_sent(void **state)
{
	struct notify n;

	unsetenv(VARIABLE);
	assert_int_equal(notify_open(&n), 0);
	assert_int_equal(n.len, 0);
	assert_int_equal(notify_send(&n, STR("READY=1")), 0);
	assert_int_equal(opened(&n, ""), 0);
	assert_int_equal(notify_send(&n, STR("READY=1")), 0);
}

static void test_invalid_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"/", "@", "relative", "./x", "vsock:2:1", " /run/x", "x@y",
	};
	struct notify n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(opened(&n, bad[i]), -EINVAL);
		assert_int_equal(n.len, 0);
		assert_int_equal(notify_send(&n, STR("READY=1")), 0);
	}
}

/* 108 bytes hold 107 and the NUL of a path, and 108 of an abstract name. */
static void test_name_has_a_maximum_length(void **state)
{
	char name[200];
	struct notify n;

	memset(name, 'x', sizeof(name));
	for (size_t len = 2; len < sizeof(name); len++) {
		name[len] = '\0';
		name[0] = '/';
		assert_int_equal(opened(&n, name),
				 len <= 107 ? 0 : -ENAMETOOLONG);
		assert_int_equal(n.len, len <= 107 ? 2 + len + 1 : 0);
		name[0] = '@';
		assert_int_equal(opened(&n, name),
				 len <= 108 ? 0 : -ENAMETOOLONG);
		assert_int_equal(n.len, len <= 108 ? 2 + len : 0);
		name[len] = 'x';
	}
}

static void test_lost_listener_is_an_error(void **state)
{
	struct notify n;

	assert_int_equal(opened(&n, path), 0);
	assert_int_equal(notify_send(&n, STR("READY=1")), -ENOENT);
	listen_at(path, strlen(path));
	close(manager);
	manager = -1;
	assert_int_equal(notify_send(&n, STR("READY=1")), -ECONNREFUSED);
}

/* A listener that reads nothing is waited for, for a limited time. */
static void test_full_listener_is_waited_for(void **state)
{
	struct notify n;
	int err = 0;

	listen_at(path, strlen(path));
	assert_int_equal(opened(&n, path), 0);
	for (int i = 0; i < 100000 && !err; i++)
		err = notify_send(&n, STR("STATUS=x"));
	assert_int_equal(err, -EAGAIN);
}

static void test_no_descriptor_is_leaked(void **state)
{
	int before = open("/dev/null", O_RDONLY), after;
	struct notify n;

	close(before);
	listen_at(path, strlen(path));
	assert_int_equal(opened(&n, path), 0);
	assert_int_equal(notify_send(&n, STR("READY=1")), 0);
	close(manager);
	manager = -1;
	assert_int_not_equal(notify_send(&n, STR("READY=1")), 0);
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_datagram_reaches_a_path),
		TEST(test_datagram_reaches_an_abstract_name),
		TEST(test_without_a_manager_nothing_is_sent),
		TEST(test_invalid_names_are_refused),
		TEST(test_name_has_a_maximum_length),
		TEST(test_lost_listener_is_an_error),
		TEST(test_full_listener_is_waited_for),
		TEST(test_no_descriptor_is_leaked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
