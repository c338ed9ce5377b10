/* SPDX-License-Identifier: ISC */
/* view.c - read the configuration in order to print it. Runs in: upnpctl */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "upnpctl/change.h"
#include "upnpctl/view.h"
#include "upnpctl/candidate.h"
#include "upnpctl/source.h"

int view_fail(const char *path, int err)
{
	const char *why = strerror(-err), *fix = "";

	if (err == -ETIMEDOUT) {
		why = "another upnpctl has held its lock for 10 s";
		fix = "; try again";
	} else if (err == -ESTALE) {
		why = "another program changed it meanwhile";
		fix = "; try again";
	} else if ((err == -EACCES || err == -EPERM) && geteuid()) {
		fix = "; run upnpctl as root";
	} else if (err == -EFBIG) {
		fix = "; it is longer than 64 KiB; remove comments";
	}
	return cmd_fail(CMD_FAULT, "%s: %s%s", path, why, fix);
}

void view_notice_missing(const char *path)
{
	char text[512];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (!source_is_missing(path))
		return;
	source_put_begin(&w, path);
	cmd_fail(CMD_OK, "there is no configuration yet; these commands make "
		 "one: %s", wr_cstr(&w));
}

int view_open(struct view *v, const struct cmd_env *env)
{
	const char *path = env->file;
	struct conf_error why;
	struct conffile file;
	bool uci;
	int err;

	if (env->change) {
		v->text = env->change->now;
		candidate_draft(&v->text, &v->conf);
		return CMD_OK;
	}
	err = source_open(&file, path, false, &v->text, &uci);
	if (err)
		return view_fail(path, err);
	conffile_close(&file);
	if (candidate_read(&v->text, path, &v->conf, &why))
		return cmd_fail(CMD_FAULT, "%s", why.text);
	return CMD_OK;
}
