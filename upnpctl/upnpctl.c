/* SPDX-License-Identifier: ISC */
/*
 * upnpctl.c - main() of upnpctl: its options and its table of commands.
 * Runs in: upnpctl
 */
#include <getopt.h>
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
	{ "", "print", settings_print, "[detail]", "print the settings",
	  false },
	{ "", "set", settings_set, "KEY=VALUE|!KEY ...",
	  "set options; !KEY: the default", true },
	{ "", "export", export_run, "", "print the settings as a script",
	  false },
	{ "interfaces", "print", ifaceprint_run, "[detail] [where ...]",
	  "print the interfaces", false },
	{ "interfaces", "add", ifaces_add, "interface=NAME type=T ...",
	  "add one; disabled=yes by default", true },
	{ "interfaces", "set", ifaces_set, "N,... KEY=VALUE|!KEY ...",
	  "set options of interfaces", true },
	{ "interfaces", "enable", ifaces_enable, "N,...|NAME",
	  "enable interfaces", true },
	{ "interfaces", "disable", ifaces_disable, "N,...|NAME",
	  "disable interfaces", true },
	{ "interfaces", "remove", ifaces_remove, "N,...|NAME",
	  "remove interfaces", true },
	{ "mappings", "print", mappings_print, "[detail|stats] [where ...]",
	  "print the mappings", false },
	{ "mappings", "add", mapchange_add, "KEY=VALUE...",
	  "map a port to a host of the LAN", true },
	{ "mappings", "remove", mapchange_remove, "N,...|all|PROTO:PORT",
	  "remove mappings", true },
	{ "mappings", "migrate", migrate_run, "",
	  "move old static mappings to the file", false },
	{ "nat-pmp", "print", settings_print_natpmp, "",
	  "print the setting of NAT-PMP", false },
	{ "nat-pmp", "set", settings_set, "enabled=YESNO",
	  "turn NAT-PMP on or off", true },
	{ "nat-pmp interfaces", "print", ifaceprint_run,
	  "[detail] [where ...]", "the same as interfaces print", false },
	{ "", "status", status_run, "", "print the state of the daemon",
	  false },
	{ "", "monitor", mapmonitor_run, "", "print changes of the mappings",
	  false },
	{ "", "resync", resync_run, "", "verify the firewall and repair it",
	  false },
	{ "", "metrics", metrics_run, "", "print metrics for Prometheus",
	  false },
	{ "", "check", check_run, "", "why would a port not open here?",
	  false },
	{ NULL },
};

static void usage(void)
{
	out_str(STR("usage: upnpctl [-f FILE] [--json] [ip upnp|nat-pmp] COMMAND\n"
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
	out_str(STR(" run commands from stdin, all or none\n"));
}

/* ---- options, before or after the command ---------------------------- */

struct options {
	struct cmd_env env;
	bool help, version, complete;
	struct words words;	/* the arguments that are not options */
};

/* Values for options without a letter. */
enum { OPT_JSON = 256, OPT_WORDS };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, 'V' },
	{ "words", no_argument, NULL, OPT_WORDS },	/* dist/completion */
	{ NULL },
};

/* @arg: the argument with the option. Return: exit status */
static int apply_option(struct options *o, int letter, const char *arg)
{
	switch (letter) {
	case 'f':
		o->env.file = optarg;
		return CMD_OK;
	case 'h':
		o->help = true;
		return CMD_OK;
	case 'V':
		o->version = true;
		return CMD_OK;
	case OPT_JSON:
		o->env.json = true;
		cmd_set_json(true);
		return CMD_OK;
	case OPT_WORDS:
		o->complete = true;
		return CMD_OK;
	case ':':
		return cmd_fail(CMD_USAGE, "option -f needs the name of a "
				"file");
	}
	/* name an option by its letter: several may share the argument */
	if (optopt > 0 && optopt < OPT_JSON)
		return cmd_fail(CMD_USAGE, "there is no option -%c; see "
				"upnpctl -h", optopt);
	return cmd_fail(CMD_USAGE, "there is no option %s; see upnpctl -h",
			arg);
}

static int read_options(int argc, char **argv, struct options *o)
{
	int status = CMD_OK, letter;
	const char *why;

	words_init(&o->words);
	/* the colon: getopt() must not print messages */
	while (!status && (letter = getopt_long(argc, argv, ":f:hV",
						long_options, NULL)) != -1)
		status = apply_option(o, letter, argv[optind - 1]);
	for (; !status && optind < argc; optind++)
		if (words_add(&o->words, str_z(argv[optind]), &why))
			status = cmd_fail(CMD_USAGE, "%s: %s", argv[optind],
					  why);
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
		return cmd_fail(CMD_USAGE, "no command%s%s given; see upnpctl "
				"-h", *menu ? " for " : "", menu);
	return cmd.verb->run(&cmd);
}

int upnpctl_main(int argc, char **argv)
{
	static struct options o;
	int status, err;

	o.env = (struct cmd_env){ .file = "/etc/upnpd.conf", .verbs = verbs };
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
