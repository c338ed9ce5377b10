/* SPDX-License-Identifier: ISC */
/*
 * upnpctl.c - the operator's command: its options, its table of commands.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "upnpctl/cmd.h"
#include "upnpctl/complete.h"
#include "upnpctl/out.h"
#include "upnpctl/script.h"
#include "upnpctl/words.h"
#include "upnpctl/upnpctl.h"

/* In the order of the usage. */
static const struct cmd_verb verbs[] = {
	{"", "print", settings_print, "[detail]", "the settings", false},
	{"", "set", settings_set, "KEY=VALUE|!KEY ...",
	 "change; !: the default", true},
	{"", "export", export_run, "", "all of it as a script", false},
	{"interfaces", "print", ifaceprint_run, "[detail] [where ...]",
	 "the interfaces there are", false},
	{"interfaces", "add", ifaces_add, "interface=NAME type=T ...",
	 "one more; disabled=yes unless told", true},
	{"interfaces", "set", ifaces_set, "N,... KEY=VALUE|!KEY ...",
	 "change some", true},
	{"interfaces", "enable", ifaces_enable, "N,...|NAME", "use them", true},
	{"interfaces", "disable", ifaces_disable, "N,...|NAME",
	 "leave them out", true},
	{"interfaces", "remove", ifaces_remove, "N,...|NAME", "take them out",
	 true},
	{"mappings", "print", mappings_print, "[detail|stats] [where ...]",
	 "the mappings there are", false},
	{"mappings", "add", mapchange_add, "KEY=VALUE...",
	 "map a port to a host of the "
	 "LAN",
	 false},
	{"mappings", "remove", mapchange_remove, "N,...|all|PROTO:PORT",
	 "close them", false},
	{"", "status", status_run, "", "how the daemon does", false},
	{"", "monitor", mapmonitor_run, "",
	 "follow mappings as they come and "
	 "go",
	 false},
	{"", "resync", resync_run, "", "verify the firewall and repair it",
	 false},
	{"", "metrics", metrics_run, "", "numbers for Prometheus", false},
	{"", "check", check_run, "", "why would a port not open here?", false},
	{NULL},
};

static void usage(void)
{
	out_str(STR("usage: upnpctl [-f FILE] [--json] [ip upnp] COMMAND\n"
		    "  -f FILE  configuration, /etc/upnpd.conf by default\n"
		    "  --json   print as JSON\n"
		    "  -h       print this and exit\n"
		    "  -V       print the version and exit\n"
		    "commands, in RouterOS's words:\n"));
	for (const struct cmd_verb *v = verbs; v->name; v++) {
		char text[128];
		struct wr w = wr_init_cut(text, sizeof(text));

		wr_fmt(&w, "%s%s%s %s", v->menu, *v->menu ? " " : "", v->name,
		       v->args);
		out_str(STR("  "));
		out_pad(wr_done(&w), 40);
		out_fmt(" %s\n", v->help);
	}
	out_pad(STR("  -"), 42);
	out_str(STR(" commands from stdin, all or none\n"));
}

/* ---- options, wherever they stand ---------------------------------------- */

struct options {
	struct cmd_env env;
	bool help, version, complete;
	struct words words;	/* what is no option */
};

static int take_word(struct options *o, const char *arg)
{
	const char *why;

	if (words_add(&o->words, str_z(arg), &why))
		return cmd_fail(CMD_USAGE, "%s: %s", arg, why);
	return CMD_OK;
}

/* Return: how many arguments were taken; 0: told on stderr */
static int take_option(struct options *o, char **arg)
{
	if (!strcmp(*arg, "--json")) {
		o->env.json = true;
		cmd_json(true);
	} else if (!strcmp(*arg, "-h") || !strcmp(*arg, "--help")) {
		o->help = true;
	} else if (!strcmp(*arg, "-V") || !strcmp(*arg, "--version")) {
		o->version = true;
	} else if (!strcmp(*arg, "--words")) {
		o->complete = true;	/* for dist/completion */
	} else if (!strncmp(*arg, "-f", 2) && (arg[0][2] || arg[1])) {
		o->env.file = arg[0][2] ? *arg + 2 : arg[1];
		return arg[0][2] ? 1 : 2;
	} else {
		cmd_fail(CMD_USAGE, !strcmp(*arg, "-f") ?
			 "option %s needs the name of a file" :
			 "there is no option %s; see upnpctl -h", *arg);
		return 0;
	}
	return 1;
}

static int read_options(int argc, char **argv, struct options *o)
{
	int status = CMD_OK, n;

	words_init(&o->words);
	for (int i = 1; i < argc && !status;) {
		if (argv[i][0] != '-' || !argv[i][1]) {
			status = take_word(o, argv[i++]);
			continue;
		}
		n = take_option(o, argv + i);
		i += n;
		status = n ? CMD_OK : CMD_USAGE;
	}
	return status;
}

/* ---- running ------------------------------------------------------------- */

static int run(const struct options *o)
{
	static struct cmd cmd;
	const char *menu = "";
	int status;

	if (o->words.n == 1 && str_eq(o->words.at[0], STR("-")))
		return script_run(&o->env, STDIN_FILENO);
	status = cmd_find(&o->env, &menu, o->words.at, o->words.n, &cmd);
	if (status)
		return status;
	if (!cmd.verb)
		return cmd_fail(CMD_USAGE, "which command%s%s? See upnpctl -h",
				*menu ? " for " : "", menu);
	return cmd.verb->run(&cmd);
}

/* A file must not become what is taken for standard output. */
static void hold_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int upnpctl_main(int argc, char **argv)
{
	static struct options o;
	int status, err;

	o.env = (struct cmd_env){ .file = "/etc/upnpd.conf", .verbs = verbs };
	hold_standard_files();
	status = read_options(argc, argv, &o);
	if (!status && o.help)
		usage();
	else if (!status && o.version)
		out_str(STR("upnpctl " UPNPD_VERSION "\n"));
	else if (!status && o.complete)
		complete_print(verbs);
	else if (!status)
		status = run(&o);
	err = out_flush();
	if (err)
		return cmd_fail(CMD_FAULT, "standard output: %s",
				strerror(-err));
	return status;
}
