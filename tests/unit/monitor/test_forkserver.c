/* SPDX-License-Identifier: ISC */
/*
 * test_forkserver.c - the fork server starts and kills engines as requested,
 * reports their exits, and ends with the monitor. The jail and the engine are
 * fakes in this file: the first byte on an engine's channel selects what it
 * does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/limits.h"
#include "monitor/forkserver.h"

#define WAIT_MS 30000

/* ---- fakes --------------------------------------------------------------- */

static int jail_err;

int jail_enter(const struct jail *j)
{
	return j->files_max == 77 ? jail_err : -EINVAL;
}

void bootid_read(char ret[BOOTID_MAX])
{
	memcpy(ret, "boot", 5);
}

static char next_order(int fd)
{
	struct pollfd pfd = { fd, POLLIN };
	char c = 0;

	return poll(&pfd, 1, WAIT_MS) == 1 && recv(fd, &c, 1, 0) == 1 ? c : 0;
}

/* The open descriptors, as bits from 0 on. */
static uint64_t open_files(void)
{
	uint64_t bits = 0;

	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			bits |= UINT64_C(1) << fd;
	return bits;
}

static bool is_well(const struct engine_start *s)
{
	const uint64_t mine = 7u | UINT64_C(1) << s->chan_fd |
			      UINT64_C(1) << s->log_fd |
			      (s->ctl_fd < 0 ? 0 : UINT64_C(1) << s->ctl_fd);
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	return open_files() == mine && !strcmp(s->boot_id, "boot") &&
	       s->owner == getuid() && !sigismember(&blocked, SIGCHLD) &&
	       signal(SIGTERM, SIG_IGN) == SIG_IGN;
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* "e" exits with 7, "a" aborts, "c" exits with 8 and has a control socket; when
 * the channel closes it exits with 3; "h" hangs, whatever happens. */
static int run_engine(const struct engine_start *s)
{
	char order;

	alarm(60);	/* a defect leaves no process behind */
	if (!is_well(s))
		return 1;
	/* its stderr is its log, not ours */
	if (!same_file(s->log_fd, STDERR_FILENO) ||
	    !same_file(s->log_fd, STDOUT_FILENO) ||
	    !same_file(s->log_fd, STDIN_FILENO) ||
	    write(s->log_fd, "!", 1) != 1)
		return 1;
	order = next_order(s->chan_fd);
	if (order == 'a')
		abort();
	while (order == 'h')
		pause();
	if (order == 'c')
		return s->ctl_fd < 0 ? 9 : 8;
	return order ? 7 : 3;
}

/* ---- the monitor ------------------------------------------------------- */

static const struct jail jail = { "/", 1, 1, 77 };
static struct forkserver forkserver = { 0, -1 };
static int chan = -1, words = -1, pid;	/* of the engine */

static struct forkserver_rep news(void)
{
	struct pollfd pfd = { forkserver.fd, POLLIN };
	struct forkserver_rep rep = { 0 };

	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
	assert_int_equal(forkserver_read(&forkserver, &rep), 0);
	return rep;
}

static bool runs(int of)
{
	return kill(of, 0) == 0;
}

/* Start an engine with that order, and perhaps a control socket. */
static void start_engine(char order, int ctl)
{
	int pair[2], log[2], fd[FORKSERVER_FDS];
	struct forkserver_rep rep;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(log), 0);
	fd[FORKSERVER_CHAN] = pair[1];
	fd[FORKSERVER_LOG] = log[1];
	fd[FORKSERVER_CTL] = ctl;
	if (order)
		assert_int_equal(send(pair[0], &order, 1, 0), 1);
	assert_int_equal(forkserver_start(&forkserver, fd), 0);
	close(pair[1]);
	close(log[1]);
	chan = pair[0];
	words = log[0];
	rep = news();
	assert_int_equal(rep.event, FORKSERVER_STARTED);
	assert_true(rep.value > 0);
	pid = rep.value;
	assert_int_equal(read(words, &order, 1), 1);	/* all is well */
}

/* Read its log up to the end of file: no other process can write there. */
static void read_log_end(void)
{
	char c;

	assert_int_equal(read(words, &c, 1), 0);
	close(words);
}

static int exit_status(void)
{
	struct forkserver_rep rep = news();

	assert_int_equal(rep.event, FORKSERVER_EXITED);
	assert_false(runs(pid));
	close(chan);
	read_log_end();
	return rep.value;
}

static int open_it(void **state)
{
	jail_err = 0;
	signal(SIGPIPE, SIG_IGN);
	return forkserver_open(&forkserver, &jail, run_engine);
}

static int close_it(void **state)
{
	int status;

	forkserver_close(&forkserver, &status);
	return 0;
}

static void test_each_start_and_exit_is_reported(void **state)
{
	int status;

	for (int i = 0; i < 3; i++) {
		start_engine('a', -1);
		assert_int_equal(WTERMSIG(exit_status()), SIGABRT);
		start_engine('c', -1);
		status = exit_status();
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 9);
		start_engine('c', 0);
		assert_int_equal(WEXITSTATUS(exit_status()), 8);
	}
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(status, 0);
}

/* The fork server keeps neither end of the channel: either side sees the other
 * close. */
static void test_engine_and_monitor_see_the_channel_close(void **state)
{
	struct pollfd pfd;

	start_engine(0, -1);
	shutdown(chan, SHUT_WR);
	pfd = (struct pollfd){ chan, POLLIN };
	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
	assert_true(pfd.revents & POLLHUP);
	assert_int_equal(WEXITSTATUS(exit_status()), 3);
}

static void test_kill_ends_only_the_running_engine(void **state)
{
	start_engine('h', -1);
	assert_int_equal(forkserver_kill(&forkserver), 0);
	assert_int_equal(WTERMSIG(exit_status()), SIGKILL);
	/* the engine has exited; the next one must not be killed */
	assert_int_equal(forkserver_kill(&forkserver), 0);
	start_engine('e', -1);
	assert_int_equal(WEXITSTATUS(exit_status()), 7);
}

static void test_read_without_a_message_does_not_wait(void **state)
{
	struct forkserver_rep rep = { 55, 66 };

	assert_int_equal(forkserver_read(&forkserver, &rep), -EAGAIN);
	assert_int_equal(rep.event, 55);
}

/* An init system signals all processes of a service. */
static void test_signals_to_all_processes_are_ignored(void **state)
{
	kill(forkserver.pid, SIGTERM);
	kill(forkserver.pid, SIGINT);
	kill(forkserver.pid, SIGHUP);
	start_engine('e', -1);
	assert_int_equal(WEXITSTATUS(exit_status()), 7);
}

/* When the fork server's socket closes, the engine sends byebye first. */
static void test_close_waits_for_the_engine_to_exit(void **state)
{
	int status;

	start_engine(0, -1);
	close(chan);
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(status, 0);
	assert_false(runs(pid));
	read_log_end();
}

static void test_close_kills_an_engine_that_does_not_exit(void **state)
{
	int status;

	start_engine('h', -1);
	close(chan);
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(status, 0);
	assert_false(runs(pid));
	read_log_end();
}

static void test_killed_fork_server_ends_its_engine(void **state)
{
	struct forkserver_rep rep;
	int status, ms = 0;

	start_engine('h', -1);
	kill(forkserver.pid, SIGKILL);
	while (forkserver_read(&forkserver, &rep) == -EAGAIN)
		usleep(1000);
	assert_int_equal(forkserver_read(&forkserver, &rep), -EPIPE);
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	while (runs(pid) && ms++ < WAIT_MS)
		usleep(1000);
	assert_false(runs(pid));
	read_log_end();
	close(chan);
	assert_int_equal(forkserver_kill(&forkserver), -EBADF);
}

static void test_close_gives_up_after_its_deadline(void **state)
{
	pid_t of = forkserver.pid;
	int status;

	kill(of, SIGSTOP);
	assert_int_equal(forkserver_close(&forkserver, &status), -ETIMEDOUT);
	kill(of, SIGCONT);
	assert_int_equal(waitpid(of, &status, 0), of);
	assert_int_equal(status, 0);
}

/* Requests that the monitor never sends. */
static void test_malformed_request_ends_the_fork_server(void **state)
{
	static const struct {
		uint32_t word[3];
		size_t len;
	} said[] = {
		{ { 0, 0 }, 8 }, { { 3, 0 }, 8 }, { { 1, 0 }, 8 },
		{ { 2, 1 }, 8 }, { { 2, 0 }, 7 }, { { 2, 0, 0 }, 12 },
	};
	int status;

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		assert_int_equal(forkserver_open(&forkserver, &jail,
						 run_engine), 0);
		assert_int_equal(send(forkserver.fd, said[i].word, said[i].len,
				      0), (int)said[i].len);
		assert_int_equal(forkserver_close(&forkserver, &status), 0);
		assert_int_equal(WEXITSTATUS(status), 1);
	}
}

static void test_open_fails_if_the_jail_cannot_be_entered(void **state)
{
	jail_err = -ENOENT;
	assert_int_equal(forkserver_open(&forkserver, &jail, run_engine),
			 -ENOENT);
	assert_int_equal(forkserver.fd, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_close_of_a_closed_one_does_nothing(void **state)
{
	struct forkserver none = { 0, -1 };
	int status = 5;

	assert_int_equal(forkserver_close(&none, &status), -ECHILD);
	assert_int_equal(status, 5);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_it, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_each_start_and_exit_is_reported),
		T(test_engine_and_monitor_see_the_channel_close),
		T(test_kill_ends_only_the_running_engine),
		T(test_read_without_a_message_does_not_wait),
		T(test_signals_to_all_processes_are_ignored),
		T(test_close_waits_for_the_engine_to_exit),
		T(test_close_kills_an_engine_that_does_not_exit),
		T(test_killed_fork_server_ends_its_engine),
		T(test_close_gives_up_after_its_deadline),
		cmocka_unit_test(test_malformed_request_ends_the_fork_server),
		cmocka_unit_test(test_open_fails_if_the_jail_cannot_be_entered),
		cmocka_unit_test(test_close_of_a_closed_one_does_nothing),
	};

	alarm(300);	/* a wait that would not end fails the test */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
