/* SPDX-License-Identifier: ISC */
/* verbs.h - the table of commands, and the lists of menus. Runs in: upnpctl */
#ifndef UPNPCTL_VERBS_H
#define UPNPCTL_VERBS_H

#include "upnpctl/cmd.h"

extern const struct cmd_verb verbs_table[];
extern const struct cmd_list verbs_lists[];

#endif
