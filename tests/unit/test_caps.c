/* SPDX-License-Identifier: ISC */
/*
 * test_caps.c - what the monitor may do after caps_cut(), each time in a child.
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
#include "base/caps.h"

#define BIT(c) (1u << (c))
#define NET (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))
#define HELD (NET | BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_KILL) | \
	      BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | \
	      BIT(CAP_SYS_CHROOT))
#define SOME_UID 12345

static struct __user_cap_data_struct now[2];

static bool look(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return syscall(SYS_capget, &head, now) == 0;
}

static bool effective(uint32_t want)
{
	return look() && now[0].effective == want && !now[1].effective;
}

static bool permitted(uint32_t want)
{
	return look() && now[0].permitted == want && !now[1].permitted &&
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

static int cut(void)
{
	if (caps_cut())
		return 1;
	if (!effective(NET) || !permitted(HELD) || !bounded(HELD))
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	return caps_cut() || !effective(NET) || !permitted(HELD) ? 4 : 0;
}

static int raise_and_lower(void)
{
	static const uint32_t needs[] = {
		[CAPS_STATE_DIR] = BIT(CAP_CHOWN) | BIT(CAP_FOWNER) |
				   BIT(CAP_DAC_READ_SEARCH),
		[CAPS_ENGINE] = BIT(CAP_SYS_CHROOT) | BIT(CAP_SETUID) |
				BIT(CAP_SETGID) | BIT(CAP_DAC_READ_SEARCH),
		[CAPS_END_ENGINE] = BIT(CAP_KILL),
		[CAPS_READ_CONF] = BIT(CAP_DAC_READ_SEARCH),
	};

	if (caps_cut())
		return 1;
	for (unsigned use = 0; use < 4; use++) {
		caps_raise(use);
		if (!effective(NET | needs[use]) || !permitted(HELD))
			return 10 + (int)use;
		errno = 77;
		caps_lower();
		if (!effective(NET) || !permitted(HELD) || errno != 77)
			return 20 + (int)use;
	}
	return 0;
}

/* Nothing that sleeps does anything. */
static int asleep(void)
{
	pid_t pid = fork();
	int err = 0;

	if (pid == 0) {
		if (setresuid(SOME_UID, SOME_UID, SOME_UID))
			_exit(1);
		pause();
	}
	if (caps_cut())
		return 1;
	while (kill(pid, 0) == 0)	/* until it is somebody else's */
		usleep(1000);
	err = errno == EPERM ? 0 : 2;
	if (chown("/", 0, 1) == 0 || chroot("/") == 0 || setuid(1) == 0)
		err = 3;
	caps_raise(CAPS_END_ENGINE);
	if (kill(pid, SIGKILL) || chroot("/") == 0)
		err = 4;
	caps_lower();
	waitpid(pid, NULL, 0);
	return err;
}

static int settle(void)
{
	if (caps_cut() || caps_settle())
		return 1;
	caps_raise(CAPS_END_ENGINE);
	return effective(NET) && permitted(NET) ? 0 : 2;
}

/* A tool that is started before the cut has what root has. */
static int settle_first(void)
{
	struct __user_cap_data_struct before[2];

	if (!look())
		return 1;
	memcpy(before, now, sizeof(before));
	caps_raise(CAPS_END_ENGINE);
	caps_lower();
	if (caps_settle() || !look())
		return 2;
	return memcmp(before, now, sizeof(before)) ? 3 : 0;
}

/* root's exec gives nothing back: grep tells what it got. */
static int exec(void)
{
	if (caps_cut() || caps_settle())
		return 1;
	execl("/bin/grep", "grep", "-qx", "CapPrm:	0000000000003000",
	      "/proc/self/status", (char *)NULL);
	return 2;
}

static int drop(void)
{
	if (caps_drop())
		return 1;
	return effective(0) && permitted(0) ? 0 : 2;
}

static int nobody(void)
{
	if (setresuid(SOME_UID, SOME_UID, SOME_UID))
		return 1;
	if (caps_cut())
		return 2;
	caps_raise(CAPS_ENGINE);
	caps_lower();
	if (caps_settle() || caps_drop())
		return 3;
	return effective(0) && permitted(0) ? 0 : 4;
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
T(cut)
T(raise_and_lower)
T(asleep)
T(settle)
T(settle_first)
T(exec)
T(drop)
T(nobody)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_raise_and_lower),
		cmocka_unit_test(test_asleep),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_first),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
