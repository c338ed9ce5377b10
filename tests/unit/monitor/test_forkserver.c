/* SPDX-License-Identifier: ISC */
/*
 * test_forkserver.c - what it is told and what it tells. The jail and the
 * engine are this file's: an engine does what the first byte on its channel
 * says.
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/limits.h"
#include "monitor/forkserver.h"

#define WAIT_MS 30000

/* ---- what is above and beside it ----------------------------------------- */

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

/* Which descriptors it has, as bits from 0 on. */
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

/* "e" ends with 7, "a" by a signal, "c" with 8 and a control socket; at a
 * hang-up it ends with 3; "h" hangs, whatever happens. */
static int run_engine(const struct engine_start *s)
{
	char order;

	alarm(60);	/* a fault leaves nobody behind */
	if (!is_well(s) || write(s->log_fd, "!", 1) != 1)
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

static bool lives(int of)
{
	return kill(of, 0) == 0;
}

/* An engine with that order, and perhaps a control socket. */
static void give_birth(char order, int ctl)
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
	assert_int_equal(rep.news, FORKSERVER_STARTED);
	assert_true(rep.value > 0);
	pid = rep.value;
	assert_int_equal(read(words, &order, 1), 1);	/* all is well */
}

/* The end of its log: nobody else can write there. */
static void hear_it_out(void)
{
	char c;

	assert_int_equal(read(words, &c, 1), 0);
	close(words);
}

static int status_of_death(void)
{
	struct forkserver_rep rep = news();

	assert_int_equal(rep.news, FORKSERVER_DIED);
	assert_false(lives(pid));
	close(chan);
	hear_it_out();
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

static void test_births_and_deaths(void **state)
{
	int status;

	for (int i = 0; i < 3; i++) {
		give_birth('a', -1);
		assert_int_equal(WTERMSIG(status_of_death()), SIGABRT);
		give_birth('c', -1);
		status = status_of_death();
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 9);
		give_birth('c', 0);
		assert_int_equal(WEXITSTATUS(status_of_death()), 8);
	}
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(status, 0);
}

/* The channel closes for the engine when it closes for us: the fork server has
 * kept nothing of it. And the other way round. */
static void test_hang_ups_are_seen(void **state)
{
	struct pollfd pfd;

	give_birth(0, -1);
	shutdown(chan, SHUT_WR);
	pfd = (struct pollfd){ chan, POLLIN };
	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
	assert_true(pfd.revents & POLLHUP);
	assert_int_equal(WEXITSTATUS(status_of_death()), 3);
}

static void test_kill(void **state)
{
	give_birth('h', -1);
	assert_int_equal(forkserver_kill(&forkserver), 0);
	assert_int_equal(WTERMSIG(status_of_death()), SIGKILL);
	/* one that is gone; the next one is not meant */
	assert_int_equal(forkserver_kill(&forkserver), 0);
	give_birth('e', -1);
	assert_int_equal(WEXITSTATUS(status_of_death()), 7);
}

static void test_nothing_to_tell(void **state)
{
	struct forkserver_rep rep = { 55, 66 };

	assert_int_equal(forkserver_read(&forkserver, &rep), -EAGAIN);
	assert_int_equal(rep.news, 55);
}

/* An init system tells all of us. */
static void test_signals_are_not_for_it(void **state)
{
	kill(forkserver.pid, SIGTERM);
	kill(forkserver.pid, SIGINT);
	kill(forkserver.pid, SIGHUP);
	give_birth('e', -1);
	assert_int_equal(WEXITSTATUS(status_of_death()), 7);
}

/* Hung up on: an engine says byebye first. */
static void test_engine_goes_first(void **state)
{
	int status;

	give_birth(0, -1);
	close(chan);
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(status, 0);
	assert_false(lives(pid));
	hear_it_out();
}

/* And is ended when it does not. */
static void test_engine_that_does_not_go(void **state)
{
	int status;

	give_birth('h', -1);
	close(chan);
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(status, 0);
	assert_false(lives(pid));
	hear_it_out();
}

/* It takes its engine with it. */
static void test_killed(void **state)
{
	struct forkserver_rep rep;
	int status, ms = 0;

	give_birth('h', -1);
	kill(forkserver.pid, SIGKILL);
	while (forkserver_read(&forkserver, &rep) == -EAGAIN)
		usleep(1000);
	assert_int_equal(forkserver_read(&forkserver, &rep), -EPIPE);
	assert_int_equal(forkserver_close(&forkserver, &status), 0);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	while (lives(pid) && ms++ < WAIT_MS)
		usleep(1000);
	assert_false(lives(pid));
	hear_it_out();
	close(chan);
	assert_int_equal(forkserver_kill(&forkserver), -EBADF);
}

static void test_stopped(void **state)
{
	pid_t of = forkserver.pid;
	int status;

	kill(of, SIGSTOP);
	assert_int_equal(forkserver_close(&forkserver, &status), -ETIMEDOUT);
	kill(of, SIGCONT);
	assert_int_equal(waitpid(of, &status, 0), of);
	assert_int_equal(status, 0);
}

/* What the monitor would never say. */
static void test_nonsense(void **state)
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
		assert_int_equal(forkserver_open(&forkserver, &jail, run_engine), 0);
		assert_int_equal(send(forkserver.fd, said[i].word, said[i].len,
				      0), (int)said[i].len);
		assert_int_equal(forkserver_close(&forkserver, &status), 0);
		assert_int_equal(WEXITSTATUS(status), 1);
	}
}

static void test_jail_that_can_not_be_entered(void **state)
{
	jail_err = -ENOENT;
	assert_int_equal(forkserver_open(&forkserver, &jail, run_engine), -ENOENT);
	assert_int_equal(forkserver.fd, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_closed(void **state)
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
		T(test_births_and_deaths),
		T(test_hang_ups_are_seen),
		T(test_kill),
		T(test_nothing_to_tell),
		T(test_signals_are_not_for_it),
		T(test_engine_goes_first),
		T(test_engine_that_does_not_go),
		T(test_killed),
		T(test_stopped),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_jail_that_can_not_be_entered),
		cmocka_unit_test(test_closed),
	};

	alarm(300);	/* rather than to wait for what does not come */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
