/* SPDX-License-Identifier: ISC */
/* change.c - a change of the configuration. */
#include <errno.h>
#include <string.h>
#include "upnpctl/change.h"
#include "upnpctl/reload.h"
#include "upnpctl/view.h"
#include "upnpctl/candidate.h"

int change_begin(struct change *c, const char *path)
{
	int err = conffile_open(&c->file, path, true, &c->was);

	if (err)
		return view_fail(path, err);
	c->now = c->was;
	c->serve = false;
	return CMD_OK;
}

void change_drop(struct change *c)
{
	conffile_close(&c->file);
}

static int finish(struct change *c)
{
	static struct conf old, conf;
	struct conf_error why;
	bool is_short, old_short;
	int err;

	if (candidate_check(&c->was, &c->now, c->file.path, c->serve, &conf,
			&is_short, &why))
		return cmd_fail(CMD_USAGE, "%s", why.text);
	if (c->now.len == c->was.len &&
	    !memcmp(c->now.text, c->was.text, c->now.len))
		return CMD_OK;
	if (candidate_read(&c->was, c->file.path, &old, &old_short, &why))
		old = conf;	/* a daemon may run with what was before */
	err = conffile_write(&c->file, &c->now);
	if (err)
		return view_fail(c->file.path, err);
	return is_short ? CMD_OK : reload(c->file.path, &old, &conf);
}

int change_end(struct change *c)
{
	int status = finish(c);

	conffile_close(&c->file);
	return status;
}

int change_run(struct cmd *cmd, int (*edit)(struct cmd *, struct change *))
{
	static struct change change;
	int status;

	if (cmd->env->change)
		return edit(cmd, cmd->env->change);
	status = change_begin(&change, cmd->env->file);
	if (status)
		return status;
	status = edit(cmd, &change);
	if (!status)
		return change_end(&change);
	change_drop(&change);
	return status;
}

int change_fault(int err, struct str what)
{
	switch (err) {
	case 0:
		return CMD_OK;
	case -EEXIST:
		return cmd_fail(CMD_USAGE, "interface %.*s is there already; "
				"interfaces set changes it", STR_F(what));
	case -EINVAL:
		return cmd_fail(CMD_USAGE, "%.*s can not hold that: no control "
				"characters, no space at an end, no # behind "
				"a space", STR_F(what));
	case -ENOSPC:
		return cmd_fail(CMD_USAGE, "the file would be longer than %d "
				"bytes; take comments out", CONF_FILE_MAX);
	}
	return cmd_fail(CMD_USAGE, "%.*s: %s", STR_F(what), strerror(-err));
}
