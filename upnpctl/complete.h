/* SPDX-License-Identifier: ISC */
/* complete.h - what there is to say, for the shell's completion. */
#ifndef UPNPCTL_COMPLETE_H
#define UPNPCTL_COMPLETE_H

#include "upnpctl/cmd.h"

/**
 * complete_print - the commands and options there are, a line each: "set",
 * "interfaces add", "set hairpin= yes no", "interfaces set type= external
 * internal". Behind "=" stand the values, where they are words.
 */
void complete_print(const struct cmd_verb *verbs);

#endif
