/* SPDX-License-Identifier: ISC */
/*
 * test_unlisted_trap.c - the log names a call that is not on the list. Then the
 * call fails or, in a build with FILTER=end, the process exits.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"
#include "sys/seccomp.h"

#define FAILED 7	/* with EPERM, and the child continued */
#define ENDED 99

static void child(int fd)
{
	long got;

	log_open(LOG_TO_PIPE, "test", fd, LOG_INFO);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    seccomp_enter(SECCOMP_ENGINE))
		syscall(SYS_exit_group, 1);
	got = syscall(SYS_nanosleep, NULL, NULL);
	syscall(SYS_exit_group, got == -1 && errno == EPERM ? FAILED : 2);
}

static void test_unlisted_call_is_named(void **state)
{
	char line[LOG_LINE_MAX] = "";
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0)
		child(fd[1]);
	close(fd[1]);
	assert_true(read(fd[0], line, sizeof(line) - 1) > 0);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status),
			 UNLISTED_ENDS ? ENDED : FAILED);
	assert_non_null(strstr(line, "<3>system call nanosleep ("));
	assert_non_null(strstr(line, ") is not on the filter's list\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlisted_call_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
