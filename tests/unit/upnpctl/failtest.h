/* SPDX-License-Identifier: ISC */
/*
 * failtest.h - cmd_fail() that keeps the text instead of printing it. Link with
 * --wrap=cmd_fail.
 */
#ifndef TESTS_UNIT_UPNPCTL_FAILTEST_H
#define TESTS_UNIT_UPNPCTL_FAILTEST_H

#include <stdarg.h>
#include <stdio.h>

static char stderr_text[512];

int __wrap_cmd_fail(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int __wrap_cmd_fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(stderr_text, sizeof(stderr_text), fmt, ap);
	va_end(ap);
	return status;
}

#endif
