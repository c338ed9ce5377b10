/* SPDX-License-Identifier: ISC */
/*
 * number.h - parse a number on the command line of the bench's programs.
 */
#ifndef BENCH_NUMBER_H
#define BENCH_NUMBER_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * number - parse a decimal number from 1 to @max
 * @s: NUL-terminated
 *
 * For any other text, print an error and exit with status 2.
 */
static inline unsigned number(const char *s, unsigned long max)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || end == s || *end || v < 1 || v > max) {
		fprintf(stderr, "%s: not a number from 1 to %lu\n", s, max);
		exit(2);
	}
	return (unsigned)v;
}

#endif
