/* SPDX-License-Identifier: ISC */
/* view.c - the configuration to be looked at. */
#include <errno.h>
#include <string.h>
#include "upnpctl/cmd.h"
#include "upnpctl/view.h"
#include "upnpctl/candidate.h"
#include "conf/conffile.h"

int view_fail(const char *path, int err)
{
	const char *why = strerror(-err), *mend = "";

	if (err == -ETIMEDOUT) {
		why = "another upnpctl has been changing it for 10 s";
		mend = "; try again";
	} else if (err == -ESTALE) {
		why = "somebody else changed it meanwhile";
		mend = "; try again";
	} else if (err == -EFBIG) {
		mend = "; 64 KiB are the most, take comments out";
	}
	return cmd_fail(CMD_FAULT, "%s: %s%s", path, why, mend);
}

int view_open(struct view *v, const char *path)
{
	struct conf_error why;
	struct conffile file;
	bool is_short;
	int err = conffile_open(&file, path, false, &v->text);

	if (err)
		return view_fail(path, err);
	conffile_close(&file);
	if (candidate_read(&v->text, path, &v->conf, &is_short, &why))
		return cmd_fail(CMD_FAULT, "%s", why.text);
	return CMD_OK;
}
