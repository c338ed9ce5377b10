/* SPDX-License-Identifier: ISC */
/*
 * complete.c - what can be typed at the end of a line. Runs in: upnpctl
 */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "conf/confopt.h"
#include "upnpctl/args.h"
#include "upnpctl/complete.h"
#include "upnpctl/list.h"
#include "upnpctl/out.h"
#include "upnpctl/path.h"
#include "upnpctl/term.h"
#include "upnpctl/words.h"

/* A completion: the part of the line that is typed, and who receives what it
 * can be. */
struct typed {
	struct str line, part;	/* part: the end of line */
	complete_each *each;
	void *arg;
	size_t n;		/* how many were offered */
};

static void set_part(struct typed *t, size_t start)
{
	t->part = str_skip(t->line, start);
}

static void offer_str(struct typed *t, struct str text, const char *help,
		      bool space)
{
	if (!str_starts(text, t->part))
		return;
	t->n++;
	t->each(t->arg, text, help ? help : "", space);
}

static void offer(struct typed *t, const char *text, const char *help)
{
	offer_str(t, str_z(text), help, true);
}

/* Offer "key=", or another text that more text follows. */
static void offer_key(struct typed *t, const char *name, const char *help)
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));

	wr_fmt(&w, "%s=", name);
	offer_str(t, wr_done(&w), help, false);
}

/* ---- the last word ------------------------------------------------------- */

/* Find where the last word of the line begins. Return: false: it is in
 * quotes, or a comment */
static bool find_last_word(struct str s, size_t *ret)
{
	bool quoted = false;
	unsigned brackets = 0;

	*ret = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.n)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '[' && !quoted)
			brackets++;
		else if (c == ']' && !quoted && brackets)
			brackets--;
		else if ((c == ' ' || c == '\t' || c == ';') && !quoted &&
			 !brackets)
			*ret = i + 1;
		else if (c == '#' && !quoted && *ret == i)
			return false;
	}
	return !quoted && !brackets;
}

/* Read the words before the last one, of the line's last command. */
static bool read_words(struct str text, struct words *w)
{
	struct str rest = text;
	const char *why;
	unsigned line = 0;

	words_init(w);
	while (rest.n) {
		if (words_next(w, &rest, &line, &why))
			return false;
		if (!rest.n && text.n && text.p[text.n - 1] == ';')
			words_init(w);
	}
	return true;
}

/* ---- menus and verbs ----------------------------------------------------- */

static void offer_menus(struct typed *t, const struct cmd_env *env,
			enum menu menu)
{
	for (enum menu m = MENU_ROOT + 1; m < MENUS; m++)
		if (menu_is_below(env->verbs, m, menu))
			offer(t, menu_name(m), menu_help(m));
}

/* @first: no menu was named yet: those above the current one can be */
static void offer_names(struct typed *t, const struct cmd_env *env,
			enum menu menu, bool first)
{
	for (const struct cmd_verb *v = env->verbs; v->name; v++)
		if (menu_has_verb(menu, v))
			offer(t, v->name, v->help);
	offer_menus(t, env, menu);
	if (menu != MENU_ROOT)
		offer(t, "..", "the menu above");
	while (first && t->part.n && !t->n && menu != MENU_ROOT) {
		menu = menu_parent(menu);
		offer_menus(t, env, menu);
	}
}

/* The last word is a path or a verb: "/ip/upnp/int". */
static void complete_path(struct typed *t, const struct cmd_env *env,
			  enum menu menu, bool first)
{
	static struct cmd c;
	struct str path = t->part;
	size_t used;

	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	if (path.n && (path_find_verb(env, &menu, &path, 1, &c, &used) ||
		       c.verb))
		return;
	set_part(t, t->line.n - t->part.n + path.n);
	offer_names(t, env, menu, first && !path.n);
}

/* ---- arguments ----------------------------------------------------------- */

/* Where in the line the part begins that follows the first of @ops in the last
 * word. Return: false: there is none */
static bool after(struct typed *t, const char *ops, struct str *ret_before)
{
	for (size_t i = 0; i < t->part.n; i++) {
		if (!strchr(ops, t->part.p[i]))
			continue;
		*ret_before = (struct str){ t->part.p, i };
		set_part(t, t->line.n - t->part.n + i + 1);
		return true;
	}
	return false;
}

static void offer_netifs(struct typed *t)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_name; i++)
		offer(t, i->if_name, "");
	if (all)
		if_freenameindex(all);
}

static void offer_values(struct typed *t, const struct cmd_arg *a)
{
	char text[ARGS_VALUE_MAX];

	if (a->netif)
		offer_netifs(t);
	for (size_t i = 0; ; i++) {
		struct wr w = wr_init(text, sizeof(text));

		if (!args_value(a, i, &w))
			return;
		offer_str(t, wr_done(&w), "", true);
	}
}

static void offer_items(struct typed *t, const struct list *l, bool all)
{
	char text[256];
	struct str before;

	while (after(t, ",", &before))
		;
	for (size_t i = 0; i < l->n; i++) {
		struct wr w = wr_init_cut(text, sizeof(text));

		if (l->name)
			l->name(l, i, &w);
		else
			wr_u64(&w, i);
		offer_str(t, wr_done(&w), l->what, true);
	}
	if (all)
		offer(t, "all", "every one");
}

static void offer_props(struct typed *t, const struct list *l, bool term)
{
	for (size_t i = 0; i < l->prop_n; i++)
		if (term)
			offer_key(t, l->props[i].name, "a property");
		else
			offer(t, l->props[i].name, "a property");
	for (size_t i = 0; i < l->flag_n; i++)
		offer(t, l->flags[i].name, "a flag");
}

/* Offer each value that an item has once. */
static void offer_prop_values(struct typed *t, const struct list *l,
			      struct str name)
{
	char text[256], other[256];
	const struct prop *p = list_prop(l, name);
	struct wr w, o;
	size_t k;

	for (size_t i = 0; p && i < l->n; i++) {
		w = wr_init_cut(text, sizeof(text));
		p->put(l, i, &w);
		for (k = 0; k < i; k++) {
			o = wr_init_cut(other, sizeof(other));
			p->put(l, k, &o);
			if (str_eq(wr_done(&o), wr_done(&w)))
				break;
		}
		if (k == i && w.len)
			offer_str(t, wr_done(&w), "", true);
	}
	if (list_flag(l, name)) {
		offer(t, "yes", "");
		offer(t, "no", "");
	}
}

static void complete_term(struct typed *t, const struct list *l)
{
	struct str key;

	if (!after(t, "=~<>", &key)) {
		offer_props(t, l, true);
		offer(t, "and", "both terms");
		offer(t, "or", "either term");
		return;
	}
	if (key.n && key.p[key.n - 1] == '!')
		key.n--;
	offer_prop_values(t, l, key);
}

static bool is_given(const struct cmd *c, const struct cmd_arg *a)
{
	struct str unused;

	return a->kind == CMD_KEY ? cmd_key(c, a->name, &unused) :
	       a->kind == CMD_WORD && cmd_word(c, a->name);
}

static bool has_items(const struct cmd *c)
{
	return memchr(c->kind, CMD_ITEMS, c->n) != NULL;
}

static void offer_arg(struct typed *t, const struct cmd *c,
		      const struct cmd_arg *a, const struct list *l)
{
	char help[256];
	struct wr w = wr_init_cut(help, sizeof(help));

	if (is_given(c, a) || a->same_as)
		return;
	args_put_help(&w, a);
	if (a->kind == CMD_KEY)
		offer_key(t, a->name, wr_cstr(&w));
	else if (a->kind == CMD_WORD || a->kind == CMD_WHERE)
		offer(t, a->name, wr_cstr(&w));
	else if (a->kind == CMD_ITEMS && !has_items(c))
		offer_items(t, l, a->values);
	else if (a->kind == CMD_PROP && has_items(c))
		offer_props(t, l, false);
	else if (a->kind == CMD_TERM)
		offer_props(t, l, true);
	else if (a->kind == CMD_OTHER)
		offer_values(t, a);
}

static void complete_args(struct typed *t, const struct cmd *c,
			  const struct list *l)
{
	struct str key;
	struct cmd_arg a;

	if (c->where) {
		complete_term(t, l);
		return;
	}
	if (after(t, "=", &key)) {
		if (args_find_key(c->verb, key, &a))
			offer_values(t, &a);
		else if (str_eq(key, STR("numbers")))
			offer_items(t, l, false);
		else if (args_takes(c->verb, CMD_TERM, NULL))
			offer_prop_values(t, l, key);
		return;
	}
	for (size_t i = 0; args_at(c->verb, i, &a); i++)
		offer_arg(t, c, &a, l);
}

size_t complete(const struct cmd_env *env, enum menu menu, struct str line,
		complete_each *each, void *arg)
{
	static struct words *words;
	static struct cmd *c;
	struct typed t = { .line = line, .each = each, .arg = arg };
	struct list l = { 0 };
	size_t start, used;
	bool was;

	CMD_LARGE(words);
	CMD_LARGE(c);
	if (!find_last_word(line, &start) ||
	    !read_words((struct str){ line.p, start }, words))
		return line.n;
	set_part(&t, start);
	was = cmd_set_quiet(true);
	if (path_find_verb(env, &menu, words->at, words->n, c, &used)) {
		;
	} else if (!c->verb) {
		complete_path(&t, env, menu, !words->n);
	} else if (!args_read(c, words->at + used, words->n - used)) {
		if (menu_has_list(env, menu))
			menu_open_list(env, menu, &l);
		complete_args(&t, c, &l);
		list_close(&l);
	}
	cmd_set_quiet(was);
	return line.n - t.part.n;
}

/* ---- for shells, and help ------------------------------------------------ */

static void print_one(void *arg, struct str text, const char *help, bool space)
{
	out_pad(text, 0);
	out_fmt("\t%s\n", help);
}

void complete_print(const struct cmd_env *env, struct str line)
{
	complete(env, MENU_START, line, print_one, NULL);
}

static void print_help(void *arg, struct str text, const char *help,
		       bool space)
{
	out_str(STR("  "));
	out_pad(text, 20);
	out_ch(' ');
	term_wrap(str_z(help), 23);
}

void complete_help(const struct cmd_env *env, enum menu menu)
{
	complete(env, menu, STR(""), print_help, NULL);
}

/* Print what a verb takes, one line each. */
static void usage_of(const struct cmd_verb *v)
{
	char text[512];
	struct wr w = wr_init_cut(text, sizeof(text));
	struct cmd_arg a;

	wr_z(&w, "usage: upnpctl ");
	menu_put_command(&w, v->menu);
	wr_fmt(&w, "%s ", v->name);
	args_put_usage(&w, v);
	term_wrap(wr_done(&w), 0);
	for (size_t i = 0; args_at(v, i, &a); i++) {
		w = wr_init_cut(text, sizeof(text));
		wr_fmt(&w, "  %s%s", a.name, a.kind == CMD_KEY ? "=" : "");
		out_pad(wr_done(&w), 35);
		w.len = 0;
		args_put_help(&w, &a);
		out_ch(' ');
		term_wrap(wr_done(&w), 36);
	}
}

bool complete_usage(const struct cmd_env *env, enum menu menu,
		    const struct str *word, size_t n)
{
	static struct cmd *c;
	size_t used;
	bool was = cmd_set_quiet(true);
	int status;

	CMD_LARGE(c);
	status = path_find_verb(env, &menu, word, n, c, &used);
	cmd_set_quiet(was);
	if (status)
		return false;
	if (c->verb)
		usage_of(c->verb);
	else
		complete_help(env, menu);
	return true;
}

int complete_run(struct cmd *c)
{
	complete_help(c->env, c->menu);
	return CMD_OK;
}
