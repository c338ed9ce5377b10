/* SPDX-License-Identifier: ISC */
/*
 * logged.h - the lines that the code under test logs, read back from a pipe.
 * Include it once, after cmocka.h.
 */
#ifndef TESTS_UNIT_LOGGED_H
#define TESTS_UNIT_LOGGED_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

static struct {
	int fd[2];	/* of the pipe */
	char text[32768];	/* "<level>line\n" for each */
	size_t n;
} logged = { { -1, -1 } };

/** logged_open - lines of every level go to the pipe from now on. */
static inline void logged_open(void)
{
	assert_int_equal(pipe2(logged.fd, O_NONBLOCK | O_CLOEXEC), 0);
	log_open(LOG_TO_PIPE, "test", logged.fd[1], LOG_DEBUG);
	logged.n = 0;
	logged.text[0] = '\0';
}

/** logged_close - lines go to stderr again. */
static inline void logged_close(void)
{
	log_flush();
	log_open(LOG_TO_STDERR, "test", -1, LOG_DEBUG);
	close(logged.fd[0]);
	close(logged.fd[1]);
}

/* Read what has arrived. */
static inline void logged_fetch(void)
{
	size_t room = sizeof(logged.text) - 1 - logged.n;
	ssize_t n;

	log_flush();
	n = read(logged.fd[0], logged.text + logged.n, room);
	assert_true(n < (ssize_t)room);
	if (n > 0)
		logged.n += (size_t)n;
	logged.text[logged.n] = '\0';
}

/** logged_count - how often @part occurs in the lines since logged_open() or
 * logged_clear(). @part may begin with a level, "<3>engine". */
static inline unsigned logged_count(const char *part)
{
	unsigned n = 0;

	logged_fetch();
	for (const char *at = strstr(logged.text, part); at;
	     at = strstr(at + 1, part))
		n++;
	return n;
}

/** logged_errors - how often @part occurs before the C library's text for the
 * error @err. Each C library has texts of its own. */
static inline unsigned logged_errors(const char *part, int err)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%s%s", part, strerror(err));

	assert_in_range(n, 1, sizeof(text) - 1);
	return logged_count(text);
}

/** logged_clear - discard the lines so far. */
static inline void logged_clear(void)
{
	logged_fetch();
	logged.n = 0;
	logged.text[0] = '\0';
}

#endif
