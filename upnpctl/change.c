/* SPDX-License-Identifier: ISC */
/* change.c - change the configuration file. Runs in: upnpctl */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "upnpctl/change.h"
#include "upnpctl/livemap.h"
#include "upnpctl/reload.h"
#include "upnpctl/source.h"
#include "upnpctl/uci.h"
#include "upnpctl/view.h"
#include "upnpctl/candidate.h"

int change_begin(struct change *c, const char *path)
{
	int err = source_open(&c->file, path, true, &c->was, &c->uci);

	if (err)
		return view_fail(path, err);
	c->now = c->was;
	c->serve = c->untried = false;
	return CMD_OK;
}

void change_drop(struct change *c)
{
	conffile_close(&c->file);
}

/* Write the file, or UCI. */
static int store(struct change *c)
{
	int err;

	if (c->uci)
		return uci_write(&c->was, &c->now);
	err = conffile_write(&c->file, &c->now);
	return err ? view_fail(c->file.path, err) : CMD_OK;
}

/* Try the mappings, then write. Signals of a user who wants to interrupt wait
 * meanwhile: a mapping must not stay in the engine without its line. */
static int try_and_store(struct change *c, const struct conf *old,
			 const struct conf *conf)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	static struct livemap lm;
	sigset_t block, was;
	int status = CMD_OK;

	sigemptyset(&block);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&block, signals[i]);
	sigprocmask(SIG_BLOCK, &block, &was);
	if (!c->untried)
		status = livemap_try(&lm, c->file.path, old, conf);
	if (!status) {
		status = store(c);
		if (status && !c->untried)
			livemap_undo(&lm);
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	return status;
}

/* Warn of a configuration that serves nothing: once, not at each of the
 * commands that complete it. */
static void warn(const struct change *c, const struct conf *old,
		 const struct conf *conf)
{
	struct conf_error why;

	if (candidate_waits(conf, &why) &&
	    (c->serve || !old->enabled || !conf_missing(old)))
		cmd_fail(CMD_OK, "%s", why.text);
}

static int finish(struct change *c)
{
	static struct conf *old, *conf;
	struct conf_error why;
	int status;

	CMD_LARGE(old);
	CMD_LARGE(conf);
	if (candidate_check(&c->was, &c->now, c->file.path, conf, &why))
		return cmd_fail(CMD_USAGE, "%s", why.text);
	if (candidate_read(&c->was, c->file.path, old, &why))
		*old = *conf;	/* a daemon may run with an older file */
	warn(c, old, conf);
	if (c->now.len == c->was.len &&
	    !memcmp(c->now.text, c->was.text, c->now.len))
		return CMD_OK;
	status = try_and_store(c, old, conf);
	if (status)
		return status;
	return c->uci ? reload_service(old, conf) :
			reload(c->file.path, old, conf);
}

int change_end(struct change *c)
{
	int status = finish(c);

	conffile_close(&c->file);
	return status;
}

int change_run(struct cmd *cmd, int (*edit)(struct cmd *, struct change *))
{
	static struct change *change;
	int status;

	if (cmd->env->change)
		return edit(cmd, cmd->env->change);
	CMD_LARGE(change);
	status = change_begin(change, cmd->env->file);
	if (status)
		return status;
	status = edit(cmd, change);
	if (!status)
		return change_end(change);
	change_drop(change);
	return status;
}

int change_fault(int err, struct str what)
{
	switch (err) {
	case 0:
		return CMD_OK;
	case -EEXIST:
		return cmd_fail(CMD_USAGE, "interface %.*s exists already; "
				"change it with interfaces set", STR_F(what));
	case -EINVAL:
		return cmd_fail(CMD_USAGE, "%.*s cannot have this value: "
				"control characters, a space at an end and # "
				"after a space are not allowed", STR_F(what));
	case -ENOSPC:
		return cmd_fail(CMD_USAGE, "the file would be longer than %d "
				"bytes; remove comments", CONF_FILE_MAX);
	}
	return cmd_fail(CMD_USAGE, "%.*s: %s", STR_F(what), strerror(-err));
}
