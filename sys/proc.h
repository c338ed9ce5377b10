/* SPDX-License-Identifier: ISC */
/*
 * proc.h - runs a program by argv: input on stdin, output line by line, a
 * deadline. No shell.
 * Runs in: any
 */
#ifndef SYS_PROC_H
#define SYS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"

#define PROC_ERR_MAX 256

struct proc {
	/* NULL-terminated. argv[0] is searched in a fixed PATH of system
	 * folders (/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:
	 * /usr/local/bin) unless it has a slash. The environment is
	 * PATH and LC_ALL=C. */
	const char *const *argv;
	/* More input: at most @cap bytes to @buf. 0 ends it. NULL: none. */
	size_t (*fill)(void *arg, char *buf, size_t cap);
	/* One line of stdout, without its newline; longer than 4096: in
	 * pieces. NULL: ignore stdout. */
	void (*line)(void *arg, struct str line);
	void *arg;
	int deadline_ms;
	/* out: the first bytes the program wrote to stderr, printable, one
	 * line ("; " for newlines), NUL-terminated */
	char err[PROC_ERR_MAX];
};

/**
 * proc_run - run a program and wait for its exit.
 *
 * Input, output and errors are moved with poll(), so no order of reading and
 * writing can deadlock. At the deadline the program's process group is killed.
 * Time in which the machine did not run (a suspend, an overload) extends the
 * deadline, to twice its length at most. The child starts with default signals,
 * with descriptors 0, 1 and 2 only, and in its own process group; it has our
 * capabilities. It does not disturb a SIGCHLD handler: it waits for its own pid
 * only.
 * Return: 0..255 the exit status; 128+n killed by signal n; -ETIMEDOUT;
 * -ENOENT no such program; other -errno
 */
int proc_run(struct proc *);

/** proc_close_from - close every descriptor from @low on. For a process that
 * has just been forked. */
void proc_close_from(int low);

/** proc_exists - is there an executable @name in the fixed PATH? */
bool proc_exists(const char *name);

#endif
