/* SPDX-License-Identifier: ISC */
/*
 * pick.h - the items of a list that a command names. Pure, apart from error
 * messages on stderr. Runs in: upnpctl
 */
#ifndef UPNPCTL_PICK_H
#define UPNPCTL_PICK_H

#include "upnpctl/list.h"

/**
 * pick_cmd - select the items that the command's arguments of CMD_ITEMS name:
 * "0", "0,2-3,ether1", "[find type=internal]", or "all" if the verb takes it.
 * @ret: a bool for each item of the list: true is set for those
 *
 * A name has precedence over a number.
 *
 * Return: exit status; errors are reported on stderr. It is an error to name no
 * item, but not that [find ...] finds none
 */
int pick_cmd(const struct cmd *, const struct list *, bool *ret);

/** pick_items - the same for one argument. @all: it may be "all" */
int pick_items(const struct list *, struct str items, bool all,
		    bool *ret);

#endif
