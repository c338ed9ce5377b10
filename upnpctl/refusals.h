/* SPDX-License-Identifier: ISC */
/* refusals.h - the latest refused requests as a list. Runs in: upnpctl */
#ifndef UPNPCTL_REFUSALS_H
#define UPNPCTL_REFUSALS_H

#include "upnpctl/list.h"

/** refusals_open - ask the running daemon for them; for menu_open_list(). The
 * newest has number 0. */
int refusals_open(const struct cmd_env *, struct list *ret);

#endif
