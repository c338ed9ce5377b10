/* SPDX-License-Identifier: ISC */
/*
 * tty.c - the terminal on standard input, a key at a time.
 *
 * Owns: the settings that the terminal had.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "upnpctl/tty.h"

static struct termios was, raw;
static sigset_t mask;		/* of the process before tty_open() */
static volatile sig_atomic_t is_raw;

/* What ends a process, or stops it: by a user, a shell or a fault. */
static const int ends[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGABRT, SIGSEGV,
	SIGBUS, SIGFPE, SIGILL,
};

static void handle(int signo, void (*fn)(int))
{
	struct sigaction sa = { .sa_handler = fn };	/* no SA_RESTART */

	sigaction(signo, &sa, NULL);
}

static void restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &was);
	is_raw = 0;
}

/* Restore the terminal, and end by the same signal. Calls only functions that
 * are safe in a signal handler (signal-safety(7)). */
static void on_end(int signo)
{
	restore();
	signal(signo, SIG_DFL);
	raise(signo);
}

/* Stop, as SIGTSTP does by default: not where no shell could continue this
 * process (POSIX 2.4.3: an orphaned process group). */
static void on_stop(int signo)
{
	const int was_raw = is_raw, saved = errno;
	sigset_t stop, before;

	restore();
	signal(SIGTSTP, SIG_DFL);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	handle(SIGTSTP, on_stop);
	if (was_raw)
		tty_raw(true);
	errno = saved;
}

/* Interrupt read(). The shell may have changed the settings while this process
 * was stopped by SIGSTOP, which nobody can catch. */
static void on_wake(int signo)
{
	const int saved = errno;

	if (signo == SIGCONT && is_raw)
		tty_raw(true);
	errno = saved;
}

/* The signals of a change of the screen are blocked but for the wait, so that
 * none is lost between the last look at the screen and the wait. */
static void block_screen_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, &mask);
}

int tty_open(void)
{
	if (tcgetattr(STDIN_FILENO, &was))
		return -errno;
	raw = was;
	raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		handle(ends[i], on_end);
	handle(SIGTSTP, on_stop);
	handle(SIGWINCH, on_wake);
	handle(SIGCONT, on_wake);
	atexit(restore);
	block_screen_signals();
	return 0;
}

void tty_raw(bool on)
{
	if (!on) {
		restore();
		return;
	}
	if (!tcsetattr(STDIN_FILENO, TCSANOW, &raw))
		is_raw = 1;
}

void tty_stop(void)
{
	on_stop(SIGTSTP);
}

bool tty_pending(void)
{
	struct pollfd p = { STDIN_FILENO, POLLIN };

	return poll(&p, 1, 0) > 0;
}

void tty_leave(void)
{
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

int tty_read(void)
{
	struct pollfd p = { STDIN_FILENO, POLLIN };
	unsigned char c;
	ssize_t n;

	if (ppoll(&p, 1, NULL, &mask) < 0)
		return -errno;
	n = read(STDIN_FILENO, &c, 1);
	if (n > 0)
		return c;
	if (n < 0 && errno != EIO)
		return -errno;
	return -EPIPE;
}
