/* SPDX-License-Identifier: ISC */
/* prompt.h - the prompt of upnpctl on a terminal. Runs in: upnpctl */
#ifndef UPNPCTL_PROMPT_H
#define UPNPCTL_PROMPT_H

#include "upnpctl/cmd.h"

/** prompt_wanted - are standard input and standard output a terminal? */
bool prompt_wanted(void);

/**
 * prompt_run - read commands from the terminal and run them, until "quit" or
 * the end of input.
 *
 * Each command is run by a process of its own, as if it were upnpctl's
 * arguments: an error, or Ctrl-C, ends that command only.
 *
 * Return: exit status of the last command
 */
int prompt_run(const struct cmd_env *);

#endif
