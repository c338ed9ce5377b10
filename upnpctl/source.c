/* SPDX-License-Identifier: ISC */
/* source.c - where the configuration is kept. Runs in: upnpctl */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/fileio.h"
#include "sys/proc.h"
#include "upnpctl/maptext.h"
#include "upnpctl/source.h"

#define PRINT_MS 10000	/* on a slow router */

bool source_is_made(struct str text)
{
	/* dist/openwrt/files/upnpd.init writes this line */
	return str_starts(text, STR("# Made from " SOURCE_UCI_FILE " "));
}

/* Is @path the file that OpenWrt's service makes from UCI, or a link to it? The
 * file itself need not exist. */
static bool names_made(const char *path)
{
	char to[sizeof(SOURCE_MADE)] = "";

	return !strcmp(path, SOURCE_MADE) ||
	       (readlink(path, to, sizeof(to)) == sizeof(to) - 1 &&
		!memcmp(to, SOURCE_MADE, sizeof(to) - 1));
}

/* Is it that file, while it does not exist? */
static bool is_off(const char *path)
{
	return access(path, F_OK) != 0 && access(SOURCE_UCI_FILE, F_OK) == 0 &&
	       access(SOURCE_SERVICE, X_OK) == 0 && names_made(path);
}

bool source_is_missing(const char *path)
{
	return access(path, F_OK) && errno == ENOENT && !is_off(path);
}

void source_put_begin(struct wr *w, const char *path)
{
	static const char *const commands[] = {
		"interfaces add interface=WAN type=external disabled=no",
		"interfaces add interface=LAN type=internal disabled=no",
		"set enabled=yes",
	};
	bool other = strcmp(path, SOURCE_FILE);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		wr_fmt(w, "%supnpctl %s%s%s%s", i ? " && " : "",
		       other ? "-f " : "", other ? path : "",
		       other ? " " : "", commands[i]);
}

bool source_reason(const char *path, char *ret, size_t cap)
{
	char text[512];
	struct wr w = wr_init_cut(ret, cap);
	struct str rest, line = { NULL, 0 };

	*ret = '\0';
	if (!names_made(path) ||
	    fileio_read(AT_FDCWD, SOURCE_REASON, O_NOFOLLOW, text,
			sizeof(text), &rest) || !str_cut(&rest, '\n', &line))
		return false;
	maptext_clean(&w, line);
	wr_cstr(&w);
	return *ret != '\0';
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
