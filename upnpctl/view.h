/* SPDX-License-Identifier: ISC */
/* view.h - read the configuration in order to print it. Runs in: upnpctl */
#ifndef UPNPCTL_VIEW_H
#define UPNPCTL_VIEW_H

#include "conf/conf.h"
#include "conf/confedit.h"
#include "upnpctl/cmd.h"

struct view {
	struct confedit text;
	struct conf conf;
};

/** view_open - read the file; a missing file counts as an empty one. In a
 * script, read the script's change instead, which need not be complete. Return:
 * exit status; errors are reported on stderr */
int view_open(struct view *, const struct cmd_env *);

/** view_notice_missing - if there is no configuration, name the commands that
 * make one, on stderr. */
void view_notice_missing(const char *path);

/** view_fail - report an error of conffile on stderr. Return: CMD_FAULT */
int view_fail(const char *path, int err);

#endif
