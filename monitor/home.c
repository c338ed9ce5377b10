/* SPDX-License-Identifier: ISC */
/* home.c - user, group and directory of the engine. Runs in: monitor */
#include "monitor/home.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "base/str.h"
#include "ipc/statusfile.h"
#include "sys/jail.h"

/* If there is no /var, or it is read-only, use a directory beside the pid file,
 * which lasts until the next boot. So a crash or a reload costs no mapping. */
static int fallback_dir(const struct conf *conf, int why, struct home *ret)
{
	int err = statusfile_beside(conf->pid_file, ".jail", ret->dir);

	if (!err)
		err = jail_dir(ret->dir, ret->uid, ret->gid);
	if (!err)
		log_warn("state-dir %s: %s; mappings are kept in %s, where a "
			 "reboot may lose them: set state-dir to a place that "
			 "can be written, in an existing directory",
			 conf->state_dir, strerror(-why), ret->dir);
	return err;
}

int home_prepare(const struct conf *conf, struct home *ret)
{
	int err = jail_user(conf->user, &ret->uid, &ret->gid);

	if (err > 0)
		log_warn("neither user %s nor nobody in /etc/passwd: the "
			 "engine runs as uid %u", conf->user,
			 (unsigned)ret->uid);
	else if (err)
		log_err("/etc/passwd: %s", strerror(-err));
	str_copy(ret->user, sizeof(ret->user), str_z(conf->user));
	str_copy(ret->state_dir, sizeof(ret->state_dir),
		 str_z(conf->state_dir));
	if (err < 0)
		return err;
	err = jail_dir(conf->state_dir, ret->uid, ret->gid);
	str_copy(ret->dir, sizeof(ret->dir), str_z(conf->state_dir));
	if ((err == -ENOENT || err == -EROFS) && !fallback_dir(conf, err, ret))
		return 0;
	if (err)
		log_err("state-dir %s: %s", conf->state_dir, strerror(-err));
	return err;
}

/* No process has the right to move the engine to another home any more. */
static int refuse_reload(const char *path, const char *key, const char *was,
			 const char *is)
{
	log_err("%s: a reload cannot change %s from %s to %s: restart upnpd",
		path, key, was, is);
	return -EPERM;
}

/* /etc/passwd was read at the start; it may name other ids now, or a user that
 * was missing then. */
int home_check(const struct home *h, const char *path, const struct conf *next)
{
	uid_t uid = h->uid;
	gid_t gid = h->gid;

	if (strcmp(next->state_dir, h->state_dir) &&
	    strcmp(next->state_dir, h->dir))
		return refuse_reload(path, "state-dir", h->state_dir,
				     next->state_dir);
	if (strcmp(next->user, h->user) &&
	    (jail_user(next->user, &uid, &gid) < 0 || uid != h->uid ||
	     gid != h->gid))
		return refuse_reload(path, "user", h->user, next->user);
	return 0;
}
