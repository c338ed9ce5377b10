/* SPDX-License-Identifier: ISC */
/*
 * test_caps.c - after caps_cut() only two capabilities are left, and after
 * caps_drop() none. Each test runs in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/caps.h"

#define BIT(c) (1u << (c))
#define NET (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))
#define SOME_UID 12345

static struct __user_cap_data_struct now[2];

static bool read_caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return syscall(SYS_capget, &head, now) == 0;
}

static bool effective(uint32_t want)
{
	return read_caps() && now[0].effective == want && !now[1].effective;
}

static bool permitted(uint32_t want)
{
	return read_caps() && now[0].permitted == want && !now[1].permitted &&
	       !now[0].inheritable && !now[1].inheritable;
}

static bool bounded(uint32_t want)
{
	for (unsigned c = 0; c < 41; c++)
		if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) !=
		    (c < 32 && want & BIT(c) ? 1 : 0))
			return false;
	return true;
}

static int caps_cut_leaves_two(void)
{
	if (caps_cut())
		return 1;
	if (!effective(NET) || !permitted(NET) || !bounded(NET))
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	return caps_cut() || !effective(NET) || !permitted(NET) ? 4 : 0;
}

/* A call that needs a dropped right fails. */
static int dropped_rights_have_no_effect(void)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready) || (pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		close(ready[0]);
		if (setresuid(SOME_UID, SOME_UID, SOME_UID) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		alarm(5);	/* no other process could end it */
		pause();
	}
	if (read(ready[0], &c, 1) != 1 || caps_cut())
		return 2;
	if (kill(pid, SIGKILL) == 0 || errno != EPERM)
		return 3;
	return chown("/", 0, 1) == 0 || chroot("/") == 0 || setuid(1) == 0 ?
	       4 : 0;
}

/* root's exec regains nothing: grep prints its capabilities. */
static int exec_regains_nothing(void)
{
	if (caps_cut())
		return 1;
	execl("/bin/grep", "grep", "-qx", "CapPrm:	0000000000003000",
	      "/proc/self/status", (char *)NULL);
	return 2;
}

static int caps_drop_leaves_none(void)
{
	if (caps_drop())
		return 1;
	return effective(0) && permitted(0) ? 0 : 2;
}

/* A program that is started later gets none; the process keeps its own. */
static int caps_bar_keeps_those_held(void)
{
	struct __user_cap_data_struct before[2];

	if (!read_caps())
		return 1;
	memcpy(before, now, sizeof(before));
	if (caps_bar() || !bounded(0) || !read_caps())
		return 2;
	return memcmp(before, now, sizeof(before)) ? 3 : 0;
}

static int ordinary_user_has_none(void)
{
	if (setresuid(SOME_UID, SOME_UID, SOME_UID))
		return 1;
	if (caps_cut() || caps_bar() || caps_drop())
		return 2;
	return effective(0) && permitted(0) ? 0 : 3;
}

static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define T(name) \
	static void test_##name(void **state) \
	{ \
		if (geteuid() != 0) \
			skip(); \
		assert_int_equal(in_child(name), 0); \
	}
T(caps_cut_leaves_two)
T(dropped_rights_have_no_effect)
T(exec_regains_nothing)
T(caps_drop_leaves_none)
T(caps_bar_keeps_those_held)
T(ordinary_user_has_none)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps_cut_leaves_two),
		cmocka_unit_test(test_dropped_rights_have_no_effect),
		cmocka_unit_test(test_exec_regains_nothing),
		cmocka_unit_test(test_caps_drop_leaves_none),
		cmocka_unit_test(test_caps_bar_keeps_those_held),
		cmocka_unit_test(test_ordinary_user_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
