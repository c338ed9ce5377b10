/* SPDX-License-Identifier: ISC */
/*
 * mapargs.h - the options of a mapping in the arguments of a command. Only
 * their syntax is checked: the engine accepts or refuses the mapping.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_MAPARGS_H
#define UPNPCTL_MAPARGS_H

#include "ipc/ctlmsg.h"
#include "upnpctl/cmd.h"

/** mapargs_add - read all options of a new mapping. Return: exit status,
 * reported on stderr */
int mapargs_add(const struct cmd *, struct ctl_req *ret);

/** mapargs_set - read the options that change a mapping; "!comment" and
 * "!remote-host" reset one.
 * @req: in: the mapping; out: as it is to be
 * Return: exit status, reported on stderr */
int mapargs_set(const struct cmd *, struct ctl_req *req);

#endif
