/* SPDX-License-Identifier: ISC */
/*
 * upnpctl.c - main() of upnpctl: its options and the usage.
 * Runs in: upnpctl
 */
#include <getopt.h>
#include <string.h>
#include <unistd.h>
#include "base/wr.h"
#include "upnpctl/args.h"
#include "upnpctl/cmd.h"
#include "upnpctl/complete.h"
#include "upnpctl/path.h"
#include "upnpctl/out.h"
#include "upnpctl/prompt.h"
#include "upnpctl/script.h"
#include "upnpctl/source.h"
#include "upnpctl/verbs.h"
#include "upnpctl/view.h"
#include "upnpctl/words.h"
#include "upnpctl/upnpctl.h"

static void put_verb(const struct cmd_verb *v)
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));

	menu_put_command(&w, v->menu);
	wr_z(&w, v->name);
	out_str(STR("  "));
	out_pad(wr_done(&w), 24);
	out_fmt(" %s\n", v->help);
}

static void usage(void)
{
	out_str(STR("usage: upnpctl [-f FILE] [--json] [ip upnp|nat-pmp] COMMAND\n"
		    "  -f FILE  configuration, /etc/upnpd.conf by default\n"
		    "  --json   print as JSON\n"
		    "  -h       (or --help) print this and exit; after a "
		    "command, what it takes\n"
		    "  -V       (or --version) print the version and exit\n"
		    "commands, in RouterOS's words:\n"));
	for (const struct cmd_verb *v = verbs_table; v->name; v++)
		if (v->menu != MENU_EVERY)
			put_verb(v);
	out_pad(STR("  -"), 26);
	out_str(STR(" run commands from stdin, all or none\n"));
}

static void help(const struct cmd_env *env, const struct words *w)
{
	if (!w->n || !complete_usage(env, MENU_START, w->at, w->n))
		usage();
}

/* ---- options, before or after the command ---------------------------- */

struct options {
	struct cmd_env env;
	bool help, version;
	const char *complete;	/* the line; for dist/completion */
	struct words words;	/* the arguments that are not options */
};

/* Values for options without a letter. */
enum { OPT_JSON = 256, OPT_COMPLETE, OPT_EXEC };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "version", no_argument, NULL, 'V' },
	{ "complete", required_argument, NULL, OPT_COMPLETE },
	{ "exec", required_argument, NULL, OPT_EXEC },	/* of monitor */
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
	case OPT_EXEC:
		o->env.exec = optarg;
		return CMD_OK;
	case OPT_COMPLETE:
		o->complete = optarg;
		return CMD_OK;
	case ':':
		return cmd_fail(CMD_USAGE, optopt == 'f' ? "option -f needs "
				"the name of a file" : optopt == OPT_EXEC ?
				"option --exec needs the path of a program" :
				"option --complete needs a line");
	}
	/* name an option by its letter: several may share the argument */
	if (optopt > 0 && optopt < OPT_JSON)
		return cmd_fail(CMD_USAGE, "there is no option -%c; see "
				"upnpctl -h", optopt);
	return cmd_fail(CMD_USAGE, "there is no option %s; see upnpctl -h",
			arg);
}

/* Is an argument after these words the text of a comment, which is kept as it
 * is? Not "comment=...", which words_add() reads. */
static bool is_text(const struct cmd_env *env, const struct words *w,
		    const char *arg)
{
	static struct cmd cmd;
	enum menu menu = MENU_START;
	size_t used;
	bool was = cmd_set_quiet(true);
	int status = path_find_verb(env, &menu, w->at, w->n, &cmd, &used);

	cmd_set_quiet(was);
	return !status && cmd.verb && w->n > used &&
	       args_takes(cmd.verb, CMD_OTHER, NULL) &&
	       !str_starts(str_z(arg), STR("comment="));
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
		if (words_add(&o->words, str_z(argv[optind]),
			      is_text(&o->env, &o->words, argv[optind]), &why))
			status = cmd_fail(CMD_USAGE, "%s: %s", argv[optind],
					  why);
	return status;
}

/* ---- running ------------------------------------------------------------- */

static int run(const struct options *o)
{
	static struct cmd cmd;
	enum menu menu = MENU_START;
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));
	int status;

	if (o->words.n == 1 && str_eq(o->words.at[0], STR("-")))
		return script_run(&o->env, STDIN_FILENO);
	if (!o->words.n && prompt_wanted())
		return prompt_run(&o->env);
	status = path_find(&o->env, &menu, o->words.at, o->words.n, &cmd);
	if (status)
		return status;
	if (o->env.exec && (!cmd.verb || cmd.verb->run != mapmonitor_run))
		return cmd_fail(CMD_USAGE, "option --exec is for monitor");
	if (cmd.verb)
		return cmd.verb->run(&cmd);
	if (o->words.n)
		menu_put_path(&w, menu);
	view_notice_missing(o->env.file);
	return cmd_fail(CMD_USAGE, "no command%s%s given; see upnpctl -h",
			w.len ? " for " : "", wr_cstr(&w));
}

int upnpctl_main(int argc, char **argv)
{
	static struct options o;
	int status, err;

	o.env = (struct cmd_env){ .file = SOURCE_FILE, .verbs = verbs_table,
				.lists = verbs_lists };
	status = read_options(argc, argv, &o);
	if (!status && o.help)
		help(&o.env, &o.words);
	else if (!status && o.version)
		out_str(STR("upnpctl " UPNPD_VERSION "\n"));
	else if (!status && o.complete)
		complete_print(&o.env, str_z(o.complete));
	else if (!status)
		status = run(&o);
	err = out_flush();
	if (err)
		return cmd_fail(CMD_FAULT, "standard output: %s",
				strerror(-err));
	return status;
}
