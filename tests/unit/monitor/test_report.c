/* SPDX-License-Identifier: ISC */
/*
 * test_report.c - the service manager gets the new state after each event. The
 * broker is a fake.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "monitor/report.h"

static char dir[] = "/tmp/test_report.XXXXXX";
static char pid_file[64], status_file[64];
static int manager = -1;
static const char *fault;
static struct report r;
static struct natfw_backend netlink = { .name = "netlink" };
static struct broker broker = {
	.fw.writer[0].be = &netlink, .why = "a test", .open = true};

const char *broker_fault(const struct broker *g)
{
	return fault;
}

static int set_up(void **state)
{
	struct sockaddr_un a = { AF_UNIX };

	if (!mkdtemp(dir))
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/manager", dir);
	snprintf(pid_file, sizeof(pid_file), "%s/d.pid", dir);
	snprintf(status_file, sizeof(status_file), "%s/d.status", dir);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (bind(manager, (struct sockaddr *)&a, sizeof(a)))
		return -1;
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	fault = "";
	broker.repairs = 0;
	memset(&r, 0, sizeof(r));
	report_start(&r, "/etc/upnpd.conf", pid_file);
	return 0;
}

static int tear_down(void **state)
{
	char path[64];

	close(manager);
	snprintf(path, sizeof(path), "%s/manager", dir);
	unlink(path);
	unlink(status_file);
	rmdir(dir);
	memcpy(strrchr(dir, '.'), ".XXXXXX", 7);
	return 0;
}

/* The next datagram; "": there is none. */
static const char *read_message(void)
{
	static char buf[4096];
	ssize_t n = recv(manager, buf, sizeof(buf) - 1, 0);

	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

#define MESSAGE(text) assert_string_equal(read_message(), text)
#define NO_MESSAGE() MESSAGE("")

static void serve(void)
{
	report_state(&r, STATUS_SERVING, &broker);
	MESSAGE("STATUS=starting");
	report_serving(&r, true);
	MESSAGE("READY=1\nSTATUS=serving by netlink");
}

static void test_ready_when_the_engine_serves(void **state)
{
	assert_null(getenv("NOTIFY_SOCKET"));
	NO_MESSAGE();
	serve();
	report_serving(&r, true);
	report_broker(&r, &broker);
	NO_MESSAGE();
	report_stopping(&r);
	MESSAGE("STOPPING=1\nSTATUS=serving by netlink");
	report_end(&r, NULL);
	NO_MESSAGE();
	assert_int_equal(access(status_file, F_OK), -1);
}

/* No internal interface has an address, or has one no more. */
static void test_ready_without_anybody_to_serve(void **state)
{
	report_state(&r, STATUS_SERVING, &broker);
	MESSAGE("STATUS=starting");
	report_serving(&r, false);
	MESSAGE("READY=1\nSTATUS=nobody is served: no internal interface has "
		"an address, a port is taken, or all protocols are off");
	report_serving(&r, false);
	NO_MESSAGE();
	report_serving(&r, true);
	MESSAGE("STATUS=serving by netlink");
	report_serving(&r, false);
	MESSAGE("STATUS=nobody is served: no internal interface has an "
		"address, a port is taken, or all protocols are off");
}

static void test_disabled_is_ready(void **state)
{
	report_state(&r, STATUS_DISABLED, &broker);
	MESSAGE("READY=1\nSTATUS=not enabled: set enabled = yes in "
	      "/etc/upnpd.conf");
}

static void test_waiting_for_interfaces_is_ready(void **state)
{
	report_state(&r, STATUS_WAITING, &broker);
	MESSAGE("READY=1\nSTATUS=waits for interfaces: add an external and an "
		"internal one to /etc/upnpd.conf");
}

static void test_failed_start_is_not_ready(void **state)
{
	report_end(&r, "state-dir /x: Permission denied");
	MESSAGE("STOPPING=1\nSTATUS=ended: state-dir /x: Permission denied");
	NO_MESSAGE();
}

/* A reload ends when the new engine serves, not before. */
static void test_reload_is_ready_when_the_new_engine_serves(void **state)
{
	unsigned long long usec = 0;
	uint64_t now_us;
	char line[64] = "";

	serve();
	report_reloading(&r);
	assert_int_equal(sscanf(read_message(),
				"RELOADING=1\nMONOTONIC_USEC=%llu\n"
				"STATUS=%63[^\n]", &usec, line), 2);
	assert_string_equal(line, "serving by netlink");
	now_us = clock_mono_us();
	assert_in_range(usec, now_us - 60000000, now_us);
	report_state(&r, STATUS_SERVING, &broker);
	report_reload(&r, "");
	MESSAGE("STATUS=starting");
	NO_MESSAGE();
	report_serving(&r, true);
	MESSAGE("READY=1\nSTATUS=serving by netlink");
}

static void test_failed_reload_is_ready_again(void **state)
{
	serve();
	report_reloading(&r);
	read_message();
	report_reload(&r, "/etc/upnpd.conf:3: no such key");
	MESSAGE("STATUS=serving by netlink; the last reload changed nothing: "
	      "/etc/upnpd.conf:3: no such key");
	MESSAGE("READY=1\nSTATUS=serving by netlink; the last reload changed "
	      "nothing: /etc/upnpd.conf:3: no such key");
	NO_MESSAGE();
}

static void test_reload_that_disables_is_ready(void **state)
{
	serve();
	report_reloading(&r);
	read_message();
	report_state(&r, STATUS_DISABLED, &broker);
	assert_int_equal(strncmp(read_message(), "READY=1\n", 8), 0);
	report_reload(&r, "");
	NO_MESSAGE();
}

static void test_exit_of_the_engine_is_reported(void **state)
{
	serve();
	report_exit(&r);
	MESSAGE("STATUS=the engine ended, another one starts");
	report_serving(&r, true);
	MESSAGE("READY=1\nSTATUS=serving by netlink");
}

static void test_fault_of_the_firewall_is_reported(void **state)
{
	serve();
	fault = "netlink: no\nsuch\x7fthing";
	report_broker(&r, &broker);
	MESSAGE("STATUS=serving by netlink; firewall: netlink: no?such?thing");
	fault = "";
	report_broker(&r, &broker);
	MESSAGE("STATUS=serving by netlink");
}

/* The longest texts are cut to the size of the buffer. */
static void test_long_texts_are_cut(void **state)
{
	char text[2 * STATUS_TEXT_MAX];
	const char *got;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	serve();
	fault = text;
	report_broker(&r, &broker);
	read_message();
	report_reload(&r, text);
	got = read_message();
	assert_in_range(strlen(got), REPORT_LINE_MAX - 1,
			REPORT_LINE_MAX + 8);
}

/* A service manager that has exited is not an error of the daemon. */
static void test_manager_that_has_exited_does_no_harm(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/manager", dir);
	unlink(path);
	report_state(&r, STATUS_SERVING, &broker);
	report_serving(&r, true);
	assert_true(r.notify_failed);
	assert_int_equal(access(status_file, F_OK), 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready_when_the_engine_serves),
		TEST(test_ready_without_anybody_to_serve),
		TEST(test_disabled_is_ready),
		TEST(test_waiting_for_interfaces_is_ready),
		TEST(test_failed_start_is_not_ready),
		TEST(test_reload_is_ready_when_the_new_engine_serves),
		TEST(test_failed_reload_is_ready_again),
		TEST(test_reload_that_disables_is_ready),
		TEST(test_exit_of_the_engine_is_reported),
		TEST(test_fault_of_the_firewall_is_reported),
		TEST(test_long_texts_are_cut),
		TEST(test_manager_that_has_exited_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
