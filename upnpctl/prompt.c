/* SPDX-License-Identifier: ISC */
/*
 * prompt.c - the prompt of upnpctl on a terminal: reads lines, completes them,
 * runs them.
 *
 * Owns: the menu, and the line with its history.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/utf8.h"
#include "upnpctl/complete.h"
#include "upnpctl/lineedit.h"
#include "upnpctl/out.h"
#include "upnpctl/path.h"
#include "upnpctl/prompt.h"
#include "upnpctl/term.h"
#include "upnpctl/tty.h"
#include "upnpctl/words.h"

#define PROMPT_MAX 160
#define ROOM 16			/* columns for the command behind the prompt */
#define OFFERS_MAX 256		/* things that can be typed at one place */
#define OFFER_TEXT_MAX 64

struct prompt {
	const struct cmd_env *env;
	enum menu menu;
	int status;		/* of the last command */
	bool quit;
	/* The terminal cannot move its cursor, or does not say what it is: it
	 * edits lines itself, and only the prompt is written. */
	bool plain;
	bool shown;		/* plain: the prompt of this line */
	bool asked;		/* plain: the line has a "?", so that its end
				 * does not run it */
	struct lineedit line;
};

bool prompt_wanted(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* ---- the screen ------------------------------------------------------ */

static void put_user(struct wr *w)
{
	const char *name = getenv("LOGNAME");

	if (geteuid() == 0)
		wr_z(w, "root");
	else
		wr_z(w, name && *name ? name : "user");
}

/* "[root@router] /ip/upnp> ". A long one leaves no room for the command: it is
 * shown without the user and the host, or as "> ". */
static struct str prompt_text(const struct prompt *p, unsigned width,
			      char text[PROMPT_MAX])
{
	struct wr w = wr_init_cut(text, PROMPT_MAX);
	char host[64] = "router", *dot;
	struct str ret;
	size_t path;

	gethostname(host, sizeof(host) - 1);
	dot = strchr(host, '.');
	if (dot)
		*dot = '\0';
	wr_ch(&w, '[');
	put_user(&w);
	wr_fmt(&w, "@%s] ", host);
	path = w.len;
	menu_put_path(&w, p->menu);
	wr_z(&w, "> ");
	for (size_t i = 0; i < w.len; i++)
		if (text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	ret = wr_done(&w);
	if (utf8_count(ret) + ROOM > width)
		ret = str_skip(ret, path);
	if (utf8_count(ret) + ROOM > width)
		ret = STR("> ");
	return ret;
}

static void show(struct prompt *p)
{
	char text[PROMPT_MAX], out[LINEEDIT_SHOW_MAX + PROMPT_MAX];
	struct wr w = wr_init_cut(out, sizeof(out));
	const unsigned width = term_width();

	if (!p->plain)
		lineedit_show(&p->line, prompt_text(p, width, text), width,
			      &w);
	else if (!p->shown)
		wr_str(&w, prompt_text(p, width, text));
	p->shown = true;
	out_str(wr_done(&w));
	out_flush();
}

static void begin_line(struct prompt *p)
{
	lineedit_begin(&p->line);
	p->shown = p->asked = false;
}

/* Single keys, or the terminal as it was. */
static void raw(const struct prompt *p, bool on)
{
	if (!p->plain)
		tty_raw(on);
}

/* @text: what the terminal has not echoed */
static void put(const struct prompt *p, const char *text)
{
	if (p->plain)
		return;
	out_str(str_z(text));
	out_flush();
}

/* ---- completion ------------------------------------------------------ */

struct offer {
	char text[OFFER_TEXT_MAX];
	char help[128];
	bool space;
};

struct offers {
	struct offer at[OFFERS_MAX];
	size_t n;
};

static void collect(void *arg, struct str text, const char *help, bool space)
{
	struct offers *o = arg;
	struct offer *to = &o->at[o->n];
	struct wr w = wr_init_cut(to->help, sizeof(to->help));

	if (o->n == OFFERS_MAX ||
	    !str_copy(to->text, sizeof(to->text), text))
		return;
	wr_z(&w, help);
	wr_cstr(&w);
	to->space = space;
	o->n++;
}

/* Return: where in the line the part begins that an offer replaces */
static size_t find_offers(const struct prompt *p, struct offers **ret)
{
	static struct offers *o;

	CMD_LARGE(o);
	o->n = 0;
	*ret = o;
	return complete(p->env, p->menu, lineedit_before(&p->line), collect, o);
}

/* One line for each thing that can be typed. */
static void print_offers(const struct prompt *p, const struct offers *o)
{
	unsigned width = 12, n;

	for (size_t i = 0; i < o->n; i++) {
		n = utf8_count(str_z(o->at[i].text));
		width = n > width && n <= 34 ? n : width;
	}
	for (size_t i = 0; i < o->n; i++) {
		out_str(STR("  "));
		out_pad(str_z(o->at[i].text), width + 2);
		term_wrap(str_z(o->at[i].help), width + 4);
	}
	if (!o->n)
		out_str(STR("  Enter runs the command\n"));
	if (o->n && !p->line.at) {
		out_str(STR("  "));
		out_pad(STR("quit"), width);
		out_str(STR("  leave the prompt\n"));
	}
	out_flush();
}

static void help_here(struct prompt *p)
{
	struct offers *o;

	put(p, "?\n");
	raw(p, false);
	find_offers(p, &o);
	print_offers(p, o);
	p->asked = p->plain;
	raw(p, true);
}

/* The beginning that all offers have. */
static struct str common(const struct offers *o)
{
	struct str s = str_z(o->at[0].text);

	for (size_t i = 1; i < o->n; i++)
		while (!str_starts(str_z(o->at[i].text), s))
			s.n--;
	return s;
}

static void complete_here(struct prompt *p)
{
	struct offers *o;
	size_t from = find_offers(p, &o), typed = p->line.at - from;
	char text[OFFER_TEXT_MAX + 1];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (!o->n)
		return;
	wr_str(&w, common(o));
	if (o->n == 1 && o->at[0].space)
		wr_ch(&w, ' ');
	if (o->n > 1 && w.len <= typed) {
		put(p, "\n");
		raw(p, false);
		print_offers(p, o);
		raw(p, true);
		return;
	}
	lineedit_replace(&p->line, from, wr_done(&w));
}

/* ---- commands -------------------------------------------------------- */

/* In a child process. */
static int run_command(const struct prompt *p, struct cmd *c)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
				       SIGPIPE, SIGTSTP, SIGWINCH };
	int status;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	tty_leave();
	status = c->verb->run(c);
	return out_flush() ? CMD_FAULT : status;
}

/* Wait for the command. Ctrl-C is for the command, and not for the prompt. */
static int wait_for(pid_t pid)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, was_int, was_quit;
	int status;

	sigaction(SIGINT, &ignore, &was_int);
	sigaction(SIGQUIT, &ignore, &was_quit);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &was_int, NULL);
	sigaction(SIGQUIT, &was_quit, NULL);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) != SIGINT)
		cmd_fail(CMD_FAULT, "the command ended by signal %d",
			 WTERMSIG(status));
	return CMD_FAULT;
}

/* A command may be copied from an advice: "upnpctl set -h". */
static void skip_name(struct words *w)
{
	if (w->n > 1 && str_eq(w->at[0], STR("upnpctl")))
		memmove(w->at, w->at + 1, --w->n * sizeof(w->at[0]));
}

/* Print the usage for "set -h". Return: it was asked for, and printed */
static bool is_help(const struct prompt *p, const struct words *w)
{
	bool asked = w->n && (str_eq(w->at[w->n - 1], STR("-h")) ||
			      str_eq(w->at[w->n - 1], STR("--help")));

	if (!asked || !complete_usage(p->env, p->menu, w->at, w->n - 1))
		return false;
	out_flush();
	return true;
}

static void run_words(struct prompt *p, struct words *w)
{
	static struct cmd *c;
	enum menu at = p->menu;
	pid_t pid;

	CMD_LARGE(c);
	skip_name(w);
	if (is_help(p, w))
		return;
	if (w->n == 1 && (str_eq(w->at[0], STR("quit")) ||
			  str_eq(w->at[0], STR("exit")))) {
		p->quit = true;
		return;
	}
	p->status = path_find(p->env, &at, w->at, w->n, c);
	if (p->status)
		return;
	if (!c->verb) {
		p->menu = at;
		return;
	}
	pid = fork();
	if (pid == 0)
		exit(run_command(p, c));
	p->status = pid < 0 ? cmd_fail(CMD_FAULT, "fork: %s", strerror(errno)) :
			      wait_for(pid);
}

/* A line may have several commands. The first that fails ends it. */
static void run_line(struct prompt *p)
{
	static struct words *words;
	struct str rest = lineedit_line(&p->line);
	const char *why;
	unsigned number = 1;

	CMD_LARGE(words);
	p->status = CMD_OK;
	while (!p->status && !p->quit && rest.n) {
		if (words_next(words, &rest, &number, &why))
			p->status = cmd_fail(CMD_USAGE, "%s", why);
		else if (words->n)
			run_words(p, words);
	}
}

/* ---- the loop -------------------------------------------------------- */

static void handle_event(struct prompt *p, enum lineedit_event event)
{
	switch (event) {
	case LINEEDIT_MORE:
		break;
	case LINEEDIT_LINE:
		/* a pasted line was not shown yet */
		p->line.at = p->line.len;
		show(p);
		put(p, "\n");
		lineedit_remember(&p->line);
		raw(p, false);
		if (!p->asked)
			run_line(p);
		begin_line(p);
		raw(p, true);
		break;
	case LINEEDIT_TAB:
		complete_here(p);
		break;
	case LINEEDIT_HELP:
		help_here(p);
		break;
	case LINEEDIT_CANCEL:
		put(p, "^C\n");
		begin_line(p);
		break;
	case LINEEDIT_CLEAR:
		put(p, "\033[H\033[2J");
		break;
	case LINEEDIT_STOP:
		put(p, "\n");
		tty_stop();
		break;
	case LINEEDIT_END:
		put(p, "\n");
		p->quit = true;
		break;
	}
}

int prompt_run(const struct cmd_env *env)
{
	static struct prompt *p;
	const char *term = getenv("TERM");
	int c, err = tty_open();

	if (err)
		return cmd_fail(CMD_FAULT, "the terminal: %s", strerror(-err));
	CMD_LARGE(p);
	p->env = env;
	p->menu = MENU_START;
	p->plain = !term || !*term || !strcmp(term, "dumb");
	raw(p, true);
	begin_line(p);
	while (!p->quit) {
		if (!tty_pending())
			show(p);
		c = tty_read();
		if (c >= 0)
			handle_event(p, lineedit_key(&p->line, (char)c));
		else if (c != -EINTR)
			break;
	}
	raw(p, false);
	return p->status;
}
