/* SPDX-License-Identifier: ISC */
/* script.h - many commands from standard input, all of them or none. */
#ifndef UPNPCTL_SCRIPT_H
#define UPNPCTL_SCRIPT_H

#include "upnpctl/cmd.h"

/**
 * script_run - read commands from @fd and change the configuration once.
 *
 * A line that is only a path holds for the lines after it. What the
 * configuration becomes is judged at the end. A header as RouterOS 6 and newer
 * writes it, "# ... by RouterOS 7.1", makes added interfaces enabled ones: such
 * exports leave "disabled=no" out.
 *
 * Return: exit status, told on stderr with the line
 */
int script_run(const struct cmd_env *, int fd);

#endif
