/* SPDX-License-Identifier: ISC */
/*
 * rlimits.h - checks the resource limits (getrlimit(2)) that upnpd inherits. A
 * call that fails because of one gives an error that does not name it.
 * Runs in: monitor
 */
#ifndef SYS_RLIMITS_H
#define SYS_RLIMITS_H

#include <stdint.h>

struct rlimits_need {
	int what;		/* RLIMIT_NOFILE and so on */
	const char *name;	/* "NOFILE" */
	uint64_t min;
};

/**
 * rlimits_check - make each soft limit at least @min, as far as the hard limit
 * allows that.
 *
 * A hard limit is the administrator's, so it is not raised.
 * Return: 0, or -EPERM: a hard limit is below @min (logged, with the remedy)
 */
int rlimits_check(const struct rlimits_need *, unsigned n);

#endif
