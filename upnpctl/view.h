/* SPDX-License-Identifier: ISC */
/* view.h - the configuration to be looked at. */
#ifndef UPNPCTL_VIEW_H
#define UPNPCTL_VIEW_H

#include "conf/conf.h"
#include "conf/confedit.h"

struct view {
	struct confedit text;
	struct conf conf;
};

/** view_open - read the file; one that is not there is an empty one. Return:
 * exit status, told on stderr */
int view_open(struct view *, const char *path);

/** view_fail - say what conffile ended with. Return: CMD_FAULT */
int view_fail(const char *path, int err);

#endif
