/* SPDX-License-Identifier: ISC */
/* home.h - user, group and directory of the engine. Runs in: monitor */
#ifndef MONITOR_HOME_H
#define MONITOR_HOME_H

#include <limits.h>
#include <sys/types.h>
#include "conf/conf.h"

struct home {
	uid_t uid;
	gid_t gid;
	char dir[PATH_MAX];
	/* the settings from which they come */
	char user[CONF_STR_MAX], state_dir[CONF_STR_MAX];
};

/**
 * home_prepare - find the user, make the directory and give it to the user.
 *
 * If state-dir cannot be made because its parent is missing or read-only, the
 * directory is beside the pid file (logged).
 * Return: 0, or -errno (logged)
 */
int home_prepare(const struct conf *conf, struct home *ret);

/** home_check - does the configuration @next keep the home? After the start no
 * process has the right to move the engine to another one. @path: of the
 * configuration, for the log. Return: 0, or -EPERM (logged) */
int home_check(const struct home *, const char *path, const struct conf *next);

#endif
