/* SPDX-License-Identifier: ISC */
/*
 * complete.h - list commands and options, for the shell's completion.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_COMPLETE_H
#define UPNPCTL_COMPLETE_H

#include "upnpctl/cmd.h"

/** complete_print - print all commands and options, one a line: "set",
 * "interfaces add", "set hairpin= yes no", "interfaces set type= external
 * internal". The values after "=" are listed where they are words. */
void complete_print(const struct cmd_verb *verbs);

#endif
