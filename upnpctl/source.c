/* SPDX-License-Identifier: ISC */
/* source.c - where the configuration is kept. Runs in: upnpctl */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "upnpctl/source.h"

#define PRINT_MS 10000	/* the service runs uci hundreds of times */

bool source_is_made(struct str text)
{
	/* dist/openwrt/files/upnpd.init writes this line */
	return str_starts(text, STR("# Made from " SOURCE_UCI_FILE " "));
}

/* Is @path the file that OpenWrt's service makes from UCI, while it does not
 * exist? */
static bool is_off(const char *path)
{
	char to[sizeof(SOURCE_MADE)] = "";

	if (access(path, F_OK) == 0 || access(SOURCE_UCI_FILE, F_OK) ||
	    access(SOURCE_SERVICE, X_OK))
		return false;
	return !strcmp(path, SOURCE_MADE) ||
	       (readlink(path, to, sizeof(to)) == sizeof(to) - 1 &&
		!memcmp(to, SOURCE_MADE, sizeof(to) - 1));
}

static void add_line(void *arg, struct str line)
{
	struct wr *w = arg;

	wr_str(w, line);
	wr_ch(w, '\n');
}

static int read_service(struct confedit *ret)
{
	const char *const argv[] = { SOURCE_SERVICE, "print_conf", NULL };
	struct wr w = wr_init(ret->text, sizeof(ret->text));
	struct proc p = { .argv = argv, .line = add_line, .arg = &w,
			  .deadline_ms = PRINT_MS };
	int err = proc_run(&p);

	ret->len = w.len;
	if (err > 0 || w.over)
		return w.over ? -EFBIG : -EINVAL;
	return err;
}

int source_open(struct conffile *f, const char *path, bool change,
		struct confedit *ret_text, bool *ret_uci)
{
	int err;

	*ret_uci = is_off(path);
	if (*ret_uci) {
		/* @path's directory may be missing: lock the UCI file's */
		err = conffile_open(f, SOURCE_UCI_FILE, change, ret_text);
		/* errors name @path, because they cite lines of its text */
		str_copy(f->path, sizeof(f->path), str_z(path));
		return err ? err : read_service(ret_text);
	}
	err = conffile_open(f, path, change, ret_text);
	if (!err)
		*ret_uci = source_is_made((struct str){ ret_text->text,
							ret_text->len });
	return err;
}
