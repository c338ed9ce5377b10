/* SPDX-License-Identifier: ISC */
/*
 * ifacelist.h - the interfaces of a configuration as a list. Runs in: upnpctl
 */
#ifndef UPNPCTL_IFACELIST_H
#define UPNPCTL_IFACELIST_H

#include "conf/conf.h"
#include "upnpctl/list.h"

/** ifacelist - make the list of a configuration's interfaces.
 * @conf: borrowed by the list */
struct list ifacelist(struct conf *);

/** ifacelist_open - the same, of the configuration; for menu_open_list(). */
int ifacelist_open(const struct cmd_env *, struct list *ret);

#endif
