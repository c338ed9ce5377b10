/* SPDX-License-Identifier: ISC */
/*
 * script.h - run commands from a file or standard input, all or none.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_SCRIPT_H
#define UPNPCTL_SCRIPT_H

#include "upnpctl/cmd.h"

/**
 * script_run - read commands from @fd and change the configuration once.
 *
 * A line that is only a path sets the menu of the lines after it. The resulting
 * configuration is checked at the end. The header that RouterOS 6 and later
 * versions write, "# ... by RouterOS 7.1", makes added interfaces enabled,
 * because such exports omit "disabled=no".
 *
 * Return: exit status; errors are reported on stderr with the line
 */
int script_run(const struct cmd_env *, int fd);

#endif
