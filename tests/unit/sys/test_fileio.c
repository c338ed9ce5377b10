/* SPDX-License-Identifier: ISC */
/*
 * test_fileio.c - files are read and replaced as a whole or not at all: sizes
 * around the buffer's, pipes that give a few bytes at a time, full disks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "sys/fileio.h"

static char dir[] = "/tmp/test_fileio.XXXXXX";
static int dir_fd;

static int set_up(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	return dir_fd < 0;
}

static int tear_down(void **state)
{
	close(dir_fd);
	return rmdir(dir);	/* each test leaves it empty */
}

static void put(const char *name, struct str text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
}

static void assert_read(int flags, size_t cap, int err, struct str want)
{
	char buf[32];
	struct str got = { NULL, 99 };

	memset(buf, 'x', sizeof(buf));
	assert_int_equal(fileio_read(dir_fd, "f", flags, buf, cap, &got), err);
	assert_int_equal(got.n, want.n);
	assert_ptr_equal(got.p, buf);
	assert_memory_equal(buf, want.p, want.n);
	assert_int_equal(buf[cap], 'x');
}

static void test_read_whole_files(void **state)
{
	assert_read(0, 8, -ENOENT, STR(""));
	put("f", STR(""));
	assert_read(0, 8, 0, STR(""));
	assert_read(0, 0, 0, STR(""));
	put("f", STR("1234567"));
	assert_read(0, 8, 0, STR("1234567"));
	assert_read(0, 7, 0, STR("1234567"));
	assert_read(0, 6, -EFBIG, STR("123456"));
	assert_read(0, 0, -EFBIG, STR(""));
	assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
	assert_int_equal(mkdirat(dir_fd, "f", 0700), 0);
	assert_read(0, 8, -EISDIR, STR(""));
	assert_int_equal(unlinkat(dir_fd, "f", AT_REMOVEDIR), 0);
}

static void test_read_follows_its_flags(void **state)
{
	put("g", STR("1"));
	assert_int_equal(symlinkat("g", dir_fd, "f"), 0);
	assert_read(0, 8, 0, STR("1"));
	assert_read(O_NOFOLLOW, 8, -ELOOP, STR(""));
	assert_int_equal(unlinkat(dir_fd, "g", 0), 0);
	assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
	/* the FIFO has no writer */
	assert_int_equal(mkfifoat(dir_fd, "f", 0600), 0);
	assert_read(O_NONBLOCK, 8, 0, STR(""));
	assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
}

static void on_signal(int signo)
{
}

/* A child writes @parts bytes one by one; with @signals, each one after a
 * signal, which interrupts our read(). */
static pid_t drip(int fd, size_t parts, bool signals)
{
	const struct timespec step = { 0, 5000000 };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (size_t i = 0; i < parts; i++) {
		nanosleep(&step, NULL);
		if (signals)
			kill(getppid(), SIGUSR1);
		nanosleep(&step, NULL);
		if (write(fd, "y", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static void test_read_survives_parts_and_signals(void **state)
{
	struct sigaction act = { .sa_handler = on_signal };	/* no restart */
	int fd[2], status;
	char buf[8];
	struct str got;
	pid_t pid;

	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	assert_int_equal(pipe(fd), 0);
	pid = drip(fd[1], 5, true);
	close(fd[1]);
	assert_int_equal(fileio_read_fd(fd[0], buf, sizeof(buf), &got), 0);
	assert_int_equal(got.n, 5);
	assert_memory_equal(buf, "yyyyy", 5);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(fileio_read_fd(-1, buf, sizeof(buf), &got), -EBADF);
	assert_int_equal(got.n, 0);
}

/* More than a pipe holds: the first write() is a partial one. */
static void test_write_survives_parts(void **state)
{
	static char text[300000], got[300000 + 1];
	int fd[2], status;
	struct str s;
	pid_t pid;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 251);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(fileio_write(fd[1], (struct str){ text, sizeof(text) }));
	close(fd[1]);
	assert_int_equal(fileio_read_fd(fd[0], got, sizeof(got), &s), 0);
	assert_int_equal(s.n, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_full_disk_is_an_error(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	assert_true(full >= 0);
	assert_int_equal(fileio_write(full, STR("x")), -ENOSPC);
	assert_int_equal(fileio_write(full, STR("")), 0);
	close(full);
}

static void assert_mode(mode_t mode)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | mode);
}

static void test_replace_is_atomic(void **state)
{
	umask(022);
	assert_int_equal(fileio_replace(dir_fd, "f", "t", 0644, false,
				      STR("one")), 0);
	assert_read(0, 8, 0, STR("one"));
	assert_mode(0644);
	/* a leftover temporary file is removed, and a link not followed */
	assert_int_equal(symlinkat("f", dir_fd, "t"), 0);
	assert_int_equal(fileio_replace(dir_fd, "f", "t", 0600, true,
				      STR("two")), 0);
	assert_read(0, 8, 0, STR("two"));
	assert_mode(0600);
	assert_int_equal(faccessat(dir_fd, "t", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
}

static void test_failed_replace_leaves_the_old_file(void **state)
{
	put("f", STR("old"));
	assert_int_equal(mkdirat(dir_fd, "t", 0700), 0);
	assert_int_equal(fileio_replace(dir_fd, "f", "t", 0600, true,
				      STR("new")), -EEXIST);
	assert_read(0, 8, 0, STR("old"));
	assert_int_equal(unlinkat(dir_fd, "t", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
	/* a directory cannot be replaced */
	assert_int_equal(mkdirat(dir_fd, "f", 0700), 0);
	assert_int_equal(fileio_replace(dir_fd, "f", "t", 0600, true,
				      STR("new")), -EISDIR);
	assert_int_equal(faccessat(dir_fd, "t", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir_fd, "f", AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_whole_files),
		cmocka_unit_test(test_read_follows_its_flags),
		cmocka_unit_test(test_read_survives_parts_and_signals),
		cmocka_unit_test(test_write_survives_parts),
		cmocka_unit_test(test_full_disk_is_an_error),
		cmocka_unit_test(test_replace_is_atomic),
		cmocka_unit_test(test_failed_replace_leaves_the_old_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
