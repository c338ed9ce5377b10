/* SPDX-License-Identifier: ISC */
/* monexec.h - run a program for each event of "monitor". Runs in: upnpctl */
#ifndef UPNPCTL_MONEXEC_H
#define UPNPCTL_MONEXEC_H

#include "base/str.h"
#include "ipc/ctlmsg.h"

/** monexec_check - is @program an absolute path of a program that can be run?
 * Return: exit status, reported on stderr */
int monexec_check(const char *program);

/**
 * monexec_run - run a program, without a shell and without arguments, and wait
 * for its end. Its environment has the event and the mapping in variables
 * UPNPD_... (upnpctl(8), monitor); its standard input is /dev/null.
 *
 * The description is a client's text: of ASCII, only letters, digits,
 * space and - _ . , : / ( ) + @ # = are passed. The other characters of ASCII,
 * and those that no terminal shows, become '?'.
 *
 * A program that fails is reported on stderr. Return: 0 or -errno (no process)
 */
int monexec_run(const char *program, const char *event, struct str time,
		const struct ctl_mapping *);

#endif
