/* SPDX-License-Identifier: ISC */
/* script.c - run commands from a file or standard input. Runs in: upnpctl */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "sys/fileio.h"
#include "upnpctl/change.h"
#include "upnpctl/path.h"
#include "upnpctl/script.h"
#include "upnpctl/words.h"

#define SCRIPT_MAX 65536	/* as long as the longest configuration file */

/* "# jan/02/1970 00:00:12 by RouterOS 6.49", or a later version. */
static bool is_routeros6_header(struct str line)
{
	struct str version, major;
	uint32_t n;

	for (; line.n; line = str_skip(line, 1)) {
		if (!str_starts(line, STR(" by RouterOS ")))
			continue;
		version = str_skip(line, sizeof(" by RouterOS ") - 1);
		return str_cut(&version, '.', &major) &&
		       !str_u32(major, 6, 1000, &n);
	}
	return false;
}

/* Is there such a header above the first command? */
static bool adds_enabled(struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n && *line.p != '#')
			return false;
		if (is_routeros6_header(line))
			return true;
	}
	return false;
}

static int run_command(const struct cmd_env *env, const struct words *w,
		       enum menu *menu)
{
	static struct cmd cmd;
	enum menu at = *menu;
	char text[64];
	struct wr path = wr_init_cut(text, sizeof(text));
	int status = path_find(env, &at, w->at, w->n, &cmd);

	if (status)
		return status;
	if (!cmd.verb) {
		*menu = at;
		return CMD_OK;
	}
	if (cmd.verb->script)
		return cmd.verb->run(&cmd);
	menu_put_command(&path, at);
	return cmd_fail(CMD_USAGE, "%s%s is not allowed in a script, which can "
			"only change and print the configuration",
			wr_cstr(&path), cmd.verb->name);
}

static int run_all(const struct cmd_env *env, struct str text)
{
	static struct words words;
	enum menu menu = MENU_START;
	const char *why;
	unsigned line = 1;
	int status = CMD_OK;

	while (!status) {
		int err = words_next(&words, &text, &line, &why);

		cmd_set_line(words.line);
		if (err)
			status = cmd_fail(CMD_USAGE, "%s", why);
		else if (!words.n)
			break;
		else
			status = run_command(env, &words, &menu);
	}
	cmd_set_line(0);
	return status;
}

int script_run(const struct cmd_env *given, int fd)
{
	static char (*buf)[SCRIPT_MAX];
	static struct change *change;
	struct cmd_env env = *given;
	struct str text;
	int err, status;

	CMD_LARGE(buf);
	CMD_LARGE(change);
	err = fileio_read_fd(fd, *buf, SCRIPT_MAX, &text);
	if (err == -EFBIG)
		return cmd_fail(CMD_USAGE, "the script has more than %d bytes; "
				"split it", SCRIPT_MAX);
	if (err)
		return cmd_fail(CMD_FAULT, "standard input: %s",
				strerror(-err));
	status = change_begin(change, env.file);
	if (status)
		return status;
	env.change = change;
	env.add_enabled = adds_enabled(text);
	status = run_all(&env, text);
	if (!status)
		return change_end(change);
	change_drop(change);
	return status;
}
